"""Gates agree with the report of the same log, and with each other, on random logs."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from costaudit.config.gates import Gates
from costaudit.prices.gateways import load_gateways
from costaudit.questions.audit.build import audit_parts
from costaudit.questions.audit.month import rounded_usd
from costaudit.questions.audit.work import audited
from costaudit.questions.gates.case import GateCase, Log
from costaudit.questions.gates.check import judge_gates
from tests.engine.audits import audit_pass, random_log, write_jsonl

TIERS = (0, 1, 2, 3, "untagged")


def measured(case: GateCase, **settings: Any) -> list[Fraction]:
    gates = Gates.model_validate(settings)
    told = judge_gates(GateCase(gates, case.book, case.resolver, case.gateways, case.now, log=case.log))
    return [o.measured.value if o.measured.value is not None else Fraction(0) for _, o in told.outcomes]


@pytest.fixture(params=range(4))
def case(request: Any, tmp_path: Path) -> GateCase:
    passed = audit_pass(write_jsonl(tmp_path / "log.jsonl", random_log(request.param)))
    gateways = load_gateways()
    plan = passed.plan
    return GateCase(
        Gates(), plan.prices.book, plan.prices.resolver, gateways, 0, log=Log(audited(passed, gateways))
    )


def budgets(**scopes: Any) -> list[dict[str, Any]]:
    (name,) = scopes
    return [{"per": "log", "deny": "0", name: value} for value in scopes[name]]


def test_budgets_of_all_tiers_add_up_to_the_bill(case: GateCase):
    assert case.log is not None
    parts = audit_parts(case.log.work)
    by_tier = measured(case, budget=budgets(tier=TIERS))
    (total,) = measured(case, budget=[{"per": "log", "deny": "0"}])
    assert sum(by_tier) == total == Fraction(parts["spend"].billed_usd)
    rows = {row.tier: row.billed_usd for row in parts["by_tier"]}
    expected = [Fraction(rows.get(None if tier == "untagged" else tier) or Decimal(0)) for tier in TIERS]
    assert by_tier == expected


def test_budgets_of_models_and_features_are_the_rows_of_the_report(case: GateCase):
    assert case.log is not None
    parts = audit_parts(case.log.work)
    features = [row for row in parts["by_feature"] if row.feature is not None]
    found = measured(case, budget=budgets(feature=[row.feature for row in features]))
    assert found == [Fraction(row.billed_usd or Decimal(0)) for row in features]
    providers = sorted({(row.model or "").partition("/")[0] for row in parts["by_model"] if "/" in row.model})
    by_provider = measured(case, budget=budgets(model=[f"{name}/*" for name in providers]))
    rows = [
        sum(Fraction(r.billed_usd or 0) for r in parts["by_model"] if (r.model or "").startswith(f"{name}/"))
        for name in providers
    ]
    assert by_provider == rows


def test_a_peak_day_is_the_dearest_row_of_the_days_and_a_month_is_that_of_the_report(case: GateCase):
    assert case.log is not None
    parts = audit_parts(case.log.work)
    peak, day, month = measured(
        case, budget=[{"per": per, "deny": "0"} for per in ("peak-day", "day", "month")]
    )
    days = [Fraction(row.billed_usd or 0) for row in parts["by_day"] if row.date is not None]
    assert peak == max(days)
    assert month == 30 * day
    assert month is not None
    assert rounded_usd(month) == parts["spend"].monthly_usd


def test_coverage_and_untagged_are_those_of_the_report_before_it_cuts_them(case: GateCase):
    assert case.log is not None
    coverage = audit_parts(case.log.work)["coverage"]
    whole = {"requests": "0%", "tokens": "0%"}
    untagged, *found = reversed(measured(case, coverage=whole, untagged={"requests": "0%"}))
    tokens, requests = found
    for exact, cut in (
        (requests, coverage.requests),
        (tokens, coverage.tokens),
        (100 - untagged, coverage.tagged),
    ):
        assert 0 <= exact / 100 - Fraction(repr(cut)) < Fraction(1, 10**6)


def test_a_markup_is_found_where_the_report_has_one(case: GateCase):
    assert case.log is not None
    work = case.log.work
    told = judge_gates(
        GateCase(Gates.model_validate({"markup": {"deny": "0%"}}), case.book, case.resolver, case.gateways, 0,
             log=case.log)
    )  # fmt: skip
    rows = audit_parts(work)["markup"]
    for _, outcome in told.outcomes:
        name = outcome.measured.subject.removeprefix("gateway ")
        mine = [r for r in rows if (r.gateway or "no gateway named") == name]
        if outcome.measured.value:
            assert sum(Fraction(r.usd) for r in mine) > 0
