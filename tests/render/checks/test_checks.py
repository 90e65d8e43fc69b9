"""Every format of a check: what it says, by its published schema, and that hostile text stays text in it."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

from costaudit.prices.answers import json_schema
from costaudit.prices.rules.rule import Violation
from costaudit.render.checks import CHECK_RENDERERS, CheckReport
from costaudit.render.checks.markdown import MOST
from tests.render.checks.cases import (
    EDITED,
    FAILED,
    GREEN,
    HOSTILE,
    INVALID,
    NOTED,
    STALE,
    hostile,
)

COMMAND = re.compile(r"::(error|warning|notice) (?:file=[^:,\n]*,)?(?:line=\d+,)?title=[^:,\n]*::[^\n]*")
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202e]")


def many(count: int, severity: str = "error") -> CheckReport:
    found = tuple(replace(EDITED, line=n + 1, severity=severity, subject=f"m{n}") for n in range(count))
    return CheckReport("pricing check", found, exit_code=1)


def xml(report: CheckReport) -> ET.Element:
    return ET.fromstring(CHECK_RENDERERS["junit"](report))  # noqa: S314 - costaudit has just written it


def test_text_is_a_line_per_violation_and_the_outcome():
    assert CHECK_RENDERERS["text"](FAILED).splitlines() == [
        "pricing/acme/prices.csv:2: CA204 error: acme/m/input@2026-01-01 was 2 and is 3 now",
        "pricing/stray.csv: CA112 error: is never read",
        "pricing/acme/prices.csv:7: CA403 warning: acme/m was checked 400 days ago",
        "2 errors, 1 warning, 1 suppressed with a reason",
        "explain CA204 says more",
    ]


@pytest.mark.parametrize("report", [FAILED, GREEN, INVALID])
def test_json_is_the_published_contract(report: CheckReport):
    told = json.loads(CHECK_RENDERERS["json"](report))
    jsonschema.validate(told, json_schema("check"))
    assert (told["verdict"], told["exit_code"]) == (report.verdict, report.exit_code)


# -- GitHub


def test_annotations_are_workflow_commands_with_place_and_title():
    assert CHECK_RENDERERS["github"](replace(FAILED, violations=(EDITED, STALE, NOTED))).splitlines() == [
        (
            "::error file=pricing/acme/prices.csv,line=2,title=CA204 edited-in-place::"
            "acme/m/input@2026-01-01 was 2 and is 3 now%0APut the row back."
        ),
        (
            "::warning file=pricing/acme/prices.csv,line=7,title=CA403 stale-price::"
            "acme/m was checked 400 days ago%0ACompare with the page."
        ),
        "::notice file=pricing/acme/prices.csv,line=9,title=scheduled::acme/m output from 2026-12-01: 8 → 9",
        "costaudit pricing check: failed: 1 error, 1 warning, 1 note, 1 suppressed with a reason",
        "  note: explain CA204 says more",
    ]


def test_a_violation_of_a_whole_file_has_no_line_and_one_of_none_no_file():
    told = CHECK_RENDERERS["github"](
        CheckReport("check", (replace(EDITED, line=0), replace(EDITED, file="", line=3)))
    )
    first, second, *_ = told.splitlines()
    assert first.startswith("::error file=pricing/acme/prices.csv,title=CA204 edited-in-place::")
    assert second.startswith("::error title=CA204 edited-in-place::")


def test_at_most_nine_of_a_kind_are_annotated_and_the_rest_is_counted():
    report = CheckReport(
        "pricing check", (*many(12).violations, *many(10, "warning").violations, *many(9, "note").violations)
    )
    lines = CHECK_RENDERERS["github"](report).splitlines()
    for kind, count in (("error", 10), ("warning", 10), ("notice", 9)):
        assert sum(line.startswith(f"::{kind} ") for line in lines) == count
    assert lines[9] == "::error title=costaudit pricing check::3 more errors without an annotation"
    assert lines[19] == "::warning title=costaudit pricing check::1 more warning without an annotation"


def test_the_marks_of_a_command_are_escaped_as_the_toolkit_does():
    found = replace(EDITED, file="a,b:c%.csv", name="50%: x, y", message="50% of a:b, c", fix="")
    assert CHECK_RENDERERS["github"](CheckReport("check", (found,))).splitlines()[0] == (
        "::error file=a%2Cb%3Ac%25.csv,line=2,title=CA204 50%25%3A x%2C y::50%25 of a:b, c"
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_becomes_a_workflow_command(text: str):
    *commands, outcome, note = CHECK_RENDERERS["github"](hostile(text)).splitlines()
    assert len(commands) == 3
    assert all(COMMAND.fullmatch(command) for command in commands)
    assert outcome.startswith("costaudit pricing check: failed: ")
    assert note.startswith("  note: ")
    assert "##[" not in outcome + note


# -- GitLab


def test_code_quality_has_what_gitlab_asks_for():
    told = json.loads(CHECK_RENDERERS["gitlab"](FAILED))
    assert [(i["check_name"], i["severity"], i["location"]) for i in told] == [
        ("edited-in-place", "major", {"path": "pricing/acme/prices.csv", "lines": {"begin": 2}}),
        ("stray-file", "major", {"path": "pricing/stray.csv", "lines": {"begin": 1}}),
        ("stale-price", "minor", {"path": "pricing/acme/prices.csv", "lines": {"begin": 7}}),
    ]
    assert told[0]["description"] == "CA204: acme/m/input@2026-01-01 was 2 and is 3 now"
    assert len({i["fingerprint"] for i in told}) == 3
    assert json.loads(CHECK_RENDERERS["gitlab"](GREEN)) == []


# -- SARIF


@pytest.mark.parametrize("report", [FAILED, GREEN, INVALID, *map(hostile, HOSTILE)])
def test_sarif_is_valid_by_the_schema_of_oasis(report: CheckReport, sarif_schema: Any):
    assert list(sarif_schema.iter_errors(json.loads(CHECK_RENDERERS["sarif"](report)))) == []


def test_the_schema_of_oasis_refuses_what_is_not_sarif(sarif_schema: Any):
    told = json.loads(CHECK_RENDERERS["sarif"](FAILED))
    told["runs"][0]["results"][0]["level"] = "fatal"
    del told["runs"][0]["tool"]["driver"]["name"]
    assert len(list(sarif_schema.iter_errors(told))) == 2


def test_sarif_has_rules_with_help_and_results_with_place_and_fingerprint():
    (run,) = json.loads(CHECK_RENDERERS["sarif"](FAILED))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["CA204", "CA112", "CA403"]
    assert rules[0]["help"]["text"] == "Past requests are priced anew.\n\nPut the row back."
    first = run["results"][0]
    assert (first["ruleId"], first["ruleIndex"], first["level"]) == ("CA204", 0, "error")
    assert first["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "pricing/acme/prices.csv", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 2},
            }
        }
    ]
    assert re.fullmatch("[0-9a-f]{40}", first["partialFingerprints"]["costaudit/v1"])
    assert run["properties"]["suppressed"] == 1
    assert run["automationDetails"]["id"] == "costaudit/pricing-check/"


@pytest.mark.parametrize("report", [FAILED, *map(hostile, HOSTILE)])
def test_every_uri_is_a_relative_reference(report: CheckReport):
    (run,) = json.loads(CHECK_RENDERERS["sarif"](report))["runs"]
    for result in run["results"]:
        artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+", artifact["uri"])
        parts = urlsplit(artifact["uri"])
        assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")


def test_a_file_outside_of_the_repository_is_named_absolutely():
    told = json.loads(
        CHECK_RENDERERS["sarif"](CheckReport("check", (replace(EDITED, file="/data/a b.csv"),)))
    )
    place = told["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": "file:///data/a%20b.csv"}


def test_no_link_comes_of_a_message():
    report = hostile("[click](https://evil.example)")
    (run,) = json.loads(CHECK_RENDERERS["sarif"](report))["runs"]
    assert all("](" not in result["message"]["text"] for result in run["results"])


# -- JUnit


@pytest.mark.parametrize("report", [FAILED, GREEN, INVALID, *map(hostile, HOSTILE)])
def test_junit_is_valid_by_its_schema(report: CheckReport, junit_schema: xmlschema.XMLSchema):
    junit_schema.validate(CHECK_RENDERERS["junit"](report))


def test_the_schema_of_junit_refuses_what_is_not_junit(junit_schema: xmlschema.XMLSchema):
    told = CHECK_RENDERERS["junit"](FAILED)
    assert not junit_schema.is_valid(told.replace(' tests="4"', ""))
    assert not junit_schema.is_valid(told.replace("<failure", "<broken").replace("</failure", "</broken"))


def test_junit_counts_errors_as_failures_and_lets_warnings_pass():
    suite = xml(FAILED).find("testsuite")
    assert suite is not None
    assert suite.attrib == {
        "name": "costaudit.pricing-check", "tests": "4", "failures": "2", "errors": "0", "skipped": "1",
    }  # fmt: skip
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == [
        "CA204 edited-in-place: acme/m/input@2026-01-01",
        "CA112 stray-file: stray.csv",
        "CA403 stale-price: acme/m",
        "CA302: acme/m/output@2026",
    ]
    assert [[part.tag for part in case] for case in cases] == [
        ["failure"], ["failure"], ["system-out"], ["skipped"],
    ]  # fmt: skip
    assert suite.findtext("system-out") == "explain CA204 says more"


def test_what_cannot_be_judged_is_an_error_and_a_green_check_a_case_that_passes():
    invalid = xml(INVALID)
    assert [part.tag for part in next(invalid.iter("testcase"))] == ["error"]
    green = xml(replace(GREEN, suppressed=()))
    (case,) = green.iter("testcase")
    assert (case.get("name"), len(case)) == ("the price tables are in order", 0)


# -- Markdown


def test_markdown_begins_with_its_marker_and_the_outcome():
    lines = CHECK_RENDERERS["markdown"](FAILED).splitlines()
    assert lines[:5] == [
        "<!-- costaudit:pricing-check -->",
        "### costaudit pricing check: failed",
        "",
        "2 errors, 1 warning, 1 suppressed with a reason",
        "",
    ]
    assert "| pricing/acme/prices.csv:2 | acme/m/input@&#8203;2026-01-01 was 2 and is 3 now |" in lines


@pytest.mark.parametrize("count", [1, 60, 5000])
def test_markdown_stays_below_what_forges_accept_and_says_what_it_leaves_out(count: int):
    found = tuple(
        replace(EDITED, code=f"CA{n % 300:03}", line=n + 1, message="m " * 300) for n in range(count)
    )
    told = CHECK_RENDERERS["markdown"](CheckReport("pricing check", found, exit_code=1))
    rows = sum(line.startswith("| pricing/") for line in told.splitlines())
    left_out = re.search(r"^([\d,]+) of ([\d,]+) are left out here", told, re.MULTILINE)
    assert len(told) < MOST
    assert rows + (int(left_out[1].replace(",", "")) if left_out else 0) == count
    assert bool(left_out) == (count == 5000)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_is_drawn_by_markdown(text: str):
    told = CHECK_RENDERERS["markdown"](hostile(text))
    html = MarkdownIt("gfm-like", {"linkify": False}).render(told)
    tags = set(re.findall(r"</?([a-z0-9]+)", html))
    assert tags <= {"h3", "p", "details", "summary", "table", "thead", "tbody", "tr", "th", "td"}
    assert html.count("<!--") == 1
    assert html.count("<tr>") == 6  # a head and a row for each of three rules
    assert not re.search(r"@[a-z]", told)


# -- all of them


@pytest.mark.parametrize("name", CHECK_RENDERERS)
@pytest.mark.parametrize("text", HOSTILE)
def test_no_control_character_is_let_through(name: str, text: str):
    assert not CONTROLS.search(CHECK_RENDERERS[name](hostile(text)).replace("\n", ""))


@given(text=st.text(max_size=60))
def test_any_text_at_all_gives_lines_of_commands_and_readable_xml_and_json(text: str):
    report = hostile(text)
    commands = CHECK_RENDERERS["github"](report).split("\n")
    assert all(COMMAND.fullmatch(line) for line in commands[:3])
    assert len(commands) == 6
    xml(report)
    for name in ("json", "gitlab", "sarif"):
        json.loads(CHECK_RENDERERS[name](report))
    assert CHECK_RENDERERS["text"](report).count("\n") == 5
    assert isinstance(report.violations[0], Violation)
