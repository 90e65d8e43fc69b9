"""Parquet by every writer: types of columns, missing and odd columns, damaged files."""

from __future__ import annotations

import datetime as dt
import random
import struct
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.catalogue.auditor import Auditor, set_aside, tokens_of
from tests.catalogue.cases import TRUST, named
from tests.catalogue.logs import lines

ROWS = 300
DAY = "2026-10-05"
NINE = dt.datetime(2026, 10, 5, 9)  # noqa: DTZ001 - as a writer without zones has it
NINE_UTC = NINE.replace(tzinfo=dt.UTC)
Columns = dict[str, Any]


def each(value: Any, kind: Any = None) -> Any:
    """A column of one value."""
    return pa.array([value] * ROWS, kind)


def columns(**other: Any) -> Columns:
    """Good columns, some of them replaced."""
    good = {
        "timestamp": each("2026-10-05T09:00:00Z"),
        "model": each("gpt-4o"),
        "input_tokens": each(10, pa.int64()),
        "output_tokens": each(1, pa.int64()),
    }
    return good | other


def written(place: Path, held: Columns, **how: Any) -> Path:
    """A Parquet file."""
    pq.write_table(pa.table(held), place / "x.parquet", **how)
    return place / "x.parquet"


TOKENS = {
    "float64": each(10.0),
    "float32": each(10.0, pa.float32()),
    "float16": each(10.0, pa.float32()).cast(pa.float16()),
    "string": each("10"),
    "large_string": each("10", pa.large_string()),
    "string_view": each("10", pa.string_view()),
    "decimal128(10,0)": each(Decimal(10), pa.decimal128(10, 0)),
    "decimal128(38,2)": each(Decimal("10.00"), pa.decimal128(38, 2)),
    "decimal256": each(Decimal(10), pa.decimal256(60, 0)),
    "int8": each(10, pa.int8()),
    "int32": each(10, pa.int32()),
    "uint32": each(10, pa.uint32()),
    "uint64": each(10, pa.uint64()),
    "dictionary of int": each(10).dictionary_encode(),
    "dictionary of string": each("10").dictionary_encode(),
}


@named(TOKENS, slow=("float32", "large_string", "decimal256", "int8", "int32", "uint32"))
def test_counts_of_any_type(audit: Auditor, case: Any):
    audit.plain(written(audit.place, columns(input_tokens=case)), requests=ROWS, skipped={})


WRONG: dict[str, tuple[Any, str | None]] = {
    "bool": (each(True), "not_integer_usage"),
    "list": (each([10]), "not_integer_usage"),
    "struct": (each({"n": 10}), "not_integer_usage"),
    "float 10.5": (each(10.5), "fractional_usage"),
    "NaN": (each(float("nan")), None),
    "decimal 10.50": (each(Decimal("10.50"), pa.decimal128(10, 2)), "fractional_usage"),
    "uint64 beyond 2^63": (each(2**63 + 5, pa.uint64()), "usage_too_large"),
    "negative": (each(-5), "negative_usage"),
    "binary": (each(b"10"), None),
    "timestamp": (each(10, pa.timestamp("s")), None),
    "duration": (each(10, pa.duration("s")), None),
    "map": (each([("a", 10)], pa.map_(pa.string(), pa.int64())), None),
    "date32": (each(10, pa.date32()), None),
    "1e300": (each(1e300), "usage_too_large"),
}
"""A column of counts, and why its rows are set aside; None where they may also be read."""


@named(WRONG)
def test_wrong_counts_are_set_aside_whole(audit: Auditor, case: tuple[Any, str | None]):
    column, reason = case
    good = audit.file("good.jsonl", lines(7))
    log = written(audit.place, columns(input_tokens=column))
    report = audit.counted(log, good, records=ROWS + 7)
    aside = set_aside(report)
    if reason is not None:
        assert aside == {reason: ROWS}
    assert report["spend"]["requests"] == 7 + (0 if aside else ROWS)
    if aside:
        assert tokens_of(report) == (70, 7)


