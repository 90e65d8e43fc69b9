"""The documented flat record: one object or row per call, as a team writes it itself.

This is the mapping of one record; `flat_columns` does the same for whole blocks. A test holds the two
to the same result.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar

from msgspec.structs import replace

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
    USAGE_TARGETS,
    FieldKind,
)
from costaudit.ingest.adapters.flat_parts import parts_of
from costaudit.ingest.adapters.flat_unused import unused_in_record
from costaudit.ingest.adapters.hosts import served
from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.spelled import AROUND, USAGE, Spelled, spelled, spelled_in
from costaudit.ingest.asked import asked_with
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.meaning import includes
from costaudit.ingest.usage import count
from costaudit.schema import Call, Status
from costaudit.stated import Includes, Stated

_Value = TypeVar("_Value", int, str)

_Found = dict[str, list[Any]]
"""The values that a record states for each target, best first."""


class _Node:
    """A key on the way to known values."""

    def __init__(self) -> None:
        self.targets: list[tuple[str, int]] = []
        """What the value here may state, and the place of this name among those for it."""
        self.below: dict[str, _Node] = {}


def _tree() -> dict[str, _Node]:
    root = _Node()
    for field in FLAT_FIELDS:
        for rank, path in enumerate(field.paths):
            node = root
            for key in path:
                node = node.below.setdefault(key, _Node())
            node.targets.append((field.target, rank))
    return root.below


_TREE = _tree()


def _found(record: Record) -> _Found:
    """What a record states, of all the names that it may use."""
    found: dict[str, list[tuple[int, Any]]] = {}
    _gather(record, _TREE, found)
    for values in found.values():
        if len(values) > 1:
            values.sort(key=_rank_of)
    return {target: [value for _, value in values] for target, values in found.items()}


def _gather(record: Record, tree: Mapping[str, _Node], found: dict[str, list[tuple[int, Any]]]) -> None:
    for key in record.keys() & tree.keys():
        value = record[key]
        if value is None:
            continue
        node = tree[key]
        for target, rank in node.targets:
            found.setdefault(target, []).append((rank, value))
        if node.below and isinstance(value, Mapping):
            _gather(value, node.below, found)


_rank_of = operator.itemgetter(0)


def _get(found: _Found, target: str, absent: Any = None) -> Any:
    """The first value that is there; `absent` is a further value that means it is not."""
    return next((value for value in found.get(target, ()) if value != absent), None)


def _read(found: _Found, target: str, read: Callable[[Any], _Value | None]) -> _Value | None:
    """The first value that can be read."""
    for value in found.get(target, ()):
        known = read(value)
        if known is not None:
            return known
    return None


def _text(found: _Found, target: str) -> str | None:
    return _read(found, target, fields.text)


def matches(record: Record) -> bool:
    """True for a record with a model and a count, a time or another mark of a call."""
    if record.keys().isdisjoint(_MODEL_ROOTS) and not any(spelled(key) in _MODEL_WORDS for key in record):
        return False
    found = _found(record)
    if any(target in found for target in MODEL_TARGETS) and any(t in found for t in EVIDENCE_TARGETS):
        return True
    try:
        more = spelled_in(record, found)
    except Skip:
        return True  # told by `calls`
    if more is None:
        return False
    known = found.keys() | more.found.keys()
    return not known.isdisjoint(MODEL_TARGETS) and not known.isdisjoint((*USAGE_TARGETS, "cost"))


def states_usage(record: Record) -> bool:
    """Whether a record states a count of tokens or a cost."""
    return any(record.get(name) is not None for name in _USAGE_ROOTS)


_USAGE_ROOTS: Final = frozenset(
    path[0] for target in (*USAGE_TARGETS, "cost") for path in BY_TARGET[target].paths
)
_MODEL_ROOTS = {path[0] for target in MODEL_TARGETS for path in BY_TARGET[target].paths}
_MODEL_WORDS = frozenset({*MODEL_TARGETS, AROUND, USAGE})


def calls(record: Record) -> list[Call]:
    """The call that a flat record describes, or those that it lists with counts of their own."""
    parts = parts_of(record)
    return [_call_in(part) for part in parts] if parts else [_call_in(record)]


def _call_in(record: Record) -> Call:
    found = _found(record)
    more = spelled_in(record, found)
    if more is None:
        call = call_of(record)
    else:
        call = _call(record, {**found, **more.found})
        _mean(call, more)
    if call.stated is not None:
        call.stated.unused = _unused(record, more)
    return call


def _mean(call: Call, more: Spelled) -> None:
    """What the names of the counts say of their meaning."""
    if call.stated is None:
        return
    open_ = more.open and not more.beside and is_claude(call)
    if more.beside or open_:
        call.stated.includes = meaning_of(outside=True)
    elif more.named_beside and not call.stated.includes.cache:
        call.stated.includes = replace(call.stated.includes, cache_settled=True)
    if open_:
        call.stated.as_one, call.stated.total = True, None


def is_claude(call: Call) -> bool:
    """Whether the call is one of a model whose own API counts cached tokens beside the input."""
    names = (call.provider, call.model, call.model_requested)
    return any("claude" in name.lower() or name.lower() == "anthropic" for name in names if name)


def _unused(record: Record, more: Spelled | None) -> dict[str, Decimal] | None:
    """The numbers that nobody reads, by their paths; None where there is none."""
    unused = unused_in_record(record)
    if more is None:
        return unused
    return {path: n for path, n in (unused or {}).items() if path not in more.taken} | more.left or None


def call_of(record: Record, meaning: Includes | None = None) -> Call:
    """The call of a flat record; of what is settled in a meaning it is certain that its counts include it."""
    return _call(record, _found(record), meaning)


def _call(record: Record, found: _Found, meaning: Includes | None = None) -> Call:
    call = Call(
        ts=_read(found, "ts", fields.timestamp_us),
        parent_id=_text(found, "parent_id"),
        attempt=_integer(found, "attempt"),
        provider=_text(found, "provider"),
        gateway=_text(found, "gateway"),
        service_tier=_text(found, "service_tier"),
        region=_text(found, "region"),
        speed=_text(found, "speed"),
        feature=_text(found, "feature"),
        user=_text(found, "user"),
        session=_text(found, "session"),
        user_tier=_text(found, "user_tier"),
        tags=_tags(_get(found, "tags")),
        stream=fields.flag(_get(found, "stream")),
        latency_ms=_integer(found, "latency_ms"),
        reported_picousd=fields.picousd(_get(found, "cost")),
    )
    call.model_requested = _read(found, "model_requested", fields.name_of_model)
    call.model = _read(found, "model_served", fields.name_of_model) or call.model_requested
    call.provider, call.region = placed(call.provider, call.region, _text(found, "host"))
    if fields.flag(_get(found, "batch")):
        call.service_tier = "batch"
    _set_identity(call, found)
    _set_counts(call, found, meaning)
    _set_request(call, record, found)
    call.status, call.error_code = status_of(_get(found, "status", ""), _get(found, "error", ""))
    call.final = True if _text(found, "finish") else None
    tier = _integer(found, "tier_tag")
    call.tier_tag = tier if tier in (0, 1, 2, 3) else None
    return call


_SLASHES_OF_PLUGINS: Final = 2
"""Dify names providers by organisation, plugin and provider: `langgenius/openai/openai`."""


def placed(provider: str | None, region: str | None, host: str | None) -> tuple[str | None, str | None]:
    """Who served a call and where: a host that is known tells who stands behind an OpenAI client."""
    if provider is not None and provider.count("/") == _SLASHES_OF_PLUGINS:
        provider = provider.rpartition("/")[2]
    place = served(host)
    if place.provider is not None and (provider is None or provider.strip().lower() == "openai"):
        provider = place.provider
    return provider, region or place.region


def _integer(found: _Found, target: str) -> int | None:
    value = _get(found, target)
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 16:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value <= 2**31 - 1 else None


def _set_identity(call: Call, found: _Found) -> None:
    call.call_id = _text(found, "call_id")
    call.response_id = _text(found, "response_id")
    request_id = _text(found, "request_id")
    if call.response_id is None:
        call.response_id = request_id
    elif call.call_id is None:
        call.call_id = request_id


COUNTS: Final = tuple(f.target for f in FLAT_FIELDS if f.kind is FieldKind.COUNT)

WRITES_OF_ANY_AGE: Final = ("write_any", "write_outside")
READS: Final = ("cache_read", "cache_read_outside")
"""Targets for one count, the first that is stated counts. The second is under Anthropic's own name, and
carries Anthropic's meaning: cached tokens stand beside the input."""


