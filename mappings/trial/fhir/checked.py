"""A resource checked by the R4B models, which keep the R4 elements of every resource that is written here.

What is returned is the resource as it was built: the models' own output turns decimals into floats.
"""

from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from adapter.errors import DefinitionError
from mappings.trial.fhir.json_text import Json


def checked(resource: Json) -> Json:
    """The resource. Raises DefinitionError with the element that the model refuses."""
    model = get_fhir_model_class(resource["resourceType"])
    try:
        model.model_validate(resource)
    except ValidationError as error:
        first: Any = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        msg = f"{resource['resourceType']}/{resource.get('id')}.{where}: {first['msg']}; correct the definition"
        raise DefinitionError(msg) from error
    return resource
