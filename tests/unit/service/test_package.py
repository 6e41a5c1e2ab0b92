"""What the service serves of our definitions is what the package holds."""

from typing import Any

from adapter.fhir.publishing import conformance
from tests.unit.service.calls import Caller

Json = dict[str, Any]
OF_THE_SERVICE = {"date", "kind", "url", "instantiates", "implementation"}
"""What a CapabilityStatement of one service says beside what all such services can do."""


def test_structures(service: Caller) -> None:
    """Every profile and extension of the package can be read, as it stands there; no other is served."""
    held = conformance()["StructureDefinition"]
    assert dict(service.app.state.service.definitions.made()["StructureDefinition"]) == dict(held)
    for name, definition in held.items():
        assert service.get(f"/fhir/StructureDefinition/{name}").json() == definition


def test_codes_and_value_sets(service: Caller) -> None:
    """With the shipped trials, code systems and value sets are those of the package."""
    for type_ in ("CodeSystem", "ValueSet"):
        assert dict(service.app.state.service.definitions.made()[type_]).keys() == conformance()[type_].keys()
        for name, resource in conformance()[type_].items():
            assert service.get(f"/fhir/{type_}/{name}").json() == resource


def test_the_operation(service: Caller) -> None:
    """The OperationDefinition that is served is the packaged one."""
    name = "ResearchStudy-evaluate"
    packaged = conformance()["OperationDefinition"][name]
    assert service.get(f"/fhir/OperationDefinition/{name}").json() == packaged


def test_the_capabilities(service: Caller) -> None:
    """The CapabilityStatement that is served is the packaged one, but for what is this service's own."""
    served = service.get("/fhir/metadata").json()
    packaged = conformance()["CapabilityStatement"]["fhir-trial-adapter"]
    assert served["instantiates"] == [packaged["url"]]
    assert _of_all(served) == _of_all(packaged)


def test_supported_profiles(service: Caller) -> None:
    """Each profile that the CapabilityStatement names is served, and is of that type."""
    for resource in service.get("/fhir/metadata").json()["rest"][0]["resource"]:
        for url in resource.get("supportedProfile", ()):
            definition = service.get(f"/fhir/StructureDefinition/{url.rpartition('/')[2]}").json()
            assert (definition["url"], definition["type"]) == (url, resource["type"])


def _of_all(statement: Json) -> Json:
    return {name: value for name, value in statement.items() if name not in OF_THE_SERVICE}
