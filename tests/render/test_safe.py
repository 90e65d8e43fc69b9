"""Names from logs are hostile text until `safe` has seen them."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.render.jsontext import harmless
from costaudit.render.safe import _ESCAPE, clean, display_width, pad, safe, wrap
from tests.render.factory import HOSTILE

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


@given(st.text(st.sampled_from("aé漢 _\u0301\u0488\u200d\x00\n\x1b[]m;😀")))
def test_cleaning_letters_in_a_row_is_cleaning_each(text):
    assert clean(text) == slow_clean(text)


def slow_clean(text: str) -> str:
    """The rules, one character after the other; escape sequences are taken out as `clean` does."""
    kept, marks = "", 3
    for char in _ESCAPE.sub("?", text.replace("\r\n", "\n")):
        kind = unicodedata.category(char)
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        if marks <= 3:
            blank = char in "\t\n\v\f\r\x85" or kind.startswith("Z")
            kept += " " if blank else "?" if kind in {"Cc", "Cf", "Cs", "Co", "Cn"} else char
    return kept


@pytest.mark.parametrize("unit", ["a", "é", "漢", "e\u0301"])
def test_of_a_long_text_both_ends_are_shown(unit):
    assert safe(unit * 2_000_000, 9) == safe(unit * 100, 9)


@pytest.mark.parametrize("unit", ["a", "é", "漢", "a-", "e\u0301\u0301\u0301"])
def test_a_word_of_a_megabyte_is_broken_like_a_short_one(unit):
    lines = wrap(unit * (1_000_000 // len(unit)), 40)
    assert "".join(lines) == unit * (1_000_000 // len(unit))
    assert set(lines[:-1]) == set(wrap(unit * 200, 40)[:-1])


@given(names)
def test_json_text_says_what_it_said(name):
    encoded = json.dumps(name, ensure_ascii=False)
    assert json.loads(harmless(encoded)) == json.loads(encoded)
    assert not [c for c in harmless(encoded) if c in "\x7f\u200b\u202e\ufeff\U000e0041"]
