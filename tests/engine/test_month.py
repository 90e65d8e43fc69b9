"""A log of any period as a month of 30 days: hand-made calendars, and a plain walk over days beside ours."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.engine.month import Method, month_of

HOUR = 3_600_000_000
DAY = 24 * HOUR
FRIDAY = (date(2026, 10, 2) - date(1970, 1, 1)).days


def month(first_day, last_day, *, after=0, until=DAY - 1, days=None):
    """A log from so long after the midnight of its first day to so long after that of its last."""
    return month_of(
        first_day * DAY + after,
        last_day * DAY + until,
        range(first_day, last_day + 1) if days is None else days,
    )


def scaled(found, amounts):
    return sum(found.weight(day) * amount for day, amount in amounts.items())


def test_ten_days_with_two_weekends_are_scaled_by_weekday():
    # Fri 2 to Sun 11 October: $10 on six weekdays, $1 on four days of weekends, $64 in all. By days that
    # were 64 × 3 = $192; a week is 5 × 10 + 2 × 1 = $52, and 30 days are 30 / 7 weeks.
    found = month(FRIDAY, FRIDAY + 9)
    amounts = {FRIDAY + i: 1 if i % 7 in {1, 2} else 10 for i in range(10)}
    assert sum(amounts.values()) == 64
    assert scaled(found, amounts) == Fraction(52 * 30, 7)
    assert (found.method, found.weekdays, found.is_weak) == (Method.WEEKDAYS, 7, True)


def test_six_whole_days_lack_a_weekday_and_give_a_plain_mean():
    found = month(FRIDAY, FRIDAY + 5)
    assert (found.method, found.weekdays) == (Method.DAYS, 6)
    assert scaled(found, {FRIDAY: 6, FRIDAY + 5: 12}) == 18 * 5


def test_days_in_part_are_left_out_when_two_whole_ones_are_there():
    found = month(FRIDAY, FRIDAY + 3, after=14 * HOUR, until=9 * HOUR)
    assert (found.partial, found.whole_days) == ((FRIDAY, FRIDAY + 3), 2)
    assert scaled(found, {FRIDAY: 1000, FRIDAY + 1: 3, FRIDAY + 2: 5, FRIDAY + 3: 1000}) == (3 + 5) * 15


def test_with_one_whole_day_everything_is_scaled_by_the_time_covered():
    found = month(FRIDAY, FRIDAY + 2, after=12 * HOUR, until=12 * HOUR)  # half a day, a day, half a day
    assert (found.method, found.covered) == (Method.ELAPSED, 2)
    assert scaled(found, {FRIDAY: 1, FRIDAY + 1: 2, FRIDAY + 2: 1}) == 4 * 15


def test_an_hour_without_traffic_at_midnight_does_not_make_a_day_partial():
    found = month(FRIDAY, FRIDAY, after=HOUR, until=23 * HOUR)
    assert (found.method, found.partial, found.covered) == (Method.DAYS, (), 1)
    assert found.weight(FRIDAY) == 30
    assert month(FRIDAY, FRIDAY, after=HOUR + 1, until=23 * HOUR).method is Method.NONE


def test_times_that_are_only_dates_do_not_lose_a_day():
    # Seven days, all at midnight: the last one is seen for no time at all, and six days count.
    found = month(FRIDAY, FRIDAY + 6, until=0)
    assert (found.partial, found.whole_days, found.covered) == ((FRIDAY + 6,), 6, 6)


def test_less_than_a_day_is_not_scaled():
    found = month(FRIDAY, FRIDAY + 1, after=20 * HOUR, until=19 * HOUR)
    assert found.method is Method.NONE
    assert found.weight(FRIDAY) == found.weight(None) == 0
    assert not found.is_weak


def test_without_times_nothing_is_scaled():
    assert month_of(None, None, []).method is Method.NONE


def test_days_without_requests_cost_nothing_and_are_counted():
    found = month(FRIDAY, FRIDAY + 13, days=[FRIDAY, FRIDAY + 1, FRIDAY + 5, FRIDAY + 13])
    assert (found.gap_days, found.longest_gap, found.whole_days) == (10, 7, 14)
    assert not found.is_weak


def test_an_amount_without_a_day_goes_by_the_time_covered():
    assert month(FRIDAY, FRIDAY + 9, after=12 * HOUR).weight(None) == Fraction(30 * 2, 19)


spans = st.tuples(
    st.integers(14_000, 22_000), st.integers(0, 60), st.integers(0, DAY - 1), st.integers(0, DAY - 1)
)


@given(spans, st.integers(1, 10**12))
def test_the_same_amount_every_day_makes_thirty_of_it(span, amount):
    first, length, after, until = span
    if length == 0:
        after, until = min(after, until), max(after, until)
    found = month(first, first + length, after=after, until=until)
    if found.method in {Method.DAYS, Method.WEEKDAYS}:
        assert scaled(found, dict.fromkeys(range(first, first + length + 1), amount)) == 30 * amount


@given(spans, st.lists(st.integers(0, 10**9), min_size=61, max_size=61))
def test_a_plain_walk_over_the_calendar_agrees(span, spent):
    first, length, after, until = span
    if length == 0:
        after, until = min(after, until), max(after, until)
    found = month(first, first + length, after=after, until=until)
    days = [date(1970, 1, 1) + timedelta(days=first + i) for i in range(length + 1)]
    whole = list(zip(days, spent, strict=False))
    late, early = after > HOUR, DAY - until > HOUR
    covered = (
        length + 1 - (Fraction(after, DAY) if late else 0) - (Fraction(DAY - until, DAY) if early else 0)
    )
    whole = whole[1 if late else 0 : -1 if early else None] if not (length == 0 and (late or early)) else []
    if covered < 1:
        expected = Fraction(0)
    elif len(whole) >= 7:
        by_weekday = [[usd for day, usd in whole if day.weekday() == w] for w in range(7)]
        expected = sum((Fraction(sum(amounts), len(amounts)) for amounts in by_weekday), Fraction(0)) * 30 / 7
    elif len(whole) >= 2 or (whole and not late and not early):
        expected = Fraction(sum(usd for _, usd in whole) * 30, len(whole))
    else:
        expected = sum(spent[: length + 1]) * 30 / covered
    assert scaled(found, {first + i: spent[i] for i in range(length + 1)}) == expected


def log(path, rows):
    """Calls that state their cost: (day of October 2026, hour, USD)."""
    lines = []
    for number, (day, hour, usd) in enumerate(rows):
        record = {
            "request_id": f"r{number}", "model": "gpt-4o", "input_tokens": 10, "output_tokens": 5,
            "cost_usd": usd, "gateway": "mine",
        }  # fmt: skip
        if day is not None:
            at = datetime(2026, 10, day, tzinfo=UTC) + timedelta(hours=hour)
            record["timestamp"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        lines.append(json.dumps(record))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def ten_days(tmp_path):
    """The two weekends of October 2026 from above: $0.10 on weekdays, $0.01 on days of weekends."""
    rows = []
    for day in range(2, 12):
        usd = 0.005 if day in {3, 4, 10, 11} else 0.05
        rows += [(day, 0.25, usd), (day, 23.75, usd)]
    return log(tmp_path / "ten.jsonl", rows)


def test_the_report_says_what_its_monthly_amounts_stand_on(run, ten_days):
    report = json.loads(run("analyze", ten_days, "--format", "json").out)
    assert report["spend"]["billed_usd"] == "0.64"
    assert report["spend"]["monthly_usd"] == "2.228571"  # 0.52 × 30 / 7
    assert report["period"]["coverage"] == {
        "method": "weekday_means", "calendar_days": 10, "days_with_requests": 10, "gap_days": 0,
        "longest_gap_days": 0, "whole_days": 10, "partial_days": [], "days_counted": 10,
        "weekdays_counted": 7, "undated_requests": 0, "weak": True,
    }  # fmt: skip
    # List is 10 × $2.5 + 5 × $10 per 1M, $0.000075 a call and $0.0045 in 30 days: the rest is markup.
    (markup,) = [f for f in report["findings"] if f["code"] == "CA-M1"]
    assert markup["monthly_usd"] == "2.224071"  # 2.2285714… - 0.0045
    text = " ".join(run("analyze", ten_days, columns=120).out.split())
    assert "Per month $2.23 30 days by weekday means of 10 whole days; weak: under 14 days" in text


def test_money_of_days_that_do_not_count_has_no_monthly_amount(run, tmp_path):
    rows = [(day, hour, 0.0001) for day in range(2, 5) for hour in (0.5, 23.5)]
    failed = log(tmp_path / "f.jsonl", [*rows, (5, 0.5, 0.4)])
    lines = failed.read_text(encoding="utf-8").splitlines()
    lines[-1] = json.dumps(json.loads(lines[-1]) | {"status": "error"})
    failed.write_text("\n".join(lines) + "\n", encoding="utf-8")
    report = json.loads(run("analyze", failed, "--format", "json").out)
    assert report["period"]["coverage"]["partial_days"] == ["2026-10-05"]
    assert report["spend"]["monthly_usd"] == "0.006"
    (finding,) = [f for f in report["findings"] if f["code"] == "CA-R1"]
    assert (finding["usd"], finding["monthly_usd"]) == ("0.000075", None)
    text = " ".join(run("analyze", failed, columns=120).out.split())
    assert "CA-R1: on days that the log covers in part, of which no month is made." in text


def test_a_day_in_part_and_requests_without_a_time_are_told(run, tmp_path):
    rows = [(day, hour, 0.5) for day in range(2, 5) for hour in (0.5, 23.5)]
    path = log(tmp_path / "p.jsonl", [*rows, (5, 12, 9.0), (None, 0, 0.35)])
    report = json.loads(run("analyze", path, "--format", "json").out)
    # $1 a day by three whole days; $0.35 without a time in 3.5 days. The half day is left out.
    assert report["spend"]["monthly_usd"] == "33.00"
    text = " ".join(run("analyze", path, columns=120).out.split())
    assert "30 days by the mean of 3 whole days; 1 day in part left out; weak: under 14 days" in text
    assert "1 request without a time: scaled by the time that the log covers." in text
