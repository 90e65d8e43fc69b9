"""The currency that a record states beside its cost. Another than dollars is no reported cost: it is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.format import Record
from costaudit.ingest.naming import in_order
from costaudit.ingest.written_amounts import DOLLARS

FOREIGN: Final = re.compile(
    r"(?:^|_)(?:eur|euros?|gbp|pounds?|cny|rmb|yuan|jpy|yen|inr|rupees?|chf|cad|aud|nzd|sek|nok|dkk|pln|krw|brl"
    r"|sgd|hkd|twd|ils|mxn|zar|try|czk|huf|aed|credits?)(?:_|$)"
)
"""Words of a name, in lower case and joined by _, of an amount that is not in dollars."""

_LONGEST: Final = 20
_INSIDE: Final = ("cost", "costs", "usage", "billing", "price", "cost_details")
"""Objects of a record in which the currency may stand."""


def is_foreign(currency: Any) -> bool:
    """Whether a currency is one, and not the dollar of the United States.

    >>> [is_foreign(text) for text in ("EUR", "usd", "", None, "¥")]
    [True, False, False, False, True]
    """
    word = currency.strip().lower() if isinstance(currency, str) else ""
    return bool(word) and word not in DOLLARS


def foreign_currency(record: Record) -> str | None:
    """The currency that a record states, unless it is the dollar or none."""
    for place in (record, *(inside for n in _INSIDE if isinstance(inside := record.get(n), Mapping))):
        for key, value in place.items():
            if "currency" in key.lower() and "currency" in in_order(key) and is_foreign(value):
                return str(value).strip()[:_LONGEST]
    return None
