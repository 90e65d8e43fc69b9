"""A currency beside a cost, wherever it stands and however it is called."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.ingest.currency import foreign_currency
from costaudit.ingest.starter import starter_mapping


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"cost": 1, "currency": "EUR"}, "EUR"), ({"billingCurrency": " CNY "}, "CNY"),
        ({"Currency": "¥"}, "¥"),
        ({"cost": {"amount": 1, "currency": "GBP"}}, "GBP"), ({"usage": {"cost_currency": "eur"}}, "eur"),
        ({"currency": "USD"}, None), ({"currency": "US$"}, None), ({"currency": None}, None), ({}, None),
        ({"currency_rate": 1.1}, None), ({"concurrency": "EUR"}, None),
    ],
)  # fmt: skip
def test_which_currency_a_record_states(record: dict[str, Any], expected: str | None):
    assert foreign_currency(record) == expected


@pytest.mark.parametrize("cost", [{"cost_eur": 0.5}, {"costCNY": 0.5}, {"cost": 0.5, "currency": "EUR"}])
def test_a_guessed_mapping_takes_no_other_currency_for_dollars(cost: dict[str, Any]):
    mapping = starter_mapping({"engine": "gpt-4o", "n_in": 5, "n_out": 1, **cost})
    assert mapping is not None
    assert "cost_usd" not in mapping
