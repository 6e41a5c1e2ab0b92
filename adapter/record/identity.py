"""Whether two Patients may be one person: the one rule for data that come from two sources."""

from adapter.record.resources import Patient


def same_birth(one: str | None, other: str | None) -> bool:
    """Whether two birth dates may be the same day; one that is not given, or only to the month, contradicts nothing."""
    first, second = one or "", other or ""
    length = min(len(first), len(second))
    return first[:length] == second[:length]


def contradiction(one: Patient, other: Patient) -> str | None:
    """What says that these are two people, in words without their values; None if nothing does."""
    if not same_birth(one.birthDate, other.birthDate):
        return "another birth date"
    mine, theirs = _by_system(one), _by_system(other)
    for system in sorted(mine.keys() & theirs.keys()):
        if mine[system].isdisjoint(theirs[system]):
            return f"another identifier of {system[:128]}"
    return None


def _by_system(patient: Patient) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in patient.identifier:
        if each.system and each.value:
            found.setdefault(each.system, set()).add(each.value)
    return found
