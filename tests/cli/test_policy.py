"""`costaudit policy`: listed, shown with prices, and written for routers."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from costaudit.questions.exports import EXPORTERS
from costaudit.render.safe import display_width
from costaudit.routing.policy_load import shipped_policies
from tests.conftest import ROOT
from tests.questions.exports.policies import HEAD, RICH

SCHEMA = json.loads((ROOT / "docs/schema/policy-export.schema.json").read_text("utf-8"))
DAY = ("--at", "2026-11-20")


@pytest.fixture
def rich(tmp_path) -> Path:
    path: Path = tmp_path / "rich.toml"
    path.write_text(RICH, encoding="utf-8")
    return path


def test_policies_are_listed_with_what_they_do(run):
    got = run("policy", "list")
    assert (got.code, got.err) == (0, "")
    assert "default            each tier on the cheapest adequate model of its class\n" in got.out
    told = json.loads(run("policy", "list", "--format", "json").out)
    assert [one["name"] for one in told] == sorted(shipped_policies())


def test_a_policy_is_shown_with_the_prices_of_that_day(run, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        HEAD + '[[tiers]]\ntier = 1\ncandidates = ["openai/gpt-4o", "openai/gpt-4o-mini"]\n', "utf-8"
    )
    got = run("policy", "show", path, *DAY, columns=100)
    assert got.code == 0
    lines = [line.split() for line in got.out.splitlines()]
    # OpenAI's list: gpt-4o-mini .15, cached .075, .60; gpt-4o 2.50, 1.25, 10
    assert ["openai/gpt-4o-mini", "1", "$0.15", "$0.60", "$0.075", "128,000"] in lines
    assert ["openai/gpt-4o", "2", "$2.50", "$10.00", "$1.25", "128,000"] in lines


@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize("name", ["default", "rich"])
def test_every_line_fits_the_terminal(run, rich, name, columns):
    got = run("policy", "show", rich if name == "rich" else name, *DAY, columns=columns)
    assert got.code == 0
    assert all(display_width(line) <= columns for line in got.out.splitlines())


@pytest.mark.parametrize(
    ("name", "current"),
    [("default", ()), ("conservative", ()), ("rich", ()), ("rich", ("--current", "openai/gpt-4o"))],
)
def test_the_json_is_of_the_published_schema_and_both_commands_agree(run, rich, name, current):
    policy = rich if name == "rich" else name
    shown = run("policy", "show", policy, "--format", "json", *DAY, *current)
    exported = run("policy", "export", "--to", "json", "--policy", policy, *DAY, *current)
    assert (shown.code, exported.code, exported.err) == (0, 0, "")
    assert shown.out == exported.out
    told = json.loads(shown.out)
    jsonschema.validate(told, SCHEMA)
    assert told["at"] == "2026-11-20"


@pytest.mark.parametrize("to", sorted(EXPORTERS))
def test_the_default_policy_is_exported_to_every_router(run, tmp_path, to):
    got = run("policy", "export", "--to", to, *DAY)
    assert got.code == 0
    again = run("policy", "export", "--to", to, "--policy", "default", *DAY, "-o", tmp_path / "out")
    assert (again.code, again.out) == (0, "")
    assert (tmp_path / "out").read_text("utf-8") == got.out


def test_notes_stand_in_the_file_or_on_stderr(run):
    as_yaml = run("policy", "export", "--to", "litellm", *DAY)
    assert "# What the policy says and this configuration does not do:" in as_yaml.out
    assert as_yaml.err == ""
    as_json = run("policy", "export", "--to", "portkey", *DAY)
    assert "warning: the caller sends as metadata: tier" in as_json.err
    assert run("policy", "export", "--to", "portkey", *DAY, "--quiet").err == ""


def test_the_day_decides_which_model_serves(run):
    def first(day: str) -> str:
        told = json.loads(run("policy", "show", "documents", "--format", "json", "--at", day).out)
        flagships = next(route for route in told["routes"] if route["name"] == "tier-2")["candidates"]
        return str(next(place["model"] for place in flagships if place["provider"] == "openai"))

    # gpt-5 came on 7 August 2025, gpt-4.1 on 14 April
    assert (first("2025-08-06"), first("2025-08-08")) == ("openai/gpt-4.1", "openai/gpt-5")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("export", "--to", "litelm"), "unknown router 'litelm' (did you mean 'litellm'?)"),
        (("export", "--to", "json", "--policy", "defualt"), "did you mean 'default'"),
        (("show", "no.toml"), "no.toml: no such policy file"),
        (("show", "--at", "soon"), "--at 'soon' is not a date"),
        (("show", "--mix", "3"), "--mix '3' is not IN:OUT"),
        (("show", "--mix", "0:0"), "costs nothing"),
        (("show", "--mix", "-1:1"), "is not IN:OUT"),
        (("show", "--current", "openai/gpt-99"), "no model 'openai/gpt-99'"),
        (("show", "--format", "yaml"), "unknown format 'yaml'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run, argv, said):
    got = run("policy", *argv)
    assert (got.code, got.out) == (2, "")
    assert said in got.err
    assert got.err.count("\n") == 1


def test_a_hostile_policy_cannot_reach_the_terminal_or_break_the_file(run, tmp_path):
    path = tmp_path / "hostile.toml"
    path.write_text(
        'schema = "costaudit/policy@1"\nname = "a\\u001b[31m\\nb"\ntitle = "x\\nmodel_list: []"\n'
        '[[rules]]\nname = "\\u001b]0;t\\u0007"\nfeatures = ["\\u202eevil\\n- x: 1"]\n'
        'candidates = ["openai/gpt-4o-mini"]\n',
        "utf-8",
    )
    for to in sorted(EXPORTERS):
        got = run("policy", "export", "--to", to, "--policy", path, *DAY)
        assert got.code == 0
        for text in (got.out, got.err):
            assert all(char.isprintable() or char == "\n" for char in text)
    shown = run("policy", "show", path, *DAY).out
    assert all(char.isprintable() or char == "\n" for char in shown)
    lines = run("policy", "export", "--to", "litellm", "--policy", path, *DAY).out.splitlines()
    assert lines.index("model_list:") == len([line for line in lines if line.startswith("#")])
