"""Records inside of other JSON: the entries of an array, and of a page as an API returns it."""

from __future__ import annotations

from base64 import b64decode
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
    "logEvents",
    "hits",
    "streams",
    "history",
    "usage_history",
    "Logs",
    "log",
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

    CloudWatch Logs Insights answers with rows of names and values.

    >>> page_records({"success": True, "data": {"items": [{"id": 1}], "total": 1}})
    [{'id': 1}]
    >>> page_records({"results": [[{"field": "@message", "value": "x"}]]})
    [{'@message': 'x'}]
    """
    rows = record.get("results")
    if isinstance(rows, list) and rows and all(_is_row(row) for row in rows):
        return [{cell["field"]: cell["value"] for cell in row} for row in rows]
    inner = (_listed(record[key]) for key in PAGE_KEYS if isinstance(record.get(key), Mapping))
    found = _listed(record) or next((found for found in inner if found), [])
    return [one for entry in found for one in _unfolded(entry)]


def _unfolded(entry: Any) -> Iterator[Any]:
    """What an entry of a page holds: itself; the lines of a stream of Loki's; the records of a page in it.

    >>> list(_unfolded({"stream": {"app": "a"}, "values": [["1762941600000000000", "{}"]]}))
    [{'timestamp': '1762941600000000000', 'line': '{}', 'labels': {'app': 'a'}}]
    >>> list(_unfolded({"events": [{"id": 1}, {"id": 2}]}))
    [{'id': 1}, {'id': 2}]
    """
    if isinstance(entry, dict) and entry.keys() >= _OF_HAR:
        yield from _exchange(entry)
    elif (
        isinstance(entry, dict) and entry.keys() == {"stream", "values"} and isinstance(entry["values"], list)
    ):
        for value in entry["values"]:
            if isinstance(value, list) and len(value) >= _TIME_AND_LINE:
                yield {"timestamp": value[0], "line": value[1], "labels": entry["stream"]}
    elif isinstance(entry, dict) and len(entry) == 1:
        yield from _listed(entry) or (entry,)
    else:
        yield entry


_TIME_AND_LINE: Final = 2
_OF_HAR: Final = frozenset({"startedDateTime", "request", "response"})


def _exchange(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A recorded exchange out of an entry of a HAR file; none for traffic that carries no JSON."""
    request, response = entry["request"], entry["response"]
    if not isinstance(request, dict) or not isinstance(response, dict):
        return
    asked, answered = _text_of(request.get("postData")), _text_of(response.get("content"))
    if "{" in asked and "{" in answered:
        yield {
            "timestamp": entry["startedDateTime"],
            "latency_ms": entry.get("time"),
            "method": request.get("method"),
            "url": request.get("url"),
            "status": response.get("status"),
            "request": asked,
            "response": answered,
        }


def _text_of(content: Any) -> str:
    """The text of a body in a HAR file, which may be in base64."""
    text = content.get("text") if isinstance(content, dict) else None
    if not isinstance(text, str):
        return ""
    if content.get("encoding") != "base64":
        return text
    try:
        return b64decode(text).decode()
    except ValueError:
        return ""


def _listed(record: Mapping[str, Any]) -> list[Any]:
    keys = (*PAGE_KEYS, "content") if record.keys() >= PAGED else PAGE_KEYS
    for key in keys:
        entries = record.get(key)
        if isinstance(entries, list) and entries and isinstance(entries[0], dict) and key not in WRAPPED:
            return entries
    return []


def _is_row(row: Any) -> bool:
    return isinstance(row, list) and all(
        isinstance(cell, dict) and cell.keys() == {"field", "value"} and isinstance(cell["field"], str)
        for cell in row
    )


def entries_of(value: Any) -> Iterator[Any]:
    """The entries of an array, and of arrays right inside of it; any other value is its own entry."""
    if not isinstance(value, list):
        yield value
        return
    for entry in value:
        yield from entry if isinstance(entry, list) else (entry,)
