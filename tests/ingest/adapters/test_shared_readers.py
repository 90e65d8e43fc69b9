"""Traps of real logs in the readers that all formats share."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from costaudit.ingest.fields import picousd, text, timestamp_us
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from costaudit.stated import Includes, Stated


def test_parquet_has_a_type_for_uuids():
    assert text(UUID(int=1)) == "00000000-0000-0000-0000-000000000001"


@pytest.mark.parametrize("value", [10**400, "9" * 400, "9" * 5000, float("nan"), float("inf"), -(10**400), 0])
def test_a_number_beyond_time_is_no_time(value: object):
    assert timestamp_us(value) is None


EARLY = [63_400, "63400", 1_262_303_999, "2009-12-31T23:59:59Z", datetime(1970, 1, 1, 17, tzinfo=UTC)]


@pytest.mark.parametrize("value", EARLY)
def test_a_clock_that_counts_from_its_own_start_is_no_time(value: object):
    # seen in a logged body: "created": 63400
    assert timestamp_us(value) is None
    assert timestamp_us(1_262_304_000) == 1_262_304_000 * 10**6


def test_times_of_every_unit_are_the_same_moment():
    moment = datetime(2026, 10, 5, 9, 15, 2, tzinfo=UTC)
    seconds = int(moment.timestamp())
    for value in (seconds, seconds * 10**3, seconds * 10**6, seconds * 10**9, moment, "2026-10-05 09:15:02"):
        assert timestamp_us(value) == seconds * 10**6


def call_of(stated: Stated) -> Call:
    return settled([Call(stated=stated)])[0]


def test_tokens_that_are_written_and_read_by_the_same_call_are_counted_once():
    # OpenRouter, a Gemini model: prompt 2168, cached 2161, written 2161, total = prompt + completion
    call = call_of(Stated(prompt=2168, completion=100, total=2268, cache_read=2161, write_5m=2161))
    assert (call.input, call.cache_read, call.cache_write_5m, call.output) == (0, 2161, 7, 100)
    assert call.reading == "inclusive"


def test_the_total_decides_when_reasoning_exceeds_the_completion_it_is_inside_of():
    # OpenRouter: completion 10, of which reasoning 11, total = prompt + completion
    call = call_of(Stated(prompt=43, completion=10, total=53, reasoning=11))
    assert (call.input, call.output, call.reasoning) == (43, 10, 10)


def test_a_source_with_cache_outside_keeps_its_large_reads_and_writes():
    outside = Includes(cache=False)
    call = call_of(
        Stated(prompt=2168, completion=100, total=2268, cache_read=2161, write_5m=2161, includes=outside)
    )
    assert (call.input, call.cache_read, call.cache_write_5m) == (2168, 2161, 2161)


@pytest.mark.parametrize("cost", ["1e900000", "1" * 200_000, "-1e900000", "9" * 40])
def test_a_cost_with_more_digits_than_money_is_none(cost: str):
    assert picousd(cost) is None


def test_digits_behind_the_point_are_rounded():
    assert picousd("0." + "1" * 200_000) == 111_111_111_111
    assert picousd("1e-900000") == 0
