"""The terminal view: the answer first, nothing wider than asked, nothing that a log can smuggle in."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.questions.audit.shown.formats import render_text
from costaudit.render.figures import money_with_sum
from costaudit.render.text import draw_bars, sparkline
from tests.render.factory import (
    HOSTILE,
    REPORTS,
    audit_of_names,
    dearer_audit,
    large_audit,
    scenario_simulation,
    small_audit,
    unpriced_audit,
)

EACH = pytest.mark.parametrize("name", REPORTS)
CODES = re.compile(r"\x1b\[[012]m")
NAMES = st.lists(
    st.one_of(st.none(), st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=()))), max_size=8
)


def columns(line: str) -> int:
    """The width that a terminal gives to a line, counted apart from the code under test."""
    marks = sum(unicodedata.combining(c) > 0 or unicodedata.category(c) in {"Mn", "Me"} for c in line)
    return len(line) - marks + sum(unicodedata.east_asian_width(c) in {"W", "F"} for c in line)


@pytest.mark.parametrize("width", [60, 80, 100, 120])
@EACH
def test_the_terminal_view_is_as_before(name, width, snapshot):
    assert render_text(REPORTS[name](), width, color=False) == snapshot


@EACH
def test_the_coloured_view_is_as_before(name, snapshot):
    assert render_text(REPORTS[name](), 80, color=True).replace("\x1b", "ESC") == snapshot


@EACH
def test_colour_changes_no_character(name):
    report = REPORTS[name]()
    assert CODES.sub("", render_text(report, 80, color=True)) == render_text(report, 80, color=False)


@given(NAMES, st.integers(40, 140))
def test_no_line_is_wider_than_asked(names, width):
    for line in render_text(audit_of_names(names), width, color=False).split("\n"):
        assert columns(line) <= width


@given(NAMES, st.booleans())
def test_no_control_character_reaches_the_terminal(names, color):
    text = render_text(audit_of_names(names), 80, color)
    rest = CODES.sub("", text) if color else text
    assert not [c for c in rest if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    assert text.splitlines() == text[:-1].split("\n")


def test_markup_of_other_libraries_is_plain_text():
    assert "[red]x[/red]" in render_text(large_audit(), 120, color=True)


def test_the_answer_stands_in_the_first_lines():
    report = large_audit()
    first = "\n".join(render_text(report, 80, color=False).splitlines()[:14])
    for amount in (report.spend.billed_usd, report.spend.list_usd, report.projection.after_usd):
        assert f"${amount:,.2f}" in first
    for told in (
        "$40,310.50",
        "no price",
        "duplicate",
        "skipped",
        "What matters most, per 30 days",
        "$871.45",
    ):
        assert told in first


def test_a_scenario_leads_with_exact_cents():
    first = render_text(scenario_simulation(), 80, color=False).splitlines()[0]
    assert first == "$56,000.00 → $27,600.00 a month: 50.7% less"


def test_a_dearer_projection_says_so():
    text = render_text(dearer_audit(), 80, color=False)
    assert text.startswith("$11.50 billed, $17.25 under policy default: 50.0% more\n")
    assert "Below list" in text
    assert "-0" not in text


def test_the_total_of_the_tiers_is_what_was_billed():
    report = large_audit()
    total = next(x for x in render_text(report, 80, color=False).splitlines() if x.startswith("  total "))
    assert total.split()[1:] == [
        f"{report.spend.requests:,}", "100.0%",
        f"${report.spend.billed_usd:,.2f}", f"${report.projection.after_usd:,.2f}",
    ]  # fmt: skip
    assert (
        sum((row.billed_usd or Decimal(0) for row in report.by_tier), Decimal(0)) == report.spend.billed_usd
    )


@given(st.lists(st.decimals(-99, 9999, places=4, allow_nan=False), min_size=2, max_size=9))
def test_amounts_with_a_sum_add_up_as_shown(amounts):
    *parts, whole = money_with_sum(amounts)
    exactly = [*amounts, sum(amounts, Decimal(0))]
    assert len(parts) == len(amounts)
    if max(map(abs, exactly)) >= 1 and not any("<" in text for text in parts):
        values = [Decimal(re.sub("[$,]", "", text)) for text in (*parts, whole)]
        assert all(
            abs(value - amount) < Decimal("0.01") for value, amount in zip(values, exactly, strict=True)
        )
        small = sum(abs(amount) < Decimal("0.02") for amount in amounts)  # a cent is not taken from so little
        assert abs(sum(values[:-1]) - values[-1]) <= small * Decimal("0.01")


def test_listed_rows_and_the_rest_add_up():
    text = render_text(large_audit(), 80, color=False)
    users = text[text.index("By user") : text.index("By day")]
    shown = sum(Decimal(x.replace(",", "")) for x in re.findall(r"\$([\d,.]+)$", users, re.MULTILINE))
    assert shown == large_audit().spend.billed_usd.quantize(Decimal("0.01"))


def test_what_is_not_known_is_a_dash_and_never_zero():
    text = render_text(unpriced_audit(), 120, color=False)
    assert text.startswith("What was spent is not known: no price for 42 requests\n")
    assert re.search(r"Billed +— ", text)
    assert "0.00" not in text
    assert re.search(r"acme-9 .* —  +—$", text, re.MULTILINE)


def test_a_blank_name_is_shown_as_one():
    text = render_text(audit_of_names(["", " \t", None]), 80, color=False)
    assert text.count("(blank)") > 4
    assert "(no model)" in text


def test_less_than_a_day_is_not_scaled_to_a_month():
    text = render_text(small_audit(), 80, color=False)
    assert "What matters most, in the log's period" in text
    assert "The log covers less than a day, so nothing is scaled to a month." in text
    assert "per 30 days" not in text


def test_columns_leave_a_narrow_terminal_and_it_says_which():
    narrow = render_text(large_audit(), 44, color=False)
    assert "share" not in narrow.partition("Left out at 44 columns: ")[0]
    assert "share, requests" in narrow.partition("Left out at 44 columns: ")[2].replace("\n  ", " ")
    assert "Left out" not in render_text(scenario_simulation(), 80, color=False)


def test_a_wide_terminal_shows_more():
    assert "$/1k req" not in render_text(large_audit(), 99, color=False)
    assert "$/1k req" in render_text(large_audit(), 100, color=False)


def test_bars_start_where_the_step_before_ended():
    spans = [(Decimal(0), Decimal(100)), (Decimal(100), Decimal(30)), (Decimal(30), Decimal("30.01"))]
    assert list(draw_bars(spans, 10)) == ["██████████", "   ███████", "   ▏"]


def test_a_line_of_days_tells_no_requests_from_no_price():
    day = Decimal(1)
    assert sparkline([day * 8, day, "", None, Decimal(0)], 10) == (1, "█▁·?▁")
    assert sparkline([day] * 5, 2) == (3, "█▆")
