"""OBX to Observation: values, limits, status, times, notes."""

from decimal import Decimal
from pathlib import Path
from time import process_time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from mappings.patient.hl7v2 import Settings
from mappings.patient.hl7v2.tables import table
from tests.unit.patient_hl7v2.messages import PID, message, observation, rejected, resources, result, value

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("cases.yaml").read_text(encoding="utf-8"))
SPECIMENS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("specimens.yaml").read_text(encoding="utf-8"))
SODIUM = "OBX|1|NM|2951-2^Sodium^LN||140|mmol/L"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["says"])
def test_cases(case: dict[str, Any]) -> None:
    """Each line of cases.yaml."""
    fields = case["obx"].split("|")
    assert value("|".join(["OBX", "1", *fields, *[""] * (9 - len(fields)), "F"])) == case["value"]


@pytest.mark.parametrize("case", SPECIMENS, ids=lambda case: case["says"])
def test_specimens(case: dict[str, Any]) -> None:
    """Each entry of specimens.yaml."""
    before = case.get("before", ["OBR|1||F1|CBC^CBC^L|||20260228"])
    (found,) = resources(message(PID, *before, f"{SODIUM}|||||F", *case.get("behind", []))).values()
    assert {name: _plain(found.get(name)) for name in case["has"]} == case["has"]


def _plain(said: Any) -> Any:  # noqa: ANN401  # JSON
    if isinstance(said, dict):
        return {name: _plain(each) for name, each in said.items() if name not in {"system", "meta"}}
    return [_plain(each) for each in said] if isinstance(said, list) else said


def test_a_value_that_is_missing_says_so() -> None:
    """A result that could not be had is cancelled; an empty one has no value, and neither is a measurement."""
    cancelled = observation(f"{SODIUM.replace('140', '')}|||||X")
    assert (cancelled["status"], cancelled["dataAbsentReason"]["coding"][0]["code"]) == ("cancelled", "not-performed")
    empty = observation(f"{SODIUM.replace('140', '')}|||||F")
    assert (empty["status"], empty["dataAbsentReason"]["coding"][0]["code"]) == ("final", "unknown")


def test_decimal_commas_only_where_the_site_says_so() -> None:
    """Then the point is the mark that is not read."""
    german = Settings(decimal_mark=",")
    assert value("OBX|1|NM|X^X^L||8,70|g/dl|||||F", german)["value"] == "8.70"
    assert value("OBX|1|NM|X^X^L||1.234|g/dl|||||F", german) == "1.234"


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("3.5-5.0", "3.5", "5.0"),
        ("3.5 - 5.0", "3.5", "5.0"),
        ("[3.5-5.0]", "3.5", "5.0"),
        ("(3.5-5.0)", "3.5", "5.0"),
        ("3.5-5.0 mmol/L", "3.5", "5.0"),
        ("<1.2", None, "1.2"),
        (">=60", "60", None),
        ("0-0.5", "0", "0.5"),
        (".5-1.1", "0.5", "1.1"),
        ("5.0-3.5", None, None),
        ("0-0", None, None),
        ("3.5-5.0 mg/dL", None, None),
        ("M: 13-17 F: 12-15", None, None),
        ("negative", None, None),
    ],
)
def test_reference_ranges(text: str, low: str | None, high: str | None) -> None:
    """Limits where the text is certain; the text itself always."""
    (found,) = observation(f"{SODIUM}|{text}||||F")["referenceRange"]
    assert found["text"] == text
    for name, limit in (("low", low), ("high", high)):
        assert (found[name]["value"] if name in found else None) == (Decimal(limit) if limit else None)
        assert name not in found or found[name]["code"] == "mmol/L"


@pytest.mark.parametrize(
    "fields",
    [
        f"{SODIUM}|[{' ' * 3_000}x||||F",
        f"OBX|1|NM|2951-2^Sodium^LN||140|10^1{' ' * 40_000}1|||||F",
    ],
    ids=["range", "unit"],
)
def test_blanks_without_end_take_no_time(fields: str) -> None:
    """The work grows with the length of a field; with its square or cube, one message could take hours."""
    began = process_time()
    observation(fields)
    assert process_time() - began < 2


