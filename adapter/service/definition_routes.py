"""The routes that read and search definitional resources, and the CapabilityStatement."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from adapter.service.answers import fhir_answer
from adapter.service.definitions import READ, SEARCHED
from adapter.service.errors import NotFoundError
from adapter.service.openapi import metadata, read, search
from adapter.service.search import searched
from adapter.service.state import state_of


def add_definitions(app: FastAPI) -> None:
    """Add a route for each type and interaction, so that what there is can be seen from the routes."""

    @app.get("/fhir/metadata", **metadata())
    async def capabilities(request: Request) -> Response:
        return fhir_answer(request, state_of(request).capabilities)

    for type_ in SEARCHED:
        app.add_api_route(f"/fhir/{type_}", _searching(type_), methods=["GET"], **search(type_))
    for type_ in READ:
        app.add_api_route(f"/fhir/{type_}/{{id}}", _reading(type_), methods=["GET"], **read(type_))


def _searching(type_: str) -> Callable[[Request], Awaitable[Response]]:
    async def search_type(request: Request) -> Response:
        resources = state_of(request).definitions[type_].values()
        base = str(request.url_for("capabilities")).removesuffix("/metadata")
        return fhir_answer(request, searched(resources, request.query_params.multi_items(), base, type_))

    return search_type


def _reading(type_: str) -> Callable[[Request], Awaitable[Response]]:
    async def read_resource(request: Request) -> Response:
        name = request.path_params["id"]
        found = state_of(request).definitions[type_].get(name)
        if found is None:
            msg = f"no {type_} {name[:64]!r} here"
            raise NotFoundError(msg)
        return fhir_answer(request, found)

    return read_resource
