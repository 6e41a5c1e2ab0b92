"""The YAML form of the leaf criteria that compare: age, measurement, a disease's course."""

from collections.abc import Mapping
from typing import Self

from pydantic import ValidationInfo, model_validator

from adapter.criteria import model
from adapter.criteria.quantity import AgeBound, LimitThreshold, QuantityThreshold
from mappings.terminology.yaml_file import Path
from mappings.trial import amounts
from mappings.trial.bounds import BOUNDS, AgeText, AmountBounds, Window
from mappings.trial.form import Flag, Form, Problem, Some, Text, refuse
from mappings.trial.vocabulary import AnalyteId, ConditionId, Test, Vocabulary, check_comparison, vocabulary


class AgeForm(Form):
    """Completed age within bounds."""

    at_least: AgeText | None = None
    """From this birthday on."""
    more_than: AgeText | None = None
    """From the day after birth plus this age."""
    less_than: AgeText | None = None
    """Until the day before this birthday."""
    at_most: AgeText | None = None
    """Until the day before the next unit is completed: 75 a holds until the day before the 76th birthday."""

    @model_validator(mode="after")
    def one_range(self) -> Self:
        """One lower and one upper end at most, in this order."""
        if self.at_least and self.more_than:
            refuse([(("more-than",), "at-least stands beside it; keep one lower bound")])
        if self.at_most and self.less_than:
            refuse([(("less-than",), "at-most stands beside it; keep one upper bound")])
        lower, upper = self.at_least or self.more_than, self.at_most or self.less_than
        if lower is None and upper is None:
            msg = "an age needs a bound; write at-least, more-than, less-than or at-most, as in `at-least: 14 a`"
            raise ValueError(msg)
        if lower and upper and amounts.days(lower) > amounts.days(upper):
            msg = "the lower bound is above the upper one; exchange them"
            raise ValueError(msg)
        return self

    def to_statement(self) -> model.Age:
        """The criterion's statement."""
        lower, upper = self.at_least or self.more_than, self.at_most or self.less_than
        return model.Age(
            lower=None if lower is None else AgeBound(lower, inclusive=self.more_than is None),
            upper=None if upper is None else AgeBound(upper, inclusive=self.less_than is None),
        )


class MeasurementForm(AmountBounds):
    """An analyte compared: one of the bounds, `finding` or `boolean`."""

    analyte: AnalyteId
    finding: model.Finding | None = None
    boolean: Flag | None = None
    selection: model.Selection = model.Selection.LATEST
    window: Window | None = None
    """How old a value may be; else the policy's freshness decides."""

    @model_validator(mode="after")
    def one_comparison(self, info: ValidationInfo) -> Self:
        """One comparison, and one that the analyte's values allow."""
        tests = self._tests()
        if len(tests) != 1:
            msg = f"needs one comparison, has {len(tests)}; write one of {', '.join((*BOUNDS, 'finding', 'boolean'))}"
            raise ValueError(msg)
        _compare(self.analyte, tests, vocabulary(info))
        return self

    def to_statement(self) -> model.Measurement:
        """The criterion's statement."""
        (test,) = self._tests().values()
        return model.Measurement(analyte=self.analyte, test=test, selection=self.selection, window=self.window)

    def _tests(self) -> dict[str, Test]:
        others = {"finding": self.finding, "boolean": self.boolean}
        return self.thresholds() | {name: test for name, test in others.items() if test is not None}


class DiseaseCourseForm(Form):
    """A disease has relapsed or is refractory."""

    concepts: Some[ConditionId]
    courses: Some[model.Course]
    blasts: tuple[AnalyteId, ...] = ()
    """Analytes that prove a relapse beside a recorded remission, when above the threshold."""
    blast_threshold: AmountBounds | None = None
    after: Text | None = None
    """What must have gone before and no data carry; with it only an attestation settles the criterion."""

    @model_validator(mode="after")
    def blasts_with_threshold(self, info: ValidationInfo) -> Self:
        """Blasts are compared with one quantity, in a unit of theirs."""
        tests = {} if self.blast_threshold is None else self.blast_threshold.thresholds()
        if len(tests) != min(len(self.blasts), 1):
            msg = "blasts need one threshold, and a threshold needs blasts; write both or neither"
            raise ValueError(msg)
        if any(isinstance(test, LimitThreshold) for test in tests.values()):
            refuse([(("blast-threshold",), "blasts have no limit of normal; write a fraction, as in 5 %")])
        for analyte in self.blasts:
            _compare(analyte, tests, vocabulary(info), below=("blast-threshold",))
        return self

    def to_statement(self) -> model.DiseaseCourse:
        """The criterion's statement."""
        bounds = () if self.blast_threshold is None else self.blast_threshold.thresholds().values()
        return model.DiseaseCourse(
            concepts=self.concepts,
            courses=self.courses,
            blasts=self.blasts,
            blast_threshold=next((bound for bound in bounds if isinstance(bound, QuantityThreshold)), None),
            after=self.after,
        )


def _compare(analyte: str, tests: Mapping[str, Test], known: Vocabulary, below: Path = ()) -> None:
    """Refuse, each at its own key, the comparisons that the analyte's values don't allow."""
    problems: list[Problem] = []
    for name, test in tests.items():
        try:
            check_comparison(known.catalogue.analytes[analyte], test, known)
        except ValueError as error:
            problems.append(((*below, name), str(error)))
    refuse(problems)
