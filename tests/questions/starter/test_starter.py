"""Files for a start: they load, they say what the log runs on, and no name of a log gets out of its place."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from costaudit.config import find_settings
from costaudit.config.schema import json_schema
from costaudit.questions.starter.toml import can_be_written, literal, shown, string, strings
from costaudit.routing.policy import matches
from costaudit.routing.policy_load import load_policy
from tests.conftest import ROOT

SAMPLES = ROOT / "sample_logs"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def call(number: int, **fields: Any) -> dict[str, Any]:
    """A million input tokens of gpt-4o: $2.50."""
    return {
        "request_id": f"r{number}", "timestamp": f"2026-10-{1 + number % 9:02}T00:00:00Z",
        "provider": "openai", "model": "gpt-4o", "input_tokens": 10**6, "output_tokens": 0, "tier": 1,
        **fields,
    }  # fmt: skip


def write(project: Path, records: Iterable[dict[str, Any]]) -> str:
    (project / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return "log.jsonl"


def switched_on(text: str) -> str:
    """A file with all its examples on; candidates take the place of what is above them."""
    text = re.sub(r"^(classes|any|keep) = .*\n(?=(#.*\n)*#candidates)", "", text, flags=re.MULTILINE)
    return re.sub(r"^#(?=[^\s#])", "", text, flags=re.MULTILINE)


def test_the_files_load_and_change_nothing_yet(run: Any, project: Path):
    log = SAMPLES / "support_chat.jsonl.gz"
    outcome = run("config", "init", log, "-q")
    assert (outcome.code, outcome.out) == (0, "wrote routing-policy.toml\nwrote costaudit.toml\n")
    before = json.loads(run("simulate", log, "-q", "--format", "json").out)
    after = json.loads(run("simulate", log, "-q", "--policy", "routing-policy.toml", "--format", "json").out)
    assert (before["projection"]["policy"], after["projection"]["policy"]) == ("default", "mine")
    assert after["projection"]["after_usd"] == before["projection"]["after_usd"]
    checked = run("check", log, "-q", "--at", "2026-11-21")
    assert checked.code == 0, checked.out
    assert run("config", "check").code == 0
    assert {p.name for p in project.iterdir()} == {"costaudit.toml", "routing-policy.toml"}


def test_the_policy_with_every_example_on_is_valid_and_simulated(run: Any, project: Path):
    log = SAMPLES / "litellm_gateway.jsonl.gz"
    run("config", "init", log, "-q")
    text = switched_on((project / "routing-policy.toml").read_text("utf-8"))
    assert not re.search(r"^#\S", text, re.MULTILINE)
    (project / "on.toml").write_text(text, "utf-8")
    policy = load_policy(project / "on.toml")
    assert policy.never.features
    assert policy.residency[0].providers
    assert [bool(t.candidates) for t in policy.tiers] == [True] * 4
    Draft202012Validator(json_schema("policy")).validate(tomllib.loads(text))
    outcome = run("simulate", log, "-q", "--policy", "on.toml", "--format", "json")
    assert outcome.code == 0, outcome.err


@pytest.mark.parametrize("with_log", [True, False])
def test_the_settings_with_every_example_on_are_valid(run: Any, project: Path, with_log: bool):
    log = [write(project, [call(n, feature="chat", gateway="hubgate", cost_usd=2.75) for n in range(3)])]
    run("config", "init", *(log if with_log else ()), "-q")
    path = project / "costaudit.toml"
    plain = find_settings(project)
    assert plain is not None
    assert plain.config.gates is not None
    path.write_text(switched_on(path.read_text("utf-8")), "utf-8")
    found = find_settings(project)
    assert found is not None
    gates = found.config.gates
    assert gates is not None
    assert all(getattr(gates, name) for name in type(gates).model_fields)
    table = json.loads(
        json.dumps(tomllib.loads(path.read_text("utf-8")), default=str)
    )  # dates as JSON has them
    Draft202012Validator(json_schema("config")).validate(table)


def test_the_policy_says_what_each_tier_runs_on(run: Any, project: Path):
    records = [
        *(call(n) for n in range(3)),  # $7.50 of tier 1
        call(3, model="gpt-4o-mini", input_tokens=10**7),  # $1.50
        call(4, tier=3, feature="contracts"),  # $2.50 of $11.50: 21.7 %
        call(5, tier=0, model="acme-9"),
    ]
    run("config", "init", write(project, records), "-q")
    text = " ".join((project / "routing-policy.toml").read_text("utf-8").split())
    assert "a log of 6 requests of 2026-10-01 to 2026-10-06, $11.50 billed" in text
    assert "# --- Tier 1 standard: 4 requests, $9.00 billed, 78.3% of the bill" in text
    assert "# today 3 requests $7.50 openai/gpt-4o-2024-08-06 83.3% of the tier" in text
    assert "# 1 request $1.50 openai/gpt-4o-mini-2024-07-18 16.7% of the tier" in text
    assert "# --- Tier 3 high-stakes: 1 request, $2.50 billed, 21.7% of the bill" in text
    assert "# default 1 request kept on the model of today" in text
    assert "# --- Tier 0 trivial: 1 request, no known cost" in text
    assert "# --- Tier 2 complex: no requests in this log" in text
    assert '#features = ["contracts"]' in text


def test_limits_leave_room_for_what_the_log_shows(run: Any, project: Path):
    records = [*(call(n) for n in range(8)), call(8, status="error"), call(9, model="acme-9")]
    log = write(project, records)  # $2.50 a day: $75 in 30, of which a ninth for an error
    run("config", "init", log, "-q")
    found = find_settings(project)
    assert found is not None
    gates = found.config.gates
    assert gates is not None
    (budget,) = gates.budget
    assert (budget.deny, budget.warn, budget.per) == (Decimal(94), Decimal(83), "month")
    assert gates.failure_cost is not None
    assert (gates.failure_cost.deny, gates.failure_cost.warn) == (12, None)
    assert gates.coverage is not None
    assert gates.coverage.requests is not None
    assert (gates.coverage.requests.deny, gates.coverage.requests.warn) == (90, None)
    assert run("check", log, "--at", "2026-11-21").code == 0


def test_the_same_log_gives_the_same_bytes(run: Any, project: Path):
    for name in ("a", "b"):
        (project / name).mkdir()
        run(
            "config",
            "init",
            SAMPLES / "platform_month.parquet",
            "-q",
            "-d",
            name,
            "--threads",
            str(1 + len(name)),
        )
    for file in ("costaudit.toml", "routing-policy.toml"):
        assert (project / "a" / file).read_bytes() == (project / "b" / file).read_bytes()


def test_nothing_is_replaced_without_force(run: Any, project: Path):
    (project / "costaudit.toml").write_text("# mine\n")
    outcome = run("config", "init")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "costaudit: costaudit.toml: is there already (--force replaces it)\n"
    assert (project / "costaudit.toml").read_text() == "# mine\n"
    assert run("config", "init", "--force").code == 0
    assert "[gates]" in (project / "costaudit.toml").read_text()


def test_a_policy_that_is_there_keeps_both_files_from_being_written(run: Any, project: Path):
    (project / "routing-policy.toml").write_text("# mine\n")
    assert run("config", "init", write(project, [call(1)])).code == 2
    assert not (project / "costaudit.toml").exists()


def test_settings_in_a_pyproject_are_not_hidden(run: Any, project: Path):
    (project / "pyproject.toml").write_text("[tool.costaudit]\n")
    outcome = run("config", "init")
    assert outcome.code == 2
    assert "would be hidden" in outcome.err


def test_a_directory_that_is_not_there(run: Any, project: Path):
    assert "no such directory" in run("config", "init", "-d", project / "none").err


HOSTILE = [
    "a\n[gates]\nbudget = 1", '"""', "'''", '"]\n[[rules]]\n', "\\", "\\u0041", "\x1b[31mred\x1b[0m",
    "\u202eevil", "#not a comment", "x" * 5000, "*", "legal[1]?", "\x7f\x00\x01", "\u2028line",
    "emoji 🎉 ünïcode", "= 1", 'a, "b"',
]  # fmt: skip


