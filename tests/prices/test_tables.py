"""Reading the price tables: conditions, rows, errors with file and line, time windows."""

from __future__ import annotations

import csv
import shutil
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.errors import TableError
from costaudit.ingest.fields import timestamp_us
from costaudit.prices.book import load_book, shipped_directory
from costaudit.prices.conditions import When, parse_when, service_tier
from costaudit.prices.folders import Held
from costaudit.prices.rows import WindowRow, instant_text, instant_us, read_cells
from costaudit.prices.windows import in_window
from costaudit.textfile import decoded
from tests.engine.audits import book

# hypothesis draws naive times, so its bounds must be naive
FIRST, LAST = datetime(1971, 1, 1), datetime(2200, 1, 1)  # noqa: DTZ001
YEAR, YEAR_END = datetime(2026, 1, 1), datetime(2026, 12, 31)  # noqa: DTZ001

_words = st.sampled_from(["", "us", "eu", "fast", "deepseek-peak"])


@given(
    st.builds(
        When,
        context_over=st.sampled_from([-1, 0, 128_000, 272_000]),
        tier=st.sampled_from(["standard", "batch", "flex", "priority"]),
        window=_words,
        region=_words,
        speed=_words,
    )
)
def test_a_condition_reads_back_as_it_was_written(when: When):
    assert parse_when(str(when)) == when


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tier=bach", "did you mean 'batch'"),
        ("teir=batch", "did you mean 'tier'"),
        ("context>x", "unknown condition"),
        ("tier=batch tier=flex", "twice"),
        ("context>1 context>=3", "twice"),
        ("tier=", "unknown condition"),
        ("batch", "unknown condition"),
        ("context<5", "unknown condition"),
        ("context>-1", "unknown condition"),
        ("mode=fast", "fast mode is speed=fast"),
        ("speed=thinking", "mode=NAME"),
    ],
)
def test_a_wrong_condition_says_what_is_wrong(text: str, said: str):
    with pytest.raises(ValueError, match=said):
        parse_when(text)


def test_at_least_is_more_than_one_less():
    assert parse_when("context>=200001") == parse_when("context>200000")


@pytest.mark.parametrize(
    ("logged", "tier"),
    [
        (None, "standard"),
        ("", "standard"),
        ("auto", "standard"),
        ("DEFAULT", "standard"),
        (" on_demand ", "standard"),
        ("batch", "batch"),
        ("Flex", "flex"),
        ("fast", "priority"),
        ("priority", "priority"),
        ("gold", "gold"),
    ],
)
def test_service_tiers_as_logs_write_them(logged: str | None, tier: str):
    assert service_tier(logged) == tier


@given(st.datetimes(FIRST, LAST).map(lambda t: t.replace(second=0, microsecond=0)))
def test_an_instant_reads_back_as_it_was_written(moment: datetime):
    us = int(moment.replace(tzinfo=UTC).timestamp()) * 10**6
    assert instant_us(instant_text(us)) == us


