"""The same table as Parquet files of different writers and types gives the report of the JSON lines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.engine.audits import Record, audit, random_log, same, write_jsonl, write_parquet

TEXTS = (
    "provider",
    "model",
    "request_id",
    "parent_id",
    "service_tier",
    "gateway",
    "feature",
    "user",
    "status",
)


def cast(table: pa.Table, kinds: dict[str, pa.DataType]) -> pa.Table:
    for name, kind in kinds.items():
        index = table.schema.get_field_index(name)
        table = table.set_column(index, name, table.column(name).cast(kind))
    return table


def moments(table: pa.Table, kind: pa.DataType) -> pa.Table:
    """With the times as timestamps."""
    texts = table.column("timestamp").to_pylist()
    values = [None if t is None else datetime.fromisoformat(t) for t in texts]
    index = table.schema.get_field_index("timestamp")
    return table.set_column(index, "timestamp", pa.array(values, pa.timestamp("us", tz="UTC")).cast(kind))


def by_duckdb(table: pa.Table, path: Path) -> None:
    duckdb.connect().from_arrow(table).write_parquet(str(path))


def by_polars(table: pa.Table, path: Path) -> None:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    frame.write_parquet(path)


def by_pandas(table: pa.Table, path: Path) -> None:
    frame = table.to_pandas()
    for name in ("provider", "model", "status"):
        frame[name] = frame[name].astype(pd.CategoricalDtype())
    frame.to_parquet(path)


def arrow(change: Callable[[pa.Table], pa.Table]) -> Callable[[pa.Table, Path], None]:
    return lambda table, path: pq.write_table(change(table), path)


def encoded(table: pa.Table) -> pa.Table:
    columns = {
        n: c.dictionary_encode() if n in TEXTS else c for n, c in zip(table.column_names, table, strict=True)
    }
    return pa.table(columns)


WRITERS: dict[str, Callable[[pa.Table, Path], None]] = {
    "duckdb": by_duckdb,
    "polars": by_polars,
    "pandas with categories and floats": by_pandas,
    "large text": arrow(lambda t: cast(t, dict.fromkeys(TEXTS, pa.large_string()))),
    "text views": arrow(lambda t: cast(t, dict.fromkeys(TEXTS, pa.string_view()))),
    "dictionaries": arrow(encoded),
    "small integers": arrow(
        lambda t: cast(t, {"output_tokens": pa.int32(), "tier": pa.int8(), "attempt": pa.uint8()})
    ),
    "unsigned": arrow(lambda t: cast(t, {"input_tokens": pa.uint64(), "output_tokens": pa.uint32()})),
    "decimal cost": arrow(lambda t: cast(t, {"cost_usd": pa.decimal128(20, 9)})),
    "counts as floats": arrow(lambda t: cast(t, {"input_tokens": pa.float64()})),
    "counts as decimals": arrow(lambda t: cast(t, {"input_tokens": pa.decimal128(20, 0)})),
    "counts as text": arrow(lambda t: cast(t, {"input_tokens": pa.string()})),
    "times": arrow(lambda t: moments(t, pa.timestamp("us", tz="UTC"))),
    "times in ns": arrow(lambda t: moments(t, pa.timestamp("ns", tz="UTC"))),
    "times of no zone": arrow(lambda t: moments(t, pa.timestamp("ms"))),
    "times of another zone": arrow(lambda t: moments(t, pa.timestamp("us", tz="Asia/Shanghai"))),
}


@pytest.fixture(scope="module")
def log() -> list[Record]:
    return random_log(21, 200)


@pytest.fixture(scope="module")
def expected(log: list[Record], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return same(audit(write_jsonl(tmp_path_factory.mktemp("json") / "log.jsonl", log)))


@pytest.mark.parametrize("writer", WRITERS)
def test_every_writer_gives_the_same_report(
    tmp_path: Path, log: list[Record], expected: dict[str, Any], writer: str
):
    table = pq.read_table(write_parquet(tmp_path / "plain.parquet", log))
    path = tmp_path / "log.parquet"
    WRITERS[writer](table, path)
    assert same(audit(path)) == expected


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "brotli"])
def test_every_compression_gives_the_same_report(
    tmp_path: Path, log: list[Record], expected: dict[str, Any], compression: str
):
    table = pq.read_table(write_parquet(tmp_path / "plain.parquet", log))
    pq.write_table(table, tmp_path / "log.parquet", compression=compression, row_group_size=17)
    assert same(audit(tmp_path / "log.parquet")) == expected
