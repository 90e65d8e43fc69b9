"""Gemini CLI without its screen: `gemini -p --output-format json`, and `stream-json`.

`stats.models` states the sums of a run by model: prompts with what was read from the cache, answers without
thoughts. In the lines of a stream thoughts are in the total alone. Each model comes to one call; no price for
long contexts holds for a sum, unless its prompts were longer on average.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.gemini_cli import FEATURE
from costaudit.ingest.fields import first, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call
from costaudit.stated import Stated

WINDOW: Final = 200_000
"""Tokens of a prompt up to which no model of Google has another price."""

EVENTS: Final = {
    "init": frozenset({"type", "timestamp", "session_id", "model"}),
    "message": frozenset({"type", "timestamp", "role", "content", "delta"}),
    "tool_use": frozenset({"type", "timestamp", "tool_name", "tool_id", "parameters"}),
    "tool_result": frozenset({"type", "timestamp", "tool_id", "status", "output", "error"}),
}
"""Lines of a stream before its result, with the keys that they have."""

_KNOWN: Final = frozenset({
    "prompt", "input", "candidates", "cached", "thoughts", "tool", "total", "input_tokens", "output_tokens",
    "total_tokens",
})  # fmt: skip


def is_run(record: Record) -> bool:
    """True for the result of a run, and for a line of its stream."""
    if isinstance(mapping(record.get("stats")).get("models"), Mapping):
        return "response" in record or record.get("type") == "result" or "session_id" in record
    kind = record.get("type")
    keys = EVENTS.get(kind) if isinstance(kind, str) else None
    return keys is not None and "timestamp" in record and len(record) > 2 and record.keys() <= keys


def calls_from_run(record: Record) -> list[Call]:
    """The calls of a result: one for each model. Raises Skip for impossible usage."""
    models = mapping(mapping(record.get("stats")).get("models"))
    found = [_call(record, model, mapping(said)) for model, said in models.items()]
    return [call for call in found if call.stated is not None and call.stated.has_tokens]


def _call(record: Record, model: str, said: Mapping[str, Any]) -> Call:
    tokens = mapping(said.get("tokens")) or said
    calls = count(mapping(said.get("api")).get("totalRequests"), "totalRequests") or 1
    prompt = count(first(tokens, "prompt", "input_tokens"), "prompt") or 0
    tool = count(tokens.get("tool"), "tool") or 0
    session = text(record.get("session_id"))
    return Call(
        ts=timestamp_us(record.get("timestamp")),
        response_id=f"gemini-run:{session}:{model}" if session is not None else None,
        provider="google" if model.startswith("gemini") else None,  # forks run other models
        model=model_name(model),
        session=session,
        feature=FEATURE,
        longest_prompt=WINDOW if prompt <= calls * WINDOW else None,
        final=True,
        stated=Stated(
            prompt=prompt + tool,
            completion=count(first(tokens, "candidates", "output_tokens"), "candidates") or 0,
            cache_read=count(tokens.get("cached"), "cached"),
            reasoning=count(tokens.get("thoughts"), "thoughts"),
            total=count(first(tokens, "total", "total_tokens"), "total"),
            includes=includes("google", "gemini"),
            unused=unused_numbers(tokens, _KNOWN, "tokens."),
        ),
    )


ADAPTER: Final = Adapter(
    name="gemini-cli-run",
    title="Gemini CLI: output of gemini -p (json, stream-json)",
    matches=is_run,
    calls=calls_from_run,
    needs=("stats", "response"),
)
