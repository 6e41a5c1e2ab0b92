"""`POST /hl7v2` and converted Bundles on a real HAPI FHIR: AA means that it is there, and twice changes nothing."""

import asyncio
from collections.abc import Iterator
from itertools import count

import msgspec
import pytest

from adapter.fhir.client import ServerSettings
from adapter.fhir.elements import Json
from adapter.screening.settings import Servers
from adapter.screening.setup import Setup
from mappings.patient import Converted, bundle_of, encode
from mappings.patient.hl7v2.tables import codes, table
from tests.golden.hl7v2.regenerate import SOURCES, units
from tests.integration.hapi.client import Hapi
from tests.unit.patient_hl7v2.messages import converted, message, result
from tests.unit.service.calls import Caller, app_with

_numbers = count(1)
SYSTEM = "http://example.org/fhir-trial-adapter/NamingSystem/local-patient/HL7IT"


class Engine:
    """An interface engine that sends messages about one patient, whose number nobody else has."""

    def __init__(self, caller: Caller, hapi: Hapi, worker: str) -> None:  # noqa: D107
        self.caller = caller
        self.hapi = hapi
        self.number = f"{worker}-{next(_numbers)}"

    def pid(self, number: str = "", name: str = "Doe^Jane", birth: str = "19800101") -> str:
        """The patient's PID."""
        return f"PID|1||{number or self.number}^^^HL7IT^MR||{name}||{birth}|F"

    def send(self, text: str, *, answer: str = "AA") -> str:
        """Send a message; its ACK."""
        headers = {"Content-Type": "application/hl7-v2"}
        said = asyncio.run(self.caller.running("POST", "/hl7v2", content=text.encode(), headers=headers))
        assert f"\rMSA|{answer}|" in said.text, said.text
        return said.text

    def result(self, value: str, sent: str, status: str = "F", **pid: str) -> str:
        """A creatinine under one order number."""
        obx = f"OBX|1|NM|2160-0^Creatinine^LN||{value}|mg/dL|0.5-0.9||||{status}"
        return message(self.pid(**pid), f"OBR|1||ORD-{self.number}|CRE^Cre^L|||20260201", obx, sent=sent)

    def found(self, query: str) -> list[Json]:
        """What a search finds."""
        entries = self.hapi.read(query).get("entry", [])
        return [entry["resource"] for entry in entries]

    def patient(self, number: str = "") -> Json:
        """The one Patient of a number."""
        (only,) = self.found(f"Patient?identifier={SYSTEM}%7C{number or self.number}")
        return only

    def creatinine(self) -> Json:
        """The patient's one creatinine."""
        (only,) = self.found(f"Observation?subject=Patient/{self.patient()['id']}&code=2160-0")
        return only


@pytest.fixture
def engine(hapi: Hapi, strict: Setup, worker_id: str) -> Engine:
    """An engine whose messages go to HAPI."""
    server = ServerSettings(url=hapi.url)
    return Engine(Caller(app_with(strict, servers=Servers(record=server, research=server))), hapi, worker_id)


def test_a_result_is_there_when_it_is_acknowledged(engine: Engine) -> None:
    """With its patient, and with the message that it came from."""
    engine.send(engine.result("0.8", "20260201120000+0000"))
    stored = engine.creatinine()
    assert stored["valueQuantity"]["value"] == 0.8
    (provenance,) = engine.found(f"Provenance?target=Observation/{stored['id']}")
    assert provenance["recorded"] == "2026-02-01T12:00:00Z"


def test_the_same_message_twice_changes_nothing(engine: Engine) -> None:
    """No second resource, and no second version of one."""
    text = engine.result("0.8", "20260201120000+0000")
    engine.send(
        message(
            engine.pid(), "AL1|1|DA|91936005^Penicillin^SCT|SV", "DG1|1||C91.02^ALL^I10C||20260101|F", kind="ADT^A01"
        )
    )
    engine.send(text)
    before = (engine.patient(), engine.creatinine())
    engine.send(text)
    assert (engine.patient(), engine.creatinine()) == before
    assert before[1]["meta"]["versionId"] == "1"


def test_a_correction_replaces_and_an_old_message_sent_again_does_not(engine: Engine) -> None:
    """An engine that repeats yesterday's queue does no harm."""
    old = engine.result("8.8", "20260201120000+0000")
    engine.send(old)
    engine.send(engine.result("0.8", "20260201130000+0000", "C"))
    engine.send(old)
    assert (engine.creatinine()["status"], engine.creatinine()["valueQuantity"]["value"]) == ("corrected", 0.8)


