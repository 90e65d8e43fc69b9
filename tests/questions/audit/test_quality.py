"""Markup, savings and ranges are claimed from exact counts alone; the rest is billed as it was."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from costaudit.front import api
from costaudit.questions.audit.result import Audit, Finding
from tests.engine.audits import Record, write_jsonl

EXACT: Record = {
    "provider": "openai", "model": "gpt-4o", "feature": "keyword-extraction", "gateway": "acme",
    "input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100, "cost_usd": 0.0042,
}  # fmt: skip
"""List is 1000 x 2.50 + 100 x 10 per million: 0.0035. A fifth more is stated."""
LIST, STATED = Decimal("0.0035"), Decimal("0.0042")

INEXACT: dict[str, tuple[Record, str]] = {
    "half a usage": ({"output_tokens": None, "total_tokens": None}, "partial"),
    "a number that nobody reads": ({"reasoning_cache_units": 7}, "partial"),
    "a total that nothing explains": ({"total_tokens": 9000}, "ambiguous"),
    "cached tokens inside or beside": ({"cached_tokens": 200, "total_tokens": 1250}, "ambiguous"),
}


def report_of(path: Path, *records: Record) -> Audit:
    rows = [
        {"request_id": f"r{n}", "timestamp": f"2026-10-05T10:{n % 60:02}:00Z", **EXACT, **record}
        for n, record in enumerate(records)
    ]
    return api.audit(write_jsonl(path, rows), cache=False).report


def claims(report: Audit) -> dict[str, Any]:
    """What is claimed of a log, in money."""
    p, found = report.projection, report.reconciliation
    return {
        "drivers": report.drivers,
        "markup": [(m.gateway, m.percent, m.usd, m.requests) for m in report.markup],
        "saving": (p.savings_usd, p.before_usd - p.low_usd, p.before_usd - p.high_usd),
        "routed": p.kept.get("routed"),
        "causes": p.by_cause,
        "evidence": p.by_evidence,
        "ratios": None if found is None else (found.requests, found.list_usd, found.distribution),
    }


def finding(report: Audit, code: str) -> Finding | None:
    return next((f for f in report.findings if f.code == code), None)


@pytest.mark.parametrize("kind", INEXACT)
@pytest.mark.parametrize("ending", [{}, {"status": "error"}], ids=["answered", "failed"])
def test_nothing_is_claimed_from_what_is_not_exact(tmp_path: Path, kind: str, ending: Record):
    record, quality = INEXACT[kind]
    alone = report_of(tmp_path / "exact.jsonl", {}, {})
    mixed = report_of(tmp_path / "mixed.jsonl", {}, {}, *[record | ending] * 3)
    assert claims(mixed) == claims(alone)
    assert claims(alone)["routed"] == 2
    assert alone.drivers.markup_usd == 2 * (STATED - LIST)
    # What is not claimed is in the bill, before and after.
    assert mixed.spend.billed_usd == 5 * STATED
    assert mixed.projection.after_usd - alone.projection.after_usd == 3 * STATED
    (told,) = mixed.coverage.inexact
    assert (told.quality, told.requests, told.billed_usd) == (quality, 3, 3 * STATED)
    assert mixed.coverage.usage == {"exact": 2, quality: 3}
    if not ending:
        assert mixed.projection.kept == {"routed": 2, "not_exact": 3}
        assert finding(mixed, "CA-U5" if quality == "ambiguous" else "CA-U1") is not None


def test_a_log_of_which_nothing_is_exact_has_a_bill_and_no_claim(tmp_path: Path):
    record, _ = INEXACT["half a usage"]
    report = report_of(tmp_path / "log.jsonl", *[record] * 4)
    assert (report.spend.billed_usd, report.projection.savings_usd) == (4 * STATED, 0)
    assert (report.markup, report.reconciliation) == ([], None)
    assert finding(report, "CA-M1") is finding(report, "CA-M2") is finding(report, "CA-O1") is None


def test_how_far_another_reading_is_off_is_told(tmp_path: Path):
    """200 cached tokens, beside or inside: at most 200 x 2.50 per million more or less input."""
    record, _ = INEXACT["cached tokens inside or beside"]
    report = report_of(tmp_path / "log.jsonl", record, record, {})
    found = finding(report, "CA-U5")
    assert found is not None
    assert found.title == (
        "2 requests have counts that can be read in two ways: by another reading list is up to $0.001 off"
    )
    assert Decimal(found.evidence["at_most_off_usd"]) == 2 * 200 * Decimal("2.5e-6")


def test_a_number_that_nobody_reads_lowers_its_own_record_alone(tmp_path: Path):
    rows = [{**EXACT, "request_id": f"r{n}", "search_units": n % 3} for n in range(30)]
    log = write_jsonl(tmp_path / "log.jsonl", rows)
    assert api.audit(log).report.coverage.usage == {"exact": 10, "partial": 20}
    (frame,) = api.tag(log)
    assert dict(zip(frame["response_id"], frame["quality"], strict=True)) == {
        f"r{n}": "partial" if n % 3 else "exact" for n in range(30)
    }
