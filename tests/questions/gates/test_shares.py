"""CA702, CA703, CA706, CA708: shares. The log of conftest.py has five requests, one without a price."""

from __future__ import annotations

from typing import Any

import pytest

from tests.questions.gates.conftest import LOG, MINI


def shares(told: Any) -> dict[str, tuple[str | None, str]]:
    return {gate["subject"]: (gate["measured"], gate["verdict"]) for gate in told["gates"]}


def test_coverage_counts_requests_and_tokens(check: Any):
    told = check('[gates.coverage]\nrequests = "80%"\ntokens = { deny = "95%", warn = "96%" }')
    assert shares(told) == {
        "requests": ("80", "pass"),  # 4 of 5
        "tokens": ("95.714285714", "warn"),  # 13.4M of 14M
    }
    assert told["exit_code"] == 0


def test_under_the_coverage_nothing_is_judged_though_another_gate_fails(run: Any, check: Any):
    told = check('[gates.coverage]\nrequests = "80.000001%"\n[[gates.budget]]\nper = "log"\ndeny = "1"')
    assert [(g["name"], g["verdict"]) for g in told["gates"]] == [("budget", "fail"), ("coverage", "fail")]
    assert (told["exit_code"], told["verdict"]) == (2, "invalid")
    assert (
        told["headline"]
        == "Nothing can be judged: 80% of requests have a price, at least 80.000001% are needed"
    )


def test_a_coverage_that_only_warns_does_not_stop_the_check(check: Any):
    told = check('[gates.coverage]\nrequests = { warn = "99%" }\n[[gates.budget]]\nper = "log"\ndeny = "1"')
    assert told["exit_code"] == 1


def test_tokens_without_tokens_are_no_coverage(check: Any):
    told = check(
        '[gates.coverage]\ntokens = "1%"', [{**MINI, "timestamp": "2026-10-01T00:00:00Z", "input_tokens": 0}]
    )
    assert shares(told) == {"tokens": (None, "cannot_judge")}


def test_flagships_on_simple_tiers(check: Any):
    told = check('[gates.flagship]\nrequests = "66%"\nspend = "84%"')
    assert shares(told) == {
        "requests of tier 0 and 1": ("66.666666666", "fail"),  # 2 of 3
        "spend of tier 0 and 1": ("83.333333333", "pass"),  # $7.50 of $9.00
    }
    assert told["gates"][0]["message"] == (
        "flagship-share, requests of tier 0 and 1: 66.66% is above 66% (2 of 3 requests of tier 0 and 1)"
    )


def test_flagships_on_other_tiers(check: Any):
    assert shares(check('[gates.flagship]\nrequests = "50%"\ntiers = [2]')) == {
        "requests of tier 2": ("100", "fail")
    }
    told = check(
        '[gates.flagship]\nrequests = "50%"\nspend = "50%"\ntiers = [3]'
    )  # acme-9: no class is known
    assert shares(told) == {
        "requests of tier 3": (None, "cannot_judge"), "spend of tier 3": (None, "cannot_judge"),
    }  # fmt: skip
    assert "there is no request of tier 3; 1 more on no chat model of the book" in told["gates"][0]["note"]


def test_failures_cost_a_tenth(check: Any):
    assert shares(check('[gates]\nfailure_cost = "10%"')) == {"spend": ("10", "pass")}
    assert shares(check('[gates]\nfailure_cost = { deny = "50%", warn = "9.99%" }')) == {
        "spend": ("10", "warn")
    }


def test_a_bill_of_nothing_has_no_share_of_failures(check: Any):
    free = [{**MINI, "timestamp": "2026-10-01T00:00:00Z", "input_tokens": 10, "status": "cache_hit"}]
    told = check('[gates]\nfailure_cost = "10%"\n[gates.untagged]\nspend = "1%"', free)
    assert shares(told)["spend"] == (None, "cannot_judge")
    assert all("is known to have cost anything" in gate["note"] for gate in told["gates"])
    assert told["exit_code"] == 2


def test_the_untagged_share(check: Any):
    log = [*LOG, {**MINI, "timestamp": "2026-10-02T00:00:00Z", "input_tokens": 1000, "cost_usd": 0.6}]
    told = check('[gates.untagged]\nrequests = "16%"\nspend = "6%"', log)  # $0.60 of $10.60
    found = shares(told)
    assert found == {"requests": ("16.666666666", "fail"), "spend": ("5.660377358", "pass")}


@pytest.mark.parametrize("toml", ['[gates.untagged]\nrequests = "0%"', '[gates.untagged]\nspend = "0%"'])
def test_a_share_of_nothing_is_allowed_to_be_the_limit(gate: Any, toml: str):
    found = gate(toml)
    assert (found["measured"], found["verdict"]) == ("0", "pass")