@pytest.mark.parametrize(("code", "status"), [pair for pair in table("result-status").items() if pair[1] != "none"])
def test_statuses(code: str, status: str) -> None:
    """OBX-11 by the guide's table."""
    assert observation(f"{SODIUM}|||||{code}")["status"] == status


@pytest.mark.parametrize("code", ["N", "O"])
def test_what_is_no_result_gives_none(code: str) -> None:
    """Not asked for, or the order's description only."""
    assert resources(result(f"{SODIUM}|||||{code}")) == {}


@pytest.mark.parametrize(
    ("report", "status"), [("F", "final"), ("C", "corrected"), ("P", "preliminary"), ("", "unknown")]
)
def test_without_a_status_the_order_says_it(report: str, status: str) -> None:
    """And where neither says one, it is unknown: never final."""
    obr = f"OBR|1||F1|CBC^CBC^L|||20260228{'|' * 18}{report}"
    (found,) = resources(result(SODIUM, obr=obr)).values()
    assert found["status"] == status


def test_a_status_that_is_none_is_rejected() -> None:
    """The result with it: nobody knows what it is worth."""
    (found,) = rejected(result(f"{SODIUM}|||||Q"))
    assert (found.field, found.value, found.whole) == ("OBX[1]-11", "Q", False)


@pytest.mark.parametrize("flag", ["HM", "QCF"])
def test_a_flag_that_holds_a_result_back(flag: str) -> None:
    """What failed quality control, or waits for review, is not final."""
    assert observation(f"{SODIUM}||{flag}|||F")["status"] == "preliminary"


def test_a_change_of_status_without_the_result_is_not_taken_alone() -> None:
    """It would put an empty result in the place of the real one."""
    (found,) = rejected(result(f"{SODIUM.replace('140', '')}|||||U"))
    assert found.field == "OBX[1]-5"


@pytest.mark.parametrize(
    ("own", "sent", "zone", "effective"),
    [
        ("202602281030", "20260228120000+0100", None, "2026-02-28T10:30:00+01:00"),
        ("20260228103000-0500", "20260228120000+0100", None, "2026-02-28T10:30:00-05:00"),
        ("20260228103000.12345+0000", "20260228120000", None, "2026-02-28T10:30:00.123Z"),
        ("202602281030", "20260228120000", None, "2026-02-28"),
        ("202602281030", "20260228120000", "Europe/Berlin", "2026-02-28T10:30:00+01:00"),
        ("202607281030", "20260728120000", "Europe/Berlin", "2026-07-28T10:30:00+02:00"),
        ("202610250230", "20261025120000", "Europe/Berlin", "2026-10-25"),
        ("202603290230", "20260329120000", "Europe/Berlin", "2026-03-29"),
        ("2026-02-28T10:30:00+02:00", "20260228120000+0100", None, "2026-02-28T10:30:00+02:00"),
        ("2026-02-28 10:30", "20260228120000+0100", None, "2026-02-28T10:30:00+01:00"),
        ("2026-02", "20260228120000+0100", None, "2026-02"),
        ("2026022810", "20260228120000+0100", None, "2026-02-28"),
        ("202602", "20260228120000+0100", None, "2026-02"),
        ("2026", "20260228120000+0100", None, "2026"),
    ],
)
def test_times(own: str, sent: str, zone: str | None, effective: str) -> None:
    """The time's own zone, the sender's, the site's; without any, and where the clock is turned, the day alone."""
    settings = Settings(zone=ZoneInfo(zone) if zone else None)
    (found,) = resources(result(f"{SODIUM}|||||F|||{own}", sent=sent), settings=settings).values()
    assert found["effectiveDateTime"] == effective


@pytest.mark.parametrize(
    "text",
    ["2026-02-31", "20260231", "20260228T1030", "28.02.2026", "20261301", "00000000", "20260228250000", "yesterday"],
)
def test_a_time_that_is_none_leaves_the_result_undated(text: str) -> None:
    """OBR-7 does not stand in for it, and the report names it."""
    (found,) = resources(result(f"{SODIUM}|||||F|||{text}")).values()
    assert not any(name.startswith("effective") for name in found)
    assert [each.field for each in rejected(result(f"{SODIUM}|||||F|||{text}"))] == ["OBX[1]-14"]


