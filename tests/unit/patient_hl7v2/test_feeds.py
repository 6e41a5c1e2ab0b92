"""Feeds with every answer that a careful clinician would accept (feeds.yaml)."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapter.criteria.policy import Policy
from adapter.evaluator import BoundDefinition, bind, evaluate_all
from adapter.evaluator.verdict import to_json
from adapter.record import read_record
from mappings.patient import bundle_of, encode
from mappings.patient.hl7v2 import Settings
from mappings.patient.hl7v2.tables import load_settings
from mappings.policy import load_policy
from mappings.terminology import load_terminology
from mappings.trial import load_definitions
from tests.cases.compare import results_of
from tests.cases.test_cases import as_of
from tests.unit.patient_hl7v2.messages import converted, message

FEEDS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("feeds.yaml").read_text(encoding="utf-8"))
PID = "PID|1||4711^^^KIS^MR||Muster^Karl||19850512|M"


@cache
def bound(study: str) -> BoundDefinition:
    """A shipped trial."""
    return next(bind(each, load_terminology()) for each in load_definitions() if each.id == study)


@cache
def strict() -> Policy:
    """The policy that assumes nothing."""
    return load_policy("strict", terminology=load_terminology())


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed["says"])
def test_a_feed(feed: dict[str, Any], tmp_path: Path) -> None:
    """No answer is another one than those that are accepted."""
    studies = {name.split(".")[0]: None for name in feed["accept"]}
    bundle, moment = _bundle(feed, tmp_path), as_of(feed.get("as-of", "2026-03-01"), strict())
    told: dict[str, str] = {}
    for study in studies:
        record = read_record(bundle, bound(study).terminology, types=bound(study).types)
        (verdict,) = evaluate_all((bound(study),), record, moment, strict())
        told |= {f"{study}.{name}": each["result"] for name, each in results_of(to_json(verdict)["criteria"])}
    assert {name: told[name] for name, accepted in feed["accept"].items() if told[name] not in _any(accepted)} == {}


def _any(accepted: str | list[str]) -> list[str]:
    return [accepted] if isinstance(accepted, str) else accepted


def _bundle(feed: dict[str, Any], folder: Path) -> bytes:
    settings = Settings()
    if "mapping" in feed:
        (folder / "mapping.yaml").write_text(yaml.safe_dump(feed["mapping"]))
        settings = load_settings(folder / "mapping.yaml")
    units = converted(*[_message(each) for each in feed["messages"]], settings=settings)
    patients = {part.key: part for unit in units for part in unit.patients}
    resources = {each["id"]: each for unit in units for each in unit.resources}
    return encode(bundle_of(list(patients.values()), resources.values()))


def _message(said: list[str] | dict[str, Any]) -> bytes:
    if isinstance(said, list):
        said = {"segments": said}
    segments = said["segments"]
    if not any(each.startswith("PID") for each in segments):
        after = 1 if segments[0].startswith("EVN") else 0
        segments = [*segments[:after], PID, *segments[after:]]
    charset = said.get("charset", "")
    text = message(
        *segments,
        kind=said.get("kind", "ORU^R01"),
        sent=said.get("sent", "20260225120000+0100"),
        f3=said.get("from", "LAB"),
        f12=said.get("version", "2.5.1"),
        f18=charset,
    )
    return text.encode("latin-1" if charset else "utf-8")
