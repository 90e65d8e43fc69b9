"""Whatever lines a file has, read as columns or one by one they are the same calls and the same losses."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from costaudit.errors import InputError
from costaudit.ingest.canonical import Parsed, calls_of
from costaudit.ingest.csv_reader import CsvReader
from costaudit.ingest.jsonl import JsonlReader
from costaudit.ingest.logfile import Container
from costaudit.ingest.sniff import sniff
from tests.ingest.compiled import reading
from tests.ingest.odd_files import odd_file, odd_table

FILES = int(os.environ.get("COSTAUDIT_ODD_FILES", "700"))
BATCH = 100


def readings(path: Path, data: bytes) -> tuple[list[Parsed], list[Parsed], int, int]:
    """Every block of a file in both ways, how many of them had columns, and how many by compiled code."""
    path.write_bytes(data)
    reader = JsonlReader.open(sniff("odd.jsonl", path))
    fast, slow, by_columns, compiled = [], [], 0, 0
    for block in reader.blocks():
        again = None
        if block.trouble is None:
            by_columns += reader._parse_fast(block) is not None
            if reader._fast is not None and reader._fast.native is not None:
                again = reader._parse_fast(block)  # now that its keys are known
                compiled += reader._fast.native.read(block.data) is not None
        fast.append(again or reader.parse(block))
        slow.append(reader.parse(block) if block.trouble else reader._parse_lines(block))
    return fast, slow, by_columns, compiled


def assert_alike(fast: list[Parsed], slow: list[Parsed]) -> None:
    for one, other in zip(fast, slow, strict=True):
        assert calls_of(one.batch) == calls_of(other.batch)
        assert list(one.lines) == list(other.lines)
        assert one.quarantine == other.quarantine
        assert one.unused == other.unused
        assert (one.records, one.ignored, one.formats) == (other.records, other.ignored, other.formats)
        assert one.records == one.batch.num_rows + one.ignored + one.quarantine.total


@pytest.mark.parametrize(
    ("first", "compiled"),
    [*((n, False) for n in range(0, FILES, BATCH)), *((n, True) for n in range(0, FILES // 2, BATCH))],
)
def test_odd_files_are_read_alike_in_both_ways(tmp_path: Path, first: int, compiled: bool):
    with reading(compiled=compiled):
        seen = read_odd_files(tmp_path, first)
    assert seen["columns"] > BATCH / 4, seen  # or the fast way is not tested at all
    assert seen["losses"] > BATCH / 10, seen
    assert (seen["compiled"] > 0) is compiled


def read_odd_files(tmp_path: Path, first: int) -> Counter[str]:
    """Compare both ways of reading some files; how many were read how."""
    seen: Counter[str] = Counter()
    for seed in range(first, first + BATCH):
        data = odd_file(seed)
        try:
            fast, slow, by_columns, compiled = readings(tmp_path / "odd.jsonl", data)
        except InputError:
            seen["refused"] += 1
            continue
        try:
            assert_alike(fast, slow)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        seen["read"] += 1
        seen["columns"] += by_columns > 0
        seen["compiled"] += compiled > 0
        seen["losses"] += any(part.quarantine.total for part in fast)
    return seen


def test_odd_tables_are_read_alike_in_both_ways(tmp_path: Path):
    seen: Counter[str] = Counter()
    path = tmp_path / "odd.csv"
    for seed in range(FILES // 10):
        path.write_bytes(odd_table(seed))
        try:
            reader = CsvReader.open(sniff("odd.csv", path))
        except InputError:
            seen["refused"] += 1
            continue
        if sniff("odd.csv", path).container is not Container.CSV:
            continue
        blocks = list(reader.blocks())
        fast = [reader.parse(block) for block in blocks]
        layout, reader.layout = reader.layout, None
        slow = [reader.parse(block) for block in blocks]
        try:
            assert_alike(fast, slow)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        seen["read"] += 1
        seen["columns"] += layout is not None
        seen["losses"] += any(part.quarantine.total for part in fast)
    assert seen["columns"] > FILES / 100, seen
    assert seen["losses"] > FILES / 50, seen


def test_containers_of_odd_files_are_what_they_seem(tmp_path: Path):
    path = tmp_path / "odd.jsonl"
    kinds: Counter[Container] = Counter()
    for seed in range(300):
        path.write_bytes(odd_file(seed))
        try:
            kinds[sniff("odd.jsonl", path).container] += 1
        except InputError:
            continue
    assert kinds[Container.JSONL] > 200, kinds
