"""Hashes of text columns: what they are, spelt out in plain Python, and what a long text costs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.ingest import hashes
from costaudit.ingest.hashes import hash_texts

WORD = 2**64 - 1

texts = st.one_of(
    st.lists(st.text(max_size=40), min_size=1, max_size=60),
    st.integers(0, 40).flatmap(
        lambda size: st.lists(st.text("ab\0", min_size=size, max_size=size), min_size=1, max_size=40)
    ),
    st.lists(st.sampled_from(["", "a", "b" * 8, "c" * 9, "é" * 300, "d" * 70_001]), min_size=1, max_size=40),
)


def slow_hash(text: str, salt: int) -> int:
    """One text, a word of eight bytes after the other."""
    data = text.encode()
    value = (len(data) * 0x9E3779B97F4A7C15 + salt) & WORD
    for place in range(0, len(data), 8):
        value = ((value ^ int.from_bytes(data[place : place + 8], "little")) * 0x9E3779B97F4A7C15) & WORD
        value ^= value >> 29
    return value ^ (value >> 32)


@given(texts, st.integers(0, WORD), st.sampled_from([pa.string(), pa.large_string()]), st.data())
def test_a_column_hashes_like_its_texts_one_by_one(column, salt, kind, data):
    begin = data.draw(st.integers(0, len(column)))
    end = data.draw(st.integers(begin, len(column)))
    part = pa.array(column, kind).slice(begin, end - begin)
    assert hash_texts(part, np.uint64(salt)).tolist() == [slow_hash(t, salt) for t in column[begin:end]]


@pytest.mark.parametrize("others", [[], ["short"] * 1_000, [f"id-{n:09}" for n in range(1_000)]])
def test_a_long_text_costs_no_step_of_the_whole_column_per_word(monkeypatch, others):
    rows = []

    def counted(values, word):
        rows.append(len(values))
        return mixed(values, word)

    mixed = hashes.mixed
    monkeypatch.setattr(hashes, "mixed", counted)
    column = [*others, "x" * 300_000]
    found = hash_texts(pa.array(column), np.uint64(7))
    assert found[-1] == slow_hash(column[-1], 7)
    assert sum(rows) <= 4 * len(column)
