"""Erasing a person: what is kept here goes, what was written is retired as the site chose."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from adapter.errors import UnreachableError
from adapter.fhir.elements import PROPOSAL, RESEARCH_SUBJECT, SET_BY_PERSON, STUDY
from adapter.fhir.research_subject import Proposal, research_subject_id
from adapter.fhir.write_back import ResearchServer, Retirement
from adapter.screening.react.deliver import EventDelivery
from adapter.screening.react.schedule import running
from adapter.screening.setup import Setup
from adapter.store import deliveries
from adapter.store.tables import metadata
from tests.unit.react.hospital import Hospital, creatinine, fit, open_hospital, until, with_leukaemia
from tests.unit.screening.records import of, patient

pytestmark = pytest.mark.anyio
URL = "https://receiver.example/events"
STUDIES = {"4scar7u", "senl-t7", "cd7-cart01", "nct07008872", "nct04785833"}


@pytest.fixture
async def hospital(strict: Setup, tmp_path: Path) -> AsyncIterator[Hospital]:
    """A hospital that writes to a research server as the service does, and withdraws."""
    async with open_hospital(strict, tmp_path) as opened:
        for study in STUDIES:
            held = {"resourceType": "ResearchStudy", "id": study, "identifier": [{"system": STUDY, "value": study}]}
            opened.server.put(held)
        choose(opened, Retirement.WITHDRAW)
        yield opened


def choose(hospital: Hospital, how: Retirement) -> None:
    """Have subjects retired in this way."""
    research = ResearchServer(hospital.context.research)

    async def write(proposals: Sequence[Proposal], identifiers: tuple[tuple[str, str], ...], /) -> None:
        await research.write(proposals, identifiers)

    async def retire(name: str, studies: frozenset[str], /, *, is_gone: bool) -> int:
        return await research.retire(name, studies, how, is_gone=is_gone)

    hospital.context.write, hospital.context.retire = write, retire


def subject(hospital: Hospital, study: str = "nct04785833", name: str = "p1") -> dict[str, Any] | None:
    """The ResearchSubject of a patient, wherever it stands."""
    wanted = {"system": RESEARCH_SUBJECT, "value": research_subject_id(study, f"Patient/{name}")}
    found = [each for each in hospital.server.all("ResearchSubject") if wanted in each["identifier"]]
    return found[0] if found else None


def kept(hospital: Hospital, name: str = "p1") -> list[str]:
    """The tables of which a row names the patient, or one of their resources."""
    with hospital.context.database.reading() as connection:
        rows = {table.name: connection.execute(select(table)).all() for table in metadata.sorted_tables}
    return [table for table, found in rows.items() if any(name in str(row) for row in found)]


def files_with(folder: Path, name: str) -> list[str]:
    """The files that hold the name in plain bytes."""
    return [file.name for file in folder.iterdir() if name.encode() in file.read_bytes()]


async def known(hospital: Hospital, *names: str) -> None:
    """Have patients screened who have a study's disease."""
    for name in names:
        hospital.put(*with_leukaemia(name), fit(f"{name}-e", 1, name))
    await hospital.settle()
    assert all(kept(hospital, name) for name in names)


def delete(hospital: Hospital, name: str = "p1") -> None:
    """Delete the patient, and what is theirs, on the record server."""
    for key in (f"Observation/{name}-e", f"Condition/{name}-c", f"Patient/{name}"):
        hospital.server.delete(key)


async def test_who_is_deleted_on_the_record_server(hospital: Hospital, tmp_path: Path) -> None:
    """Is nowhere in the database, nor in its files; others stay as they were."""
    await known(hospital, "zebra-1", "p2")
    before = subject(hospital, name="p2")
    delete(hospital, "zebra-1")
    await hospital.settle()
    assert kept(hospital, "zebra-1") == []
    assert files_with(tmp_path, "zebra-1") == []
    assert kept(hospital, "p2")
    assert subject(hospital, name="p2") == before


async def test_withdrawn(hospital: Hospital) -> None:
    """A subject is withdrawn, names nobody and says nothing of a verdict; the guidance is gone. Twice is once."""
    await known(hospital, "p1")
    assert len(hospital.server.all("GuidanceResponse")) == len(STUDIES)
    delete(hospital)
    await hospital.settle()
    for study in STUDIES:
        left = subject(hospital, study)
        assert left is not None
        assert left["status"] == "withdrawn"
        assert "p1" not in str(left)
        assert PROPOSAL not in str(left)
        assert "profile" not in left["meta"]
    assert hospital.server.all("GuidanceResponse") == []
    versions = {key: len(found) for key, found in hospital.server.versions.items()}
    hospital.notifications.clear()
    hospital._told("DELETE", "Patient/p1", None)  # noqa: SLF001  # as if the server said it again
    await hospital.settle()
    assert {key: len(found) for key, found in hospital.server.versions.items()} == versions


async def test_who_comes_back(hospital: Hospital) -> None:
    """A deletion that was a mistake: the subject follows the data again, and nobody has to lift a hand."""
    await known(hospital, "p1")
    delete(hospital)
    await hospital.settle()
    await known(hospital, "p1")
    back = subject(hospital)
    assert back is not None
    assert back["status"] == "potential-candidate"
    assert back["individual"] == {"reference": "Patient/p1"}


