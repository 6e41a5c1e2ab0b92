"""Records of Synthea, made anew, against an account of them that shares no reading or evaluation with the product.

Synthea is run with Maven and Java (pom.xml), with a seed: the same patients each time. Each is asked about on the day
of the last visit, when there is most to say. No definite answer may be one that the record refutes, in any trial; and a
drug that is ordered or was given is never absent.
"""

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapter.criteria.model import Criterion, Leaf, parts_of
from adapter.criteria.truth import Truth
from adapter.evaluator import bind, evaluate_all
from adapter.evaluator.verdict import CriterionResult
from adapter.record import read_record
from mappings.policy import load_policy
from mappings.site import load_site
from mappings.terminology.related import with_relations
from tests.conftest import ROOT
from tests.integration.synthea.account import Chart, Json, refuted
from tests.needs import not_available

HERE = Path(__file__).parent
SITES = ("registry-1", "registry-2", "fields")
PATIENTS = 10
TYPES = (
    "Patient,Condition,Observation,Procedure,MedicationRequest,Medication,MedicationAdministration,Immunization,"
    "AllergyIntolerance,Encounter,Device,DiagnosticReport"
)
Patient = tuple[list[Json], datetime]


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> list[Patient]:
    """Patients of all ages, with the end of the day of their last visit, and nothing after it."""
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    if missing:
        not_available("Synthea", f"{' and '.join(missing)} not found")
    out = tmp_path_factory.mktemp("synthea")
    subprocess.run(["mvn", "-B", "-q", "-f", str(HERE / "pom.xml"), "compile"], check=True)  # noqa: S603, S607  # ours
    settings = {"baseDirectory": out, "fhir.included_resources": TYPES, "years_of_history": 0}
    asked = [f"--exporter.{name}={value}" for name, value in settings.items()]
    seeds = ["-s", "7", "-cs", "7", "-r", "20260301", "-e", "20260301", "-p", str(PATIENTS)]
    places = f"{HERE}/target/dependency/*"
    command = ["java", "-Xmx2g", "-Duser.timezone=UTC", "-cp", places, "App", *seeds, *asked]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # ours
    found = [_patient(path) for path in sorted((out / "fhir").glob("*.json")) if "Information" not in path.name]
    assert len(found) >= PATIENTS  # and those who died
    return found


def _patient(path: Path) -> Patient:
    resources = [entry["resource"] for entry in json.loads(path.read_text(encoding="utf-8"))["entry"]]
    times = ("effectiveDateTime", "authoredOn", "onsetDateTime", "recordedDate", "occurrenceDateTime")
    last = max(each["effectiveDateTime"] for each in resources if each["resourceType"] == "Observation")
    held = [each for each in resources if not any(each.get(name, "")[:10] > last[:10] for name in times)]
    return held, datetime.fromisoformat(last).replace(hour=23, minute=59, second=0, microsecond=0, tzinfo=UTC)


def _leaves(criterion: Criterion) -> Iterator[tuple[str, Leaf]]:
    if isinstance(criterion.statement, Leaf):
        if criterion.id is not None:  # not what qualifies a diagnosis (`as`)
            yield criterion.id, criterion.statement
        return
    for part in parts_of(criterion.statement):
        yield from _leaves(part)


def _flat(results: tuple[CriterionResult, ...]) -> Iterator[tuple[str, CriterionResult]]:
    for each in results:
        yield each.id, each
        yield from _flat(each.parts)


@pytest.mark.parametrize("site", SITES)
def test_no_answer_is_one_that_the_record_refutes(site: str, patients: list[Patient]) -> None:
    """Of the shipped trials and those of a site; by the site's policy, and where little is assumed."""
    loaded = load_site(ROOT / "demo/sites" / site)
    terminology = with_relations(loaded.terminology)
    bound = [bind(each, terminology) for each in loaded.definitions]
    counted: Counter[str] = Counter()
    wrong: list[str] = []
    for policy in (load_policy(name, terminology=terminology) for name in (loaded.policy or "strict", "problem-list")):
        for resources, as_of in patients:
            record = read_record(_bundle(resources), terminology)
            chart = Chart(resources, as_of.date())
            for definition, verdict in zip(loaded.definitions, evaluate_all(bound, record, as_of, policy), strict=True):
                told = dict(_flat(verdict.criteria))
                for id_, leaf in (leaf for each in definition.criteria for leaf in _leaves(each.criterion)):
                    against = refuted(leaf, chart, terminology, policy.freshness)
                    if against is None:
                        continue
                    result = told[id_]
                    counted[f"{type(leaf).__name__} {result.result.value}"] += 1
                    shown = {Truth.MET: against.met, Truth.NOT_MET: against.not_met}.get(result.result)
                    if shown is not None:
                        wrong.append(f"{definition.id} {id_} {result.result.value}: {result.explanation} | {shown}")
    assert not wrong, "\n".join(wrong)
    for kind in ("Age", "Sex", "Condition", "Measurement"):  # the comparison looked at something
        assert counted[f"{kind} met"] + counted[f"{kind} not-met"] > 0, counted


def _bundle(resources: list[Json]) -> bytes:
    entries = [
        {
            "fullUrl": f"urn:uuid:{each['id']}",
            "resource": each,
            "request": {"method": "POST", "url": each["resourceType"]},
        }
        for each in resources
    ]
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()
