"""Writing back to a real HAPI FHIR: the right ResearchSubjects stand there, and what a person decided stays."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from adapter import cli
from tests.integration.hapi.client import Hapi
from tests.integration.proxy.proxy import Proxy, Request
from tests.integration.screening.hospital import (
    AS_OF,
    Hospital,
    Json,
    evaluate,
    every_study,
    lines,
    open_hospital,
    screen,
)

OpenProxy = Callable[[str], Proxy]
BASE = "http://example.org/fhir-trial-adapter"
STUDY = "nct04785833"
T_ALL = {"system": "http://snomed.info/sct", "code": "277575008"}


@pytest.fixture(scope="module")
def hospital(empty_hapi: Hapi, tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    """A cohort and the trials, on a server that holds nothing else."""
    return open_hospital(empty_hapi, tmp_path_factory.mktemp("cohort"), patients=6)


def put_patient(hapi: Hapi, id_: str, *, ecog: int, sick: bool = True) -> None:
    """An adult with T-ALL (or without) and an ECOG."""
    about = {"subject": {"reference": f"Patient/{id_}"}}
    hapi.put({"resourceType": "Patient", "id": id_, "birthDate": "1990-05-05"})
    if sick:
        hapi.put({"resourceType": "Condition", "id": f"{id_}-c", "code": {"coding": [T_ALL]}, **about})
    code = {"coding": [{"system": "http://loinc.org", "code": "89247-1"}]}
    measured = {"effectiveDateTime": "2026-02-20", "valueInteger": ecog}
    hapi.put({"resourceType": "Observation", "id": f"{id_}-o", "status": "final", "code": code, **measured, **about})


def subjects(hapi: Hapi, patient: str) -> list[Json]:
    """The ResearchSubjects of a patient."""
    return [e["resource"] for e in hapi.read(f"ResearchSubject?patient=Patient/{patient}").get("entry", [])]


def subject(hapi: Hapi, patient: str) -> Json:
    """The only one, of the study that these tests evaluate."""
    (found,) = subjects(hapi, patient)
    return found


def extension(resource: Json, name: str) -> Json | None:
    """An extension of ours."""
    return next((each for each in resource["extension"] if each["url"] == f"{BASE}/StructureDefinition/{name}"), None)


def write(url: str, patient: str, *more: str) -> int:
    """Evaluate for one study, and write back."""
    named = ("--study", STUDY, "--patient", patient, "--server", url, "--as-of", AS_OF)
    return cli.main(["evaluate", *named, "--write-back", *more])


def test_publishing_again_changes_nothing(hospital: Hospital, capsys: pytest.CaptureFixture[str]) -> None:
    """The second run writes no version."""
    before = {f"{each['resourceType']}/{each['id']}": each["meta"] for each in _published(hospital.hapi)}
    assert cli.main(["publish", "--server", hospital.hapi.url]) == 0
    assert "0 created, 0 updated" in capsys.readouterr().out
    assert {f"{each['resourceType']}/{each['id']}": each["meta"] for each in _published(hospital.hapi)} == before
    assert len(before) >= 5 * 4


def _published(hapi: Hapi) -> list[Json]:
    types = ("ResearchStudy", "PlanDefinition", "Group", "CodeSystem", "ValueSet")
    return [e["resource"] for type_ in types for e in hapi.read(f"{type_}?_count=500")["entry"]]


def test_a_screening_is_written_once(hospital: Hospital, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The server holds the ResearchSubjects of the file, each with its guidance; a second screening changes nothing."""
    assert screen(hospital.hapi.url, tmp_path / "1", "--write-back") == 0
    held = [e["resource"] for e in hospital.hapi.read("ResearchSubject?_count=1000")["entry"]]
    proposed = lines(tmp_path / "1" / "research-subjects.ndjson")
    assert proposed
    assert _told(held) == _told(proposed)
    for each in held:
        link = extension(each, "guidance")
        assert link is not None
        assert hospital.hapi.read(link["valueReference"]["reference"])["subject"] == each["individual"]
    capsys.readouterr()
    assert screen(hospital.hapi.url, tmp_path / "2", "--write-back") == 0
    assert "Written back: 0 changed" in capsys.readouterr().out
    again = [e["resource"] for e in hospital.hapi.read("ResearchSubject?_count=1000")["entry"]]
    assert {each["id"]: each["meta"] for each in again} == {each["id"]: each["meta"] for each in held}


def _told(found: list[Json]) -> set[tuple[str, str, str]]:
    return {(each["individual"]["reference"], each["study"]["reference"], each["status"]) for each in found}


def test_what_is_written_is_valid(hospital: Hospital, hapi_with_package: Hapi) -> None:
    """ResearchSubjects and GuidanceResponses as they stand there have no error against R4 and our profiles."""
    put_patient(hospital.hapi, "valid", ecog=1)
    assert write(hospital.hapi.url, "valid") == 0
    written = subject(hospital.hapi, "valid")
    link = extension(written, "guidance")
    assert link is not None
    for each in (written, hospital.hapi.read(link["valueReference"]["reference"])):
        assert [issue for issue in hapi_with_package.validate(each) if issue.severity == "error"] == []


def test_a_changed_result_changes_the_status(hospital: Hospital) -> None:
    """ECOG 1, then 4: a new version of the same ResearchSubject; and back."""
    put_patient(hospital.hapi, "changes", ecog=1)
    seen = []
    for ecog in (1, 4, 1):
        put_patient(hospital.hapi, "changes", ecog=ecog)
        assert write(hospital.hapi.url, "changes") == 0
        found = subject(hospital.hapi, "changes")
        seen.append((found["id"], found["status"]))
    ids, statuses = zip(*seen, strict=True)
    assert len(set(ids)) == 1
    assert statuses == ("potential-candidate", "ineligible", "potential-candidate")


