"""Dates and amounts as people and spreadsheets write them: what a text can mean, and what its column says."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest.fields import picousd, timestamp_us
from costaudit.ingest.notation import UNSAID, DateOrder, DecimalMark, Notation
from costaudit.ingest.reader import open_log
from costaudit.ingest.sniff import sniff
from costaudit.ingest.usage import count, grouped
from costaudit.ingest.written_amounts import amount_of
from costaudit.ingest.written_dates import date_readings
from costaudit.times import instant

DAY, MONTH, YEAR = DateOrder
POINT, COMMA = DecimalMark

NOVEMBER = "2025-11-04T10:00:01Z"


@pytest.mark.parametrize(
    "value",
    [
        [2025, 11, 4, 10, 0, 1], [2025, 11, 4, 10, 0, 1, 999_000_000],  # Jackson
        {"seconds": 1762250401, "nanos": 999_000_000}, {"seconds": "1762250401"},  # protobuf
        {"_seconds": 1762250401, "_nanoseconds": 0},  # Firestore
        "/Date(1762250401000)/", "/Date(1762250401999+0100)/",  # .NET
        "1.762250401E9", "1.762250401999e12",  # BigQuery
    ],
)  # fmt: skip
def test_times_that_serialisers_write_without_being_told_how(value: Any):
    us = timestamp_us(value)
    assert us is not None
    assert instant(us) == NOVEMBER


@pytest.mark.parametrize(
    "value",
    [[2025, 11, 4], [2025, 13, 4, 10, 0], [2025, 11, 4, 10, 0, 1, 10**15], [1, 2, 3, 4, 5, 6, 7, 8],
     ["2025", 11, 4, 10, 0], {"seconds": 12, "unit": "s"}, {"seconds": 10**20}, {"seconds": "x"}, {},
     {"seconds": 1762250401, "nanos": -1}, "/Date(x)/", "/Date(9999999999999999)/", "1E99", "E9"],
)  # fmt: skip
def test_lists_and_objects_of_other_things_are_no_times(value: Any):
    assert timestamp_us(value) is None


@pytest.mark.parametrize(
    "text",
    [
        "2025-11-04 10:00:01.000 Z", "2025-11-04 10:00:01 UTC", "2025-11-04 10:00:01,999",
        "2025/11/4 10:00:01",
        "2025-11-04 11:00:01 +0100", "2025-11-04 10:00:01.123456789 +0000 UTC", "4.11.2025 10:00:01",
        "04.11.2025, 10:00:01 Uhr", "11/4/2025, 10:00:01 AM", "11/4/25, 10:00:01\u202fAM",
        "Nov 4, 2025 10:00:01 am",
        "4 November 2025 10:00:01", "Tue, 04 Nov 2025 11:00:01 +0100", "04/Nov/2025:10:00:01 +0000",
        "Nov 4, 2025 @ 10:00:01.000", "Tue Nov  4 10:00:01 2025",
        "Tue Nov 04 2025 11:00:01 GMT+0100 (Central European Standard Time)",
    ],
)  # fmt: skip
def test_a_date_that_leaves_no_question_is_read_wherever_it_stands(text: str):
    us = timestamp_us(text)
    assert us is not None
    assert instant(us) == NOVEMBER


@pytest.mark.parametrize(
    ("text", "orders"),
    [
        ("11/4/2025 10:00", {DAY, MONTH}),
        ("4/11/2025 10:00:01 am", {DAY, MONTH}),
        ("13-4-2025", {DAY}),
        ("4/13/2025", {MONTH}),
        ("11/4/25", {DAY, MONTH}),  # 2011 is before any model
        ("25/11/21", {DAY, YEAR}),
        ("24.11.25", {DAY, YEAR}),
        ("04.11.25", {DAY}),
        ("31/2/2025", set()),
        ("4/11/2025 25:00", set()),
    ],
)
def test_numbers_alone_can_stand_in_several_orders(text: str, orders: set[DateOrder]):
    assert set(date_readings(text) or {}) == orders


@pytest.mark.parametrize(
    "text", ["1.2.3", "2025-11-04 10:00 PST", "yesterday", "11/4", "x" * 99, "4 Foo 2025"]
)
def test_what_is_no_date_and_what_has_an_unknown_zone_is_no_time(text: str):
    assert date_readings(text) is None
    assert timestamp_us(text) is None


def test_both_orders_may_say_the_same():
    assert timestamp_us("11/11/2025") == timestamp_us("2025-11-11")


@pytest.mark.parametrize(
    ("text", "point", "comma"),
    [
        ("0.0045", "0.0045", None), ("0,0045", None, "0.0045"), ("1,234", "1234", "1.234"),
        ("1.234", "1.234", "1234"),
        ("1,234.50", "1234.50", None), ("1.234,50", None, "1234.50"), ("1\u202f234,5", None, "1234.5"),
        ("1'234.50", "1234.50", None), ("12,34,567", "1234567", None), ("(4.50)", "-4.50", None),
        ("4,5-", None, "-4.5"),
        ("\u22124", "-4", "-4"), ("4,5E-03", None, "4.5e-03"), ("1,23,4", None, None), ("12.5.6", None, None),
    ],
)  # fmt: skip
def test_an_amount_has_a_reading_for_each_decimal_mark(text: str, point: str | None, comma: str | None):
    amount = amount_of(text)
    readings = {} if amount is None else amount.readings
    assert (readings.get(POINT), readings.get(COMMA)) == (point, comma)


def test_a_cost_is_in_dollars_and_leaves_no_question():
    assert (
        picousd("$0.0045")
        == picousd("US$ 0,0045")
        == picousd("0.0045 USD")
        == picousd(0.0045)
        == 4_500_000_000
    )
    assert picousd("$1,234.50") == 1_234_500_000_000_000
    refused = ["€0.0045", "0,0045 €", "0.45 ¢", "R$0.10", "EUR 1", "1,234", "(0.0045)", "-$5", "free"]
    assert [picousd(text) for text in refused] == [None] * len(refused)


def test_a_comma_in_a_count_groups_thousands_and_a_point_does_not():
    assert [count(grouped(text), "n") for text in ("1,000", "12,345,678", "1 000", "1.234.567")] == [
        1000, 12_345_678, 1000, 1_234_567
    ]  # fmt: skip
    for text in ("1.234", "1,5", "1,000 tok"):
        with pytest.raises(Exception, match="not_integer_usage"):
            count(grouped(text), "n")


def test_a_single_count_in_groups_among_many_is_set_aside(tmp_path: Path):
    def calls(*counts: str) -> int:
        path = tmp_path / "log.csv"
        path.write_text("model,input_tokens,output_tokens\n" + "".join(f'm,"{n}",1\n' for n in counts))
        reader = open_log(sniff("log.csv", path))
        return sum(reader.parse(block).batch.num_rows for block in reader.blocks())

    assert calls("1,234") == 1
    assert calls(*["10"] * 50, "1,234") == 50
    assert calls(*["10"] * 50, *["1,234"] * 3) == 53


def test_a_single_count_in_groups_in_json_is_no_number(tmp_path: Path):
    def calls(number: int) -> int:
        path = tmp_path / "log.jsonl"
        record = {"model": "m", "input_tokens": "1,234", "output_tokens": 1}
        path.write_text("".join(json.dumps(record) + "\n" for _ in range(number)))
        reader = open_log(sniff("log.jsonl", path))
        return sum(reader.parse(block).batch.num_rows for block in reader.blocks())

    assert [calls(number) for number in (1, 2, 3)] == [0, 0, 3]


Read = Callable[..., tuple[list[dict[str, Any]], dict[tuple[str, str], tuple[int, int]]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a file: of every call its time, cost and counts; and what was not clear."""

    def reads(text: str, notation: Notation = UNSAID) -> Any:
        path = tmp_path / "log"
        path.write_text(text)
        reader = open_log(sniff("log", path, notation=notation))
        (block,) = reader.blocks()
        parsed = reader.parse(block)
        rows = parsed.batch.to_pylist()
        for row in rows:
            row["ts"] = row["ts"].strftime("%Y-%m-%d %H:%M") if row.get("ts") else None
        unclear = {(c.name, c.reason): (h.records, h.line) for c, h in parsed.unclear.columns.items()}
        assert parsed.quarantine.total == 0
        return rows, unclear

    return reads


