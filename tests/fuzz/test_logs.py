"""Broken logs in every container: read or refused, all records told, and no crash."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from hypothesis import strategies as st

from tests.catalogue.auditor import accounted, adds_up
from tests.conftest import Outcome
from tests.fuzz.conftest import Try
from tests.fuzz.damage import ODD, damaged, edited, json_text
from tests.fuzz.explore import explore
from tests.fuzz.seeds import OTHERS, RECORDS

EACH = 8
"""Files that are read by one command: most of what a command takes is not for reading."""


def no_number(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


def is_sound(ended: Outcome) -> None:
    """A refusal in a few words, or a report in which no record is missing."""
    if ended.code:
        assert ended.err.startswith("costaudit: ")
        assert len(ended.err) < 10_000
        return
    report = json.loads(ended.out, parse_constant=no_number)
    if report["inputs"]["formats"].keys() <= {"flat"}:
        adds_up(report)
    else:  # a record of another format may hold several calls
        assert report["inputs"]["records"] <= accounted(report)


def read_all(attempt: Try, ending: str, files: st.SearchStrategy[bytes]) -> None:
    """Draw files, some alone and some together, and read them."""

    def check(found: list[bytes]) -> None:
        named = {f"log{number}{ending}": data for number, data in enumerate(found)}
        attempt(named, ["analyze", *named, "--format", "json", "-q"], is_sound)

    explore(check, 200 // EACH + 5, found=st.lists(files, min_size=1, max_size=2 * EACH))


def lines_of(records: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """JSON lines, most of them good."""
    good = st.sampled_from(RECORDS).flatmap(json_text)
    bad = records.flatmap(edited).flatmap(json_text)
    texts = st.lists(st.one_of(good, bad, bad), min_size=1, max_size=6)
    ends = st.sampled_from([b"\n", b"\r\n"])
    return st.tuples(texts, ends).map(lambda found: found[1].join([*found[0], b""]))


LINES = lines_of(st.sampled_from(RECORDS))
GOOD = b"".join(json.dumps(record).encode() + b"\n" for record in RECORDS)


def test_json_lines(attempt: Try):
    read_all(attempt, ".jsonl", st.one_of(LINES, LINES.flatmap(damaged), damaged(GOOD)))


def test_records_of_every_format(attempt: Try):
    of_others = lines_of(st.sampled_from(OTHERS))
    read_all(attempt, ".jsonl", st.one_of(of_others, of_others.flatmap(damaged)))


def test_json_documents(attempt: Try):
    records = st.lists(st.sampled_from([*RECORDS, *OTHERS]).flatmap(edited), max_size=5)
    wrapped = records.flatmap(
        lambda held: st.sampled_from([held, {"data": held}, [held], {"data": [{"items": held}]}, held[:1]])
    )
    document = st.one_of(wrapped, wrapped.flatmap(edited)).flatmap(json_text)
    pretty = wrapped.map(lambda held: json.dumps(held, indent=1).encode())
    read_all(attempt, ".json", st.one_of(document, pretty, pretty.flatmap(damaged)))


def as_csv(rows: list[dict[str, Any]], delimiter: str = ",") -> bytes:
    names = sorted({name for row in rows for name in row})
    out = io.StringIO()
    writer = csv.DictWriter(out, names, delimiter=delimiter, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("utf-8", "surrogatepass")


def test_csv(attempt: Try):
    row = st.sampled_from(RECORDS).flatmap(edited).filter(lambda row: isinstance(row, dict) and bool(row))
    rows = st.lists(st.one_of(st.sampled_from(RECORDS), row), min_size=1, max_size=6)
    table = st.builds(as_csv, rows, st.sampled_from([",", ";", "\t", "|"]))
    read_all(attempt, ".csv", st.one_of(table, table.flatmap(damaged), damaged(as_csv(RECORDS))))


def test_packed(attempt: Try):
    plain = st.one_of(LINES, st.just(GOOD))
    packed = st.one_of(plain.map(gzip.compress), plain.map(zstandard.compress))
    doubled = st.lists(packed, min_size=2, max_size=3).map(b"".join)
    broken = st.one_of(packed, doubled).flatmap(damaged)
    read_all(attempt, ".jsonl.gz", st.one_of(packed, doubled, broken))


# --- tables of columns ---------------------------------------------------------------------------

NAMES = (
    "timestamp", "model", "input_tokens", "output_tokens", "cached_tokens", "cost_usd", "status", "user",
    "tags", "latency_ms", "request_id", "messages", "tier", "other",
)  # fmt: skip
ROWS = 7
KINDS: tuple[tuple[Any, Sequence[Any]], ...] = (
    (pa.int64(), (0, 1, 10, -1, 2**53, 2**62, 1791190800, None)),
    (pa.int8(), (0, 1, 100, -1, None)),
    (pa.uint64(), (0, 10, 2**63, 2**64 - 1, None)),
    (pa.float64(), (0.0, 10.0, 1.5, -1.0, float("nan"), float("inf"), 1e300, None)),
    (pa.string(), ("gpt-4o", "10", "", "x", "2026-10-05T09:00:00Z", "\0", "ok", None)),
    (pa.large_string(), ("gpt-4o", "10", None)),
    (pa.string_view(), ("gpt-4o", "10", None)),
    (pa.dictionary(pa.int8(), pa.string()), ("gpt-4o", "10", None)),
    (pa.binary(), (b"gpt-4o", b"\xff", b"10", None)),
    (pa.bool_(), (True, False, None)),
    (pa.timestamp("us"), (1791190800000000, 0, -1, 2**62, None)),
    (pa.timestamp("ns", "Europe/Berlin"), (1791190800000000000, -(2**63) + 1, None)),
    (pa.date32(), (20_000, -1, 10**6, None)),
    (pa.time64("us"), (0, 5, None)),
    (pa.duration("s"), (0, 5, None)),
    (pa.decimal128(20, 4), (Decimal("10.0000"), Decimal("0.0001"), Decimal("-1.0000"), None)),
    (pa.list_(pa.string()), (["a"], [], [None], None)),
    (pa.list_(pa.int64()), ([1], [], None)),
    (pa.struct([("a", pa.int64()), ("role", pa.string())]), ({"a": 1, "role": "user"}, {}, None)),
    (pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])), ([{"role": "user"}], [], None)),
    (pa.map_(pa.string(), pa.int64()), ([("a", 1)], [], None)),
    (pa.null(), (None,)),
)
"""Types of columns with values that they can hold."""
GOOD_COLUMNS: dict[str, tuple[Any, Sequence[Any]]] = {
    "model": (pa.string(), ("gpt-4o",)),
    "input_tokens": (pa.int64(), (10,)),
    "output_tokens": (pa.int64(), (1,)),
}


@st.composite
def parquet(draw: st.DrawFn) -> bytes:
    """A file of a few columns, each of any type, the three that are needed mostly good."""
    names = draw(st.lists(st.sampled_from(NAMES), max_size=5))
    columns, labels = [], []
    for name in [*GOOD_COLUMNS, *names]:
        kind = draw(st.sampled_from(KINDS)) if name in names else GOOD_COLUMNS[name]
        values = draw(st.lists(st.sampled_from(kind[1]), min_size=ROWS, max_size=ROWS))
        columns.append(pa.array(values, kind[0]))
        labels.append(name)
    out = io.BytesIO()
    table, rows = pa.Table.from_arrays(columns, names=labels), draw(st.sampled_from([1, 3, 99]))
    pq.write_table(table, out, row_group_size=rows)
    return out.getvalue()


def test_parquet(attempt: Try):
    read_all(attempt, ".parquet", st.one_of(parquet(), parquet(), parquet().flatmap(damaged)))


CELLS = [value for value in ODD if isinstance(value, str | float | None) and "\ud800" not in str(value)]
CELLS += [0, 10, -1, 2**53, 2**63 - 1, b"10", b"\xff", "gpt-4o", 1791190800]


@st.composite
def sqlite(draw: st.DrawFn) -> bytes:
    """A database of one table or more, with anything in its cells."""
    with closing(sqlite3.connect(":memory:")) as database:
        for number in range(draw(st.integers(1, 3))):
            others = draw(st.lists(st.sampled_from(NAMES), max_size=4))
            names = dict.fromkeys(["model", "input_tokens", *others])
            database.execute(f"create table t{number} ({', '.join(names)})")
            row = st.tuples(*(st.sampled_from(CELLS) for _ in names))
            marks = ", ".join("?" * len(names))
            rows = draw(st.lists(row, max_size=ROWS))
            database.executemany(f"insert into t{number} values ({marks})", rows)  # noqa: S608 - names are ours
        database.commit()
        return database.serialize()


def test_sqlite(attempt: Try):
    read_all(attempt, ".db", st.one_of(sqlite(), sqlite(), sqlite().flatmap(damaged)))
