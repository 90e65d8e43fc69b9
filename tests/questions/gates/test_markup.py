"""CA704: what gateways add to list."""

from __future__ import annotations

from typing import Any

import pytest

from tests.questions.gates.conftest import GPT_4O, LOG, Record


def through(gateway: str | None, tokens: int, cost: float | None = None) -> Record:
    """A call of `tokens` at $2.50 per 1M, through a gateway, at a stated cost."""
    record = {**GPT_4O, "timestamp": "2026-10-01T00:00:00Z", "input_tokens": tokens, "tier": 1}
    named = {} if gateway is None else {"gateway": gateway}
    stated = {} if cost is None else {"cost_usd": cost}
    return {**record, **named, **stated}


def markups(told: Any) -> dict[str, tuple[str | None, str]]:
    return {gate["subject"]: (gate["measured"], gate["verdict"]) for gate in told["gates"]}


def test_each_gateway_is_judged_by_its_stated_costs(check: Any):
    log = [
        through("ours", 400_000, 1.06),  # 6 %
        through("ours", 400_000, 1.05),  # 5 %: together 2.11 for 2.00
        through("theirs", 4_000_000, 10.8),  # 8 %
    ]
    told = check('[gates.markup]\ndeny = "6%"\nwarn = "5.4%"', log)
    assert markups(told) == {"gateway ours": ("5.5", "warn"), "gateway theirs": ("8", "fail")}
    assert told["exit_code"] == 1


def test_a_gateway_may_have_a_limit_of_its_own(check: Any):
    log = [through("ours", 4_000_000, 10.5), through("Theirs", 4_000_000, 10.8)]
    told = check(
        '[gates.markup]\ndeny = "4%"\n[gates.markup.gateways]\ntheirs = { deny = "9%", warn = "8%" }', log
    )
    assert [(g["subject"], g["verdict"], g["limit"], g["line"]) for g in told["gates"]] == [
        ("gateway Theirs", "pass", "9", 4), ("gateway ours", "fail", "4", 1),
    ]  # fmt: skip


def test_only_gateways_with_a_limit_are_judged_where_there_is_no_general_one(check: Any):
    log = [through("ours", 4_000_000, 10.5), through("theirs", 4_000_000, 10.8)]
    assert markups(check('[gates.markup.gateways]\nours = "6%"', log)) == {"gateway ours": ("5", "pass")}


def test_a_published_fee_counts_where_no_cost_is_stated(gate: Any):
    found = gate('[gates.markup]\ndeny = "5%"', [through("openrouter", 4_000_000)])
    assert (found["measured"], found["verdict"]) == ("5.5", "fail")  # the fee on buying credits, by its docs
    assert found["note"] == "by its published fee, for 1 request"


@pytest.mark.parametrize(
    ("log", "note"),
    [
        ([through("my-proxy", 10**6)], "its fee is not published: 1 request without a stated cost"),
        (LOG[:1], "names no gateway and states no costs"),
        ([through("ours", 0, 0.5)], "no list cost to compare with"),
    ],
)
def test_what_would_not_show_is_no_pass(check: Any, log: Any, note: str):
    told = check('[gates.markup]\ndeny = "5%"', log)
    (found,) = told["gates"]
    assert (found["measured"], found["verdict"], told["exit_code"]) == (None, "cannot_judge", 2)
    assert note in found["note"]


def test_a_gateway_of_unknown_fee_fails_by_what_is_stated_and_never_passes(check: Any):
    toml = '[gates.markup]\ndeny = "{}"'
    log = [through("my-proxy", 4_000_000, 11), through("my-proxy", 6_000_000)]  # $1 on $25 at least: 4 %
    low, high = (markups(check(toml.format(limit), log)) for limit in ("3.9%", "4%"))
    assert low == {"gateway my-proxy": ("4", "fail")}
    assert high == {"gateway my-proxy": ("4", "cannot_judge")}


def test_a_gateway_that_is_set_and_not_there_is_no_pass(check: Any):
    told = check('[gates.markup.gateways]\nopenruter = "6%"', [through("openrouter", 10**6, 2.6)])
    assert markups(told) == {"gateway openruter": (None, "cannot_judge")}
    assert "did you mean 'openrouter'?" in told["gates"][0]["note"]


def test_costs_without_a_gateway_are_held_against_list_too(check: Any):
    told = check(
        '[gates.markup]\ndeny = "6%"', [through(None, 4_000_000, 10.7), through("openrouter", 10**6, 2.5)]
    )
    assert markups(told) == {"gateway openrouter": ("0", "pass"), "no gateway named": ("7", "fail")}
