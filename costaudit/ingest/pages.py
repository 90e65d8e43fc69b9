"""Records inside of other JSON: the entries of an array, and of a page as an API returns it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

PAGE_KEYS: Final = (
    "data",
    "results",
    "result",
    "observations",
    "samples",
    "items",
    "records",
    "rows",
    "logs",
    "runs",
    "traces",
    "requests",
    "calls",
    "entries",
    "events",
    "resourceSpans",
    "resourceLogs",
)
"""Keys under which a page holds its records, the more telling first."""

PAGED: Final = frozenset({"page", "size", "total"})
"""Keys beside `content` in a page of that kind (Opik's, and others made with Spring)."""

WRAPPED: Final = ("resourceSpans", "resourceLogs")
"""Keys whose entries are only understood inside of their page."""


def page_records(record: Mapping[str, Any]) -> list[Any]:
    """The records of a page: the first list of objects under a known key, also one object further inside.

    >>> page_records({"success": True, "data": {"items": [{"id": 1}], "total": 1}})
    [{'id': 1}]
    """
    inner = (_listed(record[key]) for key in PAGE_KEYS if isinstance(record.get(key), Mapping))
    return _listed(record) or next((found for found in inner if found), [])


def _listed(record: Mapping[str, Any]) -> list[Any]:
    keys = (*PAGE_KEYS, "content") if record.keys() >= PAGED else PAGE_KEYS
    for key in keys:
        entries = record.get(key)
        if isinstance(entries, list) and entries and isinstance(entries[0], dict) and key not in WRAPPED:
            return entries
    return []


def entries_of(value: Any) -> Iterator[Any]:
    """The entries of an array, and of arrays right inside of it; any other value is its own entry."""
    if not isinstance(value, list):
        yield value
        return
    for entry in value:
        yield from entry if isinstance(entry, list) else (entry,)
