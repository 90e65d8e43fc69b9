"""Numbers that nobody reads are told alike, however and from whatever container a record is read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.ingest.canonical import Parsed, chained
from costaudit.ingest.csv_reader import CsvReader
from costaudit.ingest.jsonl import JsonlReader
from costaudit.ingest.parquet import ParquetReader
from costaudit.ingest.sniff import sniff
from costaudit.ingest.unused import MOST, Unused, number_above_0, unused_numbers
from tests.often import repeated

Record = dict[str, Any]
Sums = dict[str, tuple[int, Decimal]]


def jsonl(records: Sequence[Record], folder: Path) -> tuple[Parsed | None, Parsed]:
    """By columns and line by line."""
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in records), "utf-8")
    reader = JsonlReader.open(sniff("log.jsonl", path))
    (block,) = reader.blocks()
    return reader._parse_fast(block), reader._parse_lines(block)


def table(records: Sequence[Record], folder: Path) -> tuple[Parsed | None, Parsed]:
    names = list(dict.fromkeys(name for record in records for name in record))
    out = io.StringIO()
    writer = csv.DictWriter(out, names)
    writer.writeheader()
    writer.writerows(records)
    path = folder / "log.csv"
    path.write_text(out.getvalue(), "utf-8")
    reader = CsvReader.open(sniff("log.csv", path))
    (block,) = reader.blocks()
    rows = reader._rows(block)
    return reader._parse_fast(block, rows), reader._parse_rows(block, reader._read(rows))


def parquet(records: Sequence[Record], folder: Path) -> tuple[Parsed, Parsed]:
    path = folder / "log.parquet"
    names = dict.fromkeys(name for record in records for name in record)
    pq.write_table(pa.table({name: [record.get(name) for record in records] for name in names}), path)
    reader = ParquetReader.open(sniff("log.parquet", path))
    assert reader.layout is not None
    (block,) = reader.blocks()
    found = reader._table(block)
    assert found is not None
    whole = pq.read_table(path)
    return reader.parse(block), reader._parse_records(whole, range(1, len(records) + 1))


FLAT = [
    {"model": "gpt-4o", "input_tokens": 100, "output_tokens": 10, "billed_units": 7, "latency_ms": 5},
    {"model": "gpt-4o", "input_tokens": 100, "output_tokens": 10, "billed_units": 0, "upstream_cost": 0.1},
    {"model": "gpt-4o", "input_tokens": 100, "output_tokens": 10, "billed_units": 5, "upstream_cost": 0.2},
    {"model": "gpt-4o", "input_tokens": 100, "output_tokens": 10, "note_of_cost": "high", "seed": 3},
] * 3


def test_flat_records_in_three_containers_and_both_ways(tmp_path: Path):
    # three times 7 + 5, stated above 0 by two records; three times 0.1 + 0.2, exactly.
    expected = {"billed_units": (6, Decimal(36)), "upstream_cost": (6, Decimal("0.9"))}
    for read in (jsonl, table, parquet):
        fast, slow = read(FLAT, tmp_path)
        assert fast is not None
        assert fast.unused.sums == slow.unused.sums == expected, read.__name__


NESTED = [
    {"model": "gpt-4o", "usage": {
        "prompt_tokens": 9, "completion_tokens": 1, "video_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 0, "document_tokens": 2, "text_tokens": 9},
    }, "cache_read": 3},
    {"model": "gpt-4o", "usage": {"prompt_tokens": 9, "completion_tokens": 1}, "metadata": {"tokens_up": 4}},
]  # fmt: skip


def test_a_usage_object_is_looked_into_and_other_objects_are_not(tmp_path: Path):
    expected = {
        "usage.video_tokens": (1, Decimal(4)),
        "usage.prompt_tokens_details.document_tokens": (1, Decimal(2)),
        "cache_read": (1, Decimal(3)),
    }
    for read in (jsonl, parquet):
        fast, slow = read(NESTED, tmp_path)
        assert fast is not None
        assert fast.unused.sums == slow.unused.sums == expected, read.__name__


def test_a_nested_format_tells_what_its_usage_object_holds_beside(tmp_path: Path):
    usage = {
        "prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12, "cost": 0.5, "queue_time": 3,
        "prompt_tokens_details": {"cached_tokens": 4, "video_tokens": 6, "text_tokens": 10},
        "search_units": 2, "completion_tokens_details": {"accepted_prediction_tokens": 1},
    }  # fmt: skip
    body = {"object": "chat.completion", "id": "c", "model": "gpt-4o", "usage": usage}
    _, parsed = jsonl([body, {**body, "usage": {**usage, "search_units": "3"}}], tmp_path)
    assert parsed.unused.sums == {
        "prompt_tokens_details.video_tokens": (2, Decimal(12)),
        "search_units": (2, Decimal(5)),
    }


def test_a_record_that_is_set_aside_tells_nothing(tmp_path: Path):
    records = [*FLAT, {**FLAT[0], "input_tokens": -1}]
    fast, slow = jsonl(records, tmp_path)
    assert fast is not None
    assert fast.unused == slow.unused
    assert fast.unused.sums["billed_units"] == (6, Decimal(36))


names = st.sampled_from(["video_tokens", "search_units", "my_cost", "image_count", "audio.seconds", "seed"])
numbers = st.integers(-3, 10**15) | st.floats(0, 1e6) | st.sampled_from(["5", " 7 ", "1.5", "many", "", None])


@repeated(30, 300)
@given(st.lists(st.dictionaries(names, numbers), min_size=1, max_size=12), st.data())
def test_lines_are_told_alike_in_both_ways(tmp_path: Path, extras: list[Record], data: st.DataObject):
    records = [{"model": "m", "input_tokens": 1, "output_tokens": 1, **extra} for extra in extras]
    if data.draw(st.booleans()):
        records[0]["usage"] = data.draw(st.dictionaries(names, numbers))
    fast, slow = jsonl(records, tmp_path)
    assert fast is not None
    assert fast.unused == slow.unused


@repeated(15, 150)
@given(
    st.lists(
        st.fixed_dictionaries({n: st.integers(0, 10**12) for n in ("my_cost", "seed", "units")}), min_size=1
    )
)
def test_tables_are_told_alike_in_both_ways(tmp_path: Path, extras: list[Record]):
    records = [{"model": "m", "input_tokens": 1, "output_tokens": 1, **extra} for extra in extras]
    parsed = [part for read in (jsonl, table, parquet) for part in read(records, tmp_path)]
    assert all(part is not None and part.unused == parsed[1].unused for part in parsed)


@pytest.mark.parametrize(
    ("value", "number"),
    [(3, 3), (0, None), (-1, None), (True, None), ("12", 12), ("1.50", Decimal("1.5")), ("x", None),
     (0.1, Decimal("0.1")), (float("nan"), None), (float("inf"), None), (Decimal("NaN"), None),
     (10**400, None), ([1], None), ("9" * 400, None)],
)  # fmt: skip
def test_what_is_a_number_above_0(value: Any, number: Any):
    assert number_above_0(value) == number


def test_what_is_no_name_of_a_field_is_never_kept():
    assert (
        unused_numbers({"tell me of tokens! " * 9: 5, "tokens\x1b[2J": 5, "a" * 200 + "tokens": 1}, set())
        is None
    )


def test_sums_add_up_in_any_order_and_keep_the_first_names():
    parts = [Unused({f"tokens{n:05}": (1, Decimal(n)) for n in range(start, 1500, 2)}) for start in (0, 1)]
    one, other = Unused(), Unused()
    for part in parts:
        one.merge(part)
    for part in reversed(parts):
        other.merge(part)
    assert one == other
    assert sorted(one.sums) == [f"tokens{n:05}" for n in range(MOST)]


def test_blocks_of_a_file_add_up(tmp_path: Path):
    parts = [part for part in jsonl(FLAT, tmp_path) if part is not None]
    assert chained(parts).unused.sums["billed_units"] == (12, Decimal(72))
