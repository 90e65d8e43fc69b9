"""Envoy AI Gateway: access log lines with `gen_ai.*` keys.

The operator chooses the keys; these are the ones of the project's example and the GenAI semantic
conventions. Input includes cached tokens, output includes reasoning. Absent values are null or `-`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.row_facts import set_outcome, set_usd, without_counts, without_split
from costaudit.ingest.adapters.row_values import filled, integer, milliseconds
from costaudit.ingest.fields import first, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Status
from costaudit.stated import Stated

USAGE: Final = "gen_ai.usage."

NAMES: Final = {
    "prompt": ("input_tokens", "prompt_tokens"),
    "completion": ("output_tokens", "completion_tokens"),
    "cache_read": (
        "cache_read.input_tokens",
        "cache_read_input_tokens",
        "cached_input_tokens",
        "cached_tokens",
    ),
    "write_5m": (
        "cache_write.input_tokens",
        "cache_creation.input_tokens",
        "cache_creation_input_tokens",
    ),
    "reasoning": ("reasoning.output_tokens", "reasoning_tokens"),
    "total": ("total_tokens",),
}
"""What each count is called behind `gen_ai.usage.`."""

_KNOWN: Final = frozenset({USAGE + name for names in NAMES.values() for name in names} | {USAGE + "cost"})

GONE: Final = 0
"""The response code of a client that went away before there was one."""


def is_envoy(record: Record) -> bool:
    """True for an access log line with a response code and a GenAI usage key."""
    if "response_code" not in record:
        return False
    return any(name.startswith(USAGE) for name in record)


def calls_from_envoy(record: Record) -> list[Call]:
    """The call of one line. Raises Skip for impossible usage."""
    row = filled(record)
    call = Call(
        ts=timestamp_us(first(row, "start_time", "timestamp")),
        call_id=text(row.get("x-request-id")),
        response_id=text(row.get("gen_ai.response.id")),
        provider=text(first(row, "gen_ai.provider.name", "gen_ai.system")),
        model_requested=model_name(row.get("gen_ai.request.model")),
        gateway="envoy",
        user=text(first(row, "user.id", "enduser.id", "x-user-id")),
        session=text(first(row, "session.id", "gen_ai.conversation.id")),
        feature=text(first(row, "feature", "x-feature", "gen_ai.agent.name")),
        latency_ms=milliseconds(first(row, "duration", "duration_ms")),
    )
    call.model = model_name(row.get("gen_ai.response.model")) or call.model_requested
    _set_counts(call, row)
    code = integer(row.get("response_code"))
    set_outcome(call, code)
    if code == GONE:
        call.status = Status.CANCELLED.value
    set_usd(call, first(row, "gen_ai.usage.cost", "cost_usd"))
    return [call]


def _set_counts(call: Call, row: Mapping[str, Any]) -> None:
    n = {k: count(first(row, *(USAGE + name for name in names)), k) for k, names in NAMES.items()}
    call.stated = Stated(
        prompt=n["prompt"],
        completion=n["completion"],
        cache_read=n["cache_read"],
        write_5m=n["write_5m"],
        reasoning=n["reasoning"],
        total=n["total"],
        includes=includes(None, "gateway"),
        unused=unused_numbers({k: v for k, v in row.items() if k.startswith(USAGE)}, _KNOWN),
    )
    if n["cache_read"] is None:
        without_split(call.stated, call.provider)
    else:
        without_counts(call.stated)


ADAPTER: Final = Adapter(
    name="envoy",
    title="Envoy AI Gateway: access logs with gen_ai keys",
    matches=is_envoy,
    calls=calls_from_envoy,
    needs=("response_code", "gen_ai.usage.input_tokens"),
)
