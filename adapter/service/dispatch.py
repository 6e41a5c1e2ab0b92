"""From a request to its route: what FastAPI and Starlette would do in eight layers, in one.

FastAPI describes the routes (openapi.json) and runs the lifespan. A request of the service is a `Request` and the
parts of its path, and its answer is a whole `Response`: so none of what a framework has for forms, files,
dependencies and streams is needed around it. The event loop is what all workers wait for, so what it does for each
request is little.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import cast

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from adapter.errors import AdapterError
from adapter.service.access import Rule, caller_of, table
from adapter.service.errors import MalformedError, NotAllowedError, NotFoundError
from adapter.service.http import ENCODED, SentRequest, accepts_gzip, error_answer, gzipped, is_worth_gzip

Endpoint = Callable[..., Awaitable[Response]]


class Service(FastAPI):
    """An app whose only layers are those that were added to it, around the dispatch to its routes."""

    def build_middleware_stack(self) -> ASGIApp:
        """The layers, the last added outermost."""
        app: ASGIApp = Dispatch(self)
        for layer, args, kwargs in reversed(self.user_middleware):
            app = layer(app, *args, **kwargs)
        return app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        await self.middleware_stack(scope, receive, send)


@dataclass(frozen=True, slots=True)
class _Guarded:
    """A route, what it wants of callers, and whether it takes the parts of its path, in their order."""

    route: Route
    rule: Rule
    takes_parts: bool

    async def answer(self, request: Request) -> Response:
        """Its answer. Raises ForbiddenError where the caller may not have it, and what the route raises."""
        self.rule.check(caller_of(request))
        endpoint = cast("Endpoint", self.route.endpoint)
        return await endpoint(request, *(request.path_params.values() if self.takes_parts else ()))


class Dispatch:
    """The innermost layer: the route of a request, the gate before it, and errors as answers."""

    def __init__(self, app: FastAPI) -> None:
        """Take an app's routes. Raises KeyError for one that the access table doesn't list."""
        self._router = app.router
        self._fixed: dict[str, dict[str, _Guarded]] = {}
        self._patterns: list[tuple[Route, Mapping[str, _Guarded]]] = []
        rules = table().rules
        for route in app.routes:
            if not isinstance(route, Route):
                msg = f"a route of another kind: {route!r}"
                raise TypeError(msg)
            taken = len(signature(route.endpoint).parameters) - 1
            if taken not in {0, len(route.param_convertors)}:
                msg = f"{route.path} wants more than a request and the parts of its path"
                raise TypeError(msg)
            guarded = {
                method: _Guarded(route, rules["GET" if method == "HEAD" else method, route.path], takes_parts=taken > 0)
                for method in route.methods or ()
            }
            if route.param_convertors:
                self._patterns.append((route, guarded))
            else:
                self._fixed.setdefault(route.path, {}).update(guarded)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        try:
            response = await self._found(scope).answer(SentRequest(scope, receive))
        except AdapterError as error:
            response = error_answer(error)
        except HTTPException:
            response = error_answer(MalformedError("the request can't be read"))
        if is_worth_gzip(response.body) and ENCODED not in response.headers:
            response.headers.add_vary_header("Accept-Encoding")
            if accepts_gzip(scope["headers"]):
                response = await gzipped(response)
        await response(scope, receive, send)

    def _found(self, scope: Scope) -> _Guarded:
        """The route that is asked for. Raises NotFoundError, NotAllowedError."""
        root, path, method = scope.get("root_path", ""), scope["path"], scope["method"]
        if root and path.startswith(f"{root}/"):
            path = path[len(root) :]
        fixed = self._fixed.get(path, {})
        allowed = set(fixed)
        found, values = fixed.get(method), dict[str, str]()
        for route, guarded in () if found else self._patterns:
            match = route.path_regex.match(path)
            if match:
                allowed.update(guarded)
                found, values = guarded.get(method), match.groupdict()
                if found:
                    break
        if found is None:
            raise _missing(method, allowed)
        scope["path_params"], scope["route"] = values, found.route
        return found


def _missing(method: str, allowed: set[str]) -> AdapterError:
    if allowed:
        methods = ", ".join(sorted(allowed))
        msg = f"{method} is not possible here; use {methods}"
        return NotAllowedError(msg, methods)
    return NotFoundError("nothing stands at this address; / says what there is, /fhir/metadata says it for programs")
