"""Traces: what took how long, from one machine to the next, as OpenTelemetry spans; off unless a collector is named.

A span holds nothing of a patient (invariant 8): no id, no address, no parameter, no text of an error. Which attributes
there are is a closed table; a route is its template, a resource its type.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from adapter.errors import UsageError
from adapter.version import package_version

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import Tracer

ATTRIBUTES: Final = {
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
    "server": "server.address",
    "type": "fhir.type",
    "evaluated": "trial_adapter.studies.evaluated",
    "changed": "trial_adapter.verdicts.changed",
}
"""What a span may say, by our names: words of a closed list, hosts that the site configured, and counts."""

SERVICE: Final = "trial-adapter"
Kind = Literal["internal", "server", "client"]


@dataclass(slots=True)
class _Switch:
    """The tracer of this process, while there is one."""

    tracer: "Tracer | None" = None


_switch = _Switch()


@dataclass(frozen=True, slots=True)
class Span:
    """What is being timed; where traces are off, nothing."""

    _span: "OtelSpan | None" = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """What has the next machine go on with this trace (W3C Trace Context)."""

    @property
    def trace(self) -> str | None:
        """The trace's id, to find it by."""
        return None if self._span is None else f"{self._span.get_span_context().trace_id:032x}"

    def say(self, **attributes: str | int) -> None:
        """Add attributes. Raises KeyError for a name that is not in the table."""
        for name, value in attributes.items():
            known = ATTRIBUTES[name]
            if self._span is not None:
                self._span.set_attribute(known, value)

    def rename(self, name: str) -> None:
        """Call it otherwise, once that is known."""
        if self._span is not None:
            self._span.update_name(name)


_OFF = Span()
_NOTHING = nullcontext(_OFF)


def span(
    name: str, kind: Kind = "internal", come_from: Mapping[str, str] | None = None, **attributes: str | int
) -> AbstractContextManager[Span]:
    """Time a block. `come_from`: the headers of a request, which may name the trace that it belongs to.

    What the block raises is noted by its kind alone.
    """
    if _switch.tracer is None:
        _OFF.say(**attributes)
        return _NOTHING
    return _timed(_switch.tracer, name, kind, come_from, attributes)


@contextmanager
def _timed(
    tracer: "Tracer", name: str, kind: Kind, come_from: Mapping[str, str] | None, attributes: Mapping[str, str | int]
) -> Iterator[Span]:
    from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415  # an extra
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415  # as above

    propagator = TraceContextTextMapPropagator()
    parent = None if come_from is None else propagator.extract(come_from)
    with tracer.start_as_current_span(
        name, parent, SpanKind[kind.upper()], record_exception=False, set_status_on_exception=False
    ) as made:
        headers: dict[str, str] = {}
        propagator.inject(headers)
        found = Span(made, headers)
        found.say(**attributes)
        try:
            yield found
        except BaseException as error:
            made.set_attribute("error.type", type(error).__name__)
            made.set_status(Status(StatusCode.ERROR))
            raise


@contextmanager
def tracing(collector: str | None, exporter: "SpanExporter | None" = None) -> Iterator[None]:
    """Send spans to an OpenTelemetry collector (OTLP over HTTP) while the block runs; without one do nothing.

    What OpenTelemetry's own variables say (OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS) holds.
    `exporter`: another way out, at once, for tests. Raises UsageError where the extra `traces` is not installed.
    """
    if collector is None and exporter is None:
        yield
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  # an extra
        from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource  # noqa: PLC0415  # as above
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  # as above
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor  # noqa: PLC0415  # as above
    except ImportError:
        msg = "traces need the extra of that name: pip install 'fhir-trial-adapter[traces]'"
        raise UsageError(msg) from None
    said = Resource.create()
    name = said.attributes[SERVICE_NAME]
    ours = SERVICE if str(name).startswith("unknown_service") else name  # what OpenTelemetry calls who has no name
    provider = TracerProvider(resource=said.merge(Resource({SERVICE_NAME: ours, SERVICE_VERSION: package_version()})))
    if exporter is not None:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    else:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{collector}/v1/traces")))
    _switch.tracer = provider.get_tracer(SERVICE, package_version())
    try:
        yield
    finally:
        _switch.tracer = None
        provider.shutdown()
