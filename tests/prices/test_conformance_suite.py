"""Calls whose cost was worked out by hand from cited prices: the book must come to the same cent."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from costaudit.ingest.fields import timestamp_us
from costaudit.prices.book import load_book
from costaudit.prices.conditions import service_tier
from costaudit.prices.quote import NoQuote, quote
from costaudit.prices.resolver import Resolver

FOLDER = Path(__file__).parent / "cases"
COUNTS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "web_search")

BOOK = load_book()
RESOLVER = Resolver(BOOK)


def read_cases() -> list[dict[str, str]]:
    cases = []
    for path in sorted(FOLDER.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            cases += [{**row, "file": path.stem} for row in csv.DictReader(file)]
    return cases


CASES = read_cases()


def stated_sum(source: str) -> tuple[Decimal, int]:
    """What the arithmetic at the start of a source comes to, and how many tokens it counts.

    `2,000×2.5` are tokens at USD per 1M, `3@0.01` units at USD each.
    """
    usd, tokens = Decimal(0), 0
    for term in source.partition(";")[0].split(" + "):
        number, sign, price = term.partition("×") if "×" in term else term.partition("@")
        amount = int(number.replace(",", ""))
        usd += amount * Decimal(price) / (1_000_000 if sign == "×" else 1)
        tokens += amount if sign == "×" else 0
    return usd, tokens


def test_there_are_at_least_150_cases_each_with_its_own_name():
    assert len(CASES) >= 150
    assert len({(c["file"], c["name"]) for c in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[f"{c['file']}: {c['name']}" for c in CASES])
def test_a_call_costs_what_its_source_says(case: dict[str, str]):
    at = timestamp_us(case["at"])
    assert at is not None
    counts = {name: int(case[name] or 0) for name in COUNTS}
    found = quote(
        BOOK,
        RESOLVER,
        case["model"],
        counts,
        at,
        provider=case["provider"] or None,
        tier=service_tier(case["tier"]),
        region=case["region"],
        speed=case["speed"],
    )
    if case["expected_reason"]:
        assert isinstance(found, NoQuote), f"priced at {found.list_usd}"
        assert found.reason == case["expected_reason"]
    else:
        assert not isinstance(found, NoQuote), f"{found.reason}: {found.detail}"
        assert found.list_usd == Decimal(case["expected_usd"]), [line.rate_id for line in found.lines]


@pytest.mark.parametrize("case", [c for c in CASES if c["expected_usd"]], ids=lambda c: c["name"])
def test_the_arithmetic_beside_a_case_is_its_expected_cost(case: dict[str, str]):
    usd, tokens = stated_sum(case["source"])
    assert usd == Decimal(case["expected_usd"])
    assert tokens == sum(int(case[name] or 0) for name in COUNTS[:5])
