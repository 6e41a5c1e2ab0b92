"""Patients whose data lie where the answers of SQL could go wrong: ties, edges of windows, what is said twice."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations, product

from tests import build
from tests.cases.recorded import consent
from tests.properties import core
from tests.unit.screening.records import bundle, condition, ecog, of, patient

AS_OF = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
SNOMED = "http://snomed.info/sct"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
HIV_TEST = "31201-7"
PREGNANCY_TEST, PREGNANCY_STATUS = "2106-3", "82810-3"


def everybody() -> Iterator[tuple[str, bytes]]:
    """All of them, each of a name of its own."""
    for each in (
        ties,
        edges,
        endings,
        doubts,
        courses,
        consents,
        several,
        around,
        gaps,
        contradicted,
        pregnancies,
        grades,
    ):
        yield from each()


def ties() -> Iterator[tuple[str, bytes]]:
    """Two scores of which nobody knows which is the later one, since one has only a month; or of the same day.

    And two of which one is not final yet: the later one, which the other has to wait for, or the earlier one.
    """
    for name, first, last in (("waits", "final", "preliminary"), ("stands", "preliminary", "final")):
        scores = (ecog("o1", of(name), 1, "2026-02-10") | {"status": first}, ecog("o2", of(name), 4, "2026-02-20"))
        yield name, bundle(patient(name), scores[0], scores[1] | {"status": last})
    for number, (one, other) in enumerate(product(("2026-02", "2026-02-20", "2026"), repeat=2)):
        name = f"tie{number}"
        scores = (ecog("o1", of(name), 1, one), ecog("o2", of(name), 4, other))
        yield name, bundle(patient(name), *scores)


def edges() -> Iterator[tuple[str, bytes]]:
    """A score of each day, so that some stand on the first day of a window, and some on the day before."""
    for days in range(45):
        name = f"edge{days}"
        on = (AS_OF - timedelta(days=days)).date().isoformat()
        yield name, bundle(patient(name), ecog("o1", of(name), 1, on))


def endings() -> Iterator[tuple[str, bytes]]:
    """What may have been asked for has ended, and a word that there is none: said before, on that day, or after it."""
    over = {"clinicalStatus": {"coding": [{"system": CLINICAL, "code": "resolved"}]}, "onsetDateTime": "2025-03-01"}
    for number, (code, said) in enumerate(product(("B19.9", "J18.9"), ("2025-06-01", "2025-09-01", "2026-02-01"))):
        name = f"ending{number}"
        problem = condition("c1", of(name), {"system": ICD_10_CM, "code": code}) | over
        none = condition("c2", of(name), {"system": SNOMED, "code": "160245001"}) | {"recordedDate": said}
        yield name, bundle(patient(name), problem | {"abatementDateTime": "2025-09-01"}, none)


def doubts() -> Iterator[tuple[str, bytes]]:
    """A word that there is no diagnosis, and a drug that is taken for one; or that was, long before."""
    ruxolitinib = {"coding": [{"system": "http://www.whocc.no/atc", "code": "L01EJ01"}]}
    for name, status, end in (("doubt0", "active", {}), ("doubt1", "completed", {"end": "2024-01-10"})):
        none = condition("c1", of(name), {"system": SNOMED, "code": "160245001"}) | {"recordedDate": "2026-02-20"}
        taken = {
            "resourceType": "MedicationStatement",
            "id": "m1",
            "status": status,
            "subject": of(name),
            "medicationCodeableConcept": ruxolitinib,
            "effectivePeriod": {"start": "2024-01-01", **end},
        }
        yield name, bundle(patient(name), none, taken)


def courses() -> Iterator[tuple[str, bytes]]:
    """A leukaemia that its code calls refractory, relapsed or neither, and what its status and its end say of that."""
    codes = ("12311000132101", "12291000132102", "12301000132103", "12281000132104", "91861009")
    statuses = (None, "active", "relapse", "recurrence", "remission", "inactive", "resolved", "told in words")
    ends: tuple[core.Json, ...] = (
        {},
        {"abatementDateTime": "2026-02-20"},
        {"abatementDateTime": "2026-04-01"},
        {"abatementString": "past"},
    )
    for number, (code, status, end) in enumerate(product(codes, statuses, ends)):
        name = f"course{number}"
        problem = condition("c1", of(name), {"system": SNOMED, "code": code}) | {"onsetDateTime": "2026-01-10"} | end
        problem.pop("clinicalStatus", None)
        if status is not None:
            problem["clinicalStatus"] = {"coding": [{"system": CLINICAL, "code": status}]}
        yield name, bundle(patient(name), problem)


def several() -> Iterator[tuple[str, bytes]]:
    """Two leukaemias, of which one may be the other or surely isn't: what the newer one's status says, and its day."""
    codes = ("12281000132104", "91857003", "C91.00", "C92.00", "277619001")
    days = ("2025-01-10", "2026-02-10")
    statuses = ("active", "relapse", "remission")
    for number, (one, other, (first, then), day) in enumerate(
        product(codes[:3], codes[1:], product(statuses, repeat=2), days)
    ):
        name = f"several{number}"
        problems = []
        for place, (code, status, on) in enumerate(((one, first, "2025-06-01"), (other, then, day))):
            system = SNOMED if code.isdigit() else ICD_10_CM
            problem = condition(f"c{place}", of(name), {"system": system, "code": code}) | {"onsetDateTime": on}
            problems.append(problem | {"clinicalStatus": {"coding": [{"system": CLINICAL, "code": status}]}})
        yield name, bundle(patient(name), *problems)


def around() -> Iterator[tuple[str, bytes]]:
    """Another leukaemia that began between two entries of what may be one, of which the later one has relapsed."""
    codes = ("404124002", "61301000119102", "91857003", "12281000132104")
    for number, (first, last) in enumerate(permutations(codes, 2)):
        name = f"around{number}"
        problems = []
        for place, (code, status, on) in enumerate(
            ((first, "active", "2025-05-06"), ("359631009", "active", "2026-02-16"), (last, "relapse", "2026-02-28"))
        ):
            problem = condition(f"c{place}", of(name), {"system": SNOMED, "code": code}) | {"onsetDateTime": on}
            problems.append(problem | {"clinicalStatus": {"coding": [{"system": CLINICAL, "code": status}]}})
        yield name, bundle(patient(name), *problems)


def contradicted() -> Iterator[tuple[str, bytes]]:
    """HIV on record, a fresh negative test against it, and a result beside it that is undated, or not final."""
    for number, (dated, status, words) in enumerate(product((True, False), ("final", "preliminary"), ("pos", "odd"))):
        name = f"contradicted{number}"
        on = {"effectiveDateTime": "2026-02-25"} if dated else {}
        tests = [
            {
                "resourceType": "Observation", "id": f"o{place}", "subject": of(name), "status": how,
                "code": {"coding": [{"system": "http://loinc.org", "code": HIV_TEST}]}, "valueString": said, **when,
            }
            for place, (how, said, when) in enumerate(
                (("final", "negative", {"effectiveDateTime": "2026-02-20"}), (status, words, on))
            )
        ]  # fmt: skip
        hiv = condition("c1", of(name), {"system": ICD_10_CM, "code": "B20"}) | {"recordedDate": "2025-06-01"}
        yield name, bundle(patient(name), hiv, *tests)


def gaps() -> Iterator[tuple[str, bytes]]:
    """A list of which an entry can't be read, beside what its others say; what only a stay or words name."""
    none = condition("c1", of("gap"), {"system": SNOMED, "code": "160245001"}) | {"recordedDate": "2026-02-20"}
    stay = {
        "resourceType": "Encounter", "id": "v1", "status": "finished", "class": {"code": "IMP"},
        "period": {"start": "2026-02-22", "end": "2026-02-25"},
    }  # fmt: skip
    found: list[tuple[str, core.Json]] = [
        ("gap0", {"resourceType": "Condition", "id": "c2", "onsetDateTime": 7}),
        ("gap1", {"resourceType": "MedicationStatement", "id": "m2", "status": []}),
        ("gap2", stay | {"reasonCode": [{"coding": [{"system": ICD_10_CM, "code": "J18.9"}]}]}),
        ("gap3", stay),
        *((f"gap{n}", _drug(words)) for n, words in enumerate(("Biktarvy", "Rezurock 200 mg", "Jakavi"), 4)),
    ]
    for name, more in found:
        yield name, bundle(patient(name), none | {"subject": of(name)}, more | {"subject": of(name)})
    remission = condition("c1", of("gap7"), {"system": ICD_10_CM, "code": "C91.01"}) | {"recordedDate": "2026-02-10"}
    for name, words in (("gap7", "Rezidiv der ALL"), ("gap8", "Kein Rezidiv"), ("gap9", "MRD 0.5 %")):
        report = {"resourceType": "DiagnosticReport", "id": "r1", "status": "final", "effectiveDateTime": "2026-02-20"}
        said = report | {"subject": of(name), "code": {"text": "Marrow"}, "conclusion": words}
        yield name, bundle(patient(name), remission | {"subject": of(name)}, said)


