"""Bundle (FHIR R4, type collection): the answer of `$evaluate` and of `--format fhir`."""

from collections.abc import Iterable, Iterator

from adapter.evaluator.verdict import Verdict
from adapter.fhir.canonicals import BASE, conforms_to
from adapter.fhir.elements import Json, resource_id
from adapter.fhir.guidance_response import decision_only, failed_guidance, guidance_response
from adapter.fhir.outcomes import Failure, operation_outcome
from adapter.fhir.research_subject import research_subject


def verdict_bundle(
    verdicts: Iterable[Verdict], failures: Iterable[Failure] = (), *, base: str = BASE, whole: bool = True
) -> Json:
    """A ResearchSubject and a GuidanceResponse for each verdict.

    For each failure an OperationOutcome, and a GuidanceResponse for each study that says that it failed. `base`: the
    server on which the fullUrls stand; by default our own name, since the answer is on no server. Unless `whole` is
    asked for, guidance has the decision without the criteria.
    """
    resources = [
        resource
        for verdict in verdicts
        for resource in (research_subject(verdict), guidance_response(verdict) if whole else decision_only(verdict))
    ]
    resources += [resource for failure in failures for resource in _failed(failure)]
    made: Json = {"resourceType": "Bundle", "meta": conforms_to("answer"), "type": "collection"}
    if resources:
        made["entry"] = [
            {"fullUrl": f"{base}/{resource['resourceType']}/{resource['id']}", "resource": resource}
            for resource in resources
        ]
    return made


def _failed(failure: Failure) -> Iterator[Json]:
    yield {**operation_outcome([failure.issue]), "id": resource_id("OperationOutcome", failure.subject)}
    for study, version in failure.studies:
        yield failed_guidance(failure, study, version)
