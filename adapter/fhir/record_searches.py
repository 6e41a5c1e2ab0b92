"""Which requests bring a patient's record: a plan made of what the asked studies read and what the server can do."""

from collections.abc import Iterable
from dataclasses import dataclass

from adapter.errors import RejectedError
from adapter.fhir.client.client import search_path
from adapter.fhir.client.resources import Capabilities

_REFERS = ("patient", "subject")
_NEED_MEDICATION = frozenset(
    {"MedicationAdministration", "MedicationDispense", "MedicationRequest", "MedicationStatement"}
)


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """Requests relative to the server's base. `searches` can go in one batch; with `everything` they are none."""

    searches: tuple[str, ...] = ()
    everything: tuple[str, ...] = ()


def record_plan(
    patients: Iterable[str], types: Iterable[str], capabilities: Capabilities, page_size: int
) -> RecordPlan:
    """The requests for all resources of some types of some patients (ids), the Patients among them.

    Whole types are asked for, not single codes: a code that no map knows must be seen to be listed. A type that the
    server doesn't have needs no request. One that can't be searched by patient is a case for Patient/$everything.
    Raises RejectedError where the server has neither.
    """
    ids = tuple(patients)
    wanted = [each for each in sorted(types) if each in capabilities.parameters]
    searched = [(each, _reference(each, capabilities)) for each in wanted]
    hidden = [type_ for type_, parameter in searched if parameter is None]
    count = str(page_size)
    if not hidden:
        names = ",".join(f"Patient/{each}" for each in ids)
        searches = [search_path("Patient", {"_id": ",".join(ids), "_count": count})]
        if capabilities.searches("Patient", "link"):
            searches.append(search_path("Patient", {"link": names, "_count": count}))
        searches += [
            search_path(type_, {str(parameter): ",".join(ids), "_count": count, **_included(type_, capabilities)})
            for type_, parameter in searched
        ]
        return RecordPlan(searches=tuple(searches))
    if not capabilities.does("Patient", "everything"):
        msg = f"the server can neither search {', '.join(hidden)} by patient nor does it have Patient/$everything"
        raise RejectedError(msg)
    asked = ["Patient", *wanted, *(["Medication"] if _NEED_MEDICATION.intersection(wanted) else [])]
    of = ",".join(asked)
    return RecordPlan(everything=tuple(f"Patient/{each}/$everything?_type={of}&_count={count}" for each in ids))


def _reference(type_: str, capabilities: Capabilities) -> str | None:
    return next((each for each in _REFERS if capabilities.searches(type_, each)), None)


def _included(type_: str, capabilities: Capabilities) -> dict[str, str]:
    """The Medications that a search can bring along."""
    name = f"{type_}:medication"
    known = capabilities.includes.get(type_, frozenset())
    return {"_include": name} if type_ in _NEED_MEDICATION and (name in known or "*" in known) else {}