def table(dates: Sequence[str], costs: Sequence[str] = (), tokens: Sequence[str] = ()) -> str:
    rows = range(max(len(dates), len(costs), len(tokens)))

    def cell(values: Sequence[str], row: int, other: str) -> str:
        return values[row] if row < len(values) else other

    return "timestamp;model;input_tokens;output_tokens;cost\n" + "".join(
        f"{cell(dates, row, '')};gpt-4o;{cell(tokens, row, '7')};2;{cell(costs, row, '')}\n" for row in rows
    )


def test_one_date_says_for_its_column_which_part_is_the_day(read: Read):
    rows, unclear = read(table(["11/4/2025 10:00", "2025-11-05", "13/4/2025 10:00"]))
    assert [row["ts"] for row in rows] == ["2025-04-11 10:00", "2025-11-05 00:00", "2025-04-13 10:00"]
    assert not unclear
    rows, _ = read(table(["11/4/2025 10:00", "4/13/2025 10:00"]))
    assert rows[0]["ts"] == "2025-11-04 10:00"


def test_a_column_that_does_not_say_it_is_told_and_has_no_times(read: Read):
    rows, unclear = read(table(["11/4/2025", "12/4/2025", "11/11/2025"]))
    assert [row["ts"] for row in rows] == [None, None, "2025-11-11 00:00"]
    assert unclear == {("timestamp", "date_order"): (2, 2)}


