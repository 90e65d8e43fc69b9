"""What a check came to, and how formats and files are named on a command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from costaudit.errors import UsageError
from costaudit.front.result import JudgedResult
from costaudit.render.checks import CHECK_RENDERERS, CheckReport, parse_report_option, render_check
from costaudit.render.checks.model import fingerprints
from tests.render.checks.cases import EDITED, FAILED, GREEN, INVALID, NOTED, STALE


def test_a_summary_counts_by_severity_and_a_green_one_says_so():
    assert FAILED.summary == "2 errors, 1 warning, 1 suppressed with a reason"
    assert GREEN.summary == "the price tables are in order, 1 suppressed with a reason"
    assert CheckReport("check", (NOTED,)).summary == "1 note"
    assert CheckReport("check", ()).summary == "nothing to object to"


def test_the_verdict_is_that_of_the_exit_code():
    assert (GREEN.verdict, FAILED.verdict, INVALID.verdict) == ("ok", "failed", "invalid")


def test_a_marker_names_the_command():
    assert FAILED.marker == "<!-- costaudit:pricing-check -->"


def test_a_fingerprint_does_not_move_with_its_line_or_message():
    moved = replace(EDITED, line=99, message="acme/m/input@2026-01-01 was 2 and is 4 now")
    assert fingerprints(CheckReport("pricing check", (moved,))) == fingerprints(
        CheckReport("pricing check", (EDITED,))
    )


def test_fingerprints_differ_by_command_code_file_subject_and_place_among_their_like():
    others = (
        EDITED, replace(EDITED, line=5), replace(EDITED, code="CA205"), replace(EDITED, file="x.csv"),
        replace(EDITED, subject="acme/n"), replace(EDITED, subject="", message="a"),
        replace(EDITED, subject="", message="b"),
    )  # fmt: skip
    prints = fingerprints(CheckReport("pricing check", others)) + fingerprints(
        CheckReport("check", (EDITED,))
    )
    assert len(set(prints)) == len(others) + 1


def test_files_can_be_named_as_from_another_folder():
    seen = CheckReport("check", (EDITED, replace(STALE, file=""))).renamed(lambda file: f"billing/{file}")
    assert [v.file for v in seen.violations] == ["billing/pricing/acme/prices.csv", ""]


def test_the_own_answer_of_a_command_goes_before_the_general_one():
    found = JudgedResult(GREEN, (), {"text": lambda width, _: f"my own, {width} wide\n"})
    assert found.text(60) == "my own, 60 wide\n"
    assert found.to_json() == render_check(GREEN, "json")
    assert found.render("junit") == render_check(GREEN, "junit")


@pytest.mark.parametrize("name", CHECK_RENDERERS)
@pytest.mark.parametrize("report", [FAILED, GREEN, INVALID])
def test_every_format_is_a_pure_function_that_ends_its_last_line(name: str, report: CheckReport):
    told = render_check(report, name)
    assert told == render_check(report, name)
    assert told.endswith("\n")


def test_a_report_option_is_a_format_and_a_file():
    assert parse_report_option("sarif:out/x.sarif") == ("sarif", Path("out/x.sarif"))
    assert parse_report_option("json:a:b.json") == ("json", Path("a:b.json"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sarif", "names no file"),
        ("sarif:", "names no file"),
        (":x", "unknown format ''"),
        ("serif:x", "unknown format 'serif'"),
        ("csv:x", "unknown format 'csv'"),
    ],
)
def test_a_report_option_that_says_too_little_is_refused(text: str, said: str):
    with pytest.raises(UsageError, match=said) as caught:
        parse_report_option(text)
    assert caught.value.hint