TIMES = {
    "int64 s": each(1791190800),
    "int64 ms": each(1791190800000),
    "int64 ns": each(1791190800000000000),
    "int32 s": each(1791190800, pa.int32()),
    "uint64 ms": each(1791190800000, pa.uint64()),
    "float64 s": each(1791190800.25),
    "timestamp s": each(NINE, pa.timestamp("s")),
    "timestamp ms": each(NINE, pa.timestamp("ms")),
    "timestamp us": each(NINE, pa.timestamp("us")),
    "timestamp ns": each(NINE, pa.timestamp("ns")),
    "timestamp with zone": each(NINE_UTC, pa.timestamp("us", "America/New_York")),
    "timestamp with +05:30": each(NINE_UTC, pa.timestamp("us", "+05:30")),
    "date32": each(NINE.date(), pa.date32()),
    "date64": each(NINE.date(), pa.date64()),
    "string": each("2026-10-05 09:00:00+00"),
    "large_string": each("2026-10-05T09:00:00Z", pa.large_string()),
    "dictionary": each("2026-10-05T09:00:00Z").dictionary_encode(),
    "decimal": each(Decimal("1791190800.5")),
}


@named(TIMES, slow=("int64 ms", "int32 s", "uint64 ms", "timestamp s", "timestamp ms", "large_string"))
def test_times_of_any_type(audit: Auditor, case: Any):
    report = audit.plain(written(audit.place, columns(timestamp=case)), requests=ROWS, skipped={})
    assert [row["date"] for row in report["by_day"]] == [DAY]


ODD_TIMES = {
    "timestamp with an unknown zone": each(1791190800, pa.timestamp("s", "Mars/Phobos")),
    "year 1677 ns": each(-9223372036854775000, pa.timestamp("ns")),
    "year 300000 us": each(2**62, pa.timestamp("us")),
    "null type": pa.nulls(ROWS),
    "bool": each(True),
    "time32": each(5, pa.time32("s")),
    "list": each([1]),
}


@named(ODD_TIMES)
def test_odd_times_cost_no_request(audit: Auditor, case: Any):
    audit.plain(written(audit.place, columns(timestamp=case)), requests=ROWS, skipped={})


