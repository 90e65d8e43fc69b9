"""SQLite: hostile schemas, damage, and databases that are in use."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.catalogue.auditor import Auditor, set_aside
from tests.catalogue.logs import lines

COLUMNS = "timestamp, model, input_tokens, output_tokens"
CALLS = f"create table calls({COLUMNS});"
ENDLESS = """create view v as
  with recursive r(timestamp, model, input_tokens, output_tokens) as
    (select '2026', 'gpt-4o', 1, 1 union all select * from r)
  select * from r;"""
SLOW = """create table calls(timestamp, model, input_tokens, output_tokens,
  x generated always as (length(hex(zeroblob(100000)))) virtual);"""
REQUEST = ("2026-10-05T09:00:00Z", "gpt-4o", 10, 1)
INSERT = "insert into calls values (?, ?, ?, ?)"


def database(place: Path, schema: str = CALLS, count: int = 50, insert: str = INSERT) -> Path:
    """A database with some requests."""
    with closing(sqlite3.connect(place)) as opened:
        opened.executescript(schema)
        opened.executemany(insert, [REQUEST] * count)
        opened.commit()
    return place


def test_a_good_database(audit: Auditor):
    audit.plain(database(audit.place / "x.db"), requests=50, skipped={})


def test_a_view_without_end_is_not_read(audit: Auditor):
    audit.counted(database(audit.place / "x.db", CALLS + ENDLESS), requests=50)


def test_a_generated_column_that_takes_its_time(audit: Auditor):
    insert = "insert into calls(timestamp, model, input_tokens, output_tokens) values (?, ?, ?, ?)"
    audit.counted(database(audit.place / "x.db", SLOW, insert=insert), requests=50)


def test_the_name_of_a_table_is_no_sql(audit: Auditor):
    schema, insert = (text.replace("calls", '"a""; drop table x;--"') for text in (CALLS, INSERT))
    audit.plain(database(audit.place / "x.db", schema, insert=insert), requests=50)


def test_blobs_and_fractions_among_the_counts(audit: Auditor):
    place = database(audit.place / "x.db")
    day, model, tokens, output = REQUEST
    odd = [
        (day, model, b"10", output),
        (day, model, 10.5, output),
        (day, b"gpt-4o", tokens, output),
        (day, model, -1, output),
    ]
    with closing(sqlite3.connect(place)) as opened:
        opened.executemany(INSERT, odd)
        opened.commit()
    audit.counted(place, records=54)


def test_a_corrupt_page_is_told_and_costs_no_other_file(audit: Auditor):
    place = database(audit.place / "x.db", count=10_000)
    data = bytearray(place.read_bytes())
    data[20_000:24_000] = random.Random(7).randbytes(4000)  # noqa: S311 - the same bytes in every run
    place.write_bytes(data)
    report = audit.analyzed(place, audit.file("good.jsonl", lines(7)))
    assert set_aside(report) or report["spend"]["requests"] == 10_007


def test_a_name_that_would_be_part_of_a_uri(audit: Auditor):
    audit.counted(database(audit.place / "a?mode=rwc&%41#x.db"), requests=50)


def test_a_locked_database_is_read_wholly_or_refused(audit: Auditor):
    place = database(audit.place / "x.db")
    with closing(sqlite3.connect(place, isolation_level=None)) as holder:
        holder.execute("begin exclusive")
        report = audit.analyzed(place, codes=(0, 2))
    assert not report or report["spend"]["requests"] == 50


def test_a_database_that_is_being_written_to(audit: Auditor):
    place = database(audit.place / "x.db", "pragma journal_mode=wal;" + CALLS)
    with closing(sqlite3.connect(place)) as writer:
        writer.execute("pragma wal_autocheckpoint=0")
        writer.executemany(INSERT, [REQUEST] * 50)
        writer.commit()
        audit.plain(place, requests=100)
