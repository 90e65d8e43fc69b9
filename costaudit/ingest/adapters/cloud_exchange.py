"""Recorded exchanges with Google and Bedrock in their own shapes: a request with the response to it.

The same record as of `http-exchange`, for bodies that are not OpenAI's or Anthropic's. Also the result
lines of Gemini's and Vertex AI's batch jobs, whose tier is `batch`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters import bedrock, gemini
from costaudit.ingest.adapters.exchange import place_of
from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.row_facts import set_labels
from costaudit.ingest.adapters.row_values import milliseconds
from costaudit.ingest.fields import first, mapping, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.schema import Call

BATCH_MARKS: Final = ("processed_time", "key")
"""Fields of the result lines of Vertex AI's and of Gemini's batch jobs."""


def is_cloud_exchange(record: Record) -> bool:
    """True for a request with a response of Google's or Bedrock's own shape."""
    if "response" not in record or not ("request" in record or "key" in record):
        return False
    return _body(record["response"]) is not None


def calls_from_cloud_exchange(record: Record) -> list[Call]:
    """The calls of one exchange. Raises Skip for impossible usage."""
    body = _body(record.get("response"))
    if body is None:
        return []
    request = mapping(_unwrapped(record.get("request")))
    if gemini.is_generate(body):
        calls = gemini.calls_from_generate(body)
    elif gemini.is_interaction(body):
        calls = gemini.calls_from_interaction(body)
    else:
        calls = bedrock.calls_from_body(body)
    for call in calls:
        _set_request(call, request)
        _complete(call, record)
    return calls


def _set_request(call: Call, request: Mapping[str, Any]) -> None:
    if call.provider == "bedrock":
        bedrock.set_converse_request(call, request)
    elif "contents" in request:
        gemini.set_generate_request(call, request)
    else:  # an interaction's request has OpenAI's field names
        config = mapping(request.get("generation_config"))
        set_request(call, {"max_tokens": config.get("max_output_tokens"), **request})


def _complete(call: Call, record: Record) -> None:
    """Place, time and latency, which stand beside the two bodies."""
    place = place_of(record)
    call.model_requested = (bedrock.model_id(place.model) if place.model else None) or call.model_requested
    call.model = call.model or call.model_requested
    call.provider = place.provider or call.provider
    call.region = place.region or call.region
    stated = timestamp_us(first(record, "timestamp", "ts", "start_time", "startTime"))
    call.ts = stated or call.ts or timestamp_us(first(record, "date", "created_at", "processed_time"))
    latency = first(record, "latency_ms", "duration_ms", "bedrock_latency_ms", "server_ms", "elapsed_ms")
    call.latency_ms = milliseconds(latency) or call.latency_ms
    set_labels(call, record)
    if any(mark in record for mark in BATCH_MARKS) and not (record.get("host") or record.get("url")):
        call.service_tier = "batch"
        call.call_id = text(record.get("key"))


def _body(response: Any) -> Mapping[str, Any] | None:
    """The response's body if it is one of those read here, streams folded; else None."""
    value = _unwrapped(response)
    if isinstance(value, str):
        value = mapping(value)
    events = value.get("_sse_events") if isinstance(value, Mapping) else value
    if isinstance(events, list):
        return gemini.fold_chunks(events)
    known = isinstance(value, Mapping) and (
        gemini.is_generate(value) or gemini.is_interaction(value) or bedrock.is_body(value)
    )
    return value if known else None


def _unwrapped(value: Any) -> Any:
    """A body out of an HTTP envelope, anything else as it is."""
    if isinstance(value, Mapping) and ("headers" in value or "status_code" in value):
        return first(value, "body", "content")
    return value


ADAPTER: Final = Adapter(
    name="cloud-exchange",
    title="recorded exchanges: requests and responses of Gemini, Vertex AI and Bedrock, also batch results",
    matches=is_cloud_exchange,
    calls=calls_from_cloud_exchange,
    needs=("request", "response"),
)
