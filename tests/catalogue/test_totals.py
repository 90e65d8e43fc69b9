"""Sums are exact whatever their size, and one absurd value does not decide over a log."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.catalogue.auditor import Auditor, report_of
from tests.catalogue.logs import INPUT_USD, OUTPUT_USD, line, lines

MOST = 10**11
"""The largest count that is taken for tokens."""
COUNT = 2000
INPUT, OUTPUT = COUNT * MOST, COUNT


def test_sums_of_the_largest_counts(audit: Auditor):
    log = audit.file("x.jsonl", lines(COUNT, input_tokens=MOST))
    audit.counted(log, requests=COUNT, tokens=(INPUT, OUTPUT), skipped={})


def test_the_largest_counts_in_every_breakdown(audit: Auditor):
    total = 400 * MOST
    log = audit.file("x.jsonl", lines(400, input_tokens=MOST, output_tokens=MOST))
    report = audit.counted(log, requests=400, tokens=(total, total), skipped={})
    for breakdown in ("by_model", "by_day", "by_tier", "by_feature"):
        assert sum(row["tokens"]["input"] for row in report[breakdown]) == total


def test_simulate_the_largest_counts(audit: Auditor):
    log = audit.file("x.jsonl", lines(COUNT, input_tokens=MOST))
    report = report_of(audit.run("simulate", log, "--format", "json"))
    assert Decimal(report["projection"]["before_usd"]) == INPUT * INPUT_USD + OUTPUT * OUTPUT_USD


def test_a_ledger_of_the_largest_counts(audit: Auditor):
    log, ledger = audit.file("x.jsonl", lines(COUNT, input_tokens=MOST)), audit.place / "l.parquet"
    audit.run("ledger", log, "-o", ledger)
    audit.counted(ledger, requests=COUNT, tokens=(INPUT, OUTPUT))


def test_reported_costs_of_10_000_dollars_each(audit: Auditor):
    log = audit.file("x.jsonl", lines(COUNT, input_tokens=4 * 10**9, output_tokens=0, cost_usd=10_000.01))
    report = audit.counted(log, requests=COUNT)
    assert Decimal(report["spend"]["reported_usd"]) == COUNT * Decimal("10000.01")


def test_an_impossible_reported_cost_is_told(audit: Auditor):
    report = audit.plain(audit.file("x.jsonl", lines(5, cost_usd=1000)), requests=5)
    assert any(finding["code"] == "CA-C1" for finding in report["findings"])


@pytest.mark.parametrize(
    ("count", "odd"),
    [
        pytest.param(20_000, 2**53, id="the largest float of an integer"),
        pytest.param(60_000, 1_791_191_702_114_000, id="a clock in microseconds"),
    ],
)
def test_one_absurd_count_is_set_aside(audit: Auditor, count: int, odd: int):
    log = audit.file("x.jsonl", lines(count) + line(count, input_tokens=odd))
    audit.plain(log, requests=count, records=count + 1, skipped={"usage_too_large": 1})


def test_costs_of_a_picodollar(audit: Auditor):
    report = audit.counted(audit.file("x.jsonl", lines(1000, cost_usd="0.000000000001")), requests=1000)
    assert Decimal(report["spend"]["reported_usd"]) == Decimal("1e-9")


@pytest.mark.parametrize(("cached", "plain", "read"), [(100, 100, 1000), (4, 60, 40)])
def test_cached_tokens_beyond_the_input_and_within(audit: Auditor, cached: int, plain: int, read: int):
    report = audit.counted(audit.file("x.jsonl", lines(10, cached_tokens=cached)), requests=10)
    tokens = report["spend"]["tokens"]
    assert (tokens["input"], tokens["cache_read"]) == (plain, read)


def test_one_id_for_all(audit: Auditor):
    log = audit.file("x.jsonl", lines(500, request_id="same"))
    assert audit.plain(log, requests=1)["inputs"]["duplicates"] == 499