def _drug(words: str) -> core.Json:
    """A drug that nobody has coded."""
    taken: core.Json = {"resourceType": "MedicationStatement", "id": "m1", "status": "active"}
    return taken | {"medicationCodeableConcept": {"text": words}, "effectivePeriod": {"start": "2026-01-01"}}


def consents() -> Iterator[tuple[str, bytes]]:
    """Consents that ended before the question, that still hold, and that were refused."""
    terms = product(("2026-02-01", "2026-04-01"), ("permit", "deny"), ("active", "rejected"))
    for number, (to, said, status) in enumerate(terms):
        name = f"consent{number}"
        given = consent({"data": "nct04785833", "type": said, "status": status, "to": to, "on": "2026-01-10"})
        yield name, bundle(patient(name), given | {"id": "k1", "patient": of(name)})


_CARRYING: tuple[core.Json, ...] = (
    {},
    {"onsetDateTime": "2026-01-20"},
    {"onsetDateTime": "2026-02-21"},
    {"recordedDate": "2026-02-10", "verificationStatus": {"coding": [{"system": VERIFICATION, "code": "provisional"}]}},
)
_DELIVERED = ((), ("2026-02-20",), ("2026-02",), ("2025-12-10", "2025-12-11"))
_TESTS = (
    (),
    ((PREGNANCY_TEST, "positive", "2026-02-20"),),
    ((PREGNANCY_TEST, "negative", "2026-02-25"),),
    ((PREGNANCY_TEST, "positive", "2026-01-10"),),
    ((PREGNANCY_TEST, "negative", "2026-02-20"), (PREGNANCY_STATUS, "pregnant", "2026-02-20")),
    ((PREGNANCY_TEST, "odd", "2026-02-20"), (PREGNANCY_TEST, "positive", "2026-02")),
)


