"""`allergy` as rows: which codes bear on it, and what denies it."""

from adapter.evaluator.columns import Allergic, Setting
from adapter.evaluator.negatives import STATEMENT
from adapter.kinds.allergy.statement import Allergy


def columns(statement: Allergy, setting: Setting) -> Allergic | None:
    """An allergy to a substance; of one to anything, nothing."""
    if not statement.concepts:
        return None
    substances = setting.terminology.catalogue.substances
    concepts = [substances[name] for name in statement.concepts]
    crossing = [name for concept in concepts for name in concept.cross_reacts if statement.cross_reactive]
    return Allergic(
        concepts=statement.concepts,
        crossing=tuple(dict.fromkeys(crossing)),
        absent=frozenset.intersection(*(frozenset(concept.absent) for concept in concepts)),
        diagnosed=frozenset(name for concept in concepts for name in (concept.id, *concept.may_be)),
        severe=statement.severe,
        stated_since=setting.moment.window_start(setting.policy.freshness[STATEMENT]),
    )
