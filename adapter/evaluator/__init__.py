"""The evaluator: a bound definition and a patient's record -> a verdict with a reason for every criterion."""

from adapter.evaluator.bound import BoundDefinition, bind
from adapter.evaluator.evaluate import Standing, evaluate, evaluate_all, evaluate_indicated, indications, standings
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import CriterionResult, Decision, Verdict, to_json

__all__ = [
    "BoundDefinition",
    "CriterionResult",
    "Decision",
    "Reason",
    "Standing",
    "Verdict",
    "bind",
    "evaluate",
    "evaluate_all",
    "evaluate_indicated",
    "indications",
    "standings",
    "to_json",
]