def meaning_of(*, outside: bool) -> Includes:
    """What the counts of a flat record include, by whether cached tokens have Anthropic's names."""
    return includes("anthropic", "messages") if outside else includes(None, "flat")


def _set_counts(call: Call, found: _Found, meaning: Includes | None) -> None:
    n: dict[str, Any] = {target: count(_get(found, target), BY_TARGET[target].names[0]) for target in COUNTS}
    read, read_outside = (n.pop(name) for name in READS)
    written, written_outside = (n.pop(name) for name in WRITES_OF_ANY_AGE)
    outside = read_outside is not None or written_outside is not None
    written = written_outside if written is None else written
    prompt, completion = n.pop("prompt_tokens"), n.pop("completion_tokens")
    call.web_searches = n.pop("web_searches") or 0
    call.stated = Stated(
        **n,
        prompt=prompt,
        completion=completion,
        cache_read=read_outside if read is None else read,
        written=written if n["write_5m"] is None else None,
        includes=_over(meaning_of(outside=outside), meaning),
    )


def _over(default: Includes, certain: Includes | None) -> Includes:
    """A meaning of which a part may be certain."""
    if certain is None:
        return default
    return Includes(
        cache=certain.cache if certain.cache_settled else default.cache,
        reasoning=certain.reasoning if certain.reasoning_settled else default.reasoning,
        media=default.media,
        cache_settled=certain.cache_settled,
        reasoning_settled=certain.reasoning_settled,
    )


def _set_request(call: Call, record: Record, found: _Found) -> None:
    messages = fields.sequence(record.get("messages"))
    tools = fields.sequence(record.get("tools"))
    system = _text(found, "system")
    if messages is not None:
        set_request(call, {"messages": messages})
        if call.turns is not None:
            call.asked = asked_with({"tools": tools, "system": system}, messages)
    call.prompt = call.prompt or _text(found, "prompt")
    call.system = call.system or system
    if tools is not None:
        call.has_tools = bool(tools)
    shape = record.get("response_format")
    call.response_format = fields.text(shape.get("type") if isinstance(shape, Mapping) else shape)
    call.max_tokens = _integer(found, "max_tokens")


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
