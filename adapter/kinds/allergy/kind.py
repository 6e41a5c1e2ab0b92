"""The kind `allergy`: an allergy or intolerance to a substance."""

from adapter.criteria.model import Allergy
from adapter.evaluator.kind import Kind
from adapter.kinds.allergy.evaluate import bind_allergy

ALLERGY = Kind(
    name="allergy", statement=Allergy, bind=lambda statement, trial: bind_allergy(statement, trial.terminology)
)
