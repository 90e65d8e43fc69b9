"""Tokens and their hashes: the same as a slow, plain implementation, wherever a text stands."""

from __future__ import annotations

import re

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from costaudit.tiers.ngrams import START, tokenize

TEXTS = st.lists(
    st.text(st.sampled_from("ab z9'_.\n?\t ßé日"), max_size=30) | st.text(max_size=12), max_size=6
)
MASK = 2**64 - 1


def plain_tokens(text: str) -> list[str]:
    """Runs of word characters, single signs and newlines; bytes beyond ASCII are word characters."""
    control = "".join(chr(i) for i in range(33) if i != 10) + "\x7f"
    return [t for t in re.findall(r"[A-Za-z0-9_'\u0080-\U0010ffff]+|[\s\S]", text) if t not in control]


def plain_hash(token: str) -> int:
    total, power = 0, 1
    for nth, byte in enumerate(token.encode()):
        power = power * 0x9E3779B97F4A7C15 & MASK if nth < 64 else power
        value = (48 if 48 <= byte <= 57 else byte) + 1
        total = total + value * power & MASK
    return plain_mix(total)


def plain_mix(number: int) -> int:
    number = (number ^ (number >> 31)) * 0xBF58476D1CE4E5B9 & MASK
    return number ^ (number >> 29)


def plain(texts: list[str]) -> list[tuple[int, int, int]]:
    rows = []
    for nth, text in enumerate(texts):
        before = 0
        for token in plain_tokens(text):
            word = plain_hash(token)
            rows.append((nth, word, plain_mix(before * 3 + word & MASK)))
            before = word
    return rows


def found(texts: pa.Array) -> list[tuple[int, int, int]]:
    tokens = tokenize(texts)
    return list(zip(tokens.text.tolist(), tokens.words.tolist(), tokens.pairs.tolist(), strict=True))


@given(TEXTS)
def test_hashes_agree_with_a_plain_implementation(texts):
    assert found(pa.array(texts, pa.string())) == plain(texts)


@given(TEXTS, st.integers(0, 6))
def test_a_slice_and_a_wide_array_are_read_like_a_copy(texts, start):
    array = pa.array(texts, pa.string())
    assert found(array.slice(start)) == plain(texts[start:])
    assert found(array.cast(pa.large_string()).slice(start)) == plain(texts[start:])


def test_spelling():
    tokens = tokenize(pa.array(["it's 2024,\n日本 a", "b"]))
    assert [tokens.spell(i, pair=False) for i in range(7)] == ["it's", "0000", ",", "\n", "日本", "a", "b"]
    assert [tokens.spell(i, pair=True) for i in (0, 1, 6)] == [f"{START} it's", "it's 0000", f"{START} b"]


def test_every_digit_is_the_same_and_order_counts():
    same = tokenize(pa.array(["call 911", "call 112", "911 call"]))
    assert same.words[1] == same.words[3]
    assert same.pairs[1] == same.pairs[3] != same.pairs[5]


def test_no_texts_have_no_tokens():
    assert found(pa.array([], pa.string())) == []
    assert found(pa.array(["", " \t"], pa.string())) == []
