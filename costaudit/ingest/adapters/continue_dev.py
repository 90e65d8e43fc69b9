"""Continue: what it keeps of every answer (`~/.continue/dev_data/*/tokensGenerated.jsonl`).

Counts are those of its own tokenizer, not the host's: they are estimates. Nothing identifies a call, and what
was read from a cache is not told.
"""

from __future__ import annotations

from typing import Final

from costaudit.ingest.fields import first, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.usage import count
from costaudit.schema import Call, Quality
from costaudit.stated import Stated

FEATURE: Final = "continue"
GENERATED: Final = ("generatedTokens", "tokens_generated", "tokensGenerated")
PROMPT: Final = ("promptTokens", "tokens_prompt")


def is_continue(record: Record) -> bool:
    """True for the tokens of an answer, as an event or as a row of the database of older versions."""
    if record.get("eventName") == "tokensGenerated":
        return True
    if not isinstance(record.get("provider"), str) or "model" not in record:
        return False
    return ("generatedTokens" in record and "promptTokens" in record) or "tokens_generated" in record


def calls_from_continue(record: Record) -> list[Call]:
    """The call of one answer. Raises Skip for impossible counts."""
    call = Call(
        ts=timestamp_us(first(record, "timestamp", "createdAt")),
        provider=text(record.get("provider")),
        model=model_name(record.get("model")),
        user=text(record.get("userId")),
        feature=FEATURE,
        final=True,
    )
    call.stated = Stated(
        prompt=count(first(record, *PROMPT), "promptTokens"),
        completion=count(first(record, *GENERATED), "generatedTokens"),
        includes=includes(None, "flat"),
        zeros_are_nothing=True,
        doubt_from=0,
        doubt=Quality.ESTIMATED.value,
    )
    return [call]


ADAPTER: Final = Adapter(
    name="continue",
    title="Continue: development data (tokensGenerated)",
    matches=is_continue,
    calls=calls_from_continue,
    needs=("eventName", "model", "generatedTokens"),
)
