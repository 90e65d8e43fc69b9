"""What is a time and on which day it lies, in JSON alone and among others, in CSV and in Parquet."""

from __future__ import annotations

from typing import Any

from tests.catalogue.auditor import Auditor, Report
from tests.catalogue.cases import TRUST, named
from tests.catalogue.logs import csv_rows, packed

DAY = "2026-10-05"
TIMES: dict[str, tuple[Any, str | None]] = {
    "seconds": (1791191702, DAY),
    "milliseconds": (1791191702114, DAY),
    "microseconds": (1791191702114000, DAY),
    "nanoseconds": (1791191702114000000, DAY),
    "seconds as text": ("1791191702.5", DAY),
    "offset +14:00": ("2026-10-05T01:00:00+14:00", "2026-10-04"),
    "offset -12:00": ("2026-10-05T23:00:00-12:00", "2026-10-06"),
    "offset with seconds": ("2026-10-05T09:00:00+05:30:15", DAY),
    "naive": ("2026-10-05T09:00:00", DAY),
    "space and UTC": ("2026-10-05 09:00:00 UTC", DAY),
    "nine digits": ("2026-10-05T09:00:00.123456789Z", DAY),
    "leap second": ("2026-12-31T23:59:60Z", None),
    "24:00": ("2026-10-05T24:00:00Z", None),
    "1970": ("1970-01-01T00:00:01Z", None),
    "1969": ("1969-12-31T00:00:00Z", None),
    "0": (0, None),
    "2100": ("2100-01-01T00:00:00Z", "2100-01-01"),
    "2262": ("2262-12-01T00:00:00Z", None),
    "year 9999": ("9999-12-31T23:59:59Z", None),
    "year 10000": ("10000-01-01T00:00:00Z", None),
    "29 February of no leap year": ("2027-02-29T00:00:00Z", None),
    "nonsense": ("yesterday", None),
    "1e300": (1e300, None),
    "true": (True, None),
    "object": ({"a": 1}, None),
    "lower-case z": ("2026-10-05t09:00:00z", DAY),
    "RFC 1123": ("Mon, 05 Oct 2026 09:00:00 GMT", DAY),
    "DST gap with zone name": ("2026-03-29T02:30:00+01:00[Europe/Berlin]", None),
    "comma fraction": ("2026-10-05T09:00:00,5Z", DAY),
    "date only": ("2026-10-05", DAY),
    "basic format": ("20261005T090000Z", DAY),
    "negative seconds": (-5, None),
}
"""A time and its day; None where it is undated."""


def at(value: Any) -> bytes:
    """A request at some time."""
    return packed({"model": "gpt-4o", "input_tokens": 10, "output_tokens": 1, "timestamp": value})


def requests_by_day(report: Report) -> dict[str | None, int]:
    return {row["date"]: row["requests"] for row in report["by_day"]}


@named(TIMES)
def test_the_day_of_a_time(audit: Auditor, case: tuple[Any, str | None]):
    value, day = case
    around = at("2026-11-07T09:00:00Z") * 50
    among = audit.counted(audit.file("among.jsonl", around + at(value) + around), requests=101, skipped={})
    assert requests_by_day(among) == {day: 1, "2026-11-07": 100}


@TRUST
@named(TIMES)
def test_the_day_of_a_time_alone_in_its_file(audit: Auditor, case: tuple[Any, str | None]):
    value, day = case
    alone = audit.counted(audit.file("alone.jsonl", at(value)), requests=1, skipped={})
    assert requests_by_day(alone) == {day: 1}


WRITTEN = {
    name: (value, day)
    for name, (value, day) in TIMES.items()
    if isinstance(value, str | float) or type(value) is int
    if "," not in str(value)
}


@named(WRITTEN, slow=set(WRITTEN) - {"seconds", "offset +14:00", "naive", "lower-case z", "nonsense"})
def test_the_day_of_a_time_in_csv(audit: Auditor, case: tuple[Any, str | None]):
    value, day = case
    log = audit.file("x.csv", csv_rows([f"{value},gpt-4o,10,1"]))
    assert requests_by_day(audit.counted(log, requests=1, skipped={})) == {day: 1}