def test_demographics_are_changed_by_the_admission_system_only(engine: Engine) -> None:
    """And what it does not speak of stays, of whomever it is."""
    engine.send(message(engine.pid(), kind="ADT^A01"))
    held = engine.patient()
    engine.hapi.put({**held, "telecom": [{"system": "phone", "value": "555"}]})
    engine.send(engine.result("0.8", "20260201120000+0000", name="Do^J"))
    assert engine.patient()["name"] == [{"family": "Doe", "given": ["Jane"]}]
    engine.send(message(engine.pid(name="Roe^Jane"), kind="ADT^A08", sent="20260302120000+0000"))
    changed = engine.patient()
    assert changed["id"] == held["id"]
    assert changed["name"] == [{"family": "Roe", "given": ["Jane"]}]
    assert changed["telecom"] == [{"system": "phone", "value": "555"}]


def test_a_result_for_somebody_else_is_not_taken(engine: Engine) -> None:
    """Another birth date under the number: AE, and nothing is written."""
    engine.send(message(engine.pid(), kind="ADT^A01"))
    said = engine.send(engine.result("0.8", "20260201120000+0000", birth="19990101"), answer="AE")
    assert "ERR||PID^1^7|204" in said
    assert engine.found(f"Observation?subject=Patient/{engine.patient()['id']}") == []


def test_a_merge_stays(engine: Engine) -> None:
    """The old number points to the new one, also after later messages under either."""
    gone = f"{engine.number}-old"
    engine.send(engine.result("0.8", "20260201120000+0000", number=gone))
    engine.send(message(engine.pid(), kind="ADT^A01"))
    engine.send(message(engine.pid(), f"MRG|{gone}^^^HL7IT^MR", kind="ADT^A40", sent="20260202120000+0000"))
    engine.send(engine.result("0.9", "20260203120000+0000", number=gone))
    engine.send(message(engine.pid(), kind="ADT^A08", sent="20260204120000+0000"))
    stays, old = engine.patient(), engine.patient(gone)
    assert old["link"] == [{"other": {"reference": f"Patient/{stays['id']}"}, "type": "replaced-by"}]
    assert stays["link"] == [{"other": {"reference": f"Patient/{old['id']}"}, "type": "replaces"}]
    assert (old["active"], stays["birthDate"]) == (False, "1980-01-01")


def test_a_result_that_stands_twice_in_a_message_is_one(engine: Engine) -> None:
    """Without an order number nothing tells the two apart, and a transaction may hold each resource once."""
    obx = "NM|2160-0^Creatinine^LN||0.8|mg/dL|0.5-0.9||||F|||20260201"
    engine.send(message(engine.pid(), "OBR|1|||CRE^Cre^L|||20260201", f"OBX|1|{obx}", f"OBX|2|{obx}"))
    assert engine.creatinine()["valueQuantity"]["value"] == 0.8


def test_two_patients_in_one_message(engine: Engine) -> None:
    """Each has their result, and a Provenance of its own; the second group of a patient adds to the first."""
    order, other = "OBR|1|||CRE^Cre^L|||20260201", f"{engine.number}-2"
    obx = "OBX|1|NM|2160-0^Creatinine^LN||{}|mg/dL|0.5-0.9||||F|||20260201"
    people = [(engine.pid(), "0.8"), (engine.pid(other), "1.8"), (engine.pid(), "0.8"), (engine.pid(), "0.7")]
    engine.send(message(*(each for pid, value in people for each in (pid, order, obx.format(value)))))
    values = {}
    for number in (engine.number, other):
        found = engine.found(f"Observation?subject=Patient/{engine.patient(number)['id']}&code=2160-0")
        values[number] = sorted(each["valueQuantity"]["value"] for each in found)
        assert all(engine.found(f"Provenance?target=Observation/{each['id']}") for each in found)
    assert values == {engine.number: [0.7, 0.8], other: [1.8]}


def test_two_patients_of_one_number_are_left_to_people(engine: Engine) -> None:
    """The message waits at the sender until they are merged."""
    for id_ in ("a", "b"):
        engine.hapi.put(
            {
                "resourceType": "Patient",
                "id": f"{engine.number}-{id_}",
                "identifier": [{"system": SYSTEM, "value": engine.number}],
            }
        )
    assert "ERR||PID^1^3|204" in engine.send(engine.result("0.8", "20260201120000+0000"), answer="AE")


def resources() -> Iterator[Json]:
    """What the golden messages become, and a result of every flag and status."""
    for name in SOURCES:
        for unit in units(name):
            if isinstance(unit, Converted):
                yield from (entry["resource"] for entry in bundle_of(unit.patients, unit.resources)["entry"])
    flags = "~".join(codes("interpretation"))
    for status in table("result-status"):
        for unit in converted(result(f"OBX|1|NM|2951-2^Sodium^LN||140|mmol/L||{flags}|||{status}")):
            yield from unit.resources


def test_everything_is_valid_for_the_server(hapi_with_package: Hapi) -> None:
    """$validate finds no error in what the golden messages become."""
    checked = 0
    for resource in resources():
        sent = msgspec.json.decode(encode(resource))
        assert hapi_with_package.errors(sent) == [], resource["resourceType"]
        checked += 1
    assert checked > 50
