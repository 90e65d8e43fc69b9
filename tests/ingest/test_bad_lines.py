"""Bad lines cost exactly themselves; odd but legal JSON costs nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costaudit.ingest import streams
from costaudit.ingest.canonical import Parsed, calls_of
from costaudit.ingest.jsonl import JsonlReader
from costaudit.ingest.limits import ReadLimits
from costaudit.ingest.quarantine import Quarantine
from costaudit.ingest.sniff import sniff
from costaudit.schema import Call

NO_LIMITS = ReadLimits()
GOOD = b'{"model": "gpt-4o", "input_tokens": 10, "output_tokens": 1}'


def read(
    path: Path, data: bytes, block_bytes: int = streams.BLOCK_BYTES, limits: ReadLimits = NO_LIMITS
) -> tuple[list[Call], Quarantine, int]:
    """Calls, quarantine and number of records of a file."""
    path.write_bytes(data)
    reader = JsonlReader.open(sniff("log.jsonl", path, limits=limits), block_bytes=block_bytes)
    parts: list[Parsed] = [reader.parse(block) for block in reader.blocks()]
    bad = Quarantine()
    for part in parts:
        bad.merge(part.quarantine)
    return [c for part in parts for c in calls_of(part.batch)], bad, sum(part.records for part in parts)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


BAD = {
    "not_json": [
        b"{",
        b'{"model": "gpt-4o",',
        b"garbage",
        GOOD + b" x",
        GOOD + GOOD[:-1],
        b"{'model': 'x'}",
        b"[" * 5000,
        b"nul",
    ],
    "not_object": [b"[]", b"1", b'"text"', b"null", b"[[[]]]", b"[null]"],
    "not_utf8": [b'{"model": "gpt-4o", "input_tokens": 1, "output_tokens": 1, "user": "\xff\xfe"}'],
    "unrecognised": [b"{}", b'{"a": 1}', b'{"input_tokens": 5}'],
    "model_not_text": [
        b'{"model": {"size": "x"}, "input_tokens": 1}',
        b'{"model": 7, "input_tokens": 1}',
        b'{"model": ["x"], "input_tokens": 1}',
    ],
    "negative_usage": [
        b'{"model": "m", "input_tokens": -1}',
        b'{"model": "m", "input_tokens": "-3"}',
        b'{"model": "m", "output_tokens": -1.0}',
    ],
    "fractional_usage": [
        b'{"model": "m", "input_tokens": 1.5}',
        b'{"model": "m", "cached_tokens": 1e-3, "input_tokens": 1}',
    ],
    "not_integer_usage": [
        b'{"model": "m", "input_tokens": "12x"}',
        b'{"model": "m", "input_tokens": ""}',
        b'{"model": "m", "input_tokens": true}',
        b'{"model": "m", "input_tokens": [1]}',
        b'{"model": "m", "input_tokens": NaN}',
        b'{"model": "m", "input_tokens": Infinity}',
        b'{"model": "m", "input_tokens": "1.5"}',
        b'{"model": "m", "input_tokens": {"a": 1}}',
        '{"model": "m", "input_tokens": "١٢"}'.encode(),
    ],
    "usage_too_large": [
        b'{"model": "m", "input_tokens": 1152921504606846976}',
        b'{"model": "m", "input_tokens": 1e300}',
        b'{"model": "m", "input_tokens": 9007199254740993}',
        b'{"model": "m", "total_tokens": 18446744073709551616, "input_tokens": 1}',
    ],
}


@pytest.mark.parametrize(("reason", "line"), [(r, line) for r, group in BAD.items() for line in group])
@pytest.mark.parametrize("around", [1, 300])
def test_a_bad_line_costs_itself_and_is_named(path: Path, reason: str, line: bytes, around: int):
    before = (GOOD + b"\n") * around
    calls, bad, records = read(path, before + line + b"\n" + before)
    assert (len(calls), records) == (2 * around, 2 * around + 1)
    assert bad.counts == {reason: 1}
    (place,) = bad.places[reason]
    assert (place.line, place.byte) == (around + 1, len(before))


def test_one_bad_line_in_100_000(path: Path):
    before, after = (GOOD + b"\n") * 70_000, (GOOD + b"\n") * 29_999
    for block in (1 << 16, 4 << 20):
        calls, bad, records = read(path, before + b'{"model": "gpt-4o", "input_tokens":\n' + after, block)
        assert (len(calls), records) == (99_999, 100_000)
        (place,) = bad.places["not_json"]
        assert (place.line, place.byte) == (70_001, len(before))


FINE: dict[str, tuple[bytes, dict[str, Any]]] = {
    "text count": (
        b'{"model": "m", "input_tokens": "12", "output_tokens": " 3 "}',
        {"input": 12, "output": 3},
    ),
    "whole float": (
        b'{"model": "m", "input_tokens": 600.0, "output_tokens": 1e2}',
        {"input": 600, "output": 100},
    ),
    "largest": (b'{"model": "m", "input_tokens": 100000000000, "output_tokens": 0}', {"input": 10**11}),
    "null": (
        b'{"model": "m", "input_tokens": 5, "output_tokens": null, "user": null}',
        {"input": 5, "user": None},
    ),
    "spaces": (b' { "model" : "m" ,\t"input_tokens" :5 } ', {"input": 5}),
    "key order": (b'{"output_tokens": 2, "input_tokens": 5, "model": "m"}', {"input": 5, "output": 2}),
    "duplicate keys": (
        b'{"model": "a", "model": "m", "input_tokens": 1, "input_tokens": 5}',
        {"model": "m", "input": 5},
    ),
    "escapes": (
        rb'{"m\u006fdel": "m", "input_tokens": 5, "user": "\ud83d\ude42"}',
        {"input": 5, "user": "🙂"},
    ),
    "lone surrogate": (rb'{"model": "m", "input_tokens": 5, "user": "\ud83d"}', {"input": 5}),
    "NUL": (rb'{"model": "m", "input_tokens": 5, "user": "a\u0000b"}', {"input": 5, "user": "a\0b"}),
    "deep": (b'{"model": "m", "input_tokens": 5, "x": ' + b"[" * 500 + b"]" * 500 + b"}", {"input": 5}),
    "NaN cost": (
        b'{"model": "m", "input_tokens": 5, "cost_usd": NaN}',
        {"input": 5, "reported_picousd": None},
    ),
    "minus zero": (b'{"model": "m", "input_tokens": -0, "output_tokens": -0.0}', {"input": 0, "output": 0}),
    "odd types of what does not count": (
        b'{"model": "m", "input_tokens": 5, "user": {"a": 1}, "feature": [], "timestamp": {}, "status": 1}',
        {"input": 5, "user": None, "feature": None, "ts": None, "status": "ok"},
    ),
}


@pytest.mark.parametrize("case", FINE)
@pytest.mark.parametrize("around", [0, 300])
def test_legal_oddities_are_read(path: Path, case: str, around: int):
    line, expected = FINE[case]
    calls, bad, _ = read(path, (GOOD + b"\n") * around + line + b"\n")
    assert not bad.counts
    assert len(calls) == around + 1
    assert {name: getattr(calls[-1], name) for name in expected} == expected


@pytest.mark.parametrize("depth", [2_000, 200_000])
def test_nesting_beyond_all_reason_is_one_bad_line_or_none(path: Path, depth: int):
    line = b'{"model": "m", "input_tokens": 5, "x": ' + b"[" * depth + b"]" * depth + b"}"
    calls, bad, _ = read(path, GOOD + b"\n" + line + b"\n" + GOOD + b"\n")
    assert len(calls) + bad.total == 3
    assert len(calls) >= 2


def test_line_ends_and_marks(path: Path):
    for data in (
        b"\r\n".join([GOOD] * 3) + b"\r\n",
        b"\n".join([GOOD] * 3),
        b"\xef\xbb\xbf" + b"\n".join([GOOD] * 3),
        b"\n\n" + GOOD + b"\n   \n" + GOOD + b"\n\r\n\n" + GOOD + b"\n\n",
        b"\xef\xbb\xbf\r\n" + b"\r\n\r\n".join([GOOD] * 3),
    ):
        calls, bad, records = read(path, data)
        assert (len(calls), records, bad.counts) == (3, 3, {})


def test_a_line_of_20_mb_is_read(path: Path):
    line = b'{"model": "m", "input_tokens": 5, "output_tokens": 1, "prompt": "' + b"x" * (20 << 20) + b'"}'
    calls, bad, _ = read(path, GOOD + b"\n" + line + b"\n" + GOOD)
    assert [c.input for c in calls] == [10, 5, 10]
    assert not bad.counts


@pytest.mark.parametrize("block", [64, 100, 499])  # a block is always smaller than the limit
def test_a_line_beyond_the_limit_is_skipped_alone(path: Path, block: int):
    longest = b'{"model": "m", "input_tokens": 7, "prompt": "'
    longest += b"x" * (500 - len(longest) - 2) + b'"}'
    long = b'{"model": "m", "input_tokens": 5, "prompt": "' + b"x" * 460 + b'"}'
    data = b"\n".join([GOOD, longest, long, GOOD, long])
    calls, bad, records = read(path, data, block, ReadLimits(line=500))
    assert [c.input for c in calls] == [10, 7, 10]
    assert (bad.counts, records) == ({"line_too_long": 2}, 5)
    assert [(p.line, p.byte) for p in bad.places["line_too_long"]] == [
        (3, data.index(long)),
        (5, data.rindex(long)),
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from([GOOD, b"", b"x", b'{"model": "m", "input_tokens": -1}', b"{}"]), max_size=30),
    st.sampled_from([7, 64, 1000]),
)
def test_blocks_do_not_change_counts_or_places(path: Path, lines: list[bytes], block: int):
    data = b"\n".join([GOOD, *lines])
    (calls, bad, records), (again, bad_again, records_again) = read(path, data), read(path, data, block)
    assert calls == again
    assert (records, bad) == (records_again, bad_again)
    for reason, places in bad.places.items():
        for place in places:
            assert place.byte is not None
            found = data[place.byte :].split(b"\n")[0]
            assert found == data.split(b"\n")[place.line - 1]
            assert found.strip(), reason


def test_only_the_first_places_are_kept_in_order(path: Path):
    _, bad, _ = read(path, b"\n".join([GOOD, *[b"x"] * 30]), 4)
    assert bad.counts == {"not_json": 30}
    assert [p.line for p in bad.places["not_json"]] == [2, 3, 4, 5, 6]


def test_no_value_of_a_record_is_in_the_quarantine(path: Path):
    secret = "s3cret-value"  # noqa: S105 - a canary
    rows = [
        {"model": {"size": secret}, "input_tokens": 1},
        {"model": "m", "input_tokens": secret},
        {"model": "m", "input_tokens": {secret: 1}},
    ]
    data = b"\n".join(
        [
            GOOD,
            *(json.dumps(r).encode() for r in rows),
            f'{{"model": "{secret}'.encode(),
            f'"{secret}"'.encode(),
        ]
    )
    _, bad, _ = read(path, data)
    assert bad.total == 5
    assert secret not in str(bad.places)
