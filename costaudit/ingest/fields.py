"""Typed reading of loosely typed fields: text, times, flags and costs out of a decoded record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from costaudit.ingest.format import Skip
from costaudit.ingest.written_amounts import amount_of
from costaudit.ingest.written_dates import written_us
from costaudit.money import picousd_from
from costaudit.times import time_us

MAX_PICOUSD = 10**6 * 10**12
"""A reported cost beyond a million dollars for one call is not believed."""

START_US = 1_262_304_000_000_000
"""2010. No model was called before: a log that says so has a clock that counts from its own start."""


def text(value: Any) -> str | None:
    """A short scalar as text; None for absent, empty or structured values.

    Parquet has a type for UUIDs: they are read as their text.
    """
    if isinstance(value, str):
        return value or None
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bool) or value is None or not isinstance(value, (int, float)):
        return None
    return str(value)


def first(record: Mapping[str, Any], *names: str) -> Any:
    """The first value that is not None under the given keys."""
    for name in names:
        value = record.get(name)
        if value is not None:
            return value
    return None


def mapping(value: Any) -> Mapping[str, Any]:
    """An object as it is, an object in a JSON string decoded, anything else as an empty object."""
    if type(value) is dict:
        return value
    if value is None or value == "{}":
        return {}
    if isinstance(value, Mapping):
        return value
    if isinstance(value, str) and value.startswith("{"):
        try:
            decoded = json.loads(value)
        except (ValueError, RecursionError):
            return {}
        return decoded if isinstance(decoded, dict) else {}
    return {}


def sequence(value: Any) -> list[Any] | None:
    """A list as it is, a list in a JSON string decoded, None for anything else."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, list) else None


def model_name(value: Any) -> str | None:
    """A model's name; raises Skip for a value that cannot be one (an object, a list, a number)."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise Skip("model_not_text", f"model is a {type(value).__name__}")
    return value.strip() or None


def name_of_model(value: Any) -> str | None:
    """A model's name, also out of an object that describes the model; raises Skip for anything else.

    >>> name_of_model(" gpt-4o "), name_of_model({"name": "GPT-4o", "id": "gpt-4o"})
    ('gpt-4o', 'gpt-4o')
    """
    if isinstance(value, Mapping):
        value = next((name for key in _MODEL_KEYS if isinstance(name := value.get(key), str)), value)
    return model_name(value)


_MODEL_KEYS = ("id", "model", "model_id", "modelId", "model_name", "modelName", "name")
"""Keys of an object that is about a model, the more telling first."""


def flag(value: Any) -> bool | None:
    """True or False from a boolean or the words that logs use for one; None for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return None


def picousd(value: Any) -> int | None:
    """A cost in USD as integer pico-dollars; None when absent, not finite, negative or absurd.

    A text may have a dollar sign and groups of thousands; one with another currency, or that can be read in
    two ways, is none.

    >>> picousd("$0.0045"), picousd("0,0045 €"), picousd("1,234")
    (4500000000, None, None)
    """
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    amount = _picousd(value)
    if amount is None and isinstance(value, str):
        written = amount_of(value)
        plain = None if written is None or written.currency is not None else written.only()
        amount = None if plain is None else _picousd(plain)
    return amount if amount is not None and 0 <= amount <= MAX_PICOUSD else None


def _picousd(value: float | str | Decimal) -> int | None:
    try:
        return picousd_from(value)
    except (ValueError, ArithmeticError):
        return None


def timestamp_us(value: Any) -> int | None:
    """When a call was made: as `time_us` reads it, or a date as people write it; None before 2010."""
    us = time_us(value)
    if us is None and isinstance(value, str):
        us = written_us(value)
    return us if us is not None and us >= START_US else None
