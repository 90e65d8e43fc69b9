"""simulate on a log: several policies, evals, and what is asked for without one."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

HEAD = 'schema = "costaudit/policy@1"\nname = "{}"\n'


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Thirty easy requests on gpt-4o, one a day: 1,000 tokens in, 100 out, $0.0035 each."""
    lines = [
        json.dumps({
            "timestamp": f"2026-06-{day:02}T10:00:00Z", "provider": "openai", "model": "gpt-4o-2024-08-06",
            "request_id": f"r{day}", "tier": 0, "input_tokens": 1000, "output_tokens": 100,
        })
        for day in range(1, 31)
    ]  # fmt: skip
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def policy(folder: Path, name: str, model: str, extra: str = "") -> str:
    path = folder / f"{name}.toml"
    path.write_text(
        HEAD.format(name) + f'{extra}[[tiers]]\ntier = 0\ncandidates = ["{model}"]\n', encoding="utf-8"
    )
    return str(path)


def simulated(run: Any, *argv: str) -> dict[str, Any]:
    done = run("simulate", *argv, "-q", "--format", "json")
    assert done.code == 0, done.err
    return dict(json.loads(done.out)["projection"])


def test_the_first_policy_is_the_report_and_all_are_compared(run: Any, log: Path, tmp_path: Path):
    """gpt-4o: 30 × $0.0035 = $0.105. mini: 30 × $0.00021 = $0.0063. gpt-4.1: 30 × $0.0028 = $0.084."""
    dear, cheap = policy(tmp_path, "dear", "openai/gpt-4.1"), policy(tmp_path, "cheap", "openai/gpt-4o-mini")
    p = simulated(run, str(log), "--policy", dear, "--policy", cheap)
    assert (p["policy"], p["before_usd"], p["after_usd"]) == ("dear", "0.105", "0.084")
    assert [(r["policy"], r["after_usd"], r["frontier"]) for r in p["policies"]] == [
        ("cheap", "0.0063", True), ("dear", "0.084", False),
    ]  # fmt: skip


def test_compare_adds_the_shipped_policies_once(run: Any, log: Path):
    names = [r["policy"] for r in simulated(run, str(log), "--policy", "documents", "--compare")["policies"]]
    assert sorted(names) == ["cheapest-adequate", "conservative", "default", "documents", "same-provider"]


def test_one_policy_is_compared_with_nothing(run: Any, log: Path):
    assert simulated(run, str(log))["policies"] == []


def test_evals_decide_who_is_adequate_and_what_is_asked_again(run: Any, log: Path, tmp_path: Path):
    """380 of 400: 95 % pass, at least 92.8 % by the lower bound. 5 % go back: $0.0063 + 5 % of $0.105."""
    cheap = policy(tmp_path, "cheap", "openai/gpt-4o-mini")
    evals = tmp_path / "evals.csv"
    evals.write_text("model,tier,passes,trials\ngpt-4o-mini,0,380,400\n", encoding="utf-8")
    options = (str(log), "--policy", cheap, "--evals", str(evals))
    p = simulated(run, *options)
    assert p["after_usd"] == "0.01155"
    assert p["quality"] == {
        "verified": True, "evals": str(evals), "floor": None, "moved_requests": 30, "tested_requests": 30,
        "pass_rate": "0.9500",
    }  # fmt: skip
    assert {c["name"]: c["usd"] for c in p["by_cause"]}["fallback"] == "-0.00525"
    assert simulated(run, *options, "--quality-floor", "0.92")["kept"] == {"routed": 30}
    stays = simulated(run, *options, "--quality-floor", "0.93")
    assert (stays["kept"], stays["inadequate"]) == ({"no_adequate_candidate": 30}, {"quality": 30})
    assert stays["after_usd"] == "0.105"


def test_a_model_of_the_evals_that_nobody_sells_is_told(run: Any, log: Path, tmp_path: Path):
    evals = tmp_path / "evals.csv"
    evals.write_text("model,passes,trials\ngpt-4o-mimi,1,2\n", encoding="utf-8")
    done = run("simulate", str(log), "--evals", str(evals))
    assert done.code == 0
    assert "gpt-4o-mimi is not in the price book" in done.err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--policy", "documents"], "--policy needs a log"),
        (["--compare"], "--compare needs a log"),
        (["--evals", "x.csv"], "--evals needs a log"),
        (["LOG", "--quality-floor", "0.9"], "--quality-floor needs --evals"),
        (["LOG", "--evals", "x.csv", "--quality-floor", "nine"], "no rate"),
        (["LOG", "--evals", "x.csv"], "x.csv"),
        (["LOG", "--policy", "documnets"], "did you mean 'documents'"),
    ],
)
def test_what_cannot_be_simulated_is_told(run: Any, log: Path, argv: list[str], said: str):
    done = run("simulate", *(str(log) if word == "LOG" else word for word in argv))
    assert done.code == 2
    assert said in done.err


def test_the_interval_is_of_whole_days_and_the_same_on_every_run(run: Any, log: Path):
    one, two = (simulated(run, str(log))["interval"] for _ in range(2))
    assert one == two
    assert (one["days"], one["weak"]) == (30, False)
    assert Decimal(one["low_percent"]) <= Decimal(one["high_percent"])


def test_a_share_moves_about_that_part_and_the_rest_is_counted(run: Any, log: Path, tmp_path: Path):
    path = Path(policy(tmp_path, "half", "openai/gpt-4o-mini"))
    path.write_text(path.read_text(encoding="utf-8") + 'share = "0.5"\n', encoding="utf-8")
    kept = simulated(run, str(log), "--policy", str(path))["kept"]
    assert kept["routed"] + kept["outside_share"] == 30
    assert 5 < kept["routed"] < 25
