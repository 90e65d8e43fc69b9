"""Lunary: runs, as its API and exports give them.

Runs of type `llm` are calls, and their `name` is the model. Agents, tools, chains, threads and messages hold
such or none. `tokens` has the two sides as the SDK took them from the answer, without a split of the input.
"""

from __future__ import annotations

from typing import Final

from costaudit.ingest.adapters.row_facts import set_labels, set_usd, without_split
from costaudit.ingest.adapters.row_values import elapsed_ms, integer, items, short_code
from costaudit.ingest.fields import mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.usage import count
from costaudit.schema import Call, Quality, Status
from costaudit.stated import Stated

_TYPES: Final = frozenset({
    "llm", "agent", "tool", "chain", "retriever", "embed", "thread", "chat", "convo", "message",
    "custom-event",
})  # fmt: skip
_MARKS: Final = frozenset({"projectId", "tokens", "createdAt", "feedback", "parentRunId", "duration"})
_FEWEST: Final = 3


def is_lunary(record: Record) -> bool:
    """True for a run of any type."""
    kind = record.get("type")
    return isinstance(kind, str) and kind in _TYPES and len(_MARKS & record.keys()) >= _FEWEST


def calls_from_lunary(record: Record) -> list[Call]:
    """The call of a run of a model. Raises Skip for impossible usage."""
    if record.get("type") != "llm":
        return []
    tokens, user = mapping(record.get("tokens")), mapping(record.get("user"))
    call = Call(
        ts=timestamp_us(record.get("createdAt")),
        call_id=text(record.get("id")),
        model=model_name(record.get("name")),
        user=text(user.get("externalId")) or text(user.get("id")),
        tags=",".join(tag for tag in items(record.get("tags")) if isinstance(tag, str) and tag) or None,
        latency_ms=integer(record.get("duration"))
        or elapsed_ms(record.get("createdAt"), record.get("endedAt")),
        final=True,
    )
    set_labels(call, mapping(record.get("metadata")))
    call.stated = Stated(
        prompt=count(tokens.get("prompt"), "tokens.prompt"),
        completion=count(tokens.get("completion"), "tokens.completion"),
        total=count(tokens.get("total"), "tokens.total"),
        includes=includes(None, "gateway"),
    )
    without_split(call.stated, "openai" if (call.model or "").startswith(("gpt-", "o3", "o4")) else None)
    if call.stated.says_nothing:
        call.quality = Quality.NONE.value
    if record.get("status") == "error" or record.get("error"):
        call.status, call.error_code = Status.ERROR.value, short_code(record.get("error"))
    set_usd(call, record.get("cost"))
    return [call]


ADAPTER: Final = Adapter(
    name="lunary",
    title="Lunary: runs (API, exports)",
    matches=is_lunary,
    calls=calls_from_lunary,
    needs=("type", "name", "tokens", "createdAt"),
)
