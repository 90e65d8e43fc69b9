"""What a log states beside a provider's body: its time, its model, who asked and how long it took.

A home-made log writes `{"timestamp": …, "user": …, "latency_ms": …, **response}`. The names are those of flat
records. The body comes first: only what it leaves open is taken from beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from costaudit.ingest.adapters import (
    anthropic_messages,
    cohere,
    flat,
    ollama,
    openai_chat,
    openai_responses,
)
from costaudit.ingest.adapters.flat_fields import BY_TARGET
from costaudit.ingest.fields import text
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.when import stated_time
from costaudit.schema import Call, Status

_TARGETS: Final = (
    "ts", "request_id", "call_id", "parent_id", "attempt", "provider", "gateway", "model_served",
    "model_requested", "status", "error", "service_tier", "batch", "region", "speed", "feature", "user",
    "session", "user_tier", "tier_tag", "tags", "messages", "prompt", "system", "tools", "response_format",
    "max_tokens", "stream", "latency_ms", "cost",
)  # fmt: skip
"""What of a flat record may stand beside a body: all but the counts, which are the body's own."""


def names_of(*targets: str) -> frozenset[str]:
    """The keys of a flat record under which some of what it says may stand."""
    return frozenset(path[0] for target in targets for path in BY_TARGET[target].paths) - {"usage"}


NAMES: Final = names_of(*_TARGETS)

_NO_NEWS: Final = frozenset({"id", "model", "created", "usage", "object", "error"})
"""Names that bodies have themselves: where there are no others, there is nothing beside the body."""

_FILLED: Final = (
    "ts", "parent_id", "attempt", "gateway", "model", "service_tier", "region", "speed", "feature", "user",
    "session", "user_tier", "tier_tag", "tags", "prompt", "system", "turns", "has_tools", "has_images",
    "response_format", "max_tokens", "stream", "latency_ms", "reported_picousd", "asked",
)  # fmt: skip

_BY_SHAPE: Final = frozenset({None, "anthropic", "cohere"})
"""Providers that a body's shape alone gives: one that is named beside it is better."""


def fill(call: Call, record: Record) -> Call:
    """Take what a call does not say itself from the names of flat records in some record.

    A time may have any of the usual names.
    """
    if call.ts is None:
        call.ts = stated_time(record)
    names = record.keys() & NAMES
    if names <= _NO_NEWS and (call.model is not None or "model" not in names):
        return call
    stated = {name: record[name] for name in names}
    if call.model is not None:  # the body's own
        stated.pop("model", None)
    facts = flat.call_of(stated)
    for name in _FILLED:
        if getattr(call, name) is None:
            setattr(call, name, getattr(facts, name))
    if call.model_requested is None and call.model != facts.model_requested:
        call.model_requested = facts.model_requested
    if facts.provider is not None and call.provider in _BY_SHAPE:
        call.provider = facts.provider
    _set_identity(call, facts, text(record.get("request_id")))
    if call.status == Status.OK and facts.status != Status.OK and "status" in stated:
        call.status, call.error_code = facts.status, facts.error_code
    return call


def _set_identity(call: Call, facts: Call, request_id: str | None) -> None:
    """The ids of the log beside the one of the provider."""
    if call.response_id is None:
        call.response_id = facts.response_id
    if call.call_id is None:
        call.call_id = facts.call_id or (request_id if request_id != call.response_id else None)


def with_facts(adapter: Adapter) -> Adapter:
    """A format of bodies that also takes what stands beside them."""
    return replace(adapter, calls=_and_facts(adapter.calls))


def _and_facts(read: Callable[[Record], list[Call]]) -> Callable[[Record], list[Call]]:
    def calls(record: Record) -> list[Call]:
        found = read(record)
        return [fill(call, record) for call in found]

    return calls


def _calls_from_chat(record: Record) -> list[Call]:
    """The calls of a chat body, by the meaning that counts have at the provider that is named beside it.

    OpenRouter's own bodies name who served them and count as OpenRouter does.
    """
    own = text(record.get("id"))
    served = None if own is not None and own.startswith("gen-") else text(record.get("provider"))
    return openai_chat.calls_from_chat(record, served)


BODIES: Final = tuple(
    with_facts(adapter)
    for adapter in (
        openai_responses.ADAPTER,
        anthropic_messages.ADAPTER,
        replace(openai_chat.ADAPTER, calls=_calls_from_chat),
        cohere.ADAPTER,
        ollama.ADAPTER,
    )
)
"""The formats of bodies that others are told by: before all that a body could be taken for."""
