"""What the compiled reader takes for a row, json reads alike; and what it does not take, it names."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from costaudit.ingest.adapters.flat_fields import KEYS as KEYS_OF_ALL
from costaudit.ingest.adapters.flat_layout import flat_layout
from costaudit.ingest.json_columns import ColumnReader
from costaudit.ingest.native.reader import NativeFound, NativeReader, native_reader
from costaudit.times import time_us
from tests.ingest.compiled import reading

LINES = int(os.environ.get("COSTAUDIT_FUZZ_LINES", "6000"))

SAMPLE: dict[str, Any] = {
    "timestamp": "2026-03-01T00:00:05Z", "id": "a-1", "model": "gpt-4o", "input_tokens": 7, "cost": 0.5,
    "stream": True, "feature": "chat", "attempt": 1, "usage": {
        "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2}, "service_tier": "batch",
    }, "metadata": {"user_id": "u"},
}  # fmt: skip
LAYOUT = flat_layout([SAMPLE], {*SAMPLE, *SAMPLE["usage"], *SAMPLE["metadata"], "cached_tokens"})
assert LAYOUT is not None
PATHS = tuple(LAYOUT.types)


@pytest.fixture(autouse=True)
def _compiled() -> Iterator[None]:
    with reading(compiled=True):
        yield


def reader() -> NativeReader:
    assert LAYOUT is not None
    found = native_reader(LAYOUT)
    assert found is not None
    return found


def flattened(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def columns_of(found: NativeFound) -> list[dict[tuple[str, ...], Any]]:
    """The rows of a table by paths; times in microseconds."""
    table = found.columns.table
    rows = table.to_pylist()
    out = []
    for row in rows:
        values = {path: flattened(row, path) for path in PATHS}
        at = values[("timestamp",)]
        values[("timestamp",)] = None if at is None else time_us(at)
        out.append(values)
    return out


def assert_true(data: bytes, found: NativeFound) -> int:
    """Every row says what its line says, and every line is a row, left or blank; the number of rows."""
    lines = data.removesuffix(b"\n").split(b"\n")
    rows, rest = list(found.columns.rows), list(found.columns.rest)
    assert rows == sorted(set(rows))
    assert rest == sorted(set(rest))
    blank = [n for n, line in enumerate(lines) if not line.strip(b" \t\r")]
    assert sorted([*rows, *rest, *blank]) == list(range(len(lines)))
    for number, values in zip(rows, columns_of(found), strict=True):
        record = json.loads(lines[number].decode("utf-8"))
        for path, value in values.items():
            expected = flattened(record, path)
            if path == ("timestamp",) and expected is not None:
                assert isinstance(expected, str)
                expected = time_us(expected) or value  # before 1970, which nobody asks for
            assert value == expected, (path, lines[number])
            assert expected is None or isinstance(value, bool) == isinstance(expected, bool)
    return len(rows)


def mostly(lines: list[bytes], line: bytes) -> bytes:
    """Lines among so many good ones that they are read as columns."""
    good = json.dumps(SAMPLE).encode()
    return b"\n".join([good] * (len(lines) + 2) + [line, *lines])


VALUES: list[Any] = [
    None, True, False, 0, 1, -1, -0.0, 0.5, 1e5, 123456789012345678, 1234567890123456789, 2**63,
    10**30, 1e300,
    0.1 + 0.2, 1e-7, 5e-324, "", " ", "chat", "gpt-4o", "é", "日本", "\U0001f642", "\ud83d",
    "\x00", "a\nb", '"', "\\", "x" * 40, [], {},
    [1, [2]], {"a": 1}, {"usage": {}},
    "2026-03-01T00:00:05.5Z", "2026-03-01 00:00:05+05:30",
    "2026-02-29T00:00:00Z",
    "2026-03-01T00:00:05.1234567Z", "2024-02-29T23:59:59", "0001-01-01T00:00:00Z", "12", "7.5",
]  # fmt: skip
RAW = [
    b"-0", b"1E5", b"1e+5", b"1.0e-3", b"1.", b".5", b"01", b"-", b"+1", b"1e", b"NaN", b"Infinity", b"nul",
    b"tru",
    b"truex",
    b'"\\u00e9"', b'"\\ud83d\\ude42"', b'"\\ude42"', b'"\\x"', b'"\\u12"', b'"\t"', b'"\x7f"', b'"\xff"',
    b'"\xc0\x80"',
    b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe2\x82"',
    b"1" * 19, b"1" * 40,
    b"0." + b"1" * 17, b"0." + b"1" * 60,
    b"1e400", b"1e-400",
    b"[" * 127 + b"]" * 127, b"[" * 129 + b"]" * 129,
    b'{"a":' * 127 + b"1" + b"}" * 127, b"[1,]",
    b'{"a":1,}', b'{"a" 1}', b"{a:1}", b"[1 2]", b"]", b"}", b"[}", b"{]", b'"', b"", b" ",
    b"123456789012345678", b"-9223372036854775808",
]  # fmt: skip
KEYS = [
    *(path[-1] for path in PATHS),
    "usage",
    "metadata",
    "other",
    "my_tokens",
    "x" * 33,
    "é",
    "",
    "mo",
    "models",
]


def value(r: random.Random, depth: int = 0) -> bytes:
    if depth < 2 and r.random() < 0.25:
        return record(r, depth + 1)
    if r.random() < 0.4:
        return r.choice(RAW)
    return json.dumps(r.choice(VALUES), ensure_ascii=r.random() < 0.5).encode("utf-8", "surrogatepass")


def record(r: random.Random, depth: int = 0) -> bytes:
    pairs = []
    for key, usual in SAMPLE.items() if depth == 0 else ():
        if r.random() < 0.9:
            pairs.append((json.dumps(key).encode(), json.dumps(usual).encode()))
    for _ in range(r.choice([0, 0, 1, 3])):
        key = json.dumps(r.choice(KEYS), ensure_ascii=r.random() < 0.5).encode()
        if r.random() < 0.05 and len(key) > 3:
            key = b'"\\u%04x' % key[1] + key[2:]
        pairs.append((key, value(r, depth)))
    if r.random() < 0.5:
        keys = [key for key, _ in pairs]
        pairs = [pair for n, pair in enumerate(pairs) if keys.index(pair[0]) == n]
    blank = r.choice([b"", b"", b" ", b"\t\r"])
    body = (b"," + blank).join(key + blank + b":" + blank + held for key, held in pairs)
    return b"{" + blank + body + blank + b"}"


def broken(r: random.Random, line: bytes) -> bytes:
    """A line with a few bytes changed."""
    out = bytearray(line)
    for _ in range(r.choice([0, 0, 0, 1, 1, 2, 5])):
        at = r.randrange(len(out) + 1)
        match r.randrange(4):
            case 0:
                out[at : at + 1] = bytes([r.choice(b'{}[],:"\\ \t\r0-e.nt\x00\x1f\x7f\x80\xc3\xff')])
            case 1:
                del out[at : at + r.randrange(1, 9)]
            case 2:
                out[at:at] = out[at : at + r.randrange(1, 20)]
            case _:
                del out[at:]
    return bytes(out).replace(b"\n", b" ")


@pytest.mark.parametrize(
    ("seed", "flags"),
    [*((seed, ()) for seed in range(20)), *((seed, ("-U__SSE2__",)) for seed in range(4))],
)
def test_random_lines_are_rows_only_where_json_reads_them_alike(seed: int, flags: tuple[str, ...]):
    with reading(compiled=True, flags=flags):  # as for machines without these instructions, too
        read_random_lines(seed)


def read_random_lines(seed: int) -> None:
    r, used, rows = random.Random(seed), reader(), 0  # noqa: S311 - lines drawn with a fixed seed
    for _ in range(LINES // 20 // 30):
        lines = [r.choice([record(r), broken(r, record(r)), b"", b" \r"]) for _ in range(30)]
        data = mostly(lines, b"") + r.choice([b"", b"\n", b"\n\n"])
        found = used.read(data)
        if found is not None:
            rows += assert_true(data, found)
    assert rows > LINES // 20


@pytest.mark.parametrize("raw", [*RAW, *(json.dumps(v).encode() for v in VALUES)], ids=repr)
@pytest.mark.parametrize(
    "key", ["timestamp", "id", "model", "input_tokens", "cost", "stream", "usage", "other"]
)
def test_a_value_is_read_alike_or_left(key: str, raw: bytes):
    line = b'{"%s": %s, "user_id" : 1}' % (key.encode(), raw)
    data = mostly([], line)
    found = reader().read(data)
    assert found is not None
    assert_true(data, found)


def only(line: bytes, *more: bytes) -> tuple[list[int], list[int]]:
    """The rows and the lines left among the given ones."""
    data = mostly(list(more), line)
    found = reader().read(data)
    assert found is not None
    assert_true(data, found)
    good = 2 + len(more)
    return [n - good for n in found.columns.rows if n >= good], [n - good for n in found.columns.rest]


TAKEN = {
    "minus zero": b'{"input_tokens": -0, "cost": -0}',
    "long number": b'{"input_tokens": 123456789012345678}',
    "hard float": b'{"cost": 0.30000000000000004}',
    "blanks": b' \t{ "model" :\t"x" , "cost":1 } \r',
    "escapes": rb'{"id": "a\n\u00e9\ud83d\ude42\"\\\/", "model": "\u0041"}',
    "deep": b'{"x": ' + b"[" * 128 + b"]" * 128 + b"}",
    "many fields": b"{" + b",".join(b'"f%d": {"a": [%d, "x", {}]}' % (n, n) for n in range(300)) + b"}",
    "long line": b'{"id": "%s", "x": "%s"}' % (b"y" * 70_000, b"z" * 3_000_000),
    "empty": b"{}",
    "other key twice": b'{"x": 1, "x": 2}',
    "not ASCII": '{"id": "日本", "ü": "é"}'.encode(),
    "0x7f": b'{"id": "\x7f"}',
}
LEFT = {
    "1e5 as a count": b'{"input_tokens": 1e5}',
    "float as a count": b'{"input_tokens": 5.0}',
    "text as a count": b'{"input_tokens": "5"}',
    "19 digits": b'{"input_tokens": 1234567890123456789}',
    "key twice": b'{"model": "a", "model": "b"}',
    "null first": b'{"cost": null, "cost": 1}',
    "object twice": b'{"usage": {}, "usage": {}}',
    "escaped key": rb'{"mod\u0065l": "x"}',
    "half of a pair": rb'{"id": "\ud83d"}',
    "not UTF-8": b'{"x": "\xff"}',
    "too long form": b'{"x": "\xc0\xaf"}',
    "surrogate in UTF-8": b'{"\xed\xa0\x80": 1}',
    "zero byte": b'{"id": "a\x00b"}',
    "zero byte outside": b'{"id": 1\x00}',
    "tab in a text": b'{"x": "\t"}',
    "too deep": b'{"x": ' + b"[" * 129 + b"]" * 129 + b"}",
    "mark": b'\xef\xbb\xbf{"model": "x"}',
    "two": b"{}{}",
    "half": b'{"model": "x',
    "half key": b'{"mod',
    "list": b"[]",
    "null": b"null",
    "scalar for an object": b'{"usage": 5}',
    "zero bytes": b"\x00" * 40,
    "form feed": b"\x0c{}",
    "comma": b'{"id": "x",}',
}


@pytest.mark.parametrize("case", TAKEN)
def test_it_is_sure_of(case: str):
    assert only(TAKEN[case]) == ([0], [])
    assert only(b"", TAKEN[case], b"{", TAKEN[case]) == ([1, 3], [2])


@pytest.mark.parametrize("case", LEFT)
def test_it_leaves(case: str):
    assert only(LEFT[case]) == ([], [0])
    assert only(b"\r", LEFT[case], b"{}", LEFT[case]) == ([2], [1, 3])


def test_a_block_may_end_anywhere():
    line = json.dumps({**SAMPLE, "x": "é" * 9}, ensure_ascii=False).encode() + b"\r\n" + TAKEN["escapes"]
    used = reader()
    for end in range(len(line)):
        data = (json.dumps(SAMPLE).encode() + b"\n") * 3 + line[:end]
        found = used.read(data)
        assert found is not None
        assert_true(data, found)


def test_the_types_are_those_of_arrow_but_for_words():
    data = (json.dumps(SAMPLE).encode() + b"\n") * 5
    assert LAYOUT is not None
    found, expected = reader().read(data), ColumnReader(LAYOUT.schema).read(data)
    assert found is not None
    assert expected is not None
    assert found.columns.rows == expected.rows
    assert found.columns.table.cast(expected.table.schema).equals(expected.table)
    plain = [
        field
        for field in found.columns.table.schema
        if field.name not in {"model", "feature", "usage", "metadata"}
    ]
    assert plain == [expected.table.schema.field(field.name) for field in plain]


def test_words_are_texts_where_they_are_too_many_or_not_plain():
    for n, texts in enumerate(
        [[f"m{n}" for n in range(9_000)], ["m", " m", "m"], ["m", "", "m"], ["\u00e9", "x"]]
    ):
        data = b"\n".join(json.dumps({"model": text}).encode() for text in texts)
        found = reader().read(data)
        assert found is not None, n
        assert found.columns.table.column("model").to_pylist() == texts
        assert str(found.columns.table.schema.field("model").type) == "string"


def test_a_known_field_without_a_column_is_noticed():
    for line in (
        b'{"latency_ms": 5}',
        b'{"usage": {"total_tokens": 1}}',
        b'{"gen_ai": {"request": {"model": "x"}}}',
    ):
        assert reader().read(mostly([], line)) is None
    assert only(b'{"latency_ms": null, "gen_ai": 5, "gen_ai.": 1, "usage": null}') == ([0], [])


def test_numbers_that_nobody_reads_are_told():
    lines = [
        b'{"my_cost": 5, "seed": 1}',
        b'{"my_cost": "5", "usage": {"new": {"video_tokens": 2}}}',
        b'{"my_cost": 5, "cost": "bad"}',
        b'{"my_cost": null}',
        b'{"my_cost": {"a_cost": 1}}',
        b'{"my_cost": 5}',
    ]
    used = reader()
    for _ in range(2):
        found = used.read(mostly([*lines, *[b"{}"] * 9], b""))
        assert found is not None
        unused, met = found.unused_without(np.array([], np.intp))
        assert unused.sums == {"my_cost": (3, Decimal(15)), "usage.new.video_tokens": (1, Decimal(2))}
        first, second, third = np.flatnonzero(met)
        unused, met = found.unused_without(np.array([second]))
        assert unused.sums == {"my_cost": (2, Decimal(10))}
        assert np.flatnonzero(met).tolist() == [first, third - 1]


def test_a_number_where_objects_should_be_is_left_to_others():
    for sample in ({"usage": {"cache_creation": 5}}, {"gen_ai": {"usage": {"cache_read": 5}}}):
        line = json.dumps({"model": "m", "input_tokens": 1, **sample}).encode()
        assert reader().read(mostly([], line)) is None  # by the way, without a column
        layout = flat_layout([json.loads(line)], KEYS_OF_ALL)
        assert layout is not None
        assert native_reader(layout) is None


def test_a_block_that_has_more_lines_than_was_said_is_left_to_others():
    data = b"{}\n" * 500
    assert reader().read(data, 499) is None
    found = reader().read(data[:-1], 499)
    assert found is not None
    assert len(found.columns.rows) == 500


def test_more_keys_than_there_is_room_for_are_left_to_others():
    lines = [b'{"k%d": %d}' % (n, n) for n in range(5_000)]
    assert reader().read(mostly(lines, b"")) is None
    texts = [b'{"k%d": "%d x"}' % (n, n) for n in range(5_000)]
    assert reader().read(mostly(texts, b"")) is None
