"""Settings: what is refused, at which line, with which suggestion; both files; where a value comes from."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from costaudit.config import Config, find_settings
from costaudit.config.schema import json_schema
from costaudit.config.starter import STARTER_GATES
from costaudit.errors import ConfigError
from costaudit.questions.gates.registry import GATES
from tests.conftest import ROOT


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


LOG = '[[gates.budget]]\nper = "log"'
WRONG = [
    ("[gates]\nbudgets = 1", 2, "unknown setting 'gates.budgets'", "did you mean 'budget'"),
    ("\n[gate]", 2, "unknown setting 'gate'", "did you mean 'gates'"),
    ("[gates]\nspeed = 1", 2, "unknown setting 'gates.speed'", "known are budget, coverage"),
    ('[gates.coverage]\n# x\nrequest = "9%"', 3, "gates.coverage.request", "did you mean 'requests'"),
    ('[gates.coverage]\nrequests = "99"', 2, "gates.coverage.requests: '99' is no share", "2.5%"),
    ("[gates.coverage]\nrequests = 0.99", 2, "gates.coverage.requests: write a share as a string", "2.5%"),
    ('[gates.coverage]\nrequests = "101%"', 2, "'101%' is more than the whole", ""),
    ('[gates.coverage]\ntokens = { deny = "99%", warn = "9%" }', 2, "warn must be above deny", ""),
    ("[gates.coverage]", 1, "a limit is needed: requests or tokens", ""),
    ('[gates]\nprice_age = "60"', None, "", ""),
    ("[gates]\nprice_age = 1.5", 2, "gates.price_age: input should be a valid integer", ""),
    ("[gates]\nprice_age = -1", 2, "gates.price_age: input should be greater than or equal to 0", ""),
    ('[gates]\nfailure_cost = { dney = "1%" }', 2, "gates.failure_cost.dney", "did you mean 'deny'"),
    ('[[gates.budget]]\ndeny = "5"', 1, "gates.budget.0.per: is needed", ""),
    ('[[gates.budget]]\nper = "week"\ndeny = "5"', 2, "'log', 'day', 'month' or 'peak-day'", ""),
    (f"{LOG}\n\n{LOG}\ndeny = 5.5", 1, "a limit is needed", ""),
    (f'{LOG}\ndeny = "1"\n{LOG}\ndeny = 5.5', 6, "as a string", ""),
    ('[[gates.budget]]\nper = "log"\ndeny = "1e9999"', 3, "no amount of dollars", ""),
    ('[[gates.budget]]\nper = "log"\ndeny = "-1"', 3, "no amount of dollars", ""),
    ('[[gates.budget]]\nper = "log"\nwarn = "6"\ndeny = "5"', 1, "warn must be below deny", ""),
    ('[[gates.budget]]\nper = "log"\ntier = 4\ndeny = "5"', 3, "gates.budget.0.tier", ""),
    ('[gates.markup.gateways]\nhub = "6"', 2, "gates.markup.gateways.hub", "2.5%"),
    ('[gates.markup]\ndeny = "5%"\nwarn = "5%"', 1, "warn must be below deny", ""),
    ('[gates.policy]\nlevel = "error"', 2, "gates.policy.level", "'deny' or 'warn'"),
    ("[gates]\ncoverage = 5", 2, "gates.coverage", ""),
    ("overlays = 5", 1, "overlays: input should be a list", ""),
    ('[[discounts]]\nprovider = "x"\npercnt = 5', 3, "discounts.0.percnt", "did you mean 'percent'"),
    ('a = "\n', 1, "not valid TOML", ""),
    ("[gates]\n[gates]", 2, "not valid TOML", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "said", "hint"), WRONG)
@pytest.mark.parametrize("name", ["costaudit.toml", "pyproject.toml"])
def test_what_is_wrong_is_told_with_its_line(
    project: Path, name: str, text: str, line: int | None, said: str, hint: str
):
    if name == "pyproject.toml":
        text = "[project]\nname = 'x'\n[tool.costaudit]\n" + text.replace("[[", "[[tool.costaudit.").replace(
            "\n[", "\n[tool.costaudit."
        ).replace("[tool.costaudit.[tool.", "[[tool.")
        text = text.replace("[tool.costaudit]\n[gate", "[tool.costaudit]\n[tool.costaudit.gate")
    (project / name).write_text(text, "utf-8")
    if line is None:
        assert find_settings(project) is not None
        return
    with pytest.raises(ConfigError) as caught:
        find_settings(project)
    told = str(caught.value)
    assert said in told
    assert hint in told
    assert caught.value.line == line + (3 if name == "pyproject.toml" else 0), told


def test_a_pyproject_without_a_table_of_ours_says_nothing(project: Path):
    (project / "pyproject.toml").write_text("[tool.other]\nx = 1\n")
    inner = project / "a" / "b"
    inner.mkdir(parents=True)
    (project / "costaudit.toml").write_text('overlays = ["own"]\n')
    (project / "a" / "pyproject.toml").write_text("[tool.other]\n")
    found = find_settings(inner)
    assert found is not None
    assert (found.path.name, found.config.overlays) == ("costaudit.toml", (project / "own",))


ODD = ["tool = 1", "tool = 'costaudit'", "[tool]\ncostaudit = 1", "[[tool.costaudit]]"]


@pytest.mark.parametrize("text", ODD)
def test_a_pyproject_that_is_odd_is_no_bug(run: Any, project: Path, text: str):
    (project / "pyproject.toml").write_text(text)
    outcome = run("config", "show")
    assert outcome.code in (0, 2), outcome.err
    assert "Traceback" not in outcome.err
    assert "bug" not in outcome.err


def test_policy_files_are_beside_the_settings(project: Path):
    (project / "costaudit.toml").write_text('[gates.policy]\nfiles = ["r.toml", "default"]\n')
    (project / "r.toml").write_text("")
    inner = project / "inner"
    inner.mkdir()
    found = find_settings(inner)
    assert found is not None
    assert found.config.gates is not None
    assert found.config.gates.policy is not None
    assert found.config.gates.policy.files == (str(project / "r.toml"), "default")


def shown(run: Any) -> dict[str, Any]:
    outcome = run("config", "show", "--format", "json")
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    assert told["schema"] == "costaudit/config@1"
    return {s["key"]: (s["value"], s["origin"], s["line"]) for s in told["settings"]}


def test_every_setting_says_where_it_comes_from(run: Any, project: Path):
    (project / "costaudit.toml").write_text(
        f'[map]\n"odd.name" = "openai/gpt-4o"\n[gates]\nprice_age = 60\n{LOG}\nwarn = "5.50"\n'
    )
    found = shown(run)
    assert found["map.odd.name"] == ("openai/gpt-4o", "file", 2)
    assert found["gates.price_age"] == (60, "file", 4)
    assert found["gates.budget[0].warn"] == ("5.50", "file", 7)
    assert found["gates.budget[0].deny"] == (None, "default", None)
    assert found["overlays"] == ([], "default", None)
    assert "costaudit.toml:7" in run("config", "show").out


def test_without_a_file_all_is_default(run: Any, project: Path):
    assert project.is_dir()
    found = shown(run)
    assert set(found) == set(Config.model_fields)
    assert {origin for _, origin, _ in found.values()} == {"default"}
    assert "every setting is at its default" in run("config", "show").out


def test_names_in_settings_are_harmless_in_a_terminal(run: Any, project: Path):
    (project / "costaudit.toml").write_text('[map]\n"\\u001b[31mred" = "openai/\\u202egpt"\n')
    for out in (run("config", "show").out, run("config", "show", "--format", "json").out):
        assert "\x1b" not in out
        assert "\u202e" not in out


@pytest.mark.parametrize("columns", [80, 120])
def test_settings_fit_the_width(run: Any, project: Path, columns: int):
    (project / "costaudit.toml").write_text(STARTER_GATES + f'[map]\n"{"x" * 90}" = "openai/{"y" * 90}"\n')
    assert max(map(len, run("config", "show", columns=columns).out.splitlines())) <= columns


def test_check_reads_what_the_settings_name(run: Any, project: Path):
    path = project / "costaudit.toml"
    assert run("config", "check").code == 2
    path.write_text(STARTER_GATES)
    outcome = run("config", "check")
    assert (outcome.code, outcome.out) == (0, "costaudit.toml is in order, with cache, gates\n")
    path.write_text('[gates.policy]\nfiles = ["no-such"]\n')
    assert "no shipped policy of that name" in run("config", "check").err
    path.write_text('calibration = "no-such.toml"\n')
    assert run("config", "check").code == 2
    path.write_text('overlays = ["no-such"]\n')
    assert "no such directory of own prices" in run("config", "check").err


VALIDATOR = Draft202012Validator(json_schema("config"))


@pytest.mark.parametrize("text", [STARTER_GATES, *(gate.example for gate in GATES)])
def test_the_schema_takes_what_is_right(text: str):
    Draft202012Validator.check_schema(json_schema("config"))
    VALIDATOR.validate(tomllib.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        "[gates]\nbudgets = 1", '[gates.coverage]\nrequests = "99"', "[gates.coverage]\nrequests = 0.99",
        '[[gates.budget]]\ndeny = "5"', '[[gates.budget]]\nper = "log"\ndeny = 5.5', "overlays = 5",
        '[gates]\nfailure_cost = { dney = "1%" }', '[gates.policy]\nlevel = "error"', "nothing = 1",
    ],
)  # fmt: skip
def test_the_schema_refuses_what_is_wrong(text: str):
    assert not VALIDATOR.is_valid(tomllib.loads(text))


@pytest.mark.parametrize(
    "path", sorted((ROOT / "costaudit/routing/policies").glob("*.toml")), ids=lambda p: p.stem
)
def test_the_schema_of_policies_takes_the_shipped_ones(path: Path):
    schema = json_schema("policy")
    Draft202012Validator.check_schema(schema)
    table = tomllib.loads(path.read_text("utf-8"))
    Draft202012Validator(schema).validate(table)
    assert not Draft202012Validator(schema).is_valid({**table, "groups": {}})
    assert not Draft202012Validator(schema).is_valid({**table, "quality_floor": 0.9})
