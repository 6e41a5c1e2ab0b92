"""Content negotiation (FHIR R4, http.html): which JSON the caller wants, and whether the body is JSON at all."""

from adapter.service.errors import MalformedError, NotAcceptableError, UnsupportedMediaError

FHIR_JSON = "application/fhir+json"
JSON = "application/json"
HL7V2 = "application/hl7-v2"
_FORMATS = {"json": FHIR_JSON, FHIR_JSON: FHIR_JSON, JSON: JSON, "text/json": JSON}
_RANGES = {FHIR_JSON: FHIR_JSON, JSON: JSON, "text/json": JSON, "application/*": FHIR_JSON, "*/*": FHIR_JSON}
_VERSIONS = frozenset({None, "4.0", "4.0.1"})
_UTF_8 = frozenset({None, "utf-8", "utf8"})


def answer_type(accept: str | None, format_: str | None) -> str:
    """The media type to answer in: `_format` goes before the Accept header. Raises NotAcceptableError."""
    if format_ is not None:
        name, parameters = _parsed(format_)
        name = name.replace(" ", "+")  # a plus sign that a query has turned into a blank
        if name not in _FORMATS or parameters.get("fhirversion") not in _VERSIONS:
            msg = f"_format={format_!r} is not written here; ask for application/fhir+json (FHIR 4.0)"
            raise NotAcceptableError(msg)
        return _FORMATS[name]
    if accept is None or not accept.strip():
        return FHIR_JSON
    wanted = sorted((_wanted(part) for part in accept.split(",")), key=lambda each: -each[0])
    for quality, known in wanted:
        if quality > 0 and known is not None:
            return known
    msg = "only FHIR R4 JSON is written here; send Accept: application/fhir+json"
    raise NotAcceptableError(msg)


def check_content_type(content_type: str | None) -> None:
    """Raises UnsupportedMediaError unless the body is said to be JSON, MalformedError if it isn't said to be UTF-8."""
    name, parameters = _parsed(content_type or "")
    if name not in {FHIR_JSON, JSON, "text/json"} or parameters.get("fhirversion") not in _VERSIONS:
        msg = "the body must be FHIR R4 JSON; send Content-Type: application/fhir+json"
        raise UnsupportedMediaError(msg)
    if parameters.get("charset") not in _UTF_8:
        msg = "FHIR JSON is UTF-8; encode the body so and leave charset out of Content-Type"
        raise MalformedError(msg)


def _wanted(media_range: str) -> tuple[float, str | None]:
    """The quality of a media range, and the type that answers it."""
    name, parameters = _parsed(media_range)
    try:
        quality = float(parameters.get("q") or "1")
    except ValueError:
        quality = 0.0
    known = _RANGES.get(name) if parameters.get("fhirversion") in _VERSIONS else None
    return quality, known


def _parsed(text: str) -> tuple[str, dict[str, str | None]]:
    name, *rest = text.lower().split(";")
    pairs = (part.partition("=") for part in rest)
    return name.strip(), {key.strip(): value.strip().strip('"') for key, _, value in pairs}
