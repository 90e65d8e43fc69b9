"""What happens to files: bits turn, pieces get lost, doubled, mixed up with others and cut off."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

TOKENS = (
    b"null", b"NaN", b"-Infinity", b"true", b"[]", b"{}", b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\",
    b"\n", b"\r", b"\r\n", b" ", b"\t", b"\0", b"\x1a", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf",
    b"\x1f\x8b\x08", b"\xe2\x80\xa8", b"\\ud800", b"\\u0000", b"1e999", b"-1", b"9007199254740993",
    b"1" + b"0" * 400, b"1" + b"0" * 5000, b"[" * 2000, b'{"a":' * 2000, b"=", b"#", b"''", b'"""',
    b"a." * 300, b"0x1", b"1_000", b"\n\n\n", b"x" * 3000, b";", b"|", b"[[a]]\n", b"inf", b"\x1b[31m",
)  # fmt: skip
"""What is put into files. Each has broken some reader somewhere."""

ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 2**53, 2**63, 2**64, -(2**70), 10**400, 1e308, "", " ", "x", "null", "NaN",
    "1e999", "12", "-5", "1,234", "\0", "\ud800", "\u2028", "=1+1", "2026-13-45", "0000-00-00T00:00:00Z",
    "{", "[1]", '{"id": []}', [], {}, [None], [[]], [{}], {"a": None}, {"usage": []}, {"key": 1}, "x" * 3000,
)  # fmt: skip
"""Values that JSON can hold and no field expects."""


@st.composite
def damaged(draw: st.DrawFn, data: bytes, others: Sequence[bytes] = (), most: int = 3) -> bytes:
    """Bytes after at most so many accidents; `others` are files to be mixed up with."""
    for _ in range(draw(st.integers(1, most))):
        data = draw(st.sampled_from(_ACCIDENTS))(draw, data, others or (data,))
    return data


def _place(draw: st.DrawFn, data: bytes) -> int:
    return draw(st.integers(0, max(len(data) - 1, 0)))


def _turn_bit(draw: st.DrawFn, data: bytes, others: Sequence[bytes]) -> bytes:
    if not data:
        return b"\0"
    changed, place = bytearray(data), _place(draw, data)
    changed[place] ^= 1 << draw(st.integers(0, 7))
    return bytes(changed)


def _insert(draw: st.DrawFn, data: bytes, others: Sequence[bytes]) -> bytes:
    place = _place(draw, data)
    return data[:place] + draw(st.sampled_from(TOKENS)) + data[place:]


def _begin_with(draw: st.DrawFn, data: bytes, others: Sequence[bytes]) -> bytes:
    return draw(st.sampled_from(TOKENS)) + draw(st.sampled_from([b"", b"\n"])) + data


def _end_with(draw: st.DrawFn, data: bytes, others: Sequence[bytes]) -> bytes:
    return data + draw(st.sampled_from(TOKENS))


def _lose(draw: st.DrawFn, data: bytes, others: Sequence[bytes]) -> bytes:
    place = _place(draw, data)
    return data[:place] + data[place + draw(st.integers(1, 60)) :]


def _double(draw: st.DrawFn, data: bytes, others: Sequence[bytes]) -> bytes:
    place, size = _place(draw, data), draw(st.integers(1, 200))
    return data[:place] + data[place : place + size] * draw(st.integers(2, 4)) + data[place + size :]


def _cut(draw: st.DrawFn, data: bytes, others: Sequence[bytes]) -> bytes:
    return data[: _place(draw, data)]


def _mix(draw: st.DrawFn, data: bytes, others: Sequence[bytes]) -> bytes:
    other = draw(st.sampled_from(others))
    return data[: _place(draw, data)] + other[_place(draw, other) :]


_ACCIDENTS = (_insert, _begin_with, _turn_bit, _lose, _double, _cut, _mix, _end_with)


# --- JSON ----------------------------------------------------------------------------------------


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside a document, its own first."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield from places(below, (*path, key))


@st.composite
def edited(draw: st.DrawFn, document: Any) -> Any:
    """A document with a few of its values exchanged, moved, wrapped, renamed or gone."""
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(document))))
        document = _exchanged(document, path, draw)
    return document


def _exchanged(document: Any, path: tuple[Any, ...], draw: st.DrawFn) -> Any:
    changed = copy.deepcopy(document)
    if not path:
        return draw(st.sampled_from([document, [document], {"data": [document, document]}, None, [], 5]))
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    kind = draw(st.sampled_from(["odd", "odd", "gone", "wrapped", "other", "renamed"]))
    if kind == "gone":
        del holder[path[-1]]
    elif kind == "renamed" and isinstance(holder, dict):
        name = draw(st.sampled_from(["", "model", "usage", "input_tokens", "\0", "x.y"]))
        holder[name] = holder.pop(path[-1])
    elif kind == "wrapped":
        holder[path[-1]] = draw(st.sampled_from([[holder[path[-1]]], {"value": holder[path[-1]]}]))
    elif kind == "other":
        source: Any = document
        for key in draw(st.sampled_from(list(places(document)))):
            source = source[key]
        holder[path[-1]] = copy.deepcopy(source)
    else:
        holder[path[-1]] = draw(st.sampled_from(ODD))
    return changed


@st.composite
def json_text(draw: st.DrawFn, document: Any) -> bytes:
    """A document as some writer puts it down, keys doubled and escapes included."""
    text = json.dumps(
        document,
        ensure_ascii=draw(st.booleans()),
        separators=draw(st.sampled_from([None, (",", ":"), (" , ", " : ")])),
    )
    if draw(st.integers(0, 7)) == 0 and text.startswith("{") and len(text) > 2:
        text = f"{text[:-1]},{text[1:]}"
    return text.encode("utf-8", "surrogatepass")
