"""Anthropic's usage: the pages of /v1/organizations/usage_report/messages and the usage CSV of the Console.

All classes are disjoint: `uncached_input_tokens` leaves out what was read from or written to a cache.
Neither states a number of requests. Older Console exports have one column of cache writes.
"""

from __future__ import annotations

from typing import Final

from costaudit.ingest.bills.line import BillFormat, BillLine, BillPlace, Row
from costaudit.ingest.bills.values import count, model, word
from costaudit.ingest.fields import mapping

_LONG: Final = 200_001
"""A prompt of the long-context band, which begins above 200,000 tokens."""


def matches(row: Row) -> bool:
    """A result of the usage report, or a row of the Console's usage CSV."""
    report = "uncached_input_tokens" in row and "cache_read_input_tokens" in row
    return report or "usage_input_tokens_no_cache" in row


def line(row: Row, place: BillPlace) -> BillLine:
    """The usage of one bucket, model, key and whatever else the report is grouped by."""
    tools = mapping(row.get("server_tool_use"))
    kind = (word(row, "service_tier", "usage_type") or "").lower()
    return BillLine(
        kind="usage", format="anthropic-usage", file=place.file, provider="anthropic", span=place.span,
        model=model(row, "model", "model_version"),
        input=count(row, "uncached_input_tokens", "usage_input_tokens_no_cache") or 0,
        cache_read=count(row, "cache_read_input_tokens", "usage_input_tokens_cache_read") or 0,
        cache_write_5m=_written(row, "5m"), cache_write_1h=_written(row, "1h"),
        output=count(row, "output_tokens", "usage_output_tokens") or 0,
        web_searches=count(row, "web_search_count") or count(tools, "web_search_requests") or 0,
        # The Console calls ordinary usage "standard" or "message".
        service_tier=None if kind == "message" else kind or None, batch=kind == "batch" or None,
        region=_region(word(row, "inference_geo")), speed=_speed(word(row, "speed")),
        context=_LONG if _is_long(word(row, "context_window")) else 0,
    )  # fmt: skip


def _written(row: Row, ttl: str) -> int:
    report = mapping(row.get("cache_creation"))
    stated = count(report, f"ephemeral_{ttl}_input_tokens")
    if stated is None:
        stated = count(row, f"usage_input_tokens_cache_write_{ttl}")
    if stated is None and ttl == "5m":  # before there were two
        stated = count(row, "usage_input_tokens_cache_write", "cache_creation_input_tokens")
    return stated or 0


def _is_long(window: str | None) -> bool:
    """`0-200k` and `≤ 200k` are the lower band, `200k-1M` and `> 200k` the upper."""
    return window is not None and (window.startswith("200k") or ">" in window)


def _region(geo: str | None) -> str | None:
    return None if geo in (None, "global", "not_available") else geo


def _speed(speed: str | None) -> str | None:
    return None if speed in (None, "standard") else speed


FORMAT: Final = BillFormat(
    name="anthropic-usage",
    title="an Anthropic usage export",
    kind="usage",
    provider="anthropic",
    matches=matches,
    line=line,
    columns=(
        "usage_date_utc",
        "model_version",
        "usage_input_tokens_no_cache",
        "usage_input_tokens_cache_read",
        "usage_output_tokens",
    ),
)
