"""What the service has loaded: every policy that may be asked for by name, with the trials bound under it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from adapter.criteria.definition import TrialDefinition
from adapter.screening.expansion import kept_expansions
from adapter.screening.server_trials import server_definitions
from adapter.screening.setup import Setup, Site, load_setup
from adapter.service.errors import ParameterError
from adapter.service.settings import Settings
from mappings.policy import shipped_names
from mappings.terminology import load_terminology


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """A setup for each policy's id; `default` is the site's own. A caller can't name a file of the server."""

    default: str
    setups: Mapping[str, Setup]

    def setup(self, policy: str | None) -> Setup:
        """The setup of the asked policy. Raises ParameterError if there is none."""
        found = self.setups.get(self.default if policy is None else policy)
        if found is None:
            msg = f"no policy {str(policy)[:64]!r}; known are {', '.join(sorted(self.setups))}"
            raise ParameterError(msg, expression="policy")
        return found

    @property
    def definitions(self) -> tuple[TrialDefinition, ...]:
        """The trials, the same under every policy."""
        return self.setups[self.default].definitions


def stored_trials(settings: Settings) -> tuple[TrialDefinition, ...]:
    """The trials that the site keeps on a FHIR server, if it does. Raises DefinitionError and ServerError."""
    return server_definitions(settings.trial_server, load_terminology()) if settings.trial_server else ()


def load_policies(settings: Settings, stored: tuple[TrialDefinition, ...] = ()) -> Policies:
    """Load the site's policy and the shipped ones; the site's goes before a shipped one of the same id.

    `stored`: trials of a server, which go before shipped ones. Raises UsageError and DefinitionError where the site is
    set up wrongly.
    """
    site = Site(
        policy=settings.policy,
        trials=settings.trials,
        stored=stored,
        expansions=kept_expansions(settings.terminology_server, settings.cache),
    )
    own = load_setup(site, None)
    shipped = (load_setup(replace(site, policy=name), None) for name in shipped_names())
    setups = {setup.policy.id: setup for setup in (*shipped, own)}
    return Policies(default=own.policy.id, setups=setups)


def now() -> datetime:
    """The clock, to the millisecond."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
