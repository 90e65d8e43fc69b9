"""`costaudit check`: what a user sees of it, in every format."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator

from costaudit.prices import answers
from costaudit.questions.gates import answer
from costaudit.questions.gates.registry import GATES
from tests.conftest import ROOT
from tests.questions.gates.conftest import LOG, MINI

AT = ("--at", "2026-11-21")
MIXED = """
[gates]
failure_cost = { deny = "50%", warn = "9%" }

[gates.untagged]
requests = "1%"

[[gates.budget]]
per = "log"
deny = "9.50"

[[gates.budget]]
per = "log"
feature = "serch"
deny = "1"
"""


@pytest.fixture
def mixed(project: Path, write_log: Any) -> str:
    """A warning, a pass, a failure and a gate that cannot be judged."""
    (project / "costaudit.toml").write_text(MIXED)
    return str(write_log().name)


@pytest.mark.parametrize("columns", [80, 120])
def test_the_text_says_every_gate_the_gravest_first_within_the_width(run: Any, mixed: str, columns: int):
    outcome = run("check", mixed, *AT, columns=columns)
    assert (outcome.code, outcome.err) == (1, "")
    lines = outcome.out.splitlines()
    assert max(map(len, lines)) <= columns
    assert lines[0] == "1 of 4 gates fails, 1 cannot be judged, 1 warns"
    found = re.findall(r"^  (\S.*?)  +(FAIL|cannot judge|warn|pass) ", outcome.out, re.MULTILINE)
    assert found == [
        ("budget: total", "FAIL"), ("budget: feature serch", "cannot judge"), ("failure-cost: spend", "warn"),
        ("untagged-share: requests", "pass"),
    ]  # fmt: skip
    assert "[CA701, costaudit.toml:8]" in " ".join(outcome.out.split())
    assert "$10.00 billed for 4 of 5 requests over 4.0 days." in " ".join(outcome.out.split())


def test_a_green_result_says_what_was_measured(run: Any, project: Path, write_log: Any):
    (project / "costaudit.toml").write_text('[[gates.budget]]\nper = "log"\ndeny = "10"\n')
    outcome = run("check", write_log().name, *AT)
    assert outcome.code == 0
    assert outcome.out.splitlines()[0] == "The gate passes"
    assert re.search(r"budget: total +pass +\$10\.00 +≤ \$10\.00", outcome.out)


def test_the_json_keeps_the_keys_of_a_check_and_adds_the_gates(run: Any, mixed: str):
    told = json.loads(run("check", mixed, *AT, "--format", "json").out)
    Draft202012Validator(answer.json_schema("check-gates")).validate(told)
    Draft202012Validator(answers.json_schema("check")).validate(told)
    assert (told["schema"], told["verdict"], told["exit_code"]) == ("costaudit/check@1", "failed", 1)
    assert [(v["code"], v["severity"], v["line"]) for v in told["violations"]] == [
        ("CA701", "error", 8), ("CA701", "error", 12), ("CA706", "warning", 3),
    ]  # fmt: skip
    assert [g["verdict"] for g in told["gates"]] == ["fail", "cannot_judge", "warn", "pass"]
    assert told["gates"][0] == {
        "code": "CA701", "name": "budget", "subject": "total", "verdict": "fail", "level": "deny",
        "unit": "usd",
        "comparison": "at_most", "measured": "10.00", "limit": "9.50", "deny": "9.50", "warn": None,
        "file": "costaudit.toml", "line": 8,
        "note": "4 of 5 requests; the others have no price and no stated cost",
        "message": "budget, total: $10.00 is above $9.50 "
        "(4 of 5 requests; the others have no price and no stated cost)",
    }  # fmt: skip
    assert told["judged"] == {
        "requests": 5, "billed_requests": 4, "billed_usd": "10.00", "start": "2026-10-01T00:00:00Z",
        "end": "2026-10-05T00:00:00Z", "days": 4.0,
    }  # fmt: skip
    assert (told["at"], told["not_asked"]) == ("2026-11-21", [])


def test_the_same_log_gives_the_same_bytes(run: Any, mixed: str):
    outs = {run("check", mixed, *AT, "--format", "json", "--threads", str(n)).out for n in (1, 2, 3)}
    assert len(outs) == 1


def test_one_run_writes_every_format(run: Any, mixed: str, project: Path):
    reports = [
        f"{name}:out.{name}" for name in ("json", "markdown", "github", "gitlab", "sarif", "junit", "text")
    ]
    argv = [part for report in reports for part in ("--report", report)]
    assert run("check", mixed, *AT, *argv).code == 1
    texts = {path.suffix[1:]: path.read_text("utf-8") for path in project.glob("out.*")}
    assert len(texts) == 7
    assert texts["markdown"].startswith("<!-- costaudit:check -->\n## 1 of 4 gates fails")
    assert "| untagged-share: requests | pass | 0% | ≤ 1% |" in texts["markdown"]
    assert "::error file=costaudit.toml,line=8,title=CA701 budget::" in texts["github"]
    rules = {r["ruleId"] for r in json.loads(texts["sarif"])["runs"][0]["results"]}
    assert rules == {"CA701", "CA706"}
    assert {i["check_name"] for i in json.loads(texts["gitlab"])} == {"budget", "failure-cost"}
    assert ET.fromstring(texts["junit"]) is not None  # noqa: S314 - written here


HOSTILE = "</td>\x1b[31m|`x`@me \u202e[a](b)\n"


def test_a_name_from_the_log_is_harmless_in_every_format(run: Any, project: Path, write_log: Any):
    log = write_log(
        [
            {**MINI, "model": f"acme{HOSTILE}", "timestamp": "2026-10-01T00:00:00Z", "input_tokens": 5},
            {**LOG[0], "gateway": HOSTILE, "cost_usd": 2.6},
        ]
    )
    (project / "costaudit.toml").write_text('[gates.unpriced]\n[gates.markup]\ndeny = "1%"\n')
    for name in ("text", "json", "markdown", "github", "gitlab", "sarif", "junit"):
        out = run("check", log.name, *AT, "--format", name).out
        assert "\x1b" not in out, name
        assert "\u202e" not in out, name
        assert out.isprintable() or set(out) - {"\n"} <= {c for c in out if c.isprintable()}, name
        if name == "markdown":
            assert "</td>" not in out
            assert "`x`" not in out


def test_without_a_log_only_what_needs_none_is_judged(run: Any, project: Path):
    (project / "costaudit.toml").write_text(
        '[gates]\nprice_age = 36500\n[gates.policy]\n[[gates.budget]]\nper = "log"\ndeny = "1"\n'
    )
    outcome = run("check", *AT)
    assert outcome.code == 0
    assert outcome.out.splitlines()[0] == "Both gates pass, 1 not asked without a log"
    told = json.loads(run("check", *AT, "--format", "json").out)
    assert ([g["code"] for g in told["gates"]], told["not_asked"], told["judged"]) == (
        ["CA705", "CA707"], ["CA701"], None,
    )  # fmt: skip


def test_without_a_log_gates_that_all_need_one_are_no_check(run: Any, project: Path):
    (project / "costaudit.toml").write_text(MIXED)
    outcome = run("check")
    assert (outcome.code, outcome.out) == (2, "")
    assert "all need a log: budget, failure-cost, untagged-share" in outcome.err


@pytest.mark.parametrize("text", [None, "", "[gates]\n", "overlays = []\n"])
def test_without_gates_some_to_begin_with_are_shown(run: Any, project: Path, text: str | None):
    if text is not None:
        (project / "costaudit.toml").write_text(text)
    outcome = run("check", "log.jsonl")
    assert (outcome.code, outcome.out) == (2, "")
    assert "no gates to judge" in outcome.err
    assert "[gates.coverage]" in outcome.err


def test_the_gates_of_a_pyproject_are_judged_too(run: Any, project: Path, write_log: Any):
    (project / "pyproject.toml").write_text(
        '[project]\nname = "x"\n\n[[tool.costaudit.gates.budget]]\nper = "log"\ndeny = "9"\n'
    )
    told = json.loads(run("check", write_log().name, *AT, "--format", "json").out)
    assert [(g["file"], g["line"], g["verdict"]) for g in told["gates"]] == [("pyproject.toml", 4, "fail")]


def test_other_settings_can_be_named(run: Any, project: Path, write_log: Any):
    (project / "costaudit.toml").write_text(MIXED)
    (project / "strict").mkdir()
    (project / "strict" / "prod.toml").write_text(
        'map = { acme-9 = "openai/gpt-4o" }\n[gates.coverage]\ntokens = "100%"\n'
    )
    argv = ("check", write_log().name, *AT, "--format", "json")
    (found,) = json.loads(run(*argv, "--config", "strict/prod.toml").out)["gates"]
    assert (found["file"], found["line"], found["measured"]) == (
        "strict/prod.toml",
        3,
        "100",
    )  # mapped as well
    assert len(json.loads(run(*argv).out)["gates"]) == 4
    assert "cannot be read" in run("check", "--config", "none.toml").err


def test_settings_of_a_folder_above_are_named_from_here(
    run: Any, project: Path, write_log: Any, monkeypatch: Any
):
    (project / "costaudit.toml").write_text(MIXED)
    write_log()
    (project / "inner").mkdir()
    monkeypatch.chdir(project / "inner")
    told = json.loads(run("check", "../log.jsonl", *AT, "--format", "json").out)
    assert {g["file"] for g in told["gates"]} == {"../costaudit.toml"}


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--at", "yesterday"), "is not a time"),
        (("--format", "jsn"), "did you mean 'json'?"),
        (("--report", "sarif"), "names no file"),
        (("--cost-source", "lst"), "did you mean 'list'?"),
        (("--policy", "defalt"), "did you mean 'default'?"),
    ],
)
def test_a_wrong_option_is_explained(run: Any, mixed: str, argv: tuple[str, ...], said: str):
    outcome = run("check", mixed, *argv)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err


@pytest.mark.parametrize("gate", GATES, ids=lambda g: g.name)
@pytest.mark.parametrize("columns", [80, 120])
def test_every_gate_is_explained(run: Any, gate: Any, columns: int):
    outcome = run("check", "--explain", gate.code.lower(), columns=columns)
    assert outcome.code == 0
    assert outcome.out.startswith(f"{gate.code} {gate.name}\n  what ")
    assert max(map(len, outcome.out.splitlines())) <= columns
    assert gate.example.splitlines()[-1] in outcome.out


def test_gates_are_found_by_name_and_listed(run: Any):
    assert run("check", "--explain", "price-age").out == run("check", "--explain", "price_age").out
    assert run("check", "--explain", "all").out.count("CA7") == len(GATES)
    told = json.loads(run("check", "--explain", "all", "--format", "json").out)
    Draft202012Validator(answer.json_schema("gates")).validate(told)
    assert [g["code"] for g in told["gates"]] == [gate.code for gate in GATES]
    wrong = run("check", "--explain", "buget")
    assert (wrong.code, "did you mean 'budget'?" in wrong.err) == (2, True)


def test_codes_of_gates_are_those_of_no_rule():
    from costaudit.prices.rules.registry import BY_CODE  # noqa: PLC0415

    assert not {gate.code for gate in GATES} & set(BY_CODE)
    assert [gate.code for gate in GATES] == [f"CA7{n:02}" for n in range(1, len(GATES) + 1)]


def test_every_gate_is_on_its_page():
    page = (ROOT / "docs" / "gates.md").read_text("utf-8")
    for gate in GATES:
        assert f"## {gate.code} {gate.name}" in page
        assert gate.example in page
