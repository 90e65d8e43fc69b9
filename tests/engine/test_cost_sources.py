"""What the bill goes by: reported cost, list, or the one else the other. The invariants hold for each."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.engine.costing import CostSource
from costaudit.prices.gateways import load_gateways
from costaudit.questions.audit.build import build_audit
from costaudit.questions.audit.result import Audit
from tests.engine.audits import Record, audit_pass, random_log, write_jsonl
from tests.often import repeated

FEW = repeated(3, 40)
SEEDS = st.integers(0, 2**32)
SOURCES = list(CostSource)


def reports(path: Path) -> dict[CostSource, Audit]:
    passed = audit_pass(path)
    return {s: build_audit(passed, load_gateways(), source=s) for s in SOURCES}


def amount(value: Decimal | None) -> Decimal:
    return value if value is not None else Decimal(0)


@FEW
@given(SEEDS)
def test_parts_sum_and_the_waterfall_ends_at_the_projection(tmp_path: Path, seed: int):
    for source, report in reports(write_jsonl(tmp_path / "log.jsonl", random_log(seed))).items():
        spend, projection = report.spend, report.projection
        assert spend.cost_source == source.value
        for rows in (report.by_tier, report.by_model, report.by_feature, report.by_day):
            assert sum(r.requests for r in rows) == spend.requests
            assert sum(amount(r.list_usd) for r in rows) == spend.list_usd
            assert sum(amount(r.billed_usd) for r in rows) == amount(spend.billed_usd)
            assert sum(amount(r.after_usd) for r in rows) == projection.after_usd
            assert all((r.billed_usd is None) == (r.after_usd is None) for r in rows)
        *steps, last = projection.steps
        assert steps[0].usd == projection.before_usd == amount(spend.billed_usd)
        assert sum(s.usd for s in steps) == last.usd == projection.after_usd
        assert projection.low_usd <= projection.after_usd <= projection.high_usd
        assert min(getattr(report.drivers, name) for name in report.drivers.__struct_fields__) >= 0
        assert sum(projection.kept.values()) == spend.requests


@FEW
@given(SEEDS)
def test_the_source_changes_the_bill_and_nothing_that_is_measured(tmp_path: Path, seed: int):
    found = reports(write_jsonl(tmp_path / "log.jsonl", random_log(seed)))
    auto, reported, listed = (found[s] for s in (CostSource.AUTO, CostSource.REPORTED, CostSource.LIST))
    for report in (reported, listed):
        assert report.reconciliation == auto.reconciliation
        assert report.coverage == auto.coverage
        assert report.spend.list_usd == auto.spend.list_usd
        assert report.spend.reported_usd == auto.spend.reported_usd
    assert reported.spend.billed_usd == auto.spend.reported_usd
    assert listed.spend.unbilled_requests == sum(u.requests for u in auto.coverage.unpriced)
    assert sum(amount(r.billed_usd) for r in reported.by_user) == amount(reported.spend.billed_usd)
    assert listed.spend.unbilled_list_usd is None  # what list does not bill has no list cost
    assert not [f for f in listed.findings if f.code == "CA-M2"]
    assert not [m for m in listed.markup if m.evidence == "reported"]
    assert not [m for m in reported.markup if m.evidence == "table"]


SAID: Record = {
    "provider": "openai", "model": "gpt-4o", "timestamp": "2026-10-05T10:00:00Z", "input_tokens": 1000,
    "output_tokens": 100, "tier": 2,
}  # fmt: skip
LIST = Decimal("0.0035")


def test_the_three_bills_of_a_small_log_by_hand(tmp_path: Path):
    """Reported 0.01; silent through a gateway of 5.5%; silent; unknown that states 0.2; unknown; a hit."""
    log = [
        SAID | {"cost_usd": "0.01"}, SAID | {"gateway": "openrouter"}, SAID,
        SAID | {"model": "acme-9", "cost_usd": "0.2"}, SAID | {"model": "acme-9"},
        SAID | {"status": "cache_hit"},
    ]  # fmt: skip
    path = write_jsonl(tmp_path / "log.jsonl", [r | {"request_id": f"r{n}"} for n, r in enumerate(log)])
    bills = {
        s.value: (r.spend.billed_usd, r.spend.unbilled_requests, r.spend.unbilled_list_usd)
        for s, r in reports(path).items()
    }
    fee = LIST * Decimal("1.055")
    assert bills == {
        "auto": (Decimal("0.21") + fee + LIST, 1, None),
        "list": (LIST + fee + LIST, 2, None),
        "reported": (Decimal("0.21"), 3, 2 * LIST),
    }
    report = reports(path)[CostSource.REPORTED]
    assert report.spend.unbilled_tokens == 3 * 1100
    assert report.projection.kept["unbilled"] == 2


def test_a_log_without_costs_has_no_reported_bill(tmp_path: Path, run: Any):
    path = write_jsonl(tmp_path / "log.jsonl", [SAID | {"request_id": "a"}])
    report = reports(path)[CostSource.REPORTED]
    assert report.spend.billed_usd is None
    assert report.reconciliation is None
    assert report.projection.kept == {"unbilled": 1}
    text = run("analyze", path, "--cost-source", "reported").out
    assert text.startswith("What was spent is not known: no cost is stated for 1 request\n")
    assert not re.search(r"\$0\.00(?!\d)", text)
    assert re.search(r"List +\$0\.0035 ", text)


def test_the_text_says_what_is_not_billed(tmp_path: Path, run: Any):
    log = [SAID | {"request_id": "a", "cost_usd": "5"}, SAID | {"request_id": "b", "input_tokens": 400_000}]
    path = write_jsonl(tmp_path / "log.jsonl", [log[0] | {"input_tokens": 2_000_000}, log[1]])
    text = run("analyze", path, "--cost-source", "reported", columns=80).out
    assert text.startswith("$5.00 billed")
    text = " ".join(text.split())
    assert "Not billed $1.00 by list: 1 request (50.0%) that states no cost, in no bill" in text
    assert "1 without a stated cost" in text


@pytest.mark.parametrize("command", ["analyze", "simulate"])
def test_the_option_of_both_commands(tmp_path: Path, run: Any, command: str):
    path = write_jsonl(tmp_path / "log.jsonl", [SAID | {"request_id": "a", "cost_usd": "0.01"}])
    for source, billed in (("auto", "0.01"), ("reported", "0.01"), ("list", "0.0035")):
        told = json.loads(run(command, path, "--cost-source", source, "--format", "json").out)
        assert (told["spend"]["cost_source"], told["spend"]["billed_usd"]) == (source, billed)
        assert told["reconciliation"]["requests"] == 1
    wrong = run(command, path, "--cost-source", "lst")
    assert (wrong.code, wrong.out) == (2, "")
    assert "list" in wrong.err
    both = run(command, path, "--cost-source", "reported", "--prices-at", "2026-01-01")
    assert (both.code, both.out) == (2, "")


def test_a_scenario_has_no_reported_costs(run: Any):
    found = run("simulate", "--cost-source", "list")
    assert (found.code, found.out) == (2, "")
    assert "--cost-source needs a log" in found.err