OTHER: dict[str, tuple[Callable[[], Columns], int | None]] = {
    "model binary": (lambda: columns(model=each(b"gpt-4o")), None),
    "model dictionary": (lambda: columns(model=each("gpt-4o").dictionary_encode()), ROWS),
    "model large_string dictionary": (
        lambda: columns(model=each("gpt-4o", pa.large_string()).dictionary_encode()),
        ROWS,
    ),
    "model string_view": (lambda: columns(model=each("gpt-4o", pa.string_view())), ROWS),
    "half of the tokens null": (lambda: columns(output_tokens=pa.array([1, None] * (ROWS // 2))), None),
    "all models null": (lambda: columns(model=pa.nulls(ROWS, pa.string())), 0),
    "500 columns": (lambda: columns(**{f"c{n}": each(0, pa.int8()) for n in range(500)}), ROWS),
    "5,000 columns": (lambda: columns(**{f"c{n}": each(0, pa.int8()) for n in range(5000)}), ROWS),
    "map column": (
        lambda: columns(metadata=each([("a", "b")], pa.map_(pa.string(), pa.string()))),
        ROWS,
    ),
    "list of structs": (lambda: columns(messages=each([{"role": "user", "content": "hi"}])), ROWS),
    "user of type uuid bytes": (lambda: columns(user=each(bytes(range(240, 256)), pa.binary(16))), ROWS),
    "status int16": (lambda: columns(status=each(200, pa.int16())), ROWS),
    "cost decimal": (lambda: columns(cost_usd=each(Decimal("0.01"))), ROWS),
    "tags list of string": (lambda: columns(tags=each(["a", "b"])), ROWS),
    "columns named in capitals": (lambda: {name.upper(): column for name, column in columns().items()}, None),
}
"""Columns, and how many rows are requests; None where all are, or it is told why not."""


@named(OTHER, slow=("5,000 columns",))
def test_other_columns(audit: Auditor, case: tuple[Callable[[], Columns], int | None]):
    make, requests = case
    report = audit.counted(written(audit.place, make()), audit.file("good.jsonl", lines(7)))
    read = report["spend"]["requests"] - 7
    if requests is not None:
        assert read == requests, set_aside(report)
    assert read == ROWS or set_aside(report)


def test_two_columns_of_one_name(audit: Auditor):
    held = [each("gpt-4o"), each(10), each(1), each(99)]
    names = ["model", "input_tokens", "output_tokens", "input_tokens"]
    pq.write_table(pa.Table.from_arrays(held, names=names), audit.place / "x.parquet")
    report = audit.analyzed(audit.place / "x.parquet", audit.file("g.jsonl", lines(7)), codes=(0, 2))
    assert not report or set_aside(report)


@pytest.mark.parametrize("name", ["user", "model"])
def test_text_that_is_no_utf_8(audit: Auditor, name: str):
    ends = struct.pack(f"<{ROWS + 1}i", *range(0, 4 * ROWS + 1, 4))
    broken = pa.Array.from_buffers(
        pa.string(), ROWS, [None, pa.py_buffer(ends), pa.py_buffer(b"caf\xe9" * ROWS)]
    )
    log = written(audit.place, columns(**{name: broken}))
    audit.counted(log, requests=ROWS, skipped={}, tokens=(10 * ROWS, ROWS) if name == "user" else None)


NO_LOGS: dict[str, tuple[Callable[[], Columns], tuple[str, ...]]] = {
    "no rows": (lambda: {name: column.slice(0, 0) for name, column in columns().items()}, ("no rows",)),
    "no columns": (dict, ("no rows", "no request", "no columns")),
    "unrelated columns": (lambda: {"a": [1, 2], "b": ["x", "y"]}, ("no request", "format")),
}


@named(NO_LOGS)
def test_a_file_without_requests(audit: Auditor, case: tuple[Callable[[], Columns], tuple[str, ...]]):
    make, said = case
    audit.refused(written(audit.place, make()), said=said)


def test_no_rows_beside_a_good_file(audit: Auditor):
    empty = written(audit.place, {name: column.slice(0, 0) for name, column in columns().items()})
    audit.plain(empty, audit.file("good.jsonl", lines(7)), requests=7)


HOW: dict[str, dict[str, Any]] = {
    "compression zstd": {"compression": "zstd"},
    "compression gzip": {"compression": "gzip"},
    "compression brotli": {"compression": "brotli"},
    "compression lz4": {"compression": "lz4"},
    "version 1.0": {"version": "1.0"},
    "data page version 2.0": {"data_page_version": "2.0"},
    "no dictionaries": {"use_dictionary": False},
}


@named(HOW, slow=("compression gzip", "compression brotli", "compression lz4"))
def test_written_in_any_way(audit: Auditor, case: dict[str, Any]):
    audit.plain(written(audit.place, columns(), **case), requests=ROWS, skipped={})


@pytest.mark.parametrize("count", [100, pytest.param(2000, marks=TRUST)])
def test_row_groups_of_one_row(audit: Auditor, count: int):
    many = {name: pa.concat_arrays([column] * 7).slice(0, count) for name, column in columns().items()}
    audit.plain(written(audit.place, many, row_group_size=1), requests=count, skipped={})


@TRUST
def test_a_row_group_of_a_million_rows(audit: Auditor):
    count = 1_000_000
    held = {
        "model": pa.array(["gpt-4o"]).take(pa.array([0] * count)),
        "input_tokens": pa.array([10] * count),
        "output_tokens": pa.array([1] * count),
    }
    log = written(audit.place, held, row_group_size=count)
    audit.plain(log, requests=count, skipped={}, memory_mb=900)


def test_a_file_that_is_cut(audit: Auditor):
    log = written(audit.place, columns())
    log.write_bytes(log.read_bytes()[:-100])
    audit.refused(log, said=("truncated",))


def test_a_damaged_page_is_told_and_costs_no_other_file(audit: Auditor):
    models = pa.array([f"model{number}" for number in range(ROWS)])
    log = written(audit.place, columns(model=models), compression="snappy")
    data = bytearray(log.read_bytes())
    data[60:400] = random.Random(7).randbytes(340)  # noqa: S311 - the same bytes in every run
    log.write_bytes(data)
    report = audit.analyzed(log, audit.file("good.jsonl", lines(7)))
    assert set_aside(report)


def test_an_encrypted_file(audit: Auditor):
    log = written(audit.place, columns())
    log.write_bytes(b"PARE" + log.read_bytes()[4:-4] + b"PARE")
    audit.refused(log, said=("encrypted", "binary", "Parquet"))
