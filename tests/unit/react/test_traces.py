"""Traces: what took how long, and nothing of a patient."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from adapter.errors import UnreachableError
from adapter.screening.react.deliver import EventDelivery
from adapter.screening.react.worker import Worker
from adapter.screening.setup import Setup
from adapter.store import queue
from adapter.traces import ATTRIBUTES, span, tracing
from tests.unit.hook.service import app_of, calling
from tests.unit.react.hospital import Hospital, with_leukaemia
from tests.unit.react.test_sweep import sweep

pytestmark = pytest.mark.anyio
NAMED = {*ATTRIBUTES.values(), "error.type"}


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """What is sent to the collector."""
    exporter = InMemorySpanExporter()
    with tracing(None, exporter):
        yield exporter


def tree(found: tuple[ReadableSpan, ...]) -> set[tuple[str | None, str]]:
    """Each span's name with that of the one that it is a part of."""
    names = {each.context.span_id: each.name for each in found if each.context}
    return {(names.get(each.parent.span_id) if each.parent else None, each.name) for each in found}


async def work(hospital: Hospital) -> None:
    """Let a worker do what is due, as a running service does."""
    worker = Worker(hospital.context)
    while claims := await hospital.claim():
        for claim in claims:
            await worker._do(claim)  # noqa: SLF001  # without waiting for a moment to stop


async def test_an_evaluation_is_one_trace(hospital: Hospital, spans: InMemorySpanExporter) -> None:
    """With its parts, and the requests to FHIR servers in them."""
    hospital.put(*with_leukaemia("zebra-1"))
    await hospital.deliver()
    await work(hospital)
    found = spans.get_finished_spans()
    assert {
        (None, "claim"),
        ("claim", "fetch"),
        ("claim", "evaluate"),
        ("claim", "write"),
        ("claim", "remember"),
        ("fetch", "FHIR POST"),
        ("write", "FHIR PUT"),
    } <= tree(found)
    counted = next(each for each in found if each.name == "evaluate").attributes
    assert dict(counted or {}) == {"trial_adapter.studies.evaluated": 5, "trial_adapter.verdicts.changed": 5}
    asked = next(each for each in found if each.name == "FHIR PUT")
    assert asked.kind is SpanKind.CLIENT
    assert dict(asked.attributes or {}) == {
        "http.request.method": "PUT",
        "fhir.type": "ResearchSubject",
        "server.address": "hospital.example",
    }


async def test_nothing_of_a_patient_is_in_them(hospital: Hospital, spans: InMemorySpanExporter) -> None:
    """No id, no code, no value, no text of an error: whatever is done, and whatever goes wrong."""
    hospital.context.urls = ("https://receiver.example/zebra-url",)
    hospital.put(*with_leukaemia("zebra-1"))
    await hospital.deliver()
    await work(hospital)
    await sweep(hospital)

    def broken(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("zebra-1")  # noqa: EM101  # a test

    async with httpx.AsyncClient(transport=httpx.MockTransport(broken)) as http:
        await EventDelivery(hospital.context, http, "x" * 16)(None)  # type: ignore[arg-type]  # it needs no lease
    hospital.server.down = True
    await hospital.context.database.run(
        lambda c: queue.notify(c, {"Patient/zebra-1": frozenset({"x"})}, hospital.clock(), hospital.clock())
    )
    await work(hospital)
    found = spans.get_finished_spans()
    assert {"claim", "sweep", "event", "FHIR GET"} <= {each.name for each in found}
    for each in found:
        said = each.to_json()
        assert not [word for word in ("zebra", "Patient/", "I6", "senl") if word in said], said
        assert (each.attributes or {}).keys() <= NAMED
        assert not each.events
    assert ("claim", "fetch") in tree(found)
    failed = [each for each in found if each.status.status_code is StatusCode.ERROR]
    assert "ConnectError" in {(each.attributes or {})["error.type"] for each in failed}
    assert {each.status.description for each in failed} == {None}


async def test_the_next_machine_goes_on_with_the_trace(hospital: Hospital, spans: InMemorySpanExporter) -> None:
    """A request's trace is continued, and a FHIR server is told of it."""
    seen: list[str | None] = []
    given = f"00-{'a' * 32}-{'b' * 16}-01"

    async def asked(request: httpx.Request) -> None:  # as httpx calls it
        seen.append(request.headers.get("traceparent"))

    hospital.context.record._http.event_hooks["request"].append(asked)  # noqa: SLF001  # what is sent
    with span("GET", "server", come_from={"traceparent": given}) as timed:
        await hospital.context.record.search("Patient", {})
        assert timed.trace == "a" * 32
    assert seen
    assert all(str(each).startswith(f"00-{'a' * 32}-") for each in seen)
    assert {each.context.trace_id for each in spans.get_finished_spans() if each.context} == {int("a" * 32, 16)}


async def test_without_a_collector_nothing_is_timed(hospital: Hospital) -> None:
    """Nor is anything sent along."""
    seen: list[httpx.Headers] = []

    async def asked(request: httpx.Request) -> None:  # as httpx calls it
        seen.append(request.headers)

    hospital.context.record._http.event_hooks["request"].append(asked)  # noqa: SLF001  # what is sent
    with span("GET", "server", come_from={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}) as timed:
        await hospital.context.record.search("Patient", {})
        assert (timed.trace, dict(timed.headers)) == (None, {})
    assert seen
    assert not any("traceparent" in each for each in seen)


async def test_a_request_is_named_by_its_route(
    strict: Setup, tmp_path: Path, spans: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """Never by its address; the log names the trace."""
    app = app_of(strict, tmp_path)
    given = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    with caplog.at_level("INFO", logger="adapter.service.middleware"):
        async with calling(app) as client:
            await client.put("/hook/Condition/zebra-c", content=b"{}", headers=given)
            await client.get("/health/live", headers=given)
            await client.request("zebra", "/zebra", headers=given)
    served = [each for each in spans.get_finished_spans() if each.kind is SpanKind.SERVER]
    assert {each.name for each in served} == {"PUT /hook/{type}/{id}", "_OTHER -"}
    assert "zebra" not in "".join(each.to_json() for each in served)
    fields = [record.fields for record in caplog.records if hasattr(record, "fields")]
    assert [each.get("trace") for each in fields] == ["a" * 32, None, "a" * 32]


@pytest.mark.usefixtures("spans")
def test_what_a_span_may_say_is_a_closed_list() -> None:
    """An attribute that nobody has thought about is refused, also where traces are off."""
    with pytest.raises(KeyError, match="patient"), span("x", patient="p1"):
        pass


def test_a_failure_is_noted_by_its_kind(spans: InMemorySpanExporter) -> None:
    """And goes on."""
    with pytest.raises(UnreachableError), span("x"):
        raise UnreachableError("Patient/p1")  # noqa: EM101  # a test
    (found,) = spans.get_finished_spans()
    assert dict(found.attributes or {}) == {"error.type": "UnreachableError"}
    assert "p1" not in found.to_json()
