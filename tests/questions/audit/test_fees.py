"""Markups of a log, break-even volumes and commitments: from the command line to the figures by hand."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from costaudit.ingest.files import find_logs
from costaudit.prices.gateways import load_gateways
from costaudit.questions.audit.fees.build import AS_LOGGED, Fees, as_logged, projected_with, traffic_of
from costaudit.questions.audit.fees.markup import MarkupTerms, Volume
from costaudit.questions.audit.result import Projection
from costaudit.questions.audit.work import audited
from tests.engine.audits import audit, audit_files, plan, write_jsonl

# 1,000 input and 1,000 output tokens of gpt-4o cost 1,000 × $2.5 + 1,000 × $10 per 1M: $0.0125.
LIST = Decimal("0.0125")


def call(number, day=1, hour=12, **more):
    at = datetime(2026, 10, day, tzinfo=UTC) + timedelta(hours=hour)
    return {
        "request_id": f"r{number}", "provider": "openai", "model": "gpt-4o", "input_tokens": 1000,
        "output_tokens": 1000, "timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"), **more,
    }  # fmt: skip


def october(path, per_day=2, **more):
    """The 30 whole days from 1 October, so that a month is the log: untagged, nothing is routed away."""
    hours = [0.5, 23.5, *([12] * (per_day - 2))]
    return write_jsonl(
        path, [call(f"{day}-{i}", day, hour, **more) for day in range(1, 31) for i, hour in enumerate(hours)]
    )


def simulated(run, *argv):
    outcome = run("simulate", *argv, "--format", "json")
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out, parse_float=Decimal)


@pytest.fixture
def log(tmp_path):
    """60 requests, $0.75 of list, which the policy leaves alone: the tier is kept."""
    return october(tmp_path / "log.jsonl")


@pytest.fixture
def keep(tmp_path):
    """A policy under which every request keeps its model."""
    path = tmp_path / "keep.toml"
    tiers = "".join(f"[[tiers]]\ntier = {tier}\nkeep = true\n" for tier in range(4))
    path.write_text(
        f'schema = "costaudit/policy@1"\nname = "keep"\ntitle = "Nothing moves"\n{tiers}', encoding="utf-8"
    )
    return path


@pytest.mark.parametrize(
    ("form", "period", "month", "year"),
    [
        # 60 requests of $0.0125 and 2,000 tokens in 30 whole days. Thursdays and Fridays weigh 30 / 35, the
        # other days 30 / 28, and the sum of equal days is what it was.
        ("10%", "0.075", "0.075", "0.90"),
        ("0.0004/request", "0.024", "0.024", "0.288"),
        ("10%+0.0004/request", "0.099", "0.099", "1.188"),
        ("10%+500/month", None, "500.075", "6000.90"),
        ("500/month", None, "500.00", "6000.00"),
        ("2/mtok", "0.24", "0.24", "2.88"),
        ("gateway:openrouter", "0.04125", "0.04125", "0.495"),
        ("gateway:portkey", None, "49.00", "588.00"),
    ],
)
def test_each_form_on_a_log_that_is_a_month(run, log, keep, form, period, month, year):
    (row,) = simulated(run, log, "--policy", keep, "--markup", form)["projection"]["markup_scenarios"]
    assert (row["period_usd"], row["monthly_usd"], row["yearly_usd"]) == (period, month, year)


def test_terms_stand_beside_the_amounts(run, log):
    rows = simulated(run, log, "--markup", "5%+0.0004/request", "--markup", "500/month,gateway:openrouter")
    terms = [
        (r["label"], r["percent"], r["per_request_usd"], r["subscription_usd_month"], r["source"])
        for r in rows["projection"]["markup_scenarios"]
    ]
    assert terms == [
        ("5% + $0.0004/request", "5", "0.0004", None, "given"),
        ("$500/month", None, None, "500.00", "given"),
        ("gateway:openrouter@2026-10-30", "5.5", None, None, "table"),
    ]


def test_requests_answered_by_a_gateways_cache_and_failed_ones_count(run, tmp_path):
    rows = [call(1), call(2, status="cache_hit", input_tokens=0, output_tokens=0), call(3, status="error")]
    path = write_jsonl(tmp_path / "log.jsonl", rows)
    (row,) = simulated(run, path, "--markup", "0.01/request")["projection"]["markup_scenarios"]
    assert row["period_usd"] == "0.03"
    assert (row["monthly_usd"], row["yearly_usd"]) == (None, None)  # less than a day


def test_a_subscription_is_known_without_a_month_of_traffic(run, tmp_path):
    path = write_jsonl(tmp_path / "log.jsonl", [call(1), call(2)])
    rows = simulated(run, path, "--markup", "500/month,5%+500/month")["projection"]["markup_scenarios"]
    assert [(r["period_usd"], r["monthly_usd"]) for r in rows] == [(None, "500.00"), (None, None)]


def test_by_default_the_markup_of_the_log_is_a_scenario(run, tmp_path, keep):
    # Half of $0.75 through mine at +8%, the rest directly: 4% of all, in a month as in the log.
    log = october(tmp_path / "log.jsonl")
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    for line in lines[::2]:
        line |= {"gateway": "mine", "cost_usd": str(LIST * Decimal("1.08"))}
    write_jsonl(log, lines)
    scenarios = simulated(run, log, "--policy", keep)["projection"]["markup_scenarios"]
    assert [r["label"] for r in scenarios] == ["0%", "5%", "10%", "15%", AS_LOGGED]
    found = scenarios[-1]
    assert (found["percent"], found["source"]) == ("4", "log")
    assert (found["period_usd"], found["monthly_usd"], found["yearly_usd"]) == ("0.03", "0.03", "0.36")
    assert found["notes"] == ["mine 8% over list, stated in the log for 30 of its requests"]
    text = " ".join(run("simulate", log, "--policy", keep, columns=120).out.split())
    assert "as in this log: mine 8% over list, stated in the log for 30 of its requests" in text
    asked = simulated(run, log, "--markup", "5%")["projection"]["markup_scenarios"]
    assert [r["label"] for r in asked] == ["5%"]


def test_published_fees_of_a_gateway_are_told_as_such(run, tmp_path, keep):
    log = october(tmp_path / "log.jsonl", gateway="openrouter")
    found = simulated(run, log, "--policy", keep)["projection"]["markup_scenarios"][-1]
    assert (found["label"], found["percent"]) == (AS_LOGGED, "5.5")
    assert found["notes"] == ["openrouter 5.5% over list, published fees for 60 of its requests"]


def test_a_log_at_list_has_no_markup_of_its_own(run, log):
    assert len(simulated(run, log)["projection"]["markup_scenarios"]) == 4


@settings(max_examples=25)
@given(
    percent=st.decimals("0.1", "60", places=1),
    tokens=st.lists(st.integers(1, 10**5), min_size=1, max_size=20),
)
def test_a_markup_that_is_applied_is_detected_and_projected_again(tmp_path_factory, percent, tokens):
    """Costs of list plus a percentage, through a gateway without a published fee."""
    rows = [call(n, input_tokens=count, output_tokens=0, gateway="my-own") for n, count in enumerate(tokens)]
    for row in rows:
        list_usd = Decimal(row["input_tokens"]) * Decimal("2.5") / 10**6
        marked = MarkupTerms("", percent=percent)
        whole = Fraction(list_usd) + marked.month_usd(Volume(Fraction(list_usd), Fraction(1)))
        row["cost_usd"] = str(Decimal(whole.numerator) / Decimal(whole.denominator))
    path = write_jsonl(tmp_path_factory.mktemp("logs") / "log.jsonl", rows)
    (found,) = audit(path).markup
    assert (Decimal(found.percent or 0), found.evidence) == (percent, "reported")
    work = audited(audit_files(find_logs([str(path)])[0], plan()), load_gateways())
    (scenario,) = as_logged(work)
    assert Decimal(scenario.percent or 0) == percent
    projected = projected_with(_empty(), Fees([MarkupTerms("m", percent=percent)]), traffic_of(work), work)
    assert scenario.period_usd == projected.markup_scenarios[0].period_usd


def _empty():
    zero = Decimal(0)
    return Projection(
        policy="p", before_usd=zero, after_usd=zero, savings_usd=zero, savings_percent=None, low_usd=zero,
        high_usd=zero, steps=[],
    )  # fmt: skip


def test_break_even_of_a_log_by_hand(run, log, keep):
    # $0.0125 and 2,000 tokens a request. 5% = $500 at $10,000 of list, 800,000 requests, 1.6G tokens.
    argv = (log, "--policy", keep, "--break-even", "ten=5%", "--break-even", "flat=500/month")
    found = simulated(run, *argv)["projection"]["break_even"]
    at = {"list_usd": "10000.00", "requests": 800_000, "tokens": 1_600_000_000}
    for mix in found["mixes"]:
        assert mix["month"] == {"list_usd": "0.75", "requests": 60, "tokens": 120_000}
        assert mix["monthly_usd"] == ["0.0375", "500.00"]
        assert mix["cheapest"] == ["ten"]
        assert mix["pairs"] == [{"a": "ten", "b": "flat", "at": [at], "cheaper": ["ten", "flat"]}]
        assert [(i["start"]["list_usd"], i["end"], i["cheapest"]) for i in mix["intervals"]] == [
            ("0.00", at, ["ten"]), ("10000.00", None, ["flat"])
        ]  # fmt: skip
    assert [mix["mix"] for mix in found["mixes"]] == ["as_logged", "after_routing"]
    assert "list price and tokens per request are this log's own" in found["assumptions"][0]


def test_break_even_of_the_ten_million_requests(run):
    # $56,000 for 10M requests, then $27,600: $0.0056 and $0.00276 a request. $0.0001 a request is 1.7857…%
    # of list before and 3.6231…% after: 3% of list is dearer than it before, and cheaper after routing.
    found = simulated(run, "--break-even", "a=3%", "--break-even", "b=0.0001/request")["projection"][
        "break_even"
    ]
    assert [(mix["monthly_usd"], mix["cheapest"]) for mix in found["mixes"]] == [
        (["1680.00", "1000.00"], ["b"]), (["828.00", "1000.00"], ["a"])
    ]  # fmt: skip
    assert [mix["pairs"][0]["at"] for mix in found["mixes"]] == [[], []]


def test_less_than_a_day_has_a_mix_but_no_month(run, tmp_path, keep):
    path = write_jsonl(tmp_path / "log.jsonl", [call(1), call(2)])
    argv = (path, "--policy", keep, "--break-even", "5%", "--break-even", "500/month")
    argv = (*argv, "--commit", "percent=20,monthly=100")
    projection = simulated(run, *argv)["projection"]
    mix = projection["break_even"]["mixes"][0]
    assert (mix["month"], mix["monthly_usd"], mix["cheapest"]) == (None, [None, None], [])
    assert mix["pairs"][0]["at"][0]["requests"] == 800_000
    (one,) = projection["commitments"]
    assert (one["uses"], one["routing_saves_usd_month"], one["cheapest"]) == ([], None, [])
    text = " ".join(run("simulate", *argv, columns=120).out.split())
    assert text.count("states no times: what a month has is not known.") == 2  # at both


def test_a_log_without_spend_breaks_even_nowhere(run, tmp_path):
    path = write_jsonl(tmp_path / "log.jsonl", [call(1, model="acme-9", provider=None)])
    outcome = run("simulate", path, "--break-even", "5%", "--break-even", "500/month")
    assert outcome.code == 0
    assert "Where they cost the same" not in outcome.out


def test_a_commitment_sized_for_the_spend_before_routing(run):
    # 20% on $50,000 is $40,000 a month. Before: 56,000 costs 40,000 + 6,000. After: 27,600 costs 40,000.
    (one,) = simulated(run, "--commit", "percent=20,monthly=50000,months=12")["projection"]["commitments"]
    assert (one["paid_usd_month"], one["paid_usd_term"]) == ("40000.00", "480000.00")
    assert one["break_even_utilisation_percent"] == "80"
    before, after = one["uses"]
    assert (before["with_commitment_usd"], before["saving_monthly_usd"], before["saving_term_usd"]) == (
        "46000.00", "10000.00", "120000.00"
    )  # fmt: skip
    assert (after["utilisation_percent"], after["with_commitment_usd"], after["saving_monthly_usd"]) == (
        "55.2", "40000.00", "-12400.00"
    )  # fmt: skip
    assert after["saving_term_usd"] == "-148800.00"
    assert (one["routing_saves_usd_month"], one["routing_saves_committed_usd_month"]) == (
        "28400.00",
        "6000.00",
    )
    assert one["largest_paying_usd_month"] == "34500.00"  # 27,600 / 0.8
    assert one["cheapest"] == ["routing"]
    text = " ".join(run("simulate", "--commit", "percent=20,monthly=50000", columns=120).out.split())
    assert "Lock-in: $480,000.00 are owed over 12 months whatever is used." in text
    assert "it loses $12,400.00 a month, $148,800.00 over 12 months" in text


def test_a_commitment_that_fits_the_routed_spend(run):
    # 20% on $27,600 is $22,080, and nothing else is paid.
    (one,) = simulated(run, "--commit", "percent=20,monthly=27600")["projection"]["commitments"]
    assert one["uses"][1]["with_commitment_usd"] == "22080.00"
    assert one["cheapest"] == ["both"]


def test_the_table_has_a_row_for_each(run):
    argv = ("--break-even", "ten=10%", "--break-even", "flat=500/month", "--commit", "percent=20,monthly=100")
    rows = list(csv.DictReader(io.StringIO(run("simulate", *argv, "--format", "csv").out, newline="")))
    found = [(r["section"], r["name"], r["list_usd"], r["after_usd"]) for r in rows]
    assert ("ways_to_pay", "ten; after_routing", "", "2760.00") in found
    assert ("break_even", "ten and flat; as_logged", "5000.00", "") in found
    assert ("commitments", "20% on $100/month for 12 months; after_routing", "", "27580.00") in found


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("--markup", "ten"), "not a percentage"),
        (("--markup", "gateway:vercel"), "vercel does not publish its fee on buying credits"),
        (("--markup", "gateway:nobody"), "no fees are known of a gateway 'nobody'"),
        (("--break-even", "5%"), "one option breaks even with nothing"),
        (("--break-even", "a=5%", "--break-even", "a=6%"), "two options are called 'a'"),
        (("--commit", "percent=20"), "lacks monthly"),
    ],
)
def test_what_makes_no_sense_ends_with_exit_code_two(run, argv, told):
    outcome = run("simulate", *argv)
    assert (outcome.code, outcome.out) == (2, "")
    assert told in outcome.err


def test_an_unknown_gateway_is_told_before_the_logs_are_read(run, tmp_path):
    outcome = run("simulate", tmp_path / "absent.jsonl", "--markup", "gateway:nobody")
    assert "no fees are known of a gateway 'nobody'" in outcome.err


def test_names_of_ways_to_pay_are_plain_text(run):
    name = "[red]x\x1b[31m<script>"
    argv = ("--break-even", f"{name}=5%", "--break-even", "b=3%")
    for format_ in ("text", "markdown", "csv", "json"):
        out = run("simulate", *argv, "--format", format_, columns=120).out
        assert "\x1b" not in out
    assert "<script" not in run("simulate", *argv, "--format", "markdown").out


def test_allowances_are_of_a_month_so_a_period_has_no_amount(run, log, keep):
    (row,) = simulated(run, log, "--policy", keep, "--markup", "byok:openrouter")["projection"][
        "markup_scenarios"
    ]
    assert (row["free_usd_month"], row["period_usd"], row["monthly_usd"]) == ("25000.00", None, "0.00")


def test_a_markup_knows_what_it_has_per_month():
    assert not MarkupTerms("", percent=Decimal(5)).is_monthly
    assert replace(MarkupTerms("", percent=Decimal(5)), free_usd=Decimal(1)).is_monthly
