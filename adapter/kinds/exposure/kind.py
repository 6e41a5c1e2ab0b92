"""The kind `exposure`: a drug or procedure within a window before as-of, or ever."""

from adapter.criteria.model import Exposure
from adapter.evaluator.kind import Kind
from adapter.kinds.exposure.evaluate import bind_exposure

EXPOSURE = Kind(
    name="exposure", statement=Exposure, bind=lambda statement, trial: bind_exposure(statement, trial.terminology)
)
