"""The routes that only read: definitional resources, the CapabilityStatement, health, metrics, and the page at `/`."""

from collections.abc import Awaitable, Callable
from html import escape
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from adapter.fhir.elements import Json
from adapter.service.definitions import PARAMETERS, READ, SEARCHED, searched
from adapter.service.errors import NotFoundError
from adapter.service.hook import METRICS_TYPE, metrics_text, readiness
from adapter.service.http import JSON, RETRY_AFTER, fhir_answer, json_response
from adapter.service.openapi import landing_route, metadata, metrics_route, read, search, smart_configuration
from adapter.service.settings import Settings
from adapter.service.state import State, own_address, state_of

_NOT_KEPT = {"Cache-Control": "no-store", "Vary": "Accept"}
_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", **_NOT_KEPT}
_HELLO = "fhir-trial-adapter: which clinical trials a patient may take part in. Ask for text/html to read more.\n"
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2733 }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .3rem .8rem .3rem 0 }
th, td { border-bottom: 1px solid #d5dce3; vertical-align: top }
pre { background: #f2f5f8; padding: .8rem 1rem; overflow-x: auto } code { font-size: .9em }
"""


def add_definitions(app: FastAPI) -> None:
    """Add a route for each type and interaction, so that what there is can be seen from the routes."""

    @app.get("/fhir/metadata", **metadata())
    async def capabilities(request: Request) -> Response:
        return fhir_answer(request, state_of(request).capabilities)

    @app.get("/fhir/.well-known/smart-configuration", **smart_configuration())
    async def smart(request: Request) -> Response:
        return json_response(smart_answer(state_of(request).settings), JSON)

    for type_ in SEARCHED:
        app.add_api_route(f"/fhir/{type_}", _searching(type_), methods=["GET"], **search(type_))
    for type_ in READ:
        app.add_api_route(f"/fhir/{type_}/{{id}}", _reading(type_), methods=["GET"], **read(type_))


def smart_answer(settings: Settings) -> Json:
    """Where apps get tokens for this server (SMART App Launch 2, conformance). Raises NotFoundError if it isn't said.

    What the identity provider can do beside that, its own configuration says.
    """
    if settings.smart_token_url is None or settings.jwks_url is None:
        msg = "where SMART apps get tokens is not said here (TRIAL_ADAPTER_SMART_TOKEN_URL)"
        raise NotFoundError(msg)
    authorize = settings.smart_authorize_url
    said = {"issuer": settings.jwt_issuer, "jwks_uri": settings.jwks_url, "authorization_endpoint": authorize}
    return {
        **{name: value for name, value in said.items() if value is not None},
        "token_endpoint": settings.smart_token_url,
        "grant_types_supported": [*(["authorization_code"] if authorize else []), "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["patient/*.rs", "user/*.rs", "system/*.rs", "system/*.cud"],
        "capabilities": ["permission-patient", "permission-user", "permission-v1", "permission-v2"],
    }


def _searching(type_: str) -> Callable[[Request], Awaitable[Response]]:
    async def search_type(request: Request) -> Response:
        resources = (await state_of(request).definitions.of_type(type_)).values()
        base = f"{own_address(request)}/fhir"
        return fhir_answer(request, searched(resources, request.query_params.multi_items(), base, type_))

    return search_type


def _reading(type_: str) -> Callable[[Request], Awaitable[Response]]:
    async def read_resource(request: Request) -> Response:
        name = request.path_params["id"]
        found = (await state_of(request).definitions.of_type(type_)).get(name)
        if found is None:
            msg = f"no {type_} {name[:64]!r} here"
            raise NotFoundError(msg)
        return fhir_answer(request, found)

    return read_resource


def add_health(app: FastAPI) -> None:
    """Routes for whatever watches the process."""

    @app.get("/health/live", tags=["health"], summary="Whether the process answers; needs no token")
    async def live(_: Request) -> Response:
        return json_response({"status": "ok"}, JSON)

    @app.get("/health/ready", tags=["health"], summary="What is loaded, and whether it can work")
    async def ready(request: Request) -> Response:
        state = state_of(request)
        setup = state.policies.setup(None)
        works, webhook = True, dict[str, Any]()
        if state.hook is not None:
            works, webhook = await readiness(state.hook.context)
        content = {
            "status": "ok" if works else "failed",
            **webhook,
            "trials": len(setup.definitions),
            "policy": {"id": setup.policy.id, "hash": setup.policy.hash},
            "terminology": {"hash": setup.terminology.hash},
        }
        answer = json_response(content, JSON, status=200 if works else 503)
        if not works:
            answer.headers["Retry-After"] = RETRY_AFTER
        return answer

    @app.get("/metrics", **metrics_route(METRICS_TYPE))
    async def metrics(request: Request) -> Response:
        hook = state_of(request).hook
        text = await metrics_text(hook.context) if hook is not None else b""
        return Response(text, headers={"Content-Type": METRICS_TYPE})


def add_landing(app: FastAPI) -> None:
    """The page's route; who doesn't ask for HTML gets a line of text, as of mCODE's trial matching services."""

    @app.get("/", **landing_route())
    async def landing(request: Request) -> Response:
        if "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse(_HELLO, headers=_NOT_KEPT)
        base = f"{own_address(request)}/fhir"
        return HTMLResponse(page(state_of(request), base), headers=_HEADERS)


def page(state: State, base: str) -> str:
    """The page, for a service that stands at `base`."""
    address = escape(base)
    token = ' \\\n  -H "Authorization: Bearer $TOKEN"' if state.settings.asks_who_calls else ""
    study = state.policies.definitions[0].id if state.policies.definitions else "ID"
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>fhir-trial-adapter</title><style>{_STYLE}</style></head>
<body><main>
<h1>fhir-trial-adapter</h1>
<p>Evaluates patients against the eligibility criteria of clinical trials, with a reason for every criterion.
FHIR R4 (JSON) at <code>{address}</code>. Missing data is never a negative finding; people decide who takes part.</p>
<h2>Trials</h2>
<table>
<tr><th scope="col">id</th><th scope="col">title</th><th scope="col">registry status</th>
<th scope="col">published criteria</th></tr>
{_trials(state)}
</table>
<h2>Evaluate a patient</h2>
<p>Send the patient's record, a Bundle with one Patient. The answer holds a ResearchSubject and a GuidanceResponse for
each study. A study's own address asks for that one; without <code>study</code>, all are evaluated.</p>
<pre tabindex="0">curl -H 'Content-Type: application/fhir+json'{token} \\
  --data-binary @patient.json '{address}/ResearchStudy/{escape(study)}/$evaluate?_pretty=true'</pre>
{_by_reference(state, address, token)}
<p>Or as Parameters, with <code>subject</code>, <code>study</code>, <code>data</code>, <code>asOf</code>,
<code>detail</code>, <code>recruiting</code> and <code>policy</code> ({_policies(state)}); see
<a href="{address}/OperationDefinition/ResearchStudy-evaluate">the OperationDefinition</a>.</p>
<h2>Read what stands behind it</h2>
<pre tabindex="0">curl{token} '{address}/ResearchStudy/{escape(study)}'</pre>
<p>Read: {", ".join(READ)}. Search {", ".join(SEARCHED)} by {", ".join(f"<code>{name}</code>" for name in PARAMETERS)}.
</p>
<ul>
<li><a href="{address}/metadata">{address}/metadata</a>: what this server can do (CapabilityStatement)</li>
<li><a href="openapi.json">openapi.json</a>: the same for other tools (OpenAPI)</li>
<li><a href="health/live">health/live</a>, <a href="health/ready">health/ready</a>: for whatever watches it</li>
</ul>
</main></body>
</html>
"""


def _trials(state: State) -> str:
    return "\n".join(
        f"<tr><td><code>{escape(each.id)}</code></td><td>{escape(each.study.title)}</td>"
        f"<td>{escape(each.study.status.value)}</td><td>{escape(each.completeness.value)}</td></tr>"
        for each in state.policies.definitions
    )


def _by_reference(state: State, address: str, token: str) -> str:
    """How to ask about a patient of the server, where there is one."""
    if state.settings.servers is None:
        return ""
    return f"""<p>A patient, or a Group, of the patients' server is named by reference:</p>
<pre tabindex="0">curl{token} \\
  '{address}/ResearchStudy/$evaluate?subject=Patient/ID&amp;detail=decision&amp;_pretty=true'</pre>"""


def _policies(state: State) -> str:
    names = (f"<code>{escape(name)}</code>" for name in sorted(state.policies.setups))
    return f"{', '.join(names)}; default <code>{escape(state.policies.default)}</code>"