def test_collected_over_a_day() -> None:
    """OBR-8 ends the time, where the result has none of its own."""
    (found,) = resources(result(f"{SODIUM}|||||F", obr="OBR|1||F1|U24^Urine^L|||20260227|20260228")).values()
    assert found["effectivePeriod"] == {"start": "2026-02-27", "end": "2026-02-28"}


def test_notes_stay_with_what_they_follow() -> None:
    """Those of the order with each of its results."""
    text = result(f"NTE|1||order\r{SODIUM}|||||F\rNTE|1||first\rNTE|2||second\rOBX|2|NM|2823-3^K^LN||4|mmol/L|||||F")
    sodium, potassium = resources(text).values()
    assert [note["text"] for note in sodium["note"]] == ["order", "first\nsecond"]
    assert [note["text"] for note in potassium["note"]] == ["order"]


def test_names_of_coding_systems() -> None:
    """By table and OID; the sender's own stay the sender's; a site may say what a name means."""
    base = "http://example.org/fhir-trial-adapter/CodeSystem/local"
    for written, meant in {
        "LN": "http://loinc.org",
        "ln": "http://loinc.org",
        "SCT": "http://snomed.info/sct",
        "I10": "http://hl7.org/fhir/sid/icd-10",
        "I10C": "http://hl7.org/fhir/sid/icd-10-cm",
        "L": base,
        "": base,
        "99LAB": f"{base}/99LAB",
        "ATC": f"{base}/ATC",
        "1.2.3.4": "urn:oid:1.2.3.4",
        "I10G2004": "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
        "ICD-10-GM-2026": "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
        "99LAB2026": f"{base}/99LAB2026",
    }.items():
        (coding,) = observation(f"OBX|1|NM|C^Name^{written}||1||||||F")["code"]["coding"]
        assert coding["system"] == meant, written
    american = Settings(coding_systems={"i10": "http://hl7.org/fhir/sid/icd-10-cm"})
    (coding,) = observation("OBX|1|NM|C^Name^I10||1||||||F", american)["code"]["coding"]
    assert coding["system"] == "http://hl7.org/fhir/sid/icd-10-cm"


ALLERGIES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("allergies.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", ALLERGIES, ids=lambda case: case["says"])
def test_allergies(case: dict[str, Any]) -> None:
    """Each line of allergies.yaml."""
    (found,) = resources(message(PID, case["segment"], kind="ADT^A60")).values()
    statuses = [name for name in ("clinicalStatus", "verificationStatus") if name in found]
    said: dict[str, str] = {name: found[name]["coding"][0]["code"] for name in statuses}
    (reaction,) = found.get("reaction", [{}])
    said |= {name: reaction[name] for name in ("severity",) if name in reaction}
    assert said == case["is"]
    assert [each.field for each in rejected(message(PID, case["segment"], kind="ADT^A60"))] == case.get("rejected", [])


def test_an_allergy_of_either_segment_is_the_same() -> None:
    """A hospital that sends both has one entry, with what came last."""
    sent = (
        message(PID, "AL1|1|DA|PEN^Penicillin^L|SV", kind="ADT^A08"),
        message(PID, "IAM|1|DA|PEN^Penicillin^L|SV||D", kind="ADT^A60"),
    )
    (left,) = resources(*sent).values()
    assert left["verificationStatus"]["coding"][0]["code"] == "entered-in-error"


@pytest.mark.parametrize("number", ["12\x003", "12\x013", "12\\X00\\3", "\x02123"])
def test_a_number_with_control_characters_is_nobodys(number: str) -> None:
    """Without them it is somebody else's, whose results it would become."""
    (found,) = rejected(message(PID.replace("|123^", f"|{number}^"), "OBR|1|P1|F1|CBC^CBC^L", SODIUM + "|||||F"))
    assert "no identifier of the patient" in found.reason
