"""The kind `measurement`: an analyte against a quantity, a limit of normal, a finding or a boolean."""

from adapter.criteria.model import Measurement
from adapter.evaluator.kind import Kind
from adapter.kinds.measurement.evaluate import bind_measurement

MEASUREMENT = Kind(
    name="measurement",
    statement=Measurement,
    bind=lambda statement, trial: bind_measurement(statement, trial.terminology),
)
