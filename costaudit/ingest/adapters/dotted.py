"""Objects that an export has taken apart: columns called `metrics.prompt_tokens`, put together again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.row_values import filled, plain
from costaudit.ingest.format import Record

_MOST_DOTS: Final = 8
"""Dots in a name."""


def with_objects(record: Record, *names: str) -> Record:
    """The record with the objects of some names, where it has their parts as columns and not the object.

    >>> with_objects({"id": 1, "metrics.tokens": 7, "metrics.a.b": ""}, "metrics")["metrics"]
    {'tokens': 7}
    """
    missing = [name for name in names if name not in record]
    if not missing or not any("." in name for name in record):
        return record
    found: dict[str, Any] = {}
    for column, value in filled(record).items():
        outer = next((name for name in missing if column.startswith(f"{name}.")), None)
        if outer is not None:
            _put(found.setdefault(outer, {}), column.removeprefix(f"{outer}.").split("."), plain(value))
    return {**record, **found}


def _put(place: dict[str, Any], path: list[str], value: Any) -> None:
    *outer, last = path
    for key in outer:
        inner = place.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        place = inner
    place[last] = value


def rejoined(counts: Mapping[str, Any], leaf: str, path: str = "") -> dict[str, Mapping[str, Any]]:
    """Objects by their names, which may have dots (`gpt-4.1`): each has a key with the leaf in it.

    >>> rejoined({"gpt-4": {"1": {"tokens": 7}}, "o3": {"tokens": 9}}, "tokens")
    {'gpt-4.1': {'tokens': 7}, 'o3': {'tokens': 9}}
    """
    found: dict[str, Mapping[str, Any]] = {}
    for name, value in counts.items():
        whole = f"{path}{name}"
        if isinstance(value, Mapping):
            if any(leaf in key for key in value):
                found[whole] = value
            elif whole.count(".") < _MOST_DOTS:
                found |= rejoined(value, leaf, f"{whole}.")
    return found
