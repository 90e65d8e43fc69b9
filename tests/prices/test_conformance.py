"""Hand-checked quotes (conformance.csv), most of which other price calculators get wrong."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from costaudit.ingest.fields import timestamp_us
from costaudit.prices.quote import NoQuote, quote
from costaudit.prices.resolver import Resolver
from tests.engine.audits import book

with Path(__file__).with_name("conformance.csv").open(encoding="utf-8", newline="") as file:
    CASES = list(csv.DictReader(file))


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['name']}@{c['at']} {c['tier']} {c['counts'][:20]}")
def test_a_quote_is_what_it_says_on_paper(case: dict[str, str]):
    counts = {name: int(n) for name, n in (part.split("=") for part in case["counts"].split(";"))}
    at = timestamp_us(case["at"])
    assert at is not None
    found = quote(
        book(), Resolver(book()), case["name"], counts, at, tier=case["tier"] or "standard", region=case["region"]
    )  # fmt: skip
    if isinstance(found, NoQuote):
        assert found.reason == case["expected"], found.detail
    else:
        assert found.list_usd == Decimal(case["expected"]), [line.rate_id for line in found.lines]
        assert found.list_usd == sum(line.usd for line in found.lines)
        assert {line.klass: line.tokens for line in found.lines} == {k: n for k, n in counts.items() if n}
