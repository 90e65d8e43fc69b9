"""Names from logs are hostile text until `safe` has seen them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.report.safe import clean, display_width, pad, safe, wrap
from tests.report.factory import HOSTILE

names = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=())))


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("plain/name-1", "plain/name-1"),
        ("[red]x[/red]", "[red]x[/red]"),
        ("a\x1b[31mred\x1b[0m", "a?red?"),
        ("\x1b]0;title\x07x", "?x"),
        ("\x1b]8;;never ends", "??8;;never ends".replace("??", "?")),
        ("\x9b2Jx", "?x"),
        ("a\r\nb\tc\x85d\u2028e", "a b c d e"),
        ("safe\u202egnp", "safe?gnp"),
        ("\u200bzero\ufeffwidth\U000e0041", "?zero?width?"),
        ("half \ud83d surrogate", "half ? surrogate"),
        ("模型 é", "模型 é"),
        ("e" + "\u0301" * 60, "e" + "\u0301" * 3),
        ("\u0301x", "x"),
    ],
)
def test_what_a_terminal_would_act_upon_becomes_a_question_mark(hostile, harmless):
    assert clean(hostile) == harmless


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("anthropic/claude-opus-4-8", 25, "anthropic/claude-opus-4-8"),
        ("anthropic/claude-opus-4-8", 13, "anthro…us-4-8"),
        ("模型模型模型", 7, "模…型"),  # a wide character is never halved
        ("abc", 2, "a…"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
    ],
)
def test_a_long_name_is_cut_in_the_middle(text, limit, cut):
    assert safe(text, limit) == cut
    assert display_width(cut) <= limit


@given(names, st.integers(0, 60))
def test_a_safe_name_fits_and_is_printable(name, limit):
    shown = safe(name, limit)
    assert display_width(shown) <= limit
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}]


@given(names)
def test_cleaning_twice_changes_nothing(name):
    assert clean(clean(name)) == clean(name)


@given(names, st.integers(2, 60))
def test_wrapped_lines_fit_and_lose_nothing_but_spaces(name, columns):
    lines = wrap(name, columns)
    assert all(display_width(line) <= columns for line in lines)
    assert "".join("".join(lines).split()) == "".join(clean(name).split())


def test_padding_counts_columns_not_characters():
    assert pad("模型", 6) == "模型  "
    assert pad("7", 3, right=True) == "  7"
