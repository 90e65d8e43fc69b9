"""`--format` and `--report` of the commands that judge: one run, any number of answers, all of them whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costaudit.render.checks import CHECK_RENDERERS
from tests.prices.test_diff import write
from tests.prices.test_rules import BASIC, price, tables

Run = Callable[..., Any]
AT = ("--at", "2026-06-01")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A book, and the same with a price edited in place."""
    write(tmp_path / "old", tables(*BASIC))
    write(tmp_path / "new", tables(price("m,input,3,mtok,2026-01-01,"), BASIC[1]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


CHECK = ("pricing", "check", "new", "--base", "old", *AT)
DIFF = ("pricing", "diff", "old", "new", "--fail-if", "correction", *AT)


@pytest.mark.parametrize("argv", [CHECK, DIFF])
def test_one_run_writes_every_format_that_is_named(run: Run, place: Path, argv: tuple[str, ...]):
    wanted = [word for name in CHECK_RENDERERS for word in ("--report", f"{name}:out.{name}")]
    outcome = run(*argv, *wanted)
    assert outcome.code == 1
    for name in CHECK_RENDERERS:
        alone = run(*argv, "--format", name)
        assert alone.code == 1
        assert (place / f"out.{name}").read_text("utf-8") == alone.out
    assert outcome.out == (place / "out.text").read_text("utf-8")


def test_the_formats_say_what_was_found(run: Run, place: Path):
    first = run(*CHECK, "--format", "github").out.splitlines()[0]
    assert first.startswith(
        "::error file=new/acme/prices.csv,line=2,title=CA204 edited-in-place::acme/m/input"
    )
    (issue,) = json.loads(run(*DIFF, "--format", "gitlab").out)
    assert issue["location"] == {"path": "new/acme/prices.csv", "lines": {"begin": 2}}
    assert issue["description"] == (
        "correction: acme/m input from 2026-01-01: 2 → 3 (+50.0 %); edited in place"
    )


def test_a_diff_is_red_only_for_the_changes_that_a_condition_is_about(run: Run, place: Path):
    lines = run("pricing", "diff", "old", "new", *AT, "--format", "github").out.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["::notice", "costaudit"]
    assert lines[-1] == "costaudit pricing diff: ok: 1 note"
    lines = run(*DIFF, "--format", "github").out.splitlines()
    assert lines[0].startswith("::error file=new/acme/prices.csv,line=2,title=correction::")
    assert lines[0].endswith("%0Afails: correction")


def test_what_is_gone_is_told_of_its_file_and_no_line_of_the_head(run: Run, place: Path):
    write(place / "new", tables(BASIC[0]))
    told = run("pricing", "diff", "old", "new", *AT, "--format", "github").out
    assert "::notice file=old/acme/prices.csv,title=removed::" in told
    assert "(line 3 of the base)" in told


def test_a_report_that_cannot_be_written_is_told_before_any_work(run: Run, place: Path):
    (place / "out.sarif").write_text("before", "utf-8")
    outcome = run(*CHECK, "--report", "sarif:out.sarif", "--report", "json:nowhere/out.json")
    assert outcome.code == 2
    assert "nowhere/out.json: cannot be written: No such file or directory" in outcome.err
    assert (place / "out.sarif").read_text("utf-8") == "before"
    assert sorted(path.name for path in place.iterdir()) == ["new", "old", "out.sarif"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--format", "serif"), "--format: unknown format 'serif' (did you mean 'sarif'?)"),
        (("--report", "sarif"), "--report 'sarif' names no file (a format and a file, like sarif:out.sarif)"),
        (("--report", "xml:x"), "--report: unknown format 'xml'"),
        (("--report", "json:x", "--report", "sarif:x"), "x: is named for two answers"),
        (("--report", "json:x", "-o", "x"), "x: is named for two answers"),
        (("--report", "json:-"), "--report writes to a file"),
    ],
)
@pytest.mark.parametrize("command", [CHECK, DIFF])
def test_what_makes_no_sense_is_refused_before_any_work(
    run: Run, place: Path, command: tuple[str, ...], argv: tuple[str, ...], said: str
):
    outcome = run(*command, *argv)
    assert outcome.code == 2
    assert said in outcome.err
    assert not (place / "x").exists()


@pytest.mark.parametrize("name", ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"])
def test_a_forge_is_told_files_as_seen_from_the_top_of_the_repository(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    monkeypatch.setenv(name, str(place.parent))
    inside = f"{place.name}/new/acme/prices.csv"
    assert f"::error file={inside},line=2," in run(*CHECK, "--format", "github").out
    assert json.loads(run(*CHECK, "--format", "gitlab").out)[0]["location"]["path"] == inside
    argv = ("pricing", "check", place / "new", "--base", "old", *AT)
    assert json.loads(run(*argv, "--format", "gitlab").out)[0]["location"]["path"] == inside
    assert run(*CHECK).out.startswith("new/acme/prices.csv:2: "), "people are told it from where they stand"


def test_a_green_check_says_so_in_every_format(run: Run, place: Path):
    argv = ("pricing", "check", "old", *AT)
    assert run(*argv).out == "the price tables are in order\n"
    assert (
        run(*argv, "--format", "github").out == "costaudit pricing check: ok: the price tables are in order\n"
    )
    assert "the price tables are in order" in run(*argv, "--format", "markdown").out
    assert 'name="the price tables are in order"' in run(*argv, "--format", "junit").out
    assert json.loads(run(*argv, "--format", "sarif").out)["runs"][0]["results"] == []
    assert run("pricing", "diff", "old", "old", "--format", "github").out == (
        "costaudit pricing diff: ok: no changes\n"
    )
