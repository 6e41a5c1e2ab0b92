"""What a resource touches, by names: a change of it may move what reads one of them. Pure.

A name is a value set that holds one of the resource's codes (`creatinine`), an attested criterion
(`attestation:<study>.<criterion>`), `unmapped:<Type>` for codes that no map knows, `unread:<Type>` for what can't be
read, or `Patient`, `Consent` and `Medication`. Beside these there are, for changes of our own, `everything`,
`study:<id>`, and `stands:<id>` for a study's ResearchSubject that is there already.
"""

from collections.abc import Iterable, Mapping

from adapter.record.facts import PatientRecord, Source

EVERYTHING = "everything"
PATIENT = "Patient"
CONSENT = "Consent"
MEDICATION = "Medication"


def attestation(code: str) -> str:
    """The name of an attested `<study>.<criterion>`."""
    return f"attestation:{code}"


def unmapped(type_: str) -> str:
    """The name of codes that no map knows."""
    return f"unmapped:{type_}"


def unread(type_: str) -> str:
    """The name of what can't be read."""
    return f"unread:{type_}"


def study(name: str) -> str:
    """The name of one study, whatever it reads."""
    return f"study:{name}"


def stands(name: str) -> str:
    """The name of one study, of which the patient has a ResearchSubject."""
    return f"stands:{name}"


def touched_by(record: PatientRecord) -> Mapping[str, frozenset[str]]:
    """What each resource of a record touches; resources that touch nothing are left out."""
    found: dict[str, set[str]] = {record.subject: {PATIENT}}

    def note(sources: Iterable[Source], name: str) -> None:
        for source in sources:
            found.setdefault(source.resource, set()).add(name)

    for facts in (record.observations, record.conditions, record.exposures, record.allergies):
        for value_set, held in facts.items():
            note((fact.source for fact in held), value_set)
    for code, said in record.attestations.items():
        note((fact.source for fact in said), attestation(code))
    note((fact.source for fact in record.consents), CONSENT)
    for entry in record.unmapped:
        found.setdefault(entry.resource, set()).add(unmapped(entry.type))
    for issue in record.issues:
        found.setdefault(issue.resource, set()).add(unread(issue.resource.partition("/")[0]))
    return {resource: frozenset(names) for resource, names in found.items()}
