"""CA705, CA707, CA709: the age of prices, the models of policies, models without a price."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from costaudit.prices.book import shipped_directory
from tests.questions.gates.conftest import LOG, MINI

HEADER = "model,class,usd,per,valid_from,when,status,source,confidence,checked_on,recorded_on,note\n"


def overlay(project: Path, *rows: str) -> None:
    """Own prices of OpenAI."""
    folder = project / "own" / "openai"
    folder.mkdir(parents=True)
    (folder / "prices.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows), "utf-8")


MINE = "gpt-4o-mini-2024-07-18,{},1,mtok,2026-01-01,,,contract,high,{},2026-01-01,"


@pytest.mark.parametrize(
    ("limit", "verdict"), [("294", "pass"), ("293", "fail"), ("{ warn = 200 }", "warn"), ("0", "fail")]
)
def test_the_oldest_price_that_was_used_counts(gate: Any, project: Path, limit: str, verdict: str):
    overlay(project, MINE.format("input", "2026-01-31"), MINE.format("output", "2025-01-01"))
    toml = f'overlays = ["own"]\n[gates]\nprice_age = {limit}'
    found = gate(
        toml, [LOG[2]], "--at", "2026-11-21"
    )  # 28 + 31+30+31+30+31+31+30+31 + 21 days after 31 January
    assert (found["measured"], found["verdict"]) == ("294", verdict)
    assert (
        "overlay:own/openai/gpt-4o-mini-2024-07-18/input@2026-01-01 was checked on 2026-01-31"
        in found["note"]
    )


def test_a_price_without_a_date_of_its_check_is_no_pass(check: Any, project: Path):
    overlay(project, MINE.format("input", ""))
    told = check('overlays = ["own"]\n[gates]\nprice_age = 3650', [LOG[2]])
    (found,) = told["gates"]
    assert (found["measured"], found["verdict"], told["exit_code"]) == (None, "cannot_judge", 2)


def test_a_price_without_a_date_beside_one_that_is_too_old(gate: Any, project: Path):
    overlay(project, MINE.format("input", "2026-01-31"), MINE.format("output", ""))
    log = [{**MINI, "timestamp": "2026-10-01T00:00:00Z", "input_tokens": 10, "output_tokens": 10, "tier": 1}]
    toml = 'overlays = ["own"]\n[gates]\nprice_age = {}'
    assert gate(toml.format(293), log)["verdict"] == "fail"
    unknown = gate(toml.format(294), log)
    assert (unknown["verdict"], unknown["measured"]) == ("cannot_judge", "294")
    assert "output@2026-01-01 does not say when it was checked" in unknown["note"]


def test_a_log_without_priced_requests_has_no_age(gate: Any):
    found = gate("[gates]\nprice_age = 100", [LOG[4]])
    assert (found["measured"], found["verdict"], found["note"]) == (None, "cannot_judge", "no price is used")


POLICY = """
schema = "costaudit/policy@1"
name = "mine"
[[tiers]]
tier = 0
candidates = [{}]
"""


def policy(project: Path, *names: str) -> None:
    (project / "routes").mkdir(exist_ok=True)
    quoted = ", ".join(f'"{name}"' for name in names)
    (project / "routes" / "mine.toml").write_text(POLICY.format(quoted), "utf-8")


GATE = '[gates.policy]\nfiles = ["routes/mine.toml"]\n'


@pytest.mark.parametrize(
    ("names", "measured", "why"),
    [
        (["openai/gpt-4o-mini"], "0", "1 seat"),
        (
            ["openai/gpt-4o-mini", "openai/gpt-6-lunar"],
            "1",
            "openai/gpt-6-lunar is no model of the price book",
        ),
        (
            ["anthropic/claude-3-opus-20240229"],
            "1",
            "is retired, not released or without a price on 2026-11-21",
        ),
    ],
)
def test_every_model_of_a_policy_is_in_service_without_a_log(
    run: Any, project: Path, names: list[str], measured: str, why: str
):
    policy(project, *names)
    (project / "costaudit.toml").write_text(GATE)
    outcome = run("check", "--at", "2026-11-21")
    assert outcome.code == (1 if measured != "0" else 0), outcome.out
    assert why in " ".join(outcome.out.split())


def test_the_place_in_the_policy_is_named(gate: Any, project: Path):
    policy(project, "openai/gpt-6-lunar")
    assert "(routes/mine.toml:6)" in gate(GATE)["note"]


def test_a_model_out_of_service_only_warns_where_it_is_set_so(check: Any, project: Path):
    policy(project, "openai/gpt-6-lunar")
    told = check(GATE + 'level = "warn"')
    assert ([g["verdict"] for g in told["gates"]], told["exit_code"]) == (["warn"], 0)


def test_the_day_decides_whether_a_model_is_in_service(gate: Any, project: Path):
    policy(project, "anthropic/claude-3-opus-20240229")
    assert gate(GATE, LOG, "--at", "2024-06-01")["verdict"] == "pass"  # from 2024-02-29 to 2026-01-05
    assert gate(GATE, LOG, "--at", "2024-02-01")["verdict"] == "fail"


def test_the_policy_of_the_command_line_is_judged_where_none_is_set(gate: Any, project: Path):
    policy(project, "openai/gpt-6-lunar", "openai/gpt-4o")
    with pytest.raises(AssertionError, match="no model 'openai/gpt-6-lunar'"):  # routing by it cannot work
        gate("[gates.policy]", LOG, "--policy", "routes/mine.toml")
    assert gate("[gates.policy]")["subject"] == "policy default"


def test_a_book_of_ones_own_need_not_have_the_shipped_roster(gate: Any, project: Path):
    pricing = project / "pricing"
    pricing.mkdir()
    for path in shipped_directory().iterdir():
        if path.is_file() and path.name != "suppressions.toml":
            shutil.copy(path, pricing)
    shutil.copytree(shipped_directory() / "openai", pricing / "openai")
    found = gate("[gates.policy]", LOG, "--prices", "pricing")
    assert (found["verdict"], found["measured"]) == ("pass", "0")
    assert found["note"].startswith("3 seats")  # those of OpenAI
    policy(project, "anthropic/claude-sonnet-5-5")  # named by the policy itself
    assert gate(GATE, LOG, "--prices", "pricing")["verdict"] == "fail"


def test_a_policy_that_routes_nothing_is_no_pass(gate: Any, project: Path):
    text = POLICY.format("").replace("candidates = []", "keep = true")
    (project / "keep.toml").write_text(text)
    assert gate('[gates.policy]\nfiles = ["keep.toml"]')["verdict"] == "cannot_judge"


@pytest.mark.parametrize(
    ("allow", "measured", "verdict"),
    [([], "1", "fail"), (["acme-*"], "0", "pass"), (["OpenAI/ACME-9"], "0", "pass"), (["acme"], "1", "fail")],
)
def test_models_without_a_price_need_permission(gate: Any, allow: list[str], measured: str, verdict: str):
    found = gate(f"[gates.unpriced]\nallow = {allow!r}")
    assert (found["measured"], found["verdict"]) == (measured, verdict)
    if verdict == "fail":
        assert "openai/acme-9 (1 request)" in found["note"]


def test_a_permission_that_nothing_needs_is_told(gate: Any):
    found = gate('[gates.unpriced]\nallow = ["acme-*", "old-*"]')
    assert found["note"] == "1 without a price, all of them allowed; allowed and not there: old-*"


def test_a_request_without_a_model_can_be_allowed(gate: Any):
    log = [{**MINI, "model": "", "timestamp": "2026-10-01T00:00:00Z", "input_tokens": 5}]
    assert gate("[gates.unpriced]", log)["verdict"] == "fail"
    assert gate('[gates.unpriced]\nallow = ["-"]', log)["verdict"] == "pass"
