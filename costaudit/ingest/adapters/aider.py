"""Aider's analytics log (`aider --analytics-log`): one event per line.

Nothing identifies a call, so calls of the same second stay separate. `total_cost` is the session's
running sum and is not read. `cost` comes from LiteLLM's price map and can be absurd: one real row
states $9,990.01 for 10,023 tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from costaudit.ingest.fields import mapping, model_name, picousd, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call
from costaudit.stated import Stated

EVENT_KEYS: Final = {"event", "properties", "user_id", "time"}

_KNOWN: Final = frozenset({"prompt_tokens", "completion_tokens", "total_tokens", "cost", "total_cost"})
"""`total_cost` is the sum of a session so far."""

OPENROUTER: Final = "openrouter/"
"""Prefix of a model name whose calls go through OpenRouter."""


def is_event(record: Record) -> bool:
    """True for a message event, and for Aider's other events (`launched`, `exit`, `command_add` …)."""
    event, properties = record.get("event"), record.get("properties")
    if not isinstance(event, str) or not isinstance(properties, Mapping):
        return False
    return (event == "message_send" and "main_model" in properties) or record.keys() == EVENT_KEYS


def calls_from_event(record: Record) -> list[Call]:
    """The call of a `message_send` event; other events are none."""
    if record.get("event") != "message_send":
        return []
    properties = mapping(record.get("properties"))
    model = model_name(properties.get("main_model"))
    if model == "None":  # Python's word: no model was chosen
        model = None
    edit_format = text(properties.get("edit_format"))
    call = Call(
        ts=timestamp_us(record.get("time")),
        model=model,
        gateway="openrouter" if model is not None and model.startswith(OPENROUTER) else None,
        user=text(record.get("user_id")),
        tags=f"edit_format:{edit_format}" if edit_format and edit_format != "None" else None,
        reported_picousd=picousd(properties.get("cost")),
    )
    call.stated = Stated(
        prompt=count(properties.get("prompt_tokens"), "prompt_tokens"),
        completion=count(properties.get("completion_tokens"), "completion_tokens"),
        total=count(properties.get("total_tokens"), "total_tokens"),
        includes=includes(None, "litellm"),
        unused=unused_numbers(properties, _KNOWN),
    )
    return [call]


ADAPTER: Final = Adapter(
    name="aider",
    title="Aider: analytics log",
    matches=is_event,
    calls=calls_from_event,
    needs=("event", "properties"),
)