def test_names_from_a_log_stay_in_their_place(run: Any, project: Path):
    records = [
        call(n, feature=name, gateway=name, region=name, model="acme-9" if n % 2 else "gpt-4o", cost_usd=2.6)
        for n, name in enumerate(HOSTILE)
    ]
    records += [call(50 + n, model=name) for n, name in enumerate(HOSTILE)]
    outcome = run("config", "init", write(project, records), "-q")
    assert outcome.code == 0, outcome.err
    for name in ("routing-policy.toml", "costaudit.toml"):
        text = (project / name).read_text("utf-8")
        assert all(char.isprintable() or char == "\n" for char in text), name
        table, on = tomllib.loads(text), tomllib.loads(switched_on(text))
        known = {"schema", "name", "title", "min_confidence", "strong_confidence", "tiers", "gates"}
        assert set(table) <= known
        assert not set(on) - known - {
            "never", "residency", "rules", "providers", "sessions", "quality_floor", "router_usd_per_request",
            "prices", "overlays", "tier_rules", "calibration", "labels", "map", "discounts", "cache",
        }  # fmt: skip
    assert load_policy(project / "routing-policy.toml").name == "mine"
    assert run("config", "check").code == 0


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_a_string_is_read_as_it_was_and_holds_nothing_a_terminal_acts_upon(text: str):
    written = string(text)
    assert tomllib.loads(f"x = {written}") == {"x": text}
    assert written.isprintable()


@given(st.text(max_size=300))
def test_a_comment_stays_on_its_line(text: str):
    line = f"# {shown(text)}"
    assert line.isprintable()
    assert tomllib.loads(f"{line}\nx = 1") == {"x": 1}


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20))
def test_a_literal_pattern_fits_its_name(name: str):
    assert matches((literal(name),), name)
    assert not matches((literal(name),), name + "x")


def test_names_that_cannot_be_values_are_left_out():
    assert [can_be_written(name) for name in (None, "", "x" * 201, "\ud800", "ok")] == [
        False, False, False, False, True,
    ]  # fmt: skip
    assert strings([]) == "[]"
