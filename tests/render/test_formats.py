"""What every format owes its reader: the same figures, exact for machines, harmless for people."""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import Decimal
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.contracts import json_schema, model_of
from costaudit.money import exact
from costaudit.questions.audit.shown.formats import RENDERERS, Format, render_markdown
from costaudit.questions.audit.shown.tidy import COLUMNS, render_csv
from costaudit.render.jsonout import render_json
from tests.render.factory import HOSTILE, REPORTS, audit_of_names, large_audit, unpriced_audit

EACH = pytest.mark.parametrize("name", REPORTS)
NAMES = st.lists(
    st.one_of(st.none(), st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=()))), max_size=8
)
MONEY = ("list_usd", "billed_usd", "after_usd")
SCHEMAS = {"audit": json_schema("audit"), "simulation": json_schema("simulation")}


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def keys(value: Any) -> set[str]:
    """Every key anywhere in a JSON value."""
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("format_", [Format.JSON, Format.MARKDOWN, Format.CSV])
@pytest.mark.parametrize("name", ["small audit", "large audit", "unpriced audit", "scenario"])
def test_the_answer_is_as_before(name, format_, snapshot):
    assert RENDERERS[format_](REPORTS[name](), 80, False).replace("\r\n", "\n") == snapshot


@EACH
def test_every_format_renders_every_report_and_twice_the_same(name):
    assert set(RENDERERS) == set(Format)
    for render in RENDERERS.values():
        answer = render(REPORTS[name](), 80, False)
        assert answer == render(REPORTS[name](), 80, False)
        assert answer.endswith("\n")
        assert not answer.endswith("\n\n")


# JSON


@EACH
def test_json_conforms_to_its_schema(name):
    plain = json.loads(render_json(REPORTS[name]()))
    schema = SCHEMAS[plain["schema"].partition("/")[2].partition("@")[0]]
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(plain)


@EACH
def test_json_says_exactly_what_the_report_holds(name):
    report = REPORTS[name]()
    assert msgspec.json.decode(render_json(report), type=type(report)) == report
    assert model_of(type(report)).model_validate_json(render_json(report))
    assert list(json.loads(render_json(report)))[:2] == ["schema", "version"]


@given(NAMES)
def test_json_is_harmless_in_a_terminal_and_gives_names_back(names):
    text = render_json(audit_of_names(names))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", text)
    assert {row["model"] for row in json.loads(text)["by_model"]} == set(names)


def test_json_has_no_field_for_prompts():
    schema = (
        keys(SCHEMAS["audit"]) | keys(SCHEMAS["simulation"]) | keys(json.loads(render_json(large_audit())))
    )
    assert not schema & {"prompt", "messages", "system", "completion", "response", "content", "text"}


def test_the_schema_wants_money_as_text():
    parts = SCHEMAS["audit"]["$defs"]
    spend = parts["Spend"]["properties"]
    assert parts["Drivers"]["properties"]["markup_usd"]["type"] == "string"
    assert spend["reported_usd"]["anyOf"] == [{"type": "string"}, {"type": "null"}]


# CSV


@EACH
def test_csv_is_a_table_of_equal_rows(name):
    lines = list(csv.reader(io.StringIO(render_csv(REPORTS[name]()), newline="")))
    assert tuple(lines[0]) == COLUMNS
    assert {len(line) for line in lines} == {len(COLUMNS)}


@pytest.mark.parametrize("section", ["by_tier", "by_model", "by_feature", "by_user", "by_day"])
@pytest.mark.parametrize("name", ["small audit", "large audit", "log simulation", "dearer audit"])
def test_every_breakdown_of_the_csv_adds_up_to_the_spend(name, section):
    rows = table(render_csv(REPORTS[name]()))
    (spend,) = [r for r in rows if r["section"] == "spend"]
    for column in ("requests", "input", "output", "list_usd", "billed_usd"):
        parts = [Decimal(r[column]) for r in rows if r["section"] == section and r[column]]
        assert sum(parts, Decimal(0)) == Decimal(spend[column])


@EACH
def test_the_steps_of_the_csv_end_at_the_projection(name):
    report = REPORTS[name]()
    rows = [r for r in table(render_csv(report)) if r["section"] == "projection"]
    steps = [r for r in rows if r["name"] in {s.name for s in report.projection.steps}]
    if steps:
        start = Decimal(steps[0]["billed_usd"])
        assert start + sum(Decimal(r["after_usd"]) for r in steps[1:-1]) == Decimal(steps[-1]["after_usd"])
        assert steps[-1]["after_usd"] == exact(report.projection.after_usd)


@given(NAMES)
def test_no_cell_of_the_csv_is_a_formula(names):
    for row in table(render_csv(audit_of_names(names))):
        for column, value in row.items():
            if column in MONEY and value:
                assert re.fullmatch(r"-?\d+\.\d{2,}", value)
            else:
                assert not re.match(r"\s*[=+\-@]", value)
                assert not re.search("[\x00-\x1f\x7f-\x9f\u202e]", value)


def test_a_negative_amount_of_the_csv_stays_a_number():
    report = large_audit()
    rows = [r for r in table(render_csv(report)) if r["section"] == "markup"]
    assert [r["billed_usd"] for r in rows] == ["12.25", "-0.09", "1.50"]
    assert [r["name"] for r in rows] == ["openrouter", "cheapa?red?", ""]


def test_an_unknown_amount_of_the_csv_is_empty():
    rows = table(render_csv(unpriced_audit()))
    assert not [r for r in rows if any(r[column] for column in MONEY)]


# Markdown


@given(NAMES)
def test_markdown_takes_nothing_from_a_name(names):
    text = render_markdown(audit_of_names(names))
    ours = re.sub(r"^`2026.*", "", text, flags=re.MULTILINE)  # the line of days
    assert not re.search(r"<|@(?!&#8203;)|://|(?<!\\)`|(?<!&)#(?=\d)|(?<!\\)\]\(|(?i:www\.)", ours)
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        bars = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in block.splitlines()}
        assert len(bars) == 1


def test_markdown_begins_with_the_answer():
    report = large_audit()
    first, _, rest = render_markdown(report).partition("\n")
    assert first.startswith(
        f"## ${report.spend.billed_usd:,.2f} billed, ${report.projection.after_usd:,.2f} under"
    )
    assert rest.startswith("\n| | | |\n|---|---:|---|\n| Billed |")


def test_markdown_never_shows_an_unknown_amount_as_zero():
    assert "0.00" not in render_markdown(unpriced_audit())


def test_markdown_of_very_many_rows_fits_a_comment():
    report = audit_of_names([f"{'<&>' * 100}{i}" for i in range(3000)])
    text = render_markdown(report)
    assert len(text) < 60_000
    assert re.search(r"\| and [\d,]+ more \|", text)