def pregnancies() -> Iterator[tuple[str, bytes]]:
    """A pregnancy on record or none, its end, and tests, of a woman or, every fifth one, of a man."""
    for number, (carrying, delivered, tests) in enumerate(product(_CARRYING, _DELIVERED, _TESTS)):
        name = f"pregnancy{number}"
        held = [condition("c1", of(name), {"system": ICD_10_CM, "code": "Z33.1"}) | carrying] if carrying else []
        held += [
            build.procedure(code=build.concept(SNOMED, "11466000"), performedDateTime=day, subject=of(name), id=f"p{n}")
            for n, day in enumerate(delivered)
        ]
        held += [
            build.observation(code, valueString=said, effectiveDateTime=day, subject=of(name), id=f"o{n}")
            for n, (code, said, day) in enumerate(tests)
        ]
        yield name, bundle(patient(name, gender="female" if number % 5 else "male"), *held)


def grades() -> Iterator[tuple[str, bytes]]:
    """Diagnoses of a grade, which may be what is asked of adverse events; one of them is over."""
    for number, status in enumerate(("active", "resolved")):
        name = f"grade{number}"
        held = condition("c1", of(name), {"system": ICD_10_CM, "code": "K12.3"})
        told = {"severity": {"text": "grade 3"}, "clinicalStatus": {"coding": [{"system": CLINICAL, "code": status}]}}
        yield name, bundle(patient(name), held | told)
