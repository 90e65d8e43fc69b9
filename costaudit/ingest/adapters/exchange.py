"""Recorded HTTP exchanges: a request body with the response body or stream that answered it.

What home-made logging, test cassettes and proxies write: `{"request": …, "response": …}` with, if
known, `host`, `path`, `status`, `date`. OpenAI, Anthropic and all OpenAI-like hosts are read. The
response decides what was billed, the request tells what was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from costaudit.ingest.adapters import beside
from costaudit.ingest.adapters.cohere import is_cohere
from costaudit.ingest.adapters.hosts import Served, served
from costaudit.ingest.adapters.ollama import is_ollama
from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.response_body import calls_from_body, error_call, fold_events
from costaudit.ingest.fields import first, flag, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.schema import Call, Quality

BY_SHAPE: Final = (None, "anthropic", "cohere")
"""Providers that the shape of a body gives: the one that a host name tells is better."""

EVENTS: Final = ("_sse_events", "_ndjson")
"""Keys under which a recorded stream is kept, event by event."""

COUNTS: Final = ('"usage"', '"eval_count"', '"billed_units"')
"""What the text of a body that counts its tokens holds."""

PAIRS: Final = (("request", "response"), ("kwargs", "response"))
_BESIDE: Final = beside.names_of("user", "session", "user_tier", "tier_tag", "tags", "feature", "cost")
"""Names of flat records that may stand beside a pair."""
TRANSPORT: Final = ("host", "path", "url", "method", "status_code")


def is_exchange(record: Record) -> bool:
    """True for a request and response pair that looks like an API call, whatever the API."""
    pair = _pair(record)
    if pair is None:
        return False
    request, response = _unwrapped(pair[0]), _unwrapped(pair[1])
    if _looks_like_a_body(response):
        return True
    if any(name in record for name in ("input_tokens", "prompt_tokens", "usage")):
        return False  # a flat record that keeps its texts beside its own counts
    if any(name in record for name in TRANSPORT):
        return True
    return isinstance(request, Mapping) and _asks_a_model(request)


def calls_from_exchange(record: Record) -> list[Call]:
    """The calls of one exchange: usually one, none for an exchange that ran no model.

    Raises Skip for a body of an unknown API and for impossible usage.
    """
    pair = _pair(record)
    if pair is None:
        raise Skip("unrecognised", "no request and response")
    request, response = mapping(_unwrapped(pair[0])), pair[1]
    status = _status(record, response)
    place = place_of(record)
    provider = place.provider
    body = _body(_unwrapped(response))
    calls = _answer(record, request, body, status, provider)
    for call in calls:
        _complete(call, record, request, place)
        beside.fill(call, {name: record[name] for name in record.keys() & _BESIDE})
        if provider is not None and call.provider in BY_SHAPE:
            call.provider = provider
        if provider == "openrouter":
            call.gateway = "openrouter"
    return calls


def _answer(
    record: Record,
    request: Mapping[str, Any],
    body: Mapping[str, Any] | None,
    status: int | None,
    provider: str | None,
) -> list[Call]:
    """The calls that the response tells of, before the request is looked at."""
    failed = record.get("error") or (status is not None and status >= 400)
    if failed and not (body or {}).get("usage"):
        return [error_call(body if body and body.get("error") else record, status)]
    if body is not None:
        calls = calls_from_body(body, provider)
        if calls is not None:
            return calls
        raise Skip("unrecognised", "response has no known shape")
    if _asks_a_model(request):  # the answer was not kept: a call, but nothing to count
        return [Call(quality=Quality.NONE.value)]
    raise Skip("unrecognised", f"response is a {type(record.get('response')).__name__}")


def _complete(call: Call, record: Record, request: Mapping[str, Any], place: Served) -> None:
    """What the request and the record around both add to a call."""
    system, feature = call.system, call.feature
    set_request(call, request)
    call.system, call.feature = call.system or system, call.feature or feature
    call.model_requested = call.model_requested or place.model
    call.region = call.region or place.region
    if call.model is None:
        call.model = call.model_requested or model_name(request.get("model"))
    stated = timestamp_us(first(record, "timestamp", "ts", "start_time", "startTime"))
    call.ts = stated or call.ts or timestamp_us(first(record, "date", "created_at", "time"))
    latency = first(record, "latency_ms", "duration_ms", "server_ms", "elapsed_ms")
    call.latency_ms = _milliseconds(latency)
    stream = flag(record.get("stream"))
    call.stream = stream if call.stream is None else call.stream
    metadata = mapping(record.get("metadata"))
    call.feature = call.feature or text(record.get("feature")) or text(metadata.get("feature"))
    call.user = call.user or text(record.get("user"))
    call.session = call.session or text(record.get("session_id"))


def _pair(record: Record) -> tuple[Any, Any] | None:
    for asked, answered in PAIRS:
        if asked in record and answered in record:
            request, response = record[asked], record[answered]
            if request is None or isinstance(request, (Mapping, str)):
                return request, response
    return None


def _unwrapped(value: Any) -> Any:
    """A body out of an HTTP envelope (`headers`, `body`), anything else as it is."""
    if isinstance(value, Mapping) and ("headers" in value or "method" in value or "status_code" in value):
        return first(value, "body", "content")
    return value


def _body(response: Any) -> Mapping[str, Any] | None:
    """The response as one body: streams are folded, text is decoded; None when there is none."""
    if isinstance(response, Mapping):
        events = next((response[key] for key in EVENTS if isinstance(response.get(key), list)), None)
        return response if events is None else fold_events(events)
    if isinstance(response, list):
        return fold_events(response)
    if isinstance(response, str):
        is_stream = "data:" in response[:500] or "}\n{" in response
        return fold_events(_events_in(response)) if is_stream else mapping(response) or None
    return None


def _events_in(stream: str) -> Iterator[Any]:
    """The JSON events in the text of a stream: server-sent events, or a line for each."""
    for line in stream.splitlines():
        if line.startswith(("data:", "{")):
            try:
                yield json.loads(line.removeprefix("data:"))
            except (ValueError, RecursionError):  # [DONE], or a stream that was cut
                continue


def _status(record: Record, response: Any) -> int | None:
    inner = response if isinstance(response, Mapping) else {}
    for value in (record.get("status"), record.get("status_code"), inner.get("status_code")):
        if type(value) is int:
            return value
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 3:
            return int(value)
    return None


def place_of(record: Record) -> Served:
    """Who served an exchange and where: by its host and path, stated or out of a URL."""
    host, path = text(record.get("host")), text(record.get("path"))
    url = text(record.get("url")) or text(mapping(record.get("request")).get("url"))
    return served(url if host is None else host, path)


def _milliseconds(value: Any) -> int | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e12:
        return None
    return round(value)


def _looks_like_a_body(response: Any) -> bool:
    """True for a body or a stream, decoded or as text, that some API may have sent."""
    if isinstance(response, str):
        return response.startswith(("data:", "event:")) or (
            response[:1] == "{" and any(name in response for name in COUNTS)
        )
    if isinstance(response, list):
        return fold_events(response[:3]) is not None
    return isinstance(response, Mapping) and (
        isinstance(response.get("usage"), Mapping)
        or any(isinstance(response.get(key), list) for key in EVENTS)
        or isinstance(response.get("object"), str)
        or isinstance(response.get("error"), Mapping)
        or is_cohere(response)
        or is_ollama(response)
    )


def _asks_a_model(request: Mapping[str, Any]) -> bool:
    return "model" in request and any(name in request for name in ("messages", "input", "prompt"))


ADAPTER: Final = Adapter(
    name="http-exchange",
    title="recorded exchanges: request and response bodies, or streams, of OpenAI-like and Anthropic APIs",
    matches=is_exchange,
    calls=calls_from_exchange,
    needs=("request", "response"),
)
