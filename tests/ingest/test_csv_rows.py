"""Rows told apart all at once are those that the csv module reads, as long as quotes stand where they may."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.ingest.csv_rows import TableRows, fields_of, rows_of

_FIELDS = st.text(st.sampled_from('ab ,;"\n\r1é'), max_size=6)
_TABLES = st.lists(st.lists(_FIELDS, min_size=1, max_size=5), max_size=8)


def read(rows: TableRows, delimiter: str, width: int) -> list[tuple[int, list[str]]]:
    """Lines and fields of all rows that are whole."""
    whole = [(at.line, fields_of(text.decode(), delimiter, width)[0]) for at, text in rows.texts()]
    return sorted(whole + [(at.line, fields) for at, fields in rows.single])


@given(_TABLES, st.sampled_from(",;"), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_a_table_as_programs_write_it(table: list[list[str]], delimiter: str, end: str, last: bool):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(table)
    text = out.getvalue() if last else out.getvalue().removesuffix(end)
    width = 3
    rows = rows_of(text.encode(), delimiter, width)
    expected = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    good = [row for row in expected if len(row) == width]
    found = [fields for _, fields in read(rows, delimiter, width)]
    if all(row.count("\n") == 0 for fields in table for row in fields):
        assert found == good
        assert rows.broken == len(expected) - len(good)
    assert all(row in found for row in good)  # none is lost, whatever stands before it


@given(
    st.lists(
        st.sampled_from(
            ["a,b,c", '"a,1",b,c', "a,b", "a,b,c,d", 'a "b" c,d,e', '"x', 'y"', "", '"a""b",c,d']
        ),
        max_size=30,
    )
)
def test_every_line_is_a_row_or_broken(lines: list[str]):
    rows = rows_of("\n".join(lines).encode(), ",", 3)
    assert len(read(rows, ",", 3)) + rows.broken <= len([line for line in lines if line])
    assert len(rows.examples) <= rows.broken
    quotes = any('"' in line for line in lines)
    if not quotes:
        assert len(read(rows, ",", 3)) == lines.count("a,b,c")


def test_an_open_quote_costs_its_own_row_only():
    text = 'a,b,c\n"x,y,z\nd,e,f\n"g","h\ni",j\nk,l,m'
    rows = rows_of(text.encode(), ",", 3)
    assert read(rows, ",", 3) == [
        (0, ["a", "b", "c"]), (2, ["d", "e", "f"]), (3, ["g", "h\ni", "j"]), (5, ["k", "l", "m"]),
    ]  # fmt: skip
    assert [(at.line, at.byte) for at, _ in rows.examples] == [(1, 6)]


@pytest.mark.parametrize("unit", ['"\n', '"a\n', 'a"\n', "\n", 'x,"\n', '"",\n', '","\n'])
def test_hostile_tables_take_time_in_proportion(unit: str):
    """Work is bounded, so that this ends at all: each of these once took the square of its size."""
    rows = rows_of(unit.encode() * 400_000, ",", 3)
    assert not list(rows.texts())
    assert rows.broken <= 400_000