def test_no_disease_no_research_subject(hospital: Hospital, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the study's disease on record none is made; one that exists is kept up to date."""
    put_patient(hospital.hapi, "healthy", ecog=1, sick=False)
    assert write(hospital.hapi.url, "healthy") == 0
    assert "no ResearchSubject" in capsys.readouterr().err
    assert subjects(hospital.hapi, "healthy") == []
    put_patient(hospital.hapi, "healthy", ecog=1)
    assert write(hospital.hapi.url, "healthy") == 0
    put_patient(hospital.hapi, "healthy", ecog=4)
    hospital.hapi.http.delete("Condition/healthy-c").raise_for_status()
    assert write(hospital.hapi.url, "healthy") == 0
    assert subject(hospital.hapi, "healthy")["status"] == "ineligible"


def test_a_persons_status_stays(hospital: Hospital, capsys: pytest.CaptureFixture[str]) -> None:
    """A coordinator sets `screening`; later verdicts stand beside it as a proposal, and the command says so."""
    put_patient(hospital.hapi, "decided", ecog=1)
    assert write(hospital.hapi.url, "decided") == 0
    hospital.hapi.put(subject(hospital.hapi, "decided") | {"status": "screening"})
    for ecog, proposal in ((4, "ineligible"), (1, "potential-candidate")):
        put_patient(hospital.hapi, "decided", ecog=ecog)
        capsys.readouterr()
        assert write(hospital.hapi.url, "decided") == 0
        assert "stays screening, as a person set it" in capsys.readouterr().err
        found = subject(hospital.hapi, "decided")
        said = extension(found, "proposal")
        assert found["status"] == "screening"
        assert said is not None
        assert said["valueCode"] == proposal


def test_an_edit_between_reading_and_writing_stays(hospital: Hospital, open_proxy: OpenProxy) -> None:
    """The coordinator is faster: the write is refused, the ResearchSubject read and decided again."""
    put_patient(hospital.hapi, "raced", ecog=1)
    assert write(hospital.hapi.url, "raced") == 0
    put_patient(hospital.hapi, "raced", ecog=4)
    proxy = open_proxy(hospital.hapi.url)
    edits: list[Request] = []

    def coordinator(request: Request) -> None:
        if b'"transaction"' in request.body and not edits:
            edits.append(request)
            with_hapi = Hapi(hospital.hapi.url)
            with_hapi.put(subject(with_hapi, "raced") | {"status": "eligible"})
            with_hapi.http.close()

    proxy.meanwhile = coordinator
    assert write(proxy.url, "raced") == 0
    assert edits
    found = subject(hospital.hapi, "raced")
    said = extension(found, "proposal")
    assert (found["status"], said and said["valueCode"]) == ("eligible", "ineligible")


def test_two_writers_at_once_make_one_research_subject(hospital: Hospital) -> None:
    """Both first writes come at the same time: one ResearchSubject, and both commands end well."""
    for number in range(4):
        patient = f"twice-{number}"
        put_patient(hospital.hapi, patient, ecog=1)
        start = threading.Barrier(2)
        codes: list[int] = []

        def writer(patient: str = patient, start: threading.Barrier = start, codes: list[int] = codes) -> None:
            start.wait(30)
            codes.append(write(hospital.hapi.url, patient))

        threads = [threading.Thread(target=writer) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert codes == [0, 0]
        assert subject(hospital.hapi, patient)["status"] == "potential-candidate"


def test_research_stands_on_another_server(
    hospital: Hospital, hapi_with_package: Hapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the patient is named by an identifier, and a patient with the same id there is not meant."""
    research = hapi_with_package
    put_patient(hospital.hapi, "abroad", ecog=1)
    named = {"system": "http://hospital.example.org/patients", "value": "4711"}
    patient = hospital.hapi.read("Patient/abroad")
    hospital.hapi.put(patient | {"identifier": [named]})
    research.put({"resourceType": "Patient", "id": "abroad", "birthDate": "1950-01-01"})
    assert cli.main(["publish", STUDY, "--server", research.url]) == 0
    monkeypatch.setenv("TRIAL_ADAPTER_RESEARCH_FHIR_URL", research.url)
    for _ in range(2):
        assert write(hospital.hapi.url, "abroad") == 0
    search = "ResearchSubject?identifier=http://example.org/fhir-trial-adapter/NamingSystem/research-subject|"
    found = [
        e["resource"]
        for e in research.read(f"{search}&_count=1000").get("entry", [])
        if e["resource"]["individual"].get("identifier") == named
    ]
    assert [each["status"] for each in found] == ["potential-candidate"]
    assert "reference" not in found[0]["individual"]
    assert subjects(research, "abroad") == []
    assert subjects(hospital.hapi, "abroad") == []
    link = extension(found[0], "guidance")
    assert link is not None
    for each in (found[0], research.read(link["valueReference"]["reference"])):
        assert [issue for issue in research.validate(each) if issue.severity == "error"] == []


def test_the_verdict_of_the_command_is_the_one_written(hospital: Hospital, capsys: pytest.CaptureFixture[str]) -> None:
    """For every study: the printed decision is the status on the server."""
    patient = hospital.patients[0]
    printed = {each["study"]: each["decision"] for each in evaluate(capsys, patient, "--server", hospital.hapi.url)}
    arguments = ("--patient", patient, "--server", hospital.hapi.url, "--as-of", AS_OF, *every_study())
    assert cli.main(["evaluate", "--write-back", *arguments]) == 0
    written = {
        each["study"]["reference"].partition("/")[2]: each["status"] for each in subjects(hospital.hapi, patient)
    }
    assert written
    assert written.items() <= printed.items()
