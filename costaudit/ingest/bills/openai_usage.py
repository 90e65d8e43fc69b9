"""OpenAI's usage: the pages of /v1/organization/usage/… and the usage CSV of the dashboard.

Both have the same fields. As the types of openai 3.52 say: `input_tokens` includes what was read from and
written to the cache, and all modalities; `input_uncached_tokens` leaves out both, `input_audio_tokens` is
uncached. A dashboard export of October 2025 agrees: 53,440 uncached + 5,760 cached = 59,200 input tokens.
Cache writes are counted where costaudit's readers of OpenAI logs count them, as 5-minute writes.
"""

from __future__ import annotations

from typing import Final

from costaudit.ingest.bills.line import BillFormat, BillLine, BillPlace, Row
from costaudit.ingest.bills.values import count, flag, model, word
from costaudit.ingest.format import Skip

_OBJECT: Final = "organization.usage."
_TOKENS: Final = ("completions", "embeddings")
"""Kinds of usage that are billed by token; images, seconds, bytes and sessions are not."""


def matches(row: Row) -> bool:
    """A result of the usage API, or a row of the dashboard's usage CSV."""
    kind = row.get("object")
    if isinstance(kind, str):
        return kind.startswith(_OBJECT) and kind.endswith(".result")
    return "num_model_requests" in row and "input_tokens" in row


def line(row: Row, place: BillPlace) -> BillLine | None:
    """The usage of one bucket, project, key, model, …; None for a row of an empty bucket."""
    kind = str(row.get("object") or "").removeprefix(_OBJECT).removesuffix(".result")
    if kind and kind not in _TOKENS:
        raise Skip("no_tokens", f"usage of {kind[:40]} is not counted in tokens")
    given, requests = count(row, "input_tokens"), count(row, "num_model_requests")
    if given is None and requests is None:
        return None
    read, written = count(row, "input_cached_tokens") or 0, count(row, "input_cache_write_tokens") or 0
    audio_in, audio_out = count(row, "input_audio_tokens") or 0, count(row, "output_audio_tokens") or 0
    new = (given or 0) - read - written
    output = (count(row, "output_tokens") or 0) - audio_out
    if new < audio_in or output < 0:
        raise Skip("inconsistent_usage", "the parts of the input or output exceed the whole")
    if count(row, "input_uncached_tokens") not in (None, new):
        raise Skip("inconsistent_usage", "cached and uncached input do not add up to the input")
    return BillLine(
        kind="usage", format="openai-usage", file=place.file, provider="openai", span=place.span,
        model=model(row, "model"), input=new - audio_in, cache_read=read, cache_write_5m=written,
        cache_write_1h=0, output=output, input_audio=audio_in, output_audio=audio_out, requests=requests,
        service_tier=word(row, "service_tier"), batch=flag(row, "batch"),
    )  # fmt: skip


FORMAT: Final = BillFormat(
    name="openai-usage",
    title="an OpenAI usage export",
    kind="usage",
    provider="openai",
    matches=matches,
    line=line,
    columns=("start_time", "end_time", "num_model_requests", "input_tokens"),
)
