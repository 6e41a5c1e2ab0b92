"""Made-up entries of further lists: devices, encounters, relatives, other trials, plans, reports, specimens."""

from random import Random
from typing import Any

from tests.cases.builder import resource
from tests.properties.core import Json
from tests.properties.times import when

WORDS: dict[str, tuple[str, ...]] = {
    "device": ("pacemaker", "insulin-pump", "no-known-devices"),
    "used": ("Device/entry-0", "Device/gone", "a box"),
    "encounter": ("inpatient", "ambulatory", "emergency", "observation-stay"),
    "relative": ("dementia", "no-family-history", "pneumonia"),
    "participant": ("entries", "x", "y"),
    "plan": ("hsct", "mmr", "ondansetron-atc"),
    "adverse-event": ("pneumonia", "dementia"),
    "report": ("brain-mri", "stress-echo"),
    "specimen": ("ffpe", "pacemaker"),
    "vaccinated": ("mmr", "zoster-unspecified", "hepatitis-b-shot"),
}
STATUSES: dict[str, tuple[str, ...]] = {
    "device": ("active", "inactive", "unknown", "entered-in-error"),
    "used": ("active", "completed", "on-hold", "intended"),
    "encounter": ("finished", "in-progress", "planned", "cancelled", "unknown"),
    "relative": ("completed", "partial", "health-unknown", "entered-in-error"),
    "participant": ("on-study", "on-study-intervention", "off-study", "screening", "withdrawn", "pending-on-study"),
    "plan": ("active", "draft", "completed", "revoked"),
    "report": ("final", "preliminary", "entered-in-error"),
    "specimen": ("available", "unavailable"),
    "vaccinated": ("completed", "not-done"),
}
_NAMED = {"used": "device", "encounter": "class", "participant": "study"}


def entry(rng: Random, number: int, kind: str | None = None) -> Json:
    """An entry of some list, or of one kind, dated or not, coded or in words."""
    kind = kind or rng.choice(sorted(WORDS))
    word: Any = rng.choice(WORDS[kind])
    in_words = kind not in _NAMED and rng.random() < 0.2  # now and then
    code: Any = {"text": "something"} if in_words else word
    said: Json = {"id": f"entry-{number}"}
    if kind == "relative":
        said |= {"conditions": [code], "relation": rng.choice(["mother", "aunt", "family-member"])}
    else:
        said[_NAMED.get(kind, "code")] = code
    if kind in STATUSES:
        said["status"] = rng.choice(STATUSES[kind])
    for key in rng.sample(["on", "from", "to", "recorded", "authored"], rng.randint(0, 3)):
        said[key] = when(rng)
    if kind == "report" and rng.random() < 0.5:  # as often as not
        said |= rng.choice([{"words": "nothing new"}, {"concludes": ["cerebral-haemorrhage-cm"]}])
    if kind == "encounter" and rng.random() < 0.5:  # as often as not
        said["reason"] = rng.choice(["atrial-fibrillation", {"text": "palpitations"}])
    return resource({kind: said}, number)
