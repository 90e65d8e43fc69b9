"""Provider bills and usage exports: sums per day and model, to check a log against, never requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.bills import anthropic_costs, anthropic_usage, deepseek, openai_costs, openai_usage
from costaudit.ingest.bills.line import BillFormat

FORMATS: Final[tuple[BillFormat, ...]] = (
    openai_usage.FORMAT, openai_costs.FORMAT, anthropic_usage.FORMAT, anthropic_costs.FORMAT,
    deepseek.AMOUNT, deepseek.COST,
)  # fmt: skip
"""Every kind of export that `--compare-bill` reads, specific ones first. A new one is one line here."""


def format_of(row: Mapping[str, Any]) -> BillFormat | None:
    """The format of a CSV row or of a single result of a page."""
    return next((known for known in FORMATS if known.matches(row)), None)


def aggregate_kind(record: Mapping[str, Any]) -> str | None:
    """The name of the bill format of a decoded record, be it a row, a page, a bucket or a result.

    A log reader asks this to refuse sums that are no requests: they are for `--compare-bill`. A page
    without results is named after its provider's usage export, because it does not say more.
    """
    found = format_of(record)
    if found is not None:
        return found.name
    buckets = record.get("data") if _is_page(record) else [record] if _is_bucket(record) else None
    if not isinstance(buckets, list):
        return None
    for bucket in buckets:
        for result in bucket["results"] if _is_bucket(bucket) else ():
            found = format_of(result) if isinstance(result, dict) else None
            if found is not None:
                return found.name
    first = buckets[0] if buckets else record
    if not isinstance(first, dict):
        return None
    if record.get("object") == "page" or first.get("object") == "bucket":
        return openai_usage.FORMAT.name
    return anthropic_usage.FORMAT.name if "starting_at" in first else None


def _is_page(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("data"), list) and "has_more" in record and _holds_buckets(record["data"])


def _holds_buckets(data: list[Any]) -> bool:
    return all(_is_bucket(bucket) for bucket in data)


def _is_bucket(value: Any) -> bool:
    timed = isinstance(value, dict) and ("start_time" in value or "starting_at" in value)
    return timed and isinstance(value.get("results"), list)
