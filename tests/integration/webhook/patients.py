"""Made-up patients of a storm, and what changes about them: drawn from a seed, so that a failure can be looked at."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import httpx

from tests.build import ATC, CM, LOINC, SNOMED, Json, concept, creatinine, ecog, of, patient
from tests.integration.hapi.client import Hapi

_ATTEMPTS = 3
T_ALL, PNEUMONIA, HIV, STRANGE = "C91.00", "J18.9", "B20", "Z99.9"


@dataclass
class Storm:
    """Patients on a server. `now`: what the server should hold, by Type/id; what was deleted is not in it."""

    seed: int
    patients: int
    prefix: str
    now: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Draw the patients."""
        self.random = Random(self.seed)  # noqa: S311  # made-up data, no secret
        for number in range(self.patients):
            for resource in self._patient(f"{self.prefix}{number}"):
                self.now[_key(resource)] = resource

    @property
    def names(self) -> list[str]:
        """The patients' ids."""
        return [f"{self.prefix}{number}" for number in range(self.patients)]

    def changes(self, each: int) -> Iterator[tuple[str, Json | None]]:
        """Several changes of every patient, all of them in random order: Type/id, and what it is then (None: gone)."""
        todo = [name for name in self.names for _ in range(each)]
        self.random.shuffle(todo)
        for name in todo:
            yield self._change(name)

    def _change(self, name: str) -> tuple[str, Json | None]:
        chance = self.random.random()
        mine = [key for key, one in self.now.items() if _is_of(one, name)]
        if chance < 0.25 and mine:
            key = self.random.choice(sorted(mine))
            del self.now[key]
            return key, None
        if chance < 0.35 and mine:  # it was another's
            key = self.random.choice(sorted(mine))
            made = {**self.now[key], "subject": of(self.random.choice(self.names))}
        elif chance < 0.45:
            made = {**self.now[f"Patient/{name}"], "birthDate": self._birth()}
        else:
            made = self.random.choice([self._ecog, self._creatinine, self._condition, self._drug])(name)
        self.now[_key(made)] = made
        return _key(made), made

    def _patient(self, name: str) -> Iterator[Json]:
        gender = self.random.choice(["female", "male"])
        yield patient(name, gender=gender, birthDate=self._birth())
        if self.random.random() < 0.9:
            yield self._coded("Condition", f"{name}-leukaemia", name, code=concept(CM, T_ALL))
        for make in (self._ecog, self._creatinine, self._condition, self._drug):
            if self.random.random() < 0.7:
                yield make(name)

    def _birth(self) -> str:
        return f"{self.random.randint(1940, 2024)}-{self.random.randint(1, 12):02}-15"

    def _recent(self) -> str:
        return (datetime.now(UTC) - timedelta(days=self.random.randint(0, 6))).date().isoformat()

    def _ecog(self, name: str) -> Json:
        score = self.random.randint(0, 4)
        return ecog(score, id=f"{name}-ecog", subject=of(name), effectiveDateTime=self._recent())

    def _creatinine(self, name: str) -> Json:
        code = self.random.choice(["2160-0", "2160-0", "1234-5"])  # at times another code, which nobody reads
        value = self.random.randint(40, 400)
        status = self.random.choice(["final", "final", "entered-in-error"])
        return creatinine(
            value, id=f"{name}-creatinine", subject=of(name), status=status, code=concept(LOINC, code),
            effectiveDateTime=self._recent(),
        )  # fmt: skip

    def _condition(self, name: str) -> Json:
        code = self.random.choice([PNEUMONIA, HIV, STRANGE])
        return self._coded("Condition", f"{name}-other", name, code=concept(CM, code), recordedDate=self._recent())

    def _drug(self, name: str) -> Json:
        route = concept(SNOMED, "26643006")
        return self._coded(
            "MedicationStatement", f"{name}-drug", name, status="active", dosage=[{"route": route}],
            medicationCodeableConcept=concept(ATC, self.random.choice(["H02AB06", "N02BE01"])),
            effectiveDateTime=self._recent(),
        )  # fmt: skip

    def _coded(self, type_: str, id_: str, name: str, **elements: object) -> Json:
        return {"resourceType": type_, "id": id_, "subject": of(name), **elements}


def _is_of(resource: Json, name: str) -> bool:
    return bool(resource.get("subject", {}).get("reference") == f"Patient/{name}")


def _key(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def send(hapi: Hapi, change: tuple[str, object]) -> None:
    """Make a change on the server; HAPI may be busy with an earlier one of the same resource, and says so (409).

    Or says nothing in time, on a machine that is busy: whoever sends a change sends it again then.
    """
    key, resource = change
    answer = None
    for _ in range(_ATTEMPTS):
        with suppress(httpx.ReadTimeout):
            answer = hapi.http.delete(key) if resource is None else hapi.http.put(key, json=resource)
            if answer.status_code != httpx.codes.CONFLICT:
                break
    assert answer is not None, f"{key}: the server did not answer"
    assert answer.is_success, f"{answer.request.method} {key}: {answer.status_code} {answer.text[:1000]}"