PRICES = "openai/prices.csv"
HEAD = "model,class,usd,per,valid_from,when,status,source,confidence,checked_on,recorded_on,note"


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A small book: two providers, one model."""
    for name in ("providers.toml", "windows.csv"):
        shutil.copy(shipped_directory() / name, tmp_path / name)
    (tmp_path / "openai").mkdir()
    return tmp_path


def rows(folder: Path, *lines: str, head: str = HEAD) -> Path:
    (folder / PRICES).write_text("\n".join([head, *lines, ""]), encoding="utf-8")
    return folder


FINE = "m,input,2.5,mtok,2024-05-13,,,s,high,2026-11-20,2026-11-20,"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("m,inptu,2.5,mtok,2024-05-13,,,s,high,,,", "unknown class 'inptu'"),
        ("m,input,-1,mtok,2024-05-13,,,s,high,,,", "0 or more"),
        ("m,input,1e3,mtok,2024-05-13,,,s,high,,,", "plain amount"),
        ("m,input,NaN,mtok,2024-05-13,,,s,high,,,", "plain amount"),
        ("m,input,x,mtok,2024-05-13,,,s,high,,,", "cannot be read"),
        ("m,input,0.0000000001,mtok,2024-05-13,,,s,high,,,", "more than 9 decimals"),
        ("m,input,,mtok,2024-05-13,,,s,high,,,", "usd is empty where"),
        ("m,input,1,mtok,2024-05-13,,ended,s,high,,,", "usd is empty where"),
        ("m,input,1,unit,2024-05-13,,,s,high,,,", "per must be 'mtok'"),
        ("m,web_search,1,mtok,2024-05-13,,,s,high,,,", "per must be 'unit'"),
        (",input,1,mtok,2024-05-13,,,s,high,,,", "model is missing"),
        (" m,input,1,mtok,2024-05-13,,,s,high,,,", "spaces around"),
        ("m,input,1,mtok,2024-13-45,,,s,high,,,", "valid_from"),
        ("m,input,1,mtok,2024-05-13T10:00,,,s,high,,,", "ends in Z"),
        ("m,input,1,mtok,,,,s,high,,,", "valid_from is missing"),
        ("m,input,1,mtok,2024-05-13,tier=bach,,s,high,,,", "unknown tier 'bach'"),
        ("m,input,1,mtok,2024-05-13,,,s,sure,,,", "unknown confidence"),
        ("m,input,1,mtok,2024-05-13,,,s", "8 cells where the header has 12"),
        ('m,input,1,mtok,2024-05-13,,,s,high,,,"open', "not valid CSV"),
    ],
)
def test_a_wrong_row_is_named_with_file_and_line(tables: Path, line: str, said: str):
    with pytest.raises(TableError, match=said) as caught:
        dict(load_book(rows(tables, FINE, line)).rows)
    assert (caught.value.path, caught.value.line) == (f"{tables}/{PRICES}", 3)


def test_a_wrong_header_is_named(tables: Path):
    with pytest.raises(TableError, match="header") as caught:
        load_book(rows(tables, FINE, head=HEAD.replace("class", "clas")))
    assert (caught.value.line, caught.value.hint) == (1, "did you mean 'class'?")


def test_no_directory_and_no_providers(tmp_path: Path):
    with pytest.raises(TableError, match="no such directory"):
        load_book(tmp_path / "none")
    with pytest.raises(TableError, match="cannot be read"):
        load_book(tmp_path)


def test_the_digest_changes_with_any_table_and_not_with_line_ends(tables: Path):
    first = load_book(rows(tables, FINE)).sha256
    assert load_book(rows(tables, FINE)).sha256 == first
    (tables / PRICES).write_bytes((tables / PRICES).read_bytes().replace(b"\n", b"\r\n"))
    assert load_book(tables).sha256 == first
    assert load_book(rows(tables, FINE.replace("2.5", "2.6"))).sha256 != first


def inside(name: str, moment: str) -> bool:
    us = timestamp_us(moment)
    return bool(in_window(book().windows[name], np.array([us]))[0])


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2025-03-01T16:29:59Z", False),
        ("2025-03-01T16:30:00Z", True),
        ("2025-03-01T23:59:59Z", True),
        ("2025-03-02T00:00:00Z", True),
        ("2025-03-02T00:29:59Z", True),
        ("2025-03-02T00:30:00Z", False),
        ("2025-02-25T17:00:00Z", False),
        ("2025-09-05T15:59:59Z", False),
        ("2025-09-05T16:30:00Z", False),
    ],
)
def test_deepseeks_night_of_2025(moment: str, expected: bool):
    assert inside("deepseek-offpeak-2025", moment) is expected


@pytest.mark.parametrize(
    ("moment", "expected", "why"),
    [
        ("2026-09-14T00:59:59Z", False, "Monday before 9 in Beijing"),
        ("2026-09-14T01:00:00Z", True, "Monday 9:00 in Beijing"),
        ("2026-09-14T03:59:59Z", True, "until noon"),
        ("2026-09-14T04:00:00Z", False, "noon"),
        ("2026-09-14T06:00:00Z", True, "14:00"),
        ("2026-09-14T10:00:00Z", False, "18:00"),
        ("2026-09-12T02:00:00Z", False, "Saturday"),
        ("2026-08-22T02:00:00Z", True, "a Saturday of the first week, every day is peak"),
        ("2026-10-01T02:00:00Z", False, "National Day, a Thursday"),
        ("2026-10-08T02:00:00Z", True, "the Thursday after the holidays"),
        ("2026-08-16T15:59:59Z", False, "before the windows began"),
    ],
)
def test_deepseeks_peak_goes_by_the_calendar_of_beijing(moment: str, expected: bool, why: str):
    assert inside("deepseek-peak", moment) is expected, why


@given(
    st.datetimes(YEAR, YEAR_END),
    st.integers(0, 1440),
    st.integers(0, 1440),
    st.sets(st.integers(1, 7), min_size=1),
    st.sets(st.integers(0, 400), max_size=3),
)
def test_a_window_against_the_calendar_module(
    moment: datetime, start: int, end: int, weekdays: set[int], days: set[int]
):
    """UTC+8 without summer time, as China has had since 1991."""
    holidays = frozenset(date(2026, 1, 1) + timedelta(days=d) for d in days)
    row = WindowRow("w", 0, None, start * 60, end * 60, frozenset(weekdays), "Asia/Shanghai", holidays, "", 1)
    utc = moment.replace(tzinfo=UTC)
    local = utc + timedelta(hours=8)
    second = utc.hour * 3600 + utc.minute * 60 + utc.second
    timed = start * 60 <= second < end * 60 if start <= end else (second >= start * 60 or second < end * 60)
    expected = timed and local.isoweekday() in weekdays and local.date() not in holidays
    us = timestamp_us(utc)
    assert bool(in_window([row], np.array([us]))[0]) is expected


def test_the_shipped_tables_have_no_float_in_them():
    rates = [
        row.usd
        for key in [("openai", "gpt-4o-2024-08-06"), ("anthropic", "claude-sonnet-4-6")]
        for row in book().rows[key]
    ]
    assert all(isinstance(usd, Decimal) for usd in rates if usd is not None)


_CELLS = st.text(alphabet='ab",\n\r \x0b\u2028\0', max_size=4)


@given(st.one_of(
    st.text(alphabet='ab",\n\r \x0b\u2028', max_size=40),
    st.lists(st.lists(st.one_of(st.sampled_from(["a", '"a,b"', '"a""b"', "b", '"a\nb"', 'a"b', ""]), _CELLS),
                      min_size=3, max_size=4).map(",".join), max_size=5).map("\n".join),
))  # fmt: skip
def test_lines_without_quotes_are_read_as_csv_reads_them(body: str):
    columns = ("x", "y", "z")
    folder = Held({"t.csv": f"x,y,z\n{body}".encode()})
    text = decoded((folder / "t.csv").read_bytes(), "t.csv")
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        expected = [(cells, reader.line_num) for cells in reader][1:]
    except csv.Error:
        expected = None
    if expected is None or any(len(cells) != 3 for cells, _ in expected):
        with pytest.raises(TableError):
            read_cells(folder / "t.csv", "t.csv", columns)
        return
    found = read_cells(folder / "t.csv", "t.csv", columns)
    assert [cells.first for cells in found] == [cells[0] for cells, _ in expected]
    assert [cells.last("y") for cells in found] == [cells[1] for cells, _ in expected]
    assert [([cells[c] for c in columns], cells.line) for cells in found] == expected
