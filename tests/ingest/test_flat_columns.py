"""Flat records as whole columns come to the same calls as record by record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.ingest.adapters.flat_fields import FLAT_FIELDS, FieldKind, FlatField
from costaudit.ingest.canonical import Parsed, calls_of
from costaudit.ingest.jsonl import JsonlReader
from costaudit.ingest.parquet import ParquetReader
from costaudit.ingest.settle import settled
from costaudit.ingest.sniff import sniff
from costaudit.schema import Call
from costaudit.stated import Stated

Record = dict[str, Any]

_words = st.sampled_from(
    ["", "a", "b c", "üñ", "🙂", "x" * 70, "openai", "429", "error", "ok", "none", "None", "7"]
)
_small = st.integers(0, 40)
_counts = st.one_of(_small, st.sampled_from([0, 1, 2161, 2168, 10**9, 10**11]))
_text_or_number = st.sampled_from([_words, st.integers(0, 600)])
_times = st.sampled_from(
    [
        st.integers(1, 2**62),
        st.sampled_from(
            [1_700_000_000, 1_700_000_000_123, 1_700_000_000_123_456, 1_700_000_000_123_456_789, 0, -5]
        ),
        st.datetimes().map(lambda t: t.isoformat()),
        st.datetimes().map(lambda t: t.strftime("%Y-%m-%dT%H:%M:%SZ")),
        st.sampled_from(
            ["2026-10-05T09:15:02.114Z", "2026-10-05T09:15:02", "2026-10-05 09:15:02+02:00", "2026-10-05", ""]
        ),
        st.floats(1e9, 2e9),
    ]
)
_messages = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["user", "system", "developer", "assistant"]),
            "content": st.one_of(st.none(), _words),
        }
    ),
    max_size=4,
)
_VALUES: dict[FieldKind, st.SearchStrategy[st.SearchStrategy[Any]]] = {
    FieldKind.TIME: _times,
    FieldKind.COUNT: st.just(_counts),
    FieldKind.INTEGER: st.just(st.one_of(st.integers(-2, 5), st.integers(0, 2**40))),
    FieldKind.TEXT: _text_or_number,
    FieldKind.FLAG: st.just(st.booleans()),
    FieldKind.COST: st.sampled_from(
        [
            st.floats(0, 2000, allow_nan=False),
            st.integers(0, 3),
            st.floats(-1, 1),
            st.one_of(st.integers(0, 3), st.floats(0, 1)),
        ]
    ),
    FieldKind.STATUS: st.sampled_from(
        [
            st.sampled_from(
                [
                    "ok",
                    "error",
                    "Cancelled",
                    "cache_hit",
                    "superseded",
                    "retried",
                    "success",
                    "500",
                    "200",
                    "",
                ]
            ),
            st.integers(0, 599),
        ]
    ),
    FieldKind.MESSAGES: st.just(_messages),
    FieldKind.LIST: st.just(st.lists(st.just({}), max_size=2)),
    FieldKind.TAGS: st.sampled_from([st.lists(_words, max_size=3), _words]),
    FieldKind.FORMAT: st.just(st.sampled_from(["text", "json_object", "json_schema", ""])),
}
_ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, "12", "12x", 600.0, 1.5, -1, 2**60, True, {}, [], "", {"type": "json_schema"}, {"a": 1}]
)


def _nested(record: Record, path: tuple[str, ...], value: object) -> None:
    for key in path[:-1]:
        held = record.setdefault(key, {})
        if not isinstance(held, dict):
            return
        record = held
    record.setdefault(path[-1], value)


@st.composite
def records(draw: st.DrawFn, *, odd: bool = True) -> list[Record]:
    """Records that share names and types as one log does, here and there with an odd value."""
    needed = [f for f in FLAT_FIELDS if f.target in ("model_requested", "prompt_tokens", "completion_tokens")]
    others = [f for f in FLAT_FIELDS if f not in needed]
    chosen: list[FlatField] = needed + draw(st.lists(st.sampled_from(others), max_size=9))
    shown = [(f, draw(st.sampled_from(f.paths)), draw(_VALUES[f.kind])) for f in chosen]
    found = []
    for _ in range(draw(st.integers(1, 6))):
        record: Record = {}
        for field, path, values in shown:
            if field.target == "model_requested":
                _nested(record, path, draw(st.sampled_from(["gpt-4o", "claude-opus-4-1", " x/y "])))
            elif field in needed or draw(st.integers(0, 4)):
                value = draw(values) if draw(st.integers(0, 15)) else None
                _nested(record, path, value)
        found.append(record)
    if odd and draw(st.integers(0, 3)) == 0:
        _nested(found[-1], draw(st.sampled_from(draw(st.sampled_from(FLAT_FIELDS)).paths)), draw(_ODD))
    return found


def both_ways(text: str, folder: Path, sample: int | None = None) -> tuple[Parsed | None, Parsed]:
    """A block read as columns (None where that is refused) and line by line."""
    path = folder / "log.jsonl"
    path.write_text(text, encoding="utf-8")
    reader = JsonlReader.open(sniff("log.jsonl", path))
    if sample is not None:  # what follows the first records may differ from them
        path.write_text("".join(text.splitlines(keepends=True)[:sample]), encoding="utf-8")
        reader = JsonlReader.open(sniff("log.jsonl", path))
        path.write_text(text, encoding="utf-8")
    (block,) = reader.blocks()
    fast = reader._parse_fast(block)
    return fast, JsonlReader(reader.file, reader.adapter, False)._parse_lines(block)


def assert_same(fast: Parsed | None, slow: Parsed) -> None:
    if fast is None:
        return
    assert fast.quarantine == slow.quarantine
    assert fast.unused == slow.unused
    assert calls_of(fast.batch) == calls_of(slow.batch)
    assert (list(fast.lines), fast.records, fast.formats) == (list(slow.lines), slow.records, slow.formats)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("flat")


@given(records(), st.sampled_from([None, 1]))
def test_json_lines_as_columns_and_as_records_are_the_same_calls(
    folder: Path, log: list[Record], sample: int | None
):
    assert_same(*both_ways("".join(json.dumps(r) + "\n" for r in log), folder, sample))


@given(records(odd=False), st.booleans())
def test_parquet_as_columns_and_as_records_are_the_same_calls(
    folder: Path, log: list[Record], dictionary: bool
):
    try:
        table = pa.Table.from_pylist(log, schema=pa.Table.from_pylist(log).schema)
        if dictionary:
            table = pa.table(
                {
                    n: c.dictionary_encode() if pa.types.is_string(c.type) else c
                    for n, c in zip(table.column_names, table.columns, strict=True)
                }
            )
        pq.write_table(table, folder / "log.parquet")
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return  # not a table
    reader = ParquetReader.open(sniff("log.parquet", folder / "log.parquet"))
    if reader.layout is None:
        return
    (block,) = reader.blocks()
    parsed = reader.parse(block)
    slow = ParquetReader(reader.file, reader.adapter, False, None, reader.columns).parse(block)
    assert calls_of(parsed.batch) == calls_of(slow.batch)
    assert parsed.quarantine == slow.quarantine


_maybe = st.one_of(st.none(), st.integers(0, 30))


@given(st.lists(st.tuples(_maybe, _maybe, _maybe, _maybe, _maybe, _maybe, _maybe, st.booleans()), min_size=1))
def test_usage_of_columns_is_the_usage_of_records(folder: Path, rows: list[tuple[Any, ...]]):
    """Small numbers, so that totals often fit one of the readings."""
    names = (
        "input_tokens",
        "output_tokens",
        "cached_tokens",
        "cache_write_5m_tokens",
        "cache_write_1h_tokens",
        "reasoning_tokens",
        "total_tokens",
    )
    log, expected = [], []
    for row in rows:
        p, c, read, w5, w1, think, total, exact = row
        if p is None and c is None:
            p = 0
        if exact:
            total = (p or 0) + (c or 0)
        values = dict(zip(names, (p, c, read, w5, w1, think, total), strict=True))
        log.append({"model": "gpt-4o", **{k: v for k, v in values.items() if v is not None}})
        stated = Stated(
            prompt=p,
            completion=c,
            cache_read=read,
            write_5m=w5,
            write_1h=w1,
            reasoning=think,
            total=total,
        )
        expected += settled([Call(model="gpt-4o", model_requested="gpt-4o", stated=stated)])
    fast, slow = both_ways("".join(json.dumps(r) + "\n" for r in log), folder)
    assert fast is not None
    assert calls_of(fast.batch) == expected
    assert calls_of(slow.batch) == expected


@given(
    st.lists(
        st.tuples(
            _maybe,
            _maybe,
            st.sampled_from(["cached_tokens", "cache_read_input_tokens"]),
            _maybe,
            st.sampled_from(["cache_write_tokens", "cache_creation_input_tokens"]),
            _maybe,
            _maybe,
        ),
        min_size=1,
    )
)
def test_names_that_say_beside_the_input_are_read_so_in_both_ways(folder: Path, rows: list[tuple[Any, ...]]):
    log = []
    for p, c, read_name, read, write_name, write, total in rows:
        record = {
            "model": "m",
            "input_tokens": p or 0,
            "output_tokens": c,
            read_name: read,
            write_name: write,
        }
        log.append({k: v for k, v in (record | {"total_tokens": total}).items() if v is not None})
    fast, slow = both_ways("".join(json.dumps(r) + "\n" for r in log), folder)
    assert fast is not None
    assert_same(fast, slow)


def test_the_documented_record_is_read_as_columns(folder: Path):
    record = {
        "timestamp": "2026-10-05T09:15:02.114Z",
        "request_id": "r1",
        "provider": "openai",
        "model": "gpt-4o",
        "input_tokens": 10,
        "output_tokens": 2,
        "cache_read_tokens": 4,
        "reasoning_tokens": 1,
        "endpoint": "/chat",
        "user": "u",
        "status": "ok",
        "error": None,
        "latency_ms": 12,
        "service_tier": "default",
        "batch": False,
        "gateway": "openrouter",
        "cost_usd": 0.25,
        "attempt": 1,
        "parent_id": "r0",
        "tags": ["a", "b"],
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        "max_tokens": 5,
        "stream": True,
    }
    fast, slow = both_ways(json.dumps(record) + "\n", folder)
    assert fast is not None
    assert_same(fast, slow)
    (call,) = calls_of(fast.batch)
    assert (call.input, call.cache_read, call.output, call.reasoning) == (6, 4, 2, 1)
    assert (call.prompt, call.system, call.turns, call.tags) == ("u", "s", 1, "a,b")
    assert (call.reported_picousd, call.parent_id, call.attempt) == (250_000_000_000, "r0", 1)


@pytest.mark.parametrize("times", [(63_400, 1_791_191_702), ("2009-12-31T23:59:59Z", "2026-10-05T09:15:02Z")])
def test_a_time_before_any_model_is_absent_in_columns_too(folder: Path, times: tuple[Any, Any]):
    log = [{"model": "gpt-4o", "input_tokens": 1, "output_tokens": 1, "timestamp": t} for t in times]
    fast, slow = both_ways("".join(json.dumps(r) + "\n" for r in log), folder)
    assert fast is not None
    assert_same(fast, slow)
    assert [call.ts for call in calls_of(fast.batch)] == [None, 1_791_191_702 * 10**6]
