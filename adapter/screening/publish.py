"""What is put on FHIR servers: trials, and verdicts.

Publish trials as FHIR resources: on a FHIR server, or into a folder, one file a resource.

Write verdicts back to the research server, some patients at a time, while others are evaluated.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import anyio
from anyio.from_thread import start_blocking_portal

from adapter.errors import AdapterError
from adapter.evaluator.verdict import Verdict
from adapter.fhir.client import ServerSettings, open_client
from adapter.fhir.elements import Json
from adapter.fhir.publishing import Published, conformance
from adapter.fhir.publishing import publish as put
from adapter.fhir.research_subject import proposal_of
from adapter.fhir.write_back import ResearchServer, Written
from adapter.screening.private import alone_in, filled
from adapter.screening.screen import PatientOutcome
from adapter.screening.settings import Servers
from adapter.screening.setup import SiteConfig, choose, load_setup
from adapter.screening.source import LeftOut

_CODES = ("CodeSystem", "ValueSet")


def trial_resources(studies: Sequence[str], site: SiteConfig) -> list[Json]:
    """The resources of the named trials (all if none is named), after what they share, in the site's terminology.

    Raises UnknownStudyError for an id that no definition has.
    """
    from mappings.trial.fhir import resources_of, shared_resources  # noqa: PLC0415  # its models take long to load

    setup = load_setup(site, None)
    known, terminology = setup.definitions, setup.terminology
    definitions = choose(known, studies)
    own = [resource for definition in definitions for resource in resources_of(definition, terminology)]
    return [*shared_resources(definitions, terminology, known), *own]


def publish_trials(
    server: ServerSettings, studies: Sequence[str], site: SiteConfig, *, with_profiles: bool = False
) -> list[Published]:
    """Put the trials on the server in one transaction; what became of each resource.

    `with_profiles`: our profiles and all codes before them, in a transaction of their own, since a server that
    validates must know them first. Raises UnknownStudyError, and ServerError where the server refuses: then nothing
    was written.
    """
    resources = trial_resources(studies, site)
    transactions = [resources]
    if with_profiles:
        rest = [each for each in resources if each["resourceType"] not in _CODES]
        transactions = [_profiles_and_codes(resources), rest]

    async def written() -> list[Published]:
        async with open_client(server) as client:
            return [done for each in transactions for done in await put(client, each)]

    return anyio.run(written)


def _profiles_and_codes(resources: Sequence[Json]) -> list[Json]:
    """Those of the FHIR package and the trials' own, which go before packaged ones: a site has criteria of its own."""
    packaged = conformance()
    found = {each["url"]: each for kind in (*_CODES, "StructureDefinition") for each in packaged[kind].values()}
    found |= {each["url"]: each for each in resources if each["resourceType"] in _CODES}
    return list(found.values())


def build_trials(studies: tuple[str, ...], site: SiteConfig, out: Path) -> list[str]:
    """Write the resources of the named trials (all if none is named) and what they share, or none; the files' names.

    Raises UnknownStudyError for an id that no definition has, UsageError where another run writes there.
    """
    from mappings.trial.fhir import encode  # noqa: PLC0415  # its models take long to load

    resources = {f"{each['resourceType']}-{each['id']}.json": each for each in trial_resources(studies, site)}
    with alone_in(out), filled(out) as fresh:
        for name, resource in resources.items():
            (fresh / name).write_bytes(encode(resource))
    return list(resources)


Identifiers = tuple[tuple[str, str], ...]


class Writer:
    """Writes what a screening comes to. `disagreements`: patients whose status a person has set otherwise."""

    def __init__(self, portal: anyio.from_thread.BlockingPortal, research: ResearchServer, at_once: int) -> None:
        """Write to a research server whose client lives in the portal's event loop."""
        self._portal = portal
        self._research = research
        self._at_once = at_once
        self.changed = 0
        self.disagreements = 0

    def written(self, outcomes: Iterable[PatientOutcome | LeftOut]) -> Iterator[PatientOutcome | LeftOut]:
        """The outcomes in their order, each once it is written; one that could not be is a failure of that patient."""
        waiting: deque[tuple[PatientOutcome | LeftOut, Future[list[Written]] | None]] = deque()
        for outcome in outcomes:
            waiting.append((outcome, self._started(outcome)))
            if len(waiting) >= self._at_once:
                yield self._taken(*waiting.popleft())
        while waiting:
            yield self._taken(*waiting.popleft())

    def _started(self, outcome: PatientOutcome | LeftOut) -> Future[list[Written]] | None:
        if isinstance(outcome, LeftOut) or not outcome.proposals:
            return None
        return self._portal.start_task_soon(self._research.write, outcome.proposals, outcome.identifiers)

    def _taken(
        self, outcome: PatientOutcome | LeftOut, future: Future[list[Written]] | None
    ) -> PatientOutcome | LeftOut:
        if future is None or isinstance(outcome, LeftOut):
            return outcome
        try:
            done = future.result()
        except AdapterError as error:
            return replace(outcome, proposals=(), rows=(), failure=f"evaluated, but not written back: {error}")
        self.changed += sum(each.changed for each in done)
        self.disagreements += sum(each.disagrees for each in done)
        return replace(outcome, proposals=())


@contextmanager
def open_writer(servers: Servers) -> Iterator[Writer]:
    """A writer to the research server of a site."""
    record_url = None if servers.are_one else servers.record.url
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_client(servers.research)) as client,
    ):
        yield Writer(portal, ResearchServer(client, record_url), servers.research.max_concurrent)


def write_verdicts(servers: Servers, verdicts: Sequence[Verdict], identifiers: Identifiers) -> list[Written]:
    """Write the verdicts on one patient. Raises ServerError where they can't be."""

    async def write() -> list[Written]:
        async with open_client(servers.research) as client:
            research = ResearchServer(client, None if servers.are_one else servers.record.url)
            return await research.write([proposal_of(each) for each in verdicts], identifiers)

    return anyio.run(write)


def written_text(written: Written) -> str:
    """What became of a proposal, for people."""
    if written.status is None:
        return "no ResearchSubject: the study's disease is not on record"
    if written.by_person:
        return f"ResearchSubject stays {written.status}, as a person set it; proposed is {written.proposal}"
    return f"ResearchSubject is {written.status}" + ("" if written.changed else ", as before")
