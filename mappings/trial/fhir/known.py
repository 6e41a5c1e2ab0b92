"""Whether a leaf that was read names what the catalogue knows, and compares what can be compared."""

from collections.abc import Iterable, Mapping

from adapter.criteria.model import Allergy, Combinator, Condition, DiseaseCourse, Exposure, Judgement, Leaf, Measurement
from mappings.trial.vocabulary import Test, Vocabulary, check_comparison


def check_known(statement: Leaf | Combinator, known: Vocabulary) -> None:
    """Raise ValueError for a concept that the catalogue doesn't hold, or an amount that an analyte doesn't have."""
    catalogue = known.catalogue
    match statement:
        case Condition():
            _all_in(catalogue.conditions, (*statement.concepts, *statement.other_than), "condition")
            _all_in(catalogue.analytes, (*(test.analyte for test in statement.tests), *statement.shown), "analyte")
        case DiseaseCourse():
            _all_in(catalogue.conditions, statement.concepts, "condition")
            for analyte in statement.blasts:
                _check_amount(analyte, statement.blast_threshold, known)
        case Measurement():
            _check_amount(statement.analyte, statement.test, known)
        case Exposure():
            _all_in(catalogue.exposures, statement.concepts, "drug or procedure")
        case Allergy():
            _all_in(catalogue.substances, statement.concepts, "substance")
        case Judgement():
            _all_in(catalogue.conditions, statement.gate, "condition")
        case _:
            pass


def _all_in(held: Mapping[str, object], concepts: Iterable[str], kind: str) -> None:
    for concept in concepts:
        if concept not in held:
            msg = f"the catalogue has no {kind} {concept}"
            raise ValueError(msg)


def _check_amount(analyte: str, test: Test | None, known: Vocabulary) -> None:
    _all_in(known.catalogue.analytes, (analyte,), "analyte")
    if test is None:
        msg = f"{analyte} needs a threshold"
        raise ValueError(msg)
    check_comparison(known.catalogue.analytes[analyte], test, known)