def test_the_user_says_what_no_column_says_and_no_more(read: Read):
    ambiguous = table(["11/4/2025"])
    assert read(ambiguous, Notation(DAY))[0][0]["ts"] == "2025-04-11 00:00"
    assert read(ambiguous, Notation(MONTH))[0][0]["ts"] == "2025-11-04 00:00"
    assert read(ambiguous, Notation(YEAR))[0][0]["ts"] is None
    assert read(table(["11/4/2025", "13/4/2025"]), Notation(MONTH))[0][0]["ts"] == "2025-04-11 00:00"


def test_a_column_that_contradicts_itself_says_nothing(read: Read):
    rows, unclear = read(table(["13/4/2025", "4/13/2025", "4/5/2025"]), Notation(DAY))
    assert [row["ts"] for row in rows] == ["2025-04-13 00:00", "2025-04-13 00:00", None]
    assert unclear == {("timestamp", "date_order"): (1, 4)}


def test_one_amount_says_for_its_column_what_a_comma_is(read: Read):
    rows, unclear = read(table([], ["1,234", "0,0045", "1.234,5"]))
    assert [row["reported_picousd"] for row in rows] == [1_234 * 10**9, 4_500_000_000, 12_345 * 10**11]
    assert not unclear
    rows, _ = read(table([], ["1,234", "0.0045"]))
    assert rows[0]["reported_picousd"] == 1_234 * 10**12


def test_the_other_columns_of_a_file_say_it_too(read: Read):
    rows, _ = read(table(["1.11.2025"], ["0,0045"], ["1.000"]))
    assert (rows[0]["input"], rows[0]["ts"]) == (1000, "2025-11-01 00:00")


def test_an_amount_that_can_be_two_is_told_and_none(read: Read):
    rows, unclear = read(table([], ["1,234", "2,345"]))
    assert [row.get("reported_picousd") for row in rows] == [None, None]
    assert unclear == {("cost", "decimal_mark"): (2, 2)}
    assert read(table([], ["1,234"]), Notation(None, COMMA))[0][0]["reported_picousd"] == 1_234 * 10**9


def test_another_currency_is_told_and_no_cost(read: Read):
    rows, unclear = read(table([], ["0,0045 €", "$0,0045"]))
    assert [row.get("reported_picousd") for row in rows] == [None, 4_500_000_000]
    assert unclear == {("cost", "currency"): (1, 2)}


def test_json_has_columns_too(read: Read):
    lines = [
        {
            "timestamp": date,
            "model": "gpt-4o",
            "usage": {"prompt_tokens": 7, "completion_tokens": 2, "cost": cost},
        }
        for date, cost in [("3/4/2025, 10:00", "1,234"), ("13/4/2025, 10:00", "0,5")]
    ]
    rows, unclear = read("".join(json.dumps(line) + "\n" for line in lines))
    assert [row["ts"] for row in rows] == ["2025-04-03 10:00", "2025-04-13 10:00"]
    assert [row["reported_picousd"] for row in rows] == [1_234 * 10**9, 5 * 10**11]
    assert not unclear


def test_ids_and_texts_are_no_amounts(read: Read):
    rows, unclear = read(
        "request_id,model,input_tokens,output_tokens,prompt\n1.234,gpt-4o,7,2,0,5\n".replace("0,5", '"0,5"')
    )
    assert (rows[0]["response_id"], rows[0]["prompt"]) == ("1.234", "0,5")
    assert not unclear
