"""The same calls in every container give the same report."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sqlite3
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tests.engine.audits import audit, random_log, same

Record = dict[str, Any]

JSON_LAYOUTS: dict[str, Callable[[list[Record]], str]] = {
    "lines": lambda r: "\n".join(json.dumps(x) for x in r),
    "array": json.dumps,
    "indented array": lambda r: json.dumps(r, indent=2),
    "concatenated": lambda r: "".join(json.dumps(x, indent=1) for x in r),
    "side by side": lambda r: " ".join(json.dumps(x) for x in r),
    "page": lambda r: json.dumps({"object": "list", "data": r, "has_more": False}, indent=2),
    "page in a line": lambda r: json.dumps({"results": r}),
    "lines of arrays": lambda r: "\n".join(json.dumps(r[i : i + 7]) for i in range(0, len(r), 7)),
    "lines of pages": lambda r: "\n".join(json.dumps({"data": r[i : i + 7]}) for i in range(0, len(r), 7)),
    "array of pages": lambda r: json.dumps([{"items": r[i : i + 7]} for i in range(0, len(r), 7)]),
}


def as_csv(records: list[Record], delimiter: str = ",", *, carriage: bool = False) -> str:
    names = sorted({name for record in records for name in record})
    out = io.StringIO()
    writer = csv.DictWriter(
        out, names, delimiter=delimiter, lineterminator="\r\n" if carriage else "\n", restval=""
    )
    writer.writeheader()
    writer.writerows(
        {k: json.dumps(v) if isinstance(v, (list, dict)) else v for k, v in record.items()}
        for record in records
    )
    return out.getvalue()


def as_sqlite(path: Path, records: list[Record]) -> None:
    names = sorted({name for record in records for name in record})
    with sqlite3.connect(path) as database:
        columns = ", ".join(f'"{name}"' for name in names)
        database.execute(f"CREATE TABLE calls ({columns})")
        database.execute("CREATE TABLE notes (id, text)")
        database.execute("INSERT INTO notes VALUES (1, 'not a call')")
        marks = ", ".join("?" * len(names))
        rows = [[_cell(record.get(name)) for name in names] for record in records]
        database.executemany(f"INSERT INTO calls VALUES ({marks})", rows)  # noqa: S608 - question marks
    database.close()


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (list, dict)) else value


def figures(path: Path) -> Mapping[str, Any]:
    """The report of a file, but for its name, its places and its size."""
    return same(audit(path))


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return random_log(3, 200)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, records: list[Record]) -> Mapping[str, Any]:
    lines = tmp_path_factory.mktemp("log") / "lines.jsonl"
    lines.write_text(JSON_LAYOUTS["lines"](records))
    return figures(lines)


@pytest.mark.parametrize("layout", JSON_LAYOUTS)
@pytest.mark.parametrize("pack", [None, gzip.compress, zstandard.compress], ids=["plain", "gz", "zst"])
def test_json(
    tmp_path: Path,
    records: list[Record],
    expected: Mapping[str, Any],
    layout: str,
    pack: Callable[..., bytes],
):
    data = JSON_LAYOUTS[layout](records).encode()
    (tmp_path / "log").write_bytes(pack(data) if pack else data)
    assert figures(tmp_path / "log") == expected


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("carriage", [False, True], ids=["unix", "windows"])
def test_csv(
    tmp_path: Path, records: list[Record], expected: Mapping[str, Any], delimiter: str, *, carriage: bool
):
    (tmp_path / "log.csv").write_bytes(as_csv(records, delimiter, carriage=carriage).encode())
    assert figures(tmp_path / "log.csv") == expected


def test_csv_gz_and_with_a_byte_order_mark(
    tmp_path: Path, records: list[Record], expected: Mapping[str, Any]
):
    (tmp_path / "log").write_bytes(gzip.compress(as_csv(records).encode("utf-8-sig")))
    assert figures(tmp_path / "log") == expected


@pytest.mark.parametrize("pack", [None, gzip.compress, zstandard.compress], ids=["plain", "gz", "zst"])
def test_sqlite(
    tmp_path: Path, records: list[Record], expected: Mapping[str, Any], pack: Callable[..., bytes]
):
    as_sqlite(tmp_path / "log.db", records)
    if pack:
        (tmp_path / "log.db").write_bytes(pack((tmp_path / "log.db").read_bytes()))
    assert figures(tmp_path / "log.db") == expected


def test_sqlite_in_a_folder_that_cannot_be_written_with_its_journal(tmp_path: Path, records: list[Record]):
    as_sqlite(tmp_path / "log.db", records)
    keeper = sqlite3.connect(tmp_path / "log.db")
    keeper.execute("PRAGMA journal_mode=WAL")
    keeper.execute('INSERT INTO calls (model, input_tokens, output_tokens) VALUES ("gpt-4o", 5, 5)')
    keeper.commit()
    try:
        assert audit(tmp_path / "log.db").inputs.records == len(records) + 1
    finally:
        keeper.close()


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gz", "zst"])
def test_packed_parquet(tmp_path: Path, pack: Callable[..., bytes]):
    table = pa.table({"model": ["gpt-4o"] * 3, "input_tokens": [1, 2, 3], "output_tokens": [1, 1, 1]})
    pq.write_table(table, tmp_path / "plain.parquet")
    (tmp_path / "packed").write_bytes(pack((tmp_path / "plain.parquet").read_bytes()))
    assert figures(tmp_path / "packed") == figures(tmp_path / "plain.parquet")


def test_a_directory_of_all_of_them(tmp_path: Path, records: list[Record], expected: Mapping[str, Any]):
    parts = [records[i::4] for i in range(4)]
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a.jsonl").write_text(JSON_LAYOUTS["lines"](parts[0]))
    (folder / "b.json").write_text(JSON_LAYOUTS["page"](parts[1]))
    (folder / "c.csv").write_text(as_csv(parts[2]))
    as_sqlite(folder / "d.sqlite", parts[3])
    assert figures(folder) == expected


def test_floats_of_a_data_frame_and_words_for_nothing(tmp_path: Path):
    (tmp_path / "log.csv").write_text(
        ",model,input_tokens,output_tokens,user,cost_usd\n"
        "0,gpt-4o,600.0,20.0,None,0.5\n"
        "1,gpt-4o,NaN,20.0,,NaN\n"
        "2,gpt-4o,,7,ann,\n"
    )
    report = audit(tmp_path / "log.csv")
    assert report.inputs.requests == 3
    assert (report.spend.tokens.input, report.spend.tokens.output) == (600, 47)
    assert [row.user for row in report.by_user] == [None, "ann"]
    assert report.spend.reported_usd == Decimal("0.5")


def test_long_and_broken_rows_of_csv(tmp_path: Path):
    good = 'gpt-4o,10,1,"a, ""b""\nand c"\n'
    long = "gpt-4o,10,1," + '"' + "x\n" * 100_000 + '"\n'
    bad = 'gpt-4o,10,1,"never closed\n'
    (tmp_path / "log.csv").write_text(
        "model,input_tokens,output_tokens,prompt\n" + good * 3 + long + "gpt-4o,10\n" + good + bad
        + "gpt-4o,10,1,x\n" * 5
    )  # fmt: skip
    report = audit(tmp_path / "log.csv")
    assert report.inputs.requests == 3 + 1 + 1 + 5
    (skipped,) = report.inputs.skipped
    assert skipped.reason == "wrong_columns"
    assert [e.line for e in skipped.examples] == [100_009, 100_012]


def test_no_row_of_csv_is_lost_without_a_word(tmp_path: Path):
    rows = ["gpt-4o,10,1", "gpt-4o,-1,1", "gpt-4o,1", "gpt-4o,1,1,1", "gpt-4o,x,1", ",5,5", "gpt-4o,2,2"]
    (tmp_path / "log.csv").write_text("model,input_tokens,output_tokens\n" + "\n".join(rows) + "\n\n")
    inputs = audit(tmp_path / "log.csv").inputs
    assert (inputs.records, inputs.requests) == (7, 2)
    assert {s.reason: [e.line for e in s.examples] for s in inputs.skipped} == {
        "wrong_columns": [4, 5],
        "negative_usage": [3],
        "not_integer_usage": [6],
        "unrecognised": [7],
    }


def test_a_broken_database_says_so(tmp_path: Path, records: list[Record]):
    as_sqlite(tmp_path / "log.db", records * 40)
    data = bytearray((tmp_path / "log.db").read_bytes())
    data[-(len(data) // 3) :] = b"\xff" * (len(data) // 3)
    (tmp_path / "log.db").write_bytes(data)
    inputs = audit(tmp_path / "log.db").inputs
    assert 0 < inputs.requests < len(records) * 40
    assert [s.reason for s in inputs.skipped] == ["truncated_file"]


def test_the_first_list_of_a_page_and_entries_that_are_no_records(tmp_path: Path):
    call = {"model": "gpt-4o", "input_tokens": 1, "output_tokens": 1}
    (tmp_path / "log.json").write_text(json.dumps({"data": [call, None, 5, {"a": 1}, call]}))
    inputs = audit(tmp_path / "log.json").inputs
    assert (inputs.records, inputs.requests) == (5, 2)
    assert {s.reason: s.count for s in inputs.skipped} == {"not_object": 2, "unrecognised": 1}
