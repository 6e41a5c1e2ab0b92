"""An analyte's readings under a test, and which of them decides, as CQL expressions."""

from adapter.criteria.catalogue import Analyte
from adapter.criteria.model import Finding, Measurement, Selection
from adapter.criteria.quantity import Comparator, LimitThreshold, QuantityThreshold
from adapter.criteria.terminology import Terminology
from mappings.trial.cql.codes import analyte
from mappings.trial.cql.names import CUTOFF, NOW, freshness, readings
from mappings.trial.cql.text import boolean, call, decimal, duration, string

Test = QuantityThreshold | LimitThreshold | Finding | bool | None


def against(held: Analyte, test: Test, only: str | None = None) -> str:  # a measurement's test
    """The results of an analyte's readings (unless `only` some of them) under a test."""
    taken = only or readings(held.id)
    values = taken, analyte(held.id)
    match test:
        case QuantityThreshold():
            bound = string(test.comparator.value), decimal(test.value), string(test.unit)
            return call('Measurements."AgainstQuantity"', *values, *bound)
        case LimitThreshold():
            bound = string(test.comparator.value), decimal(test.factor), string(test.limit.value)
            return call('Measurements."AgainstLimit"', *values, *bound, "Patient")
        case Finding():
            return call('Measurements."AgainstFinding"', *values, string(test.value), CUTOFF)
        case _:
            return call('Measurements."AgainstBoolean"', taken, boolean(value=bool(test)))


_SELECTIONS = {Selection.LATEST: "Latest", Selection.ANY: "AnyInWindow", Selection.ALL: "AllInWindow"}


def measurement(statement: Measurement, terminology: Terminology) -> str:
    """A measurement criterion."""
    held = terminology.catalogue.analytes[statement.analyte]
    window = freshness(held.freshness) if statement.window is None else duration(statement.window)
    selection = _taken(statement)
    newest = call('Measurements."NewestReadings"', readings(held.id), NOW) if selection is Selection.LATEST else None
    return call(f'Measurements."{_SELECTIONS[selection]}"', against(held, statement.test, newest), NOW, window)


def _taken(statement: Measurement) -> Selection:
    """The highest of several is at most a bound if all are, and at least a bound if any is; the lowest likewise."""
    if statement.selection not in (Selection.HIGHEST, Selection.LOWEST):
        return statement.selection
    upper = isinstance(statement.test, QuantityThreshold | LimitThreshold) and statement.test.comparator in (
        Comparator.LESS,
        Comparator.AT_MOST,
    )
    return Selection.ALL if upper is (statement.selection is Selection.HIGHEST) else Selection.ANY
