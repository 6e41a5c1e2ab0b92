"""`exposure` as rows: which codes bear on it, and from which day on an entry counts."""

from datetime import timedelta

from adapter.criteria.calendar import Hours
from adapter.evaluator.columns import Exposed, Setting, last_day
from adapter.evaluator.negatives import LIST, STATEMENT
from adapter.kinds.exposure.standing import held_until
from adapter.kinds.exposure.statement import Exposure


def columns(statement: Exposure, setting: Setting) -> Exposed | None:
    """A drug or procedure in a window, where no more is asked of it than its route."""
    window = statement.look_back
    if statement.asks_more or statement.half_lives is not None or statement.body_site or isinstance(window, Hours):
        return None
    policy, moment = setting.policy, setting.moment
    concepts = [setting.terminology.catalogue.exposures[name] for name in statement.concepts]
    since = setting.since(window)
    listed = None
    if since is not None:
        stands = policy.freshness[LIST]
        listed = last_day(lambda day: held_until(day, stands) < since, moment.day) + timedelta(days=1)
    return Exposed(
        concepts=statement.concepts,
        since=since,
        systemic=statement.systemic,
        systemic_class=frozenset(name for concept in concepts for name in concept.systemic_class),
        listed_since=listed,
        stated_since=moment.window_start(policy.freshness[STATEMENT]),
    )
