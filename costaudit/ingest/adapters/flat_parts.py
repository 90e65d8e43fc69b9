"""Flat records that list the requests of a run, each with counts of its own, beside the sum of them.

- OpenAI's Agents SDK: `usage.request_usage_entries`, beside `usage.requests` (its `Usage`).
- Agno: a run's `metrics` are the sum of those of its messages (docs.agno.com, "Metrics").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.flat_fields import BY_TARGET
from costaudit.ingest.adapters.spelled import names_both_sides, spelled
from costaudit.ingest.format import Record

_ENTRIES: Final = "request_usage_entries"
_LISTS: Final = ("messages", "steps", "turns", "calls")
_SUMS: Final = ("metrics", "usage")

_OF_THE_RUN: Final = (
    "ts", "provider", "gateway", "host", "model_served", "model_requested", "service_tier", "region", "speed",
    "feature", "user", "session", "user_tier", "tier_tag", "tags",
)  # fmt: skip
"""What of the record holds for each request: neither its ids nor what its time or money add up to."""
_NAMES: Final = frozenset(path[0] for target in _OF_THE_RUN for path in BY_TARGET[target].paths) - {"usage"}
_WORDS: Final = frozenset(_OF_THE_RUN)


def parts_of(record: Record) -> list[dict[str, Any]]:
    """A record for each request that a record lists; none for a record of one request."""
    for name in _SUMS:
        value = record.get(name)
        if isinstance(value, Mapping):
            entries = _counting(value.get(_ENTRIES)) or _with_counts(record, name)
            if entries:
                whole = _of_the_run(record)
                return [{**whole, **_time_of(entry), "usage": entry.get(name, entry)} for entry in entries]
    return []


def _counting(entries: Any) -> list[Mapping[str, Any]]:
    """The entries of a list, if all of them count."""
    if not isinstance(entries, list) or not entries or not all(map(names_both_sides, entries)):
        return []
    return entries


def _with_counts(record: Record, name: str) -> list[Mapping[str, Any]]:
    """The objects of a list that have counts under the name under which the record has their sum."""
    if not names_both_sides(record[name]):
        return []
    for key in _LISTS:
        listed = record.get(key)
        if isinstance(listed, list):
            return [one for one in listed if isinstance(one, Mapping) and names_both_sides(one.get(name))]
    return []


def _of_the_run(record: Record) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key in _NAMES or spelled(key) in _WORDS}


def _time_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The time of one request, under the names that a record of its own would have."""
    return {key: value for key, value in entry.items() if key in _TIMES}


_TIMES: Final = frozenset(path[0] for path in BY_TARGET["ts"].paths)
