"""The documented flat record: one object or row per call, as a team writes it itself.

This is the mapping of one record; `flat_columns` does the same for whole blocks. A test holds the two
to the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from costaudit.ingest import fields
from costaudit.ingest.adapters.flat_fields import (
    BY_TARGET,
    CACHE_WORDS,
    CANCEL_WORDS,
    ERROR_WORDS,
    EVIDENCE_TARGETS,
    FLAT_FIELDS,
    MODEL_TARGETS,
    SUPERSEDED_WORDS,
    Path,
)
from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.usage import count, set_usage
from costaudit.schema import Call, Status

_PATHS: dict[str, tuple[Path, ...]] = {field.target: field.paths for field in FLAT_FIELDS}

_Value = TypeVar("_Value", int, str)


def _get(record: Record, target: str, absent: Any = None) -> Any:
    """The first value that is there; `absent` is a further value that means it is not."""
    for path in _PATHS[target]:
        value = record.get(path[0])
        for key in path[1:]:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None and value != absent:
            return value
    return None


def _read(record: Record, target: str, read: Callable[[Any], _Value | None]) -> _Value | None:
    """The first value that can be read."""
    for path in _PATHS[target]:
        value = record.get(path[0])
        for key in path[1:]:
            value = value.get(key) if isinstance(value, Mapping) else None
        found = read(value)
        if found is not None:
            return found
    return None


def _text(record: Record, target: str) -> str | None:
    return _read(record, target, fields.text)


def matches(record: Record) -> bool:
    """True for a record with a model and a count, a time or another mark of a call."""
    return any(_get(record, t) is not None for t in MODEL_TARGETS) and any(
        _get(record, t) is not None for t in EVIDENCE_TARGETS
    )


def calls(record: Record) -> list[Call]:
    """The one call that a flat record describes."""
    return [call_of(record)]


def call_of(
    record: Record, *, cache_inside: bool | None = None, reasoning_inside: bool | None = None
) -> Call:
    """The call of a flat record, of which it may be certain what its counts include (None: not certain)."""
    call = Call(
        ts=_read(record, "ts", fields.timestamp_us),
        parent_id=_text(record, "parent_id"),
        attempt=_integer(record, "attempt"),
        provider=_text(record, "provider"),
        gateway=_text(record, "gateway"),
        service_tier=_text(record, "service_tier"),
        region=_text(record, "region"),
        speed=_text(record, "speed"),
        feature=_text(record, "feature"),
        user=_text(record, "user"),
        session=_text(record, "session"),
        user_tier=_text(record, "user_tier"),
        tags=_tags(_get(record, "tags")),
        stream=fields.flag(_get(record, "stream")),
        latency_ms=_integer(record, "latency_ms"),
        reported_picousd=fields.picousd(_get(record, "cost")),
    )
    call.model_requested = _read(record, "model_requested", fields.model_name)
    call.model = _read(record, "model_served", fields.model_name) or call.model_requested
    if fields.flag(_get(record, "batch")):
        call.service_tier = "batch"
    _set_identity(call, record)
    _set_counts(call, record, cache_inside, reasoning_inside)
    _set_request(call, record)
    call.status, call.error_code = status_of(_get(record, "status", ""), _get(record, "error", ""))
    call.final = True if _text(record, "finish") else None
    tier = _integer(record, "tier_tag")
    call.tier_tag = tier if tier in (0, 1, 2, 3) else None
    return call


def _integer(record: Record, target: str) -> int | None:
    value = _get(record, target)
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 16:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value <= 2**31 - 1 else None


def _set_identity(call: Call, record: Record) -> None:
    call.call_id = _text(record, "call_id")
    call.response_id = _text(record, "response_id")
    request_id = _text(record, "request_id")
    if call.response_id is None:
        call.response_id = request_id
    elif call.call_id is None:
        call.call_id = request_id


def _set_counts(call: Call, record: Record, cache_inside: bool | None, reasoning_inside: bool | None) -> None:
    counts = {
        target: count(_get(record, target), BY_TARGET[target].names[0])
        for target in (
            "prompt_tokens",
            "completion_tokens",
            "cache_read",
            "cache_read_outside",
            "write_5m",
            "write_1h",
            "write_any",
            "write_outside",
            "reasoning",
            "total",
            "input_audio",
            "output_audio",
            "web_searches",
        )
    }
    # Anthropic's own field names carry Anthropic's meaning: cached tokens stand beside the input.
    outside = counts["cache_read_outside"] is not None or counts["write_outside"] is not None
    write_1h = counts["write_1h"]
    write_any = counts["write_any"] if counts["write_any"] is not None else counts["write_outside"]
    write_5m = counts["write_5m"]
    if write_5m is None and write_any is not None:
        write_5m = max(write_any - (write_1h or 0), 0)
    set_usage(
        call,
        prompt=counts["prompt_tokens"],
        completion=counts["completion_tokens"],
        cache_read=counts["cache_read"] if counts["cache_read"] is not None else counts["cache_read_outside"],
        write_5m=write_5m,
        write_1h=write_1h,
        reasoning=counts["reasoning"],
        total=counts["total"],
        input_audio=counts["input_audio"],
        output_audio=counts["output_audio"],
        cache_inside=not outside if cache_inside is None else cache_inside,
        reasoning_inside=reasoning_inside is not False,
        cache_settled=cache_inside is not None,
        reasoning_settled=reasoning_inside is not None,
    )
    call.web_searches = counts["web_searches"] or 0


def _set_request(call: Call, record: Record) -> None:
    messages = fields.sequence(record.get("messages"))
    if messages is not None:
        set_request(call, {"messages": messages})
    call.prompt = call.prompt or _text(record, "prompt")
    call.system = call.system or _text(record, "system")
    tools = fields.sequence(record.get("tools"))
    if tools is not None:
        call.has_tools = bool(tools)
    shape = record.get("response_format")
    call.response_format = fields.text(shape.get("type") if isinstance(shape, Mapping) else shape)
    call.max_tokens = _integer(record, "max_tokens")


def _tags(value: Any) -> str | None:
    if isinstance(value, (list, tuple)):
        return ",".join(v for v in value if isinstance(v, str)) or None
    if isinstance(value, Mapping):
        return ",".join(f"{k}:{v}" for k, v in value.items() if isinstance(v, (str, int, float))) or None
    return fields.text(value)


def status_of(status: Any, error: Any) -> tuple[str, str | None]:
    """What became of a call and its error code, from a status word or number and an error field.

    >>> status_of("ok", None), status_of(429, None), status_of(None, "timeout")
    (('ok', None), ('error', '429'), ('error', 'timeout'))
    """
    code = _error_code(error)
    word = (
        str(status).strip().lower() if isinstance(status, (str, int)) and not isinstance(status, bool) else ""
    )
    if word in CACHE_WORDS:
        return Status.CACHE_HIT.value, None
    if word in CANCEL_WORDS:
        return Status.CANCELLED.value, code
    if word in SUPERSEDED_WORDS:
        return Status.SUPERSEDED.value, code
    if word in ERROR_WORDS or (word.isdecimal() and 400 <= int(word[:4]) <= 599):
        return Status.ERROR.value, code or word
    return (Status.ERROR.value, code) if code else (Status.OK.value, None)


def _error_code(error: Any) -> str | None:
    if isinstance(error, Mapping):
        return fields.text(fields.first(error, "code", "type")) or ("error" if error else None)
    text = fields.text(error)
    return text[:64] if text and text.strip().lower() not in ("none", "null", "false") else None


ADAPTER = Adapter(
    name="flat",
    title="flat records: one object or row per call (docs/formats.md)",
    matches=matches,
    calls=calls,
    needs=("model", "input_tokens", "output_tokens"),
)
