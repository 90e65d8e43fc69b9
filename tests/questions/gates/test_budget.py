"""CA701: what requests may cost. The log of conftest.py comes to $10.00 in four days."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.questions.gates.conftest import GPT_4O, LOG, MINI


@pytest.mark.parametrize(
    ("budget", "measured", "unit"),
    [
        ('per = "log"', "10.00", "usd"),
        ('per = "month"', "67.50", "usd_per_month"),  # $9.00 on four whole days, × 30 / 4
        ('per = "day"', "2.25", "usd_per_day"),  # 9 / 4; the fifth day is there only in part
        ('per = "peak-day"', "5.00", "usd_per_day"),  # 2 October
        ('per = "log"\nfeature = "search"', "2.50", "usd"),
        ('per = "log"\nfeature = "SEARCH*"', "7.50", "usd"),
        ('per = "month"\nfeature = "search*"', "56.25", "usd_per_month"),
        ('per = "log"\ntier = 1', "6.50", "usd"),
        ('per = "peak-day"\ntier = 1', "5.00", "usd_per_day"),
        ('per = "log"\nmodel = "openai/gpt-4o-2*"', "8.50", "usd"),  # as the book resolves gpt-4o
        ('per = "log"\nmodel = "gpt-4o-mini"', "1.50", "usd"),  # as logged
        ('per = "log"\ntier = 1\nmodel = "gpt-4o"', "5.00", "usd"),
        ('per = "log"\ntier = 2\nfeature = "chat"', "1.00", "usd"),
    ],
)
def test_a_budget_is_what_its_requests_were_billed(gate: Any, budget: str, measured: str, unit: str):
    found = gate(f'[[gates.budget]]\ndeny = "1000"\n{budget}')
    assert (found["measured"], found["unit"], found["verdict"]) == (measured, unit, "pass")


@pytest.mark.parametrize(
    ("limits", "verdict", "limit", "code"),
    [
        ('deny = "10"', "pass", "10.00", 0),
        ('deny = "9.999999999"', "fail", "9.999999999", 1),
        ("deny = 9", "fail", "9.00", 1),
        ('warn = "9"', "warn", "9.00", 0),
        ('warn = "10"', "pass", "10.00", 0),
        ('deny = "11"\nwarn = "9"', "warn", "9.00", 0),
        ('deny = "9"\nwarn = "8"', "fail", "9.00", 1),
        ('deny = "12"\nwarn = "11"', "pass", "12.00", 0),
        ('deny = "0"', "fail", "0.00", 1),
    ],
)
def test_a_limit_is_kept_when_it_is_just_met_and_deny_beats_warn(
    check: Any, limits: str, verdict: str, limit: str, code: int
):
    told = check(f'[[gates.budget]]\nper = "log"\n{limits}')
    (found,) = told["gates"]
    assert (found["verdict"], found["limit"], told["exit_code"]) == (verdict, limit, code)


def test_a_month_that_does_not_end_is_compared_exactly_and_told_cut(gate: Any):
    log = [*LOG[:1], {**LOG[1], "timestamp": "2026-10-07T23:30:00Z"}]  # $7.50 in a week: 225/7 a month
    budget = '[[gates.budget]]\nper = "month"\ndeny = "{}"'
    assert gate(budget.format("32.142857142"), log)["verdict"] == "fail"
    found = gate(budget.format("32.142857143"), log)
    assert (found["verdict"], found["measured"]) == ("pass", "32.142857142")


def test_what_the_log_states_is_what_was_billed(gate: Any):
    log = [{**LOG[0], "cost_usd": 3.25}, *LOG[1:]]
    assert gate('[[gates.budget]]\nper = "log"\ndeny = "99"', log)["measured"] == "10.75"
    assert (
        gate('[[gates.budget]]\nper = "log"\ndeny = "99"', log, "--cost-source", "list")["measured"]
        == "10.00"
    )


@pytest.mark.parametrize(
    ("budget", "why"),
    [
        ('per = "log"\nfeature = "serch"', "did you mean 'search'"),
        ('per = "log"\nmodel = "openai/gpt-4o-mni"', "did you mean"),
        ('per = "log"\ntier = "untagged"', "no request of the log is in it"),
        ('per = "log"\ntier = 3', "no price and no stated cost of its 1 request is known"),
    ],
)
def test_a_budget_of_nothing_known_is_no_pass(check: Any, budget: str, why: str):
    told = check(f'[[gates.budget]]\ndeny = "1000"\n{budget}')
    (found,) = told["gates"]
    assert (found["verdict"], found["measured"], told["exit_code"], told["verdict"]) == (
        "cannot_judge", None, 2, "invalid",
    )  # fmt: skip
    assert why in found["note"]
    assert told["violations"][0]["severity"] == "error"


def test_what_only_warns_and_cannot_be_judged_leaves_the_check_green(check: Any):
    told = check('[[gates.budget]]\nper = "log"\nwarn = "1"\nfeature = "nothing"')
    assert [g["verdict"] for g in told["gates"]] == ["cannot_judge"]
    assert (told["exit_code"], [v["severity"] for v in told["violations"]]) == (0, ["warning"])


@pytest.mark.parametrize("per", ["day", "month"])
def test_less_than_a_day_is_not_scaled(gate: Any, per: str):
    log = [LOG[0], {**LOG[1], "timestamp": "2026-10-01T12:00:00Z"}]
    found = gate(f'[[gates.budget]]\nper = "{per}"\ndeny = "1000"', log)
    assert found["verdict"] == "cannot_judge"
    assert "less than a day" in found["note"]


@pytest.mark.parametrize("per", ["day", "month", "peak-day"])
def test_without_times_there_is_no_day(gate: Any, per: str):
    log = [{k: v for k, v in {**MINI, "input_tokens": 10**6, "tier": 1}.items() if k != "timestamp"}]
    found = gate(f'[[gates.budget]]\nper = "{per}"\ndeny = "1000"', log)
    assert found["verdict"] == "cannot_judge"


def test_a_part_without_a_price_is_stated(gate: Any):
    found = gate('[[gates.budget]]\nper = "month"\ndeny = "1000"')
    assert found["note"] == (
        "scaled: 30 days by the mean of 4 whole days; 1 day in part left out; weak: under 14 days; "
        "4 of 5 requests; the others have no price and no stated cost"
    )


def test_every_budget_is_told_at_its_own_line(check: Any):
    told = check(
        '# ours\n[[gates.budget]]\nper = "log"\ndeny = "1"\n\n[[gates.budget]]\ndeny = "2"\nper = "day"\n'
    )
    assert [(g["line"], g["file"], g["verdict"]) for g in told["gates"]] == [
        (2, "costaudit.toml", "fail"), (6, "costaudit.toml", "fail"),
    ]  # fmt: skip


def test_peak_days_of_a_feature_add_up_to_no_more_than_its_log(gate: Any):
    call = {**GPT_4O, "feature": "f", "tier": 1}
    times = [(day, hour) for day in range(1, 8) for hour in range(3)]
    log = [{**call, "timestamp": f"2026-10-0{d}T0{h}:00:00Z", "input_tokens": d * 10**5} for d, h in times]
    peak = Decimal(gate('[[gates.budget]]\nper = "peak-day"\ndeny = "1000"\nfeature = "f"', log)["measured"])
    assert peak == Decimal("5.25")  # three times 700,000 tokens on 7 October
