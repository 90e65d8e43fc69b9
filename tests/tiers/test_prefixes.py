"""Requests have the same hashes exactly as far as they begin alike."""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costaudit.tiers.prefixes import SIZES, prefix_hashes, sizes_of

Head = st.integers(0, 6000)


def shared_bytes(one: bytes, other: bytes) -> int:
    """How many bytes two texts begin with alike."""
    least = min(len(one), len(other))
    return next((n for n in range(least) if one[n] != other[n]), least)


def shared_hashes(one: list[int], other: list[int]) -> int:
    """How many hashes two lists begin with alike."""
    return next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def test_sizes_begin_at_a_kibibyte_and_have_four_steps_to_every_doubling():
    assert SIZES[:9] == (1024, 1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096)
    assert all(small < large for small, large in pairwise(SIZES))
    assert SIZES[-1] < 2**31 <= 2 * SIZES[-4]


@settings(max_examples=60, deadline=None)
@given(Head, Head, Head)
def test_texts_share_the_hashes_of_what_they_share(head: int, one_tail: int, other_tail: int):
    texts = [b"h" * head + b"1" * one_tail, b"h" * head + b"2" * other_tail]
    one, other = prefix_hashes(pa.array(texts, pa.large_binary())).to_pylist()
    assert [len(hashes) for hashes in (one, other)] == [sum(s <= len(t) for s in SIZES) for t in texts]
    assert shared_hashes(one, other) == sum(size <= shared_bytes(*texts) for size in SIZES)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_lists_stand_in_the_rows_of_their_texts(kind: pa.DataType):
    texts = pa.array([None, "ü" * 1000, "", "a" * 1023, None, "ü" * 512], kind)
    found = prefix_hashes(texts).to_pylist()
    assert found[0] is found[4] is None
    assert [len(found[row]) for row in (1, 2, 3, 5)] == [4, 0, 0, 1]
    assert found[1][0] == found[5][0]
    assert prefix_hashes(texts.slice(1, 3)).to_pylist() == found[1:4]
    assert sizes_of(texts).to_pylist() == [None, 2000, 0, 1023, None, 1024]
    assert sizes_of(texts.dictionary_encode()).to_pylist() == sizes_of(texts).to_pylist()


def test_a_hash_never_changes():
    """Hashes are written to files: a version that made others would compare them in vain."""
    digests = [blake2b(b"a" * size, digest_size=8).digest() for size in (1024, 1280)]
    told = [int.from_bytes(digest, "little") for digest in digests]
    assert prefix_hashes(pa.array(["a" * 1300])).to_pylist() == [told]
    assert told[0] == 11912896544734901947
