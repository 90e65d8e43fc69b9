"""veqen-pricebook's prices.json (MIT): made from LiteLLM's table, with rules of its own.

`models` is `provider/model` → `rates`, by tier and context: `standard`, `batch>272000`, `v:720p` … USD per 1M
tokens, or per the model's own `unit`. There are no dates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from msgspec.structs import replace

from costaudit.prices.conditions import STANDARD, TIERS, When
from costaudit.prices.importers.amounts import parse_amount
from costaudit.prices.importers.decode import decoded
from costaudit.prices.importers.observation import (
    OTHER_CONDITION,
    OTHER_SHAPE,
    OTHER_UNIT,
    Observation,
    SkippedStatement,
    Windows,
)

KIND: Final = "veqen-pricebook"

CLASSES: Final = {
    "in": "input",
    "out": "output",
    "cr": "cache_read",
    "cw": "cache_write_5m",
    "cw1h": "cache_write_1h",
}
_KEY: Final = re.compile(r"(?P<tier>\w+)(?:>(?P<over>\d+))?")

Found = Observation | SkippedStatement


def fits(data: Any) -> bool:
    """Whether the data looks like this source."""
    return isinstance(data, Mapping) and {"models", "residency", "api_retirements"} <= data.keys()


def parse_veqen(data: Any, windows: Windows | None = None) -> Iterator[Found]:  # noqa: ARG001 - the shape of a parser
    """Every price of every model, in the order of the source."""
    for key, entry in decoded(data)["models"].items():
        provider, _, model = str(key).partition("/")
        blank = Observation(KIND, provider, model, "", Decimal(0), When(), None, str(key))
        try:
            found = list(_model(entry, blank))
        except (AttributeError, KeyError, TypeError, ValueError):
            found = [SkippedStatement(OTHER_SHAPE, str(key))]
        yield from found


def _model(entry: Mapping[str, Any], blank: Observation) -> Iterator[Found]:
    for name, rates in entry["rates"].items():
        when, place = _condition(name), f"{blank.place}.{name}"
        if when is None:
            yield SkippedStatement(OTHER_CONDITION, place)
            continue
        for key, value in rates.items():
            if key not in CLASSES or "unit" in entry:
                yield SkippedStatement(OTHER_UNIT, f"{place}.{key}")
                continue
            usd = parse_amount(value)
            if isinstance(usd, Decimal):
                yield replace(blank, klass=CLASSES[key], usd=usd, when=when, place=f"{place}.{key}")
            else:
                yield SkippedStatement(usd, f"{place}.{key}")


def _condition(name: str) -> When | None:
    match = _KEY.fullmatch(name)
    if match is None or match["tier"] not in (STANDARD, *TIERS):
        return None
    return When(context_over=int(match["over"] or -1), tier=match["tier"])
