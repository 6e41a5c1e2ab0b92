"""The kind `condition`: a diagnosis on record, or what settles it."""

from adapter.criteria.model import Condition
from adapter.evaluator.kind import Kind
from adapter.kinds.condition.evaluate import bind_condition

CONDITION = Kind(
    name="condition", statement=Condition, bind=lambda statement, trial: bind_condition(statement, trial.terminology)
)