async def test_a_persons_status_stands(hospital: Hospital) -> None:
    """Whoever was enrolled stays enrolled, and the record says who it is; only the adapter's opinion goes."""
    await known(hospital, "p1")
    held = subject(hospital)
    assert held is not None
    hospital.server.put({**held, "status": "on-study"})
    delete(hospital)
    await hospital.settle()
    left = subject(hospital)
    assert left is not None
    assert left["status"] == "on-study"
    assert left["individual"]["identifier"]["value"] == "http://hospital.example/fhir/Patient/p1"
    assert [each["url"] for each in left["extension"] if each["url"] in {PROPOSAL, SET_BY_PERSON}] == [SET_BY_PERSON]
    assert subject(hospital, "senl-t7")["status"] == "withdrawn"  # type: ignore[index]  # it is there


async def test_deleted(hospital: Hospital) -> None:
    """Where the site chose so, all of them, also a person's."""
    choose(hospital, Retirement.DELETE)
    await known(hospital, "p1", "p2")
    held = subject(hospital)
    assert held is not None
    hospital.server.put({**held, "status": "on-study"})
    delete(hospital)
    await hospital.settle()
    assert [subject(hospital, study) for study in STUDIES] == [None] * len(STUDIES)
    assert len(hospital.server.all("ResearchSubject")) == len(STUDIES)


async def test_left(hospital: Hospital) -> None:
    """Where the site chose so, nothing is written; what is here goes all the same."""
    choose(hospital, Retirement.LEAVE)
    await known(hospital, "p1")
    before = subject(hospital)
    delete(hospital)
    await hospital.settle()
    assert subject(hospital) == before
    assert kept(hospital) == []


async def test_of_whom_nothing_is_known_here(hospital: Hospital) -> None:
    """The ResearchSubjects of a screening from the command line are found as well."""
    await known(hospital, "p1")
    with hospital.context.database.transaction() as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.delete())
    delete(hospital)
    await hospital.settle()
    assert subject(hospital)["status"] == "withdrawn"  # type: ignore[index]  # it is there


async def test_a_research_server_that_is_down(hospital: Hospital) -> None:
    """Nothing here goes before what stands there is retired: it is tried again."""
    await known(hospital, "p1")
    delete(hospital)
    await hospital.deliver()

    async def down(*_: object, is_gone: bool) -> int:  # noqa: ARG001  # as Retire
        raise UnreachableError("down")  # noqa: EM101  # a test

    retire, hospital.context.retire = hospital.context.retire, down
    (claim,) = await hospital.claim()
    with pytest.raises(UnreachableError):
        await hospital.work(claim)
    assert "verdict" in kept(hospital)
    hospital.context.retire = retire
    hospital.clock.pass_(minutes=5)
    await hospital.settle()
    assert kept(hospital) == []


async def test_receivers_are_told_and_then_nothing_is_left(hospital: Hospital) -> None:
    """Of each study one event without a verdict or a result, which goes when it was taken; earlier ones go at once."""
    hospital.context.urls = (URL,)
    await known(hospital, "p1")
    delete(hospital)
    await hospital.settle()
    await hospital.settle()
    assert {(each.study, each.new, each.criteria) for each in hospital.events()} == {
        (each, None, ()) for each in STUDIES
    }
    taken = []

    def take(request: httpx.Request) -> httpx.Response:
        taken.append(request.content)
        return httpx.Response(204)

    async with httpx.AsyncClient(transport=httpx.MockTransport(take)) as http:
        await EventDelivery(hospital.context, http, "x" * 16)(None)  # type: ignore[arg-type]  # it needs no lease
    assert len(taken) == len(STUDIES)
    assert kept(hospital) == []
    with hospital.context.database.reading() as connection:
        assert deliveries.undelivered(connection) == {}


async def test_forget_someone_who_is_still_there(hospital: Hospital) -> None:
    """A person may ask for it; the next change of their data brings them back, which is said."""
    await known(hospital, "p1")
    (erased,) = await hospital.context.erase.person("Patient/p1", hospital.context.timing.lease)
    assert (erased.retired, erased.is_gone) == (len(STUDIES), False)
    assert kept(hospital) == []
    assert subject(hospital)["status"] == "withdrawn"  # type: ignore[index]  # it is there


async def test_forget_all_ids_of_a_person(hospital: Hospital) -> None:
    """Whichever of the merged ids is named."""
    await known(hospital, "old", "new")
    hospital.put(patient("old", link=[{"type": "replaced-by", "other": of("new")}], active=False))
    await hospital.settle()
    erased = await hospital.context.erase.person("Patient/old", hospital.context.timing.lease)
    assert [each.patient for each in erased] == ["Patient/new", "Patient/old"]
    assert kept(hospital, "old") == kept(hospital, "new") == []
    assert subject(hospital, name="old")["status"] == "withdrawn"  # type: ignore[index]  # it is there


async def test_forget_while_the_patient_is_being_evaluated(hospital: Hospital) -> None:
    """What the evaluation writes after that goes as well: the erasure waits for its claim."""
    await known(hospital, "p1")
    hospital.put(creatinine("lab", 900))
    await hospital.deliver()
    (claim,) = await hospital.claim()
    forgetting = asyncio.create_task(hospital.context.erase.person("Patient/p1", hospital.context.timing.lease))
    await asyncio.sleep(0.1)
    assert not forgetting.done()
    await hospital.work(claim)
    await forgetting
    assert kept(hospital) == []
    assert subject(hospital)["status"] == "withdrawn"  # type: ignore[index]  # it is there


async def test_a_running_service_erases(hospital: Hospital) -> None:
    """A deletion is found by the sweep, where no notification came."""
    await known(hospital, "p1")
    hospital.loses = True
    delete(hospital)
    hospital.loses = False
    async with running(hospital.context, patience=1):
        await until(lambda: not kept(hospital))
