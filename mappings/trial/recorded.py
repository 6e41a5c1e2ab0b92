"""The YAML form of the leaf criteria that look something up in the record, or ask a person."""

from adapter.criteria import model
from mappings.trial.bounds import Window
from mappings.trial.form import Flag, Form, Some
from mappings.trial.vocabulary import AnalyteId, ConditionId, ExposureId, SubstanceId


class SettlingTestForm(Form):
    """A laboratory test that settles a condition."""

    analyte: AnalyteId
    confirms: Flag = True
    """false: a positive result alone is a question."""
    lifelong: Flag = False
    """true: a positive result counts at any age."""

    def to_test(self) -> model.SettlingTest:
        """The test."""
        return model.SettlingTest(analyte=self.analyte, confirms=self.confirms, lifelong=self.lifelong)


class ConditionForm(Form):
    """A diagnosis on record."""

    concepts: Some[ConditionId]
    """Alternatives."""
    occurrence: model.Occurrence = model.Occurrence.ACTIVE
    look_back: Window | None = None
    tests: tuple[SettlingTestForm, ...] = ()
    qualifier: model.Qualifier | None = None
    other_than: tuple[ConditionId, ...] = ()
    """Conditions that do not count, as the study's own disease."""
    shown: tuple[AnalyteId, ...] = ()
    """Analytes whose latest value is shown beside the answer and decides nothing."""
    sex_bound: Flag = False
    """true: not applicable to men."""

    def to_statement(self) -> model.Condition:
        """The criterion's statement."""
        return model.Condition(
            concepts=self.concepts,
            occurrence=self.occurrence,
            look_back=self.look_back,
            tests=tuple(test.to_test() for test in self.tests),
            qualifier=self.qualifier,
            other_than=self.other_than,
            shown=self.shown,
            sex_bound=self.sex_bound,
        )


class ExposureForm(Form):
    """A drug or procedure within a window before as-of, or ever."""

    concepts: Some[ExposureId]
    look_back: Window | None = None
    """Left out: ever."""
    systemic: Flag = False
    """true: by a systemic route."""

    def to_statement(self) -> model.Exposure:
        """The criterion's statement."""
        return model.Exposure(concepts=self.concepts, look_back=self.look_back, systemic=self.systemic)


class AllergyForm(Form):
    """An allergy or intolerance to any of the substances."""

    concepts: Some[SubstanceId]
    severe: Flag = False

    def to_statement(self) -> model.Allergy:
        """The criterion's statement."""
        return model.Allergy(concepts=self.concepts, severe=self.severe)


class JudgementForm(Form):
    """What only a person can say."""

    why: model.Why = model.Why.NEEDS_JUDGEMENT
    gate: tuple[ConditionId, ...] = ()
    """Conditions that, when active, make it a question to look at."""
    sex_bound: Flag = False
    """true: not applicable to men."""

    def to_statement(self) -> model.Judgement:
        """The criterion's statement."""
        return model.Judgement(why=self.why, gate=self.gate, sex_bound=self.sex_bound)
