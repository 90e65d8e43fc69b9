"""Findings of small logs, by hand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from costaudit.questions.audit.result import Audit, Finding
from tests.engine.audits import Record, audit, write_jsonl

SAID: Record = {
    "provider": "openai",
    "model": "gpt-4o",
    "timestamp": "2026-10-05T10:00:00Z",
    "input_tokens": 1000,
    "output_tokens": 100,
}
LIST = Decimal("0.0035")


def of(tmp_path: Path, *records: Record) -> Audit:
    return audit(
        write_jsonl(
            tmp_path / "log.jsonl", [{"request_id": f"r{n}", **SAID, **r} for n, r in enumerate(records)]
        )
    )


def finding(report: Audit, code: str) -> Finding | None:
    return next((f for f in report.findings if f.code == code), None)


def test_impossible_costs_are_all_counted_once_and_five_are_shown(tmp_path: Path):
    odd: list[Record] = [{"cost_usd": 50 + n, "input_tokens": n} for n in range(30)]
    report = of(
        tmp_path, *odd, {"cost_usd": 79, "input_tokens": 29, "request_id": "r29"}, {"cost_usd": 0.004}
    )
    found = finding(report, "CA-C1")
    assert found is not None
    assert found.title.startswith("30 reported costs are impossible")
    assert [e["reported_usd"] for e in found.evidence["examples"]] == [
        "79.00",
        "78.00",
        "77.00",
        "76.00",
        "75.00",
    ]
    assert [e["line"] for e in found.evidence["examples"]] == [30, 29, 28, 27, 26]
    assert report.spend.reported_usd == Decimal("0.004")


def test_a_cost_of_twenty_times_list_is_believed_and_a_little_more_is_not(tmp_path: Path):
    """10M tokens in at 2.50: list is 25.00, so 500.00 passes."""
    tokens = {"input_tokens": 10_000_000, "output_tokens": 0}
    assert of(tmp_path, tokens | {"cost_usd": 500.0}).spend.reported_usd == 500
    assert of(tmp_path, tokens | {"cost_usd": 500.01}).spend.reported_usd is None
    assert of(tmp_path, tokens | {"cost_usd": "500.000000000001"}).spend.reported_usd is None


def test_failed_and_superseded_attempts_are_reliability(tmp_path: Path):
    report = of(
        tmp_path,
        {"status": "error"},
        {"request_id": "a"},
        {"request_id": "b", "parent_id": "a", "attempt": 1},
        {},
    )
    assert report.drivers.reliability_usd == 2 * LIST
    failed, replaced = finding(report, "CA-R1"), finding(report, "CA-R2")
    assert failed is not None
    assert replaced is not None
    assert (failed.usd, replaced.usd) == (LIST, LIST)


def test_what_is_billed_below_list_is_a_discount_and_no_negative_markup(tmp_path: Path):
    report = of(tmp_path, {"cost_usd": "0.001", "gateway": "own"}, {"cost_usd": "0.004", "gateway": "own"})
    assert report.drivers.markup_usd == Decimal("0.0005")
    assert report.spend.billed_usd == Decimal("0.005")
    assert finding(report, "CA-M2") is not None


def test_unpriced_requests_are_a_finding_with_their_names(tmp_path: Path):
    report = of(
        tmp_path, {"model": "acme-9"}, {"model": "acme-9", "timestamp": None}, {"service_tier": "gold"}, {}
    )
    assert {(u.model, u.reason, u.requests) for u in report.coverage.unpriced} == {
        ("openai/acme-9", "unknown_model", 2),
        ("openai/gpt-4o", "no_price_for_service_tier", 1),
    }
    found = finding(report, "CA-P1")
    assert found is not None
    assert found.evidence["requests"] == 3
    assert report.spend.list_usd == LIST
    rows: dict[str | None, Any] = {r.model: r for r in report.by_model}
    assert rows["openai/acme-9"].list_usd is None
    assert rows["openai/acme-9"].billed_usd is None


def test_cached_tokens_whose_price_is_assumed_are_told_with_what_they_may_cost(tmp_path: Path):
    host = {
        "provider": "nebius",
        "model": "NousResearch/Hermes-4-70B",
        "cached_tokens": 400,
        "input_tokens": 1000,
    }
    found = finding(of(tmp_path, host, {}), "CA-P2")
    assert found is not None
    assert found.evidence == {"tokens": 400, "models": ["nebius/NousResearch/Hermes-4-70B"]}
    assert found.usd == Decimal("0.000052")  # 400 × 0.13 per 1M, the price of new ones
    assert finding(of(tmp_path, {"cached_tokens": 400, "input_tokens": 1000}), "CA-P2") is None


def test_dates_that_can_be_two_are_told_and_priced_at_none(tmp_path: Path):
    report = of(tmp_path, {"timestamp": "3/4/2025"}, {"timestamp": "5/4/2025"}, {})
    found = finding(report, "CA-U3")
    assert found is not None
    assert found.title == f"timestamp is not read in 2 records of {found.evidence['columns'][0]['file']}"
    assert found.evidence["columns"][0]["reason"] == "date_order"
    assert "--dates" in found.next
    assert finding(of(tmp_path, {"timestamp": "3/4/2025"}, {"timestamp": "15/4/2025"}), "CA-U3") is None


def test_numbers_that_nobody_reads_are_told_by_name(tmp_path: Path):
    report = of(
        tmp_path,
        {"video_tokens": 70, "time_to_first_token": 12},
        {"video_tokens": 30, "search_units": "2"},
        {"video_tokens": 0},
        {},
    )
    found = finding(report, "CA-U2")
    assert found is not None
    assert found.title == "video_tokens is in 2 of 4 records and is not read, and 1 more"
    assert found.evidence["names"] == [
        {"name": "video_tokens", "records": 2, "sum": Decimal(100)},
        {"name": "search_units", "records": 1, "sum": Decimal(2)},
    ]
    assert (found.usd, found.evidence["records"]) == (None, 4)
    assert finding(of(tmp_path, {"latency_ms": 5, "ratelimit_tokens": 9}), "CA-U2") is None


def test_ids_that_stand_for_several_calls_are_told(tmp_path: Path):
    row = {"response_id": "x", "model": "gpt-4o", "input_tokens": 100, "output_tokens": 50}
    times = ("2026-10-05T10:00:00Z", "2026-10-05T12:00:00Z")
    rows = [row | {"timestamp": time, "input_tokens": n} for n, time in enumerate(times, 1)]
    found = finding(audit(write_jsonl(tmp_path / "log.jsonl", rows)), "CA-D2")
    assert found is not None
    assert found.evidence == {"ids": 1, "requests": 2}


def test_tokens_of_refused_requests_are_told_and_not_billed(tmp_path: Path):
    report = of(
        tmp_path, {}, {"status": 429, "output_tokens": 0}, {"status": 401, "output_tokens": 0},
        {"status": 500, "output_tokens": 0}, {"status": 429},
    )  # fmt: skip
    found = finding(report, "CA-U4")
    assert found is not None
    assert found.evidence == {"requests": 2, "tokens": 2000}
    # two answers of 1000 x 2.50 + 100 x 10 per million, and 1000 tokens that a server took before it failed.
    assert report.spend.list_usd == 2 * LIST + Decimal("0.0025")


def test_a_cost_in_another_currency_is_no_reported_cost(tmp_path: Path):
    report = of(
        tmp_path, {"cost": 0.5, "currency": "EUR"}, {"cost": 0.0035, "currency": "usd"},
        {"cost": 0.25, "currency": "EUR"}, {"cost_eur": 0.1},
    )  # fmt: skip
    assert (report.spend.reported_usd, report.spend.reported_requests) == (LIST, 1)
    found = finding(report, "CA-U2")
    assert found is not None
    told = {name["name"]: (name["records"], Decimal(name["sum"])) for name in found.evidence["names"]}
    assert told == {"cost in EUR": (2, Decimal("0.75")), "cost_eur": (1, Decimal("0.1"))}


def test_profiles_of_bedrock_that_a_log_leaves_out_are_told(tmp_path: Path):
    """1,000 x 3.00 + 100 x 15 per million; through a geographic profile 10 % more."""
    bare = {"provider": "bedrock", "model": "anthropic.claude-sonnet-4-5-20250929-v1:0"}
    report = of(tmp_path, bare, bare | {"model": f"us.{bare['model']}"})
    assert report.spend.list_usd == Decimal("0.0045") + Decimal("0.00495")
    found = finding(report, "CA-P3")
    assert found is not None
    assert found.evidence == {"requests": 1, "list_usd": "0.0045", "more_if_geographic_usd": "0.00045"}
