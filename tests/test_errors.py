"""Hints that name the closest known word."""

from __future__ import annotations

import difflib

import pytest

from costaudit.errors import did_you_mean


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("featur", ["feature", "model"], "did you mean 'feature'?"),
        ("quite another", ["feature", "model"], None),
        ("x" * 100_000, ["x" * 99_999], None),
        ("feature", ["feature" * 20_000, "features"], "did you mean 'features'?"),
    ],
)
def test_the_closest_word_is_named(word, known, hint):
    assert did_you_mean(word, known) == hint


def test_long_words_are_not_compared(monkeypatch):
    compared = []

    def spy(word, known, **_):
        compared.append((word, known))
        return []

    monkeypatch.setattr(difflib, "get_close_matches", spy)
    did_you_mean("x" * 101, ["x" * 100])
    did_you_mean("x" * 100, ["x" * 101, "y"])
    assert compared == [("x" * 100, ["y"])]
