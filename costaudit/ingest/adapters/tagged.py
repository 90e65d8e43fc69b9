"""The rows that `costaudit tag` writes, read again: canonical columns, so nothing has to be understood.

The `tier` of a row is taken as an explicit one, also where somebody has changed it; an untagged row is judged
anew. Repeated records were merged when the rows were written.
"""

from __future__ import annotations

from typing import Any, Final

from costaudit.ingest.fields import flag, model_name, picousd, text, timestamp_us
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.usage import count
from costaudit.schema import COUNTS, Call, Quality, Reading, Status, Tier

_MARKS: Final = ("source_file", "source_line", "records", "cache_write_5m", "quality", "reading")
"""Columns that are never null: some containers leave null ones out."""
_TEXTS: Final = (
    "call_id", "response_id", "parent_id", "provider", "model_requested", "gateway", "error_code",
    "service_tier", "region", "speed", "feature", "user", "session", "user_tier", "tags",
    "prompt", "system", "response_format",
)  # fmt: skip
_FLAGS: Final = ("final", "has_tools", "has_images", "stream")
_NUMBERS: Final = (
    "attempt",
    "turns",
    "max_tokens",
    "latency_ms",
    "asked_bytes",
    "answered_bytes",
    "longest_prompt",
)
_SMALL: Final = ("attempt", "turns")
"""Numbers that are kept in 32 bits."""
_WORDS: Final = {"quality": Quality, "reading": Reading, "status": Status}


def is_tagged(record: Record) -> bool:
    """True for a row with the columns that only `costaudit tag` has together."""
    return all(name in record for name in _MARKS)


def calls_from_row(record: Record) -> list[Call]:
    """The call of a row; raises Skip for a count or a word that is none."""
    fields: dict[str, Any] = {name: _text(record.get(name)) for name in _TEXTS}
    fields |= {name: flag(record.get(name)) for name in _FLAGS}
    fields |= {name: count(record.get(name), name) for name in _NUMBERS}
    fields |= {name: count(record.get(name), name) or 0 for name in COUNTS}
    for name, words in _WORDS.items():
        word = _text(record.get(name))
        if word not in [w.value for w in words]:
            raise Skip("unrecognised", f"{name} is no word that costaudit tag writes")
        fields[name] = word
    for name, most in (*((name, 2**31 - 1) for name in _SMALL), ("tier", int(max(Tier)))):
        value = count(record.get(name), name)
        fields["tier_tag" if name == "tier" else name] = None if value is None or value > most else value
    fields["reported_picousd"] = picousd(record.get("reported_usd"))
    return [Call(ts=timestamp_us(record.get("ts")), model=model_name(record.get("model")), **fields)]


def _text(value: Any) -> str | None:
    """A text; an apostrophe that keeps a spreadsheet from computing is taken off."""
    word = text(value)
    return word[1:] if word and word.startswith("'") and word[1:2] in tuple("=+-@|%") else word


ADAPTER: Final = Adapter(
    name="tagged",
    title="costaudit: the rows that costaudit tag writes",
    matches=is_tagged,
    calls=calls_from_row,
    needs=_MARKS,
)
