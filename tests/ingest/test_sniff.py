"""Recognising what a file holds, in time linear in its beginning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.ingest.json_blocks import list_start
from costaudit.ingest.sniff import PEEK_BYTES, header_of


@pytest.mark.parametrize(
    ("gap", "is_table"),
    [
        (b"\n" * PEEK_BYTES, True),
        (b" \n" * PEEK_BYTES, True),
        (b"\n" * PEEK_BYTES + b'\t{"model": "x"}', False),
    ],
)
def test_a_gap_of_blank_lines_is_looked_at_once(gap, is_table):
    assert (header_of(b"model,n\n" + gap) is not None) == is_table


@pytest.mark.parametrize("unit", [b'"data":[', b'"data": [{', b'{"data":['])
def test_lists_within_lists_are_looked_at_once(unit):
    assert list_start(b'{"x":{' + unit * (1 << 17)) is None


PIECES = [b"{", b"}", b"[", b"]", b'"data"', b'"items" ', b":", b'"', b"\\", b'\\"', b'"records":[', b"a"]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map(b"".join))
def test_the_list_of_a_document_is_the_first_right_inside_of_it(text):
    assert list_start(text) == slow_list_start(text)


def slow_list_start(text: bytes) -> tuple[str, int] | None:
    """Byte for byte: brackets outside of texts, and a list that follows one of the keys at depth one."""
    depth, inside, escaped = 0, False, False
    for place, byte in enumerate(text):
        char = chr(byte)
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == '"':
            inside = not inside
        elif not inside and char in "{[":
            depth += 1
            key = next((k for k in ("data", "items", "records") if _follows(text[: place + 1], k)), None)
            if depth == 2 and char == "[" and key is not None:
                return key, place + 1
        elif not inside and char in "}]":
            depth -= 1
    return None


def _follows(text: bytes, key: str) -> bool:
    before, colon, after = text.rpartition(b":")
    return after.strip() == b"[" and colon == b":" and before.rstrip().endswith(f'"{key}"'.encode())
