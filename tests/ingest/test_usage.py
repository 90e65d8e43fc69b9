"""Single counts, and what of a record's raw counts is a clock."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.ingest.format import Skip
from costaudit.ingest.settle import settled
from costaudit.ingest.usage import has_tokens, is_counted, refuse_clocks
from costaudit.schema import Call
from costaudit.stated import Includes, Stated

NOW_S = 1_790_000_000
BESIDE = Includes(cache=False, reasoning=False, media=False)


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ({"prompt": NOW_S, "completion": 1}, "input"),
        ({"prompt": 1, "completion": NOW_S + 86_400}, "output"),
        ({"prompt": 1, "completion": 1, "cache_read": NOW_S - 5}, "cache_read"),
        ({"prompt": 1, "completion": 1, "written": NOW_S}, "cache_write_5m"),
        ({"prompt": 1, "completion": 1, "write_1h": NOW_S}, "cache_write_1h"),
        ({"prompt": 1, "completion": 1, "reasoning": NOW_S}, "output"),
        ({"prompt": 1, "completion": 1, "total": NOW_S}, "output"),  # it would be hidden thinking
        ({"prompt": 1, "completion": 1, "input_audio": NOW_S, "includes": BESIDE}, "input_audio"),
        ({"prompt": 1, "completion": 1, "input_other": NOW_S, "includes": BESIDE}, "input"),
    ],
)
def test_a_clock_in_a_count_is_refused_by_the_class_that_it_would_fill(stated: dict[str, Any], name: str):
    with pytest.raises(Skip, match="usage_too_large") as refused:
        refuse_clocks(Call(ts=NOW_S * 10**6, stated=Stated(**stated)))
    assert refused.value.detail == f"{name} is the time of the call"


@pytest.mark.parametrize(
    "call",
    [
        Call(ts=None, stated=Stated(prompt=NOW_S)),
        Call(ts=NOW_S * 10**6, stated=Stated(prompt=NOW_S + 86_401)),
        Call(
            ts=NOW_S * 10**6, stated=Stated(prompt=1, completion=1, reasoning=1, total=NOW_S)
        ),  # never counted
        Call(ts=10**9 * 10**6, stated=Stated(prompt=999_999_999)),
        Call(ts=NOW_S * 10**6, input=5),
    ],
)
def test_other_counts_are_none(call: Call):
    refuse_clocks(call)


def test_a_settled_call_is_asked_as_well():
    with pytest.raises(Skip):
        refuse_clocks(Call(ts=NOW_S * 10**6, cache_read_image=NOW_S))


@pytest.mark.parametrize(
    ("call", "some", "counted"),
    [
        (Call(), False, True),
        (Call(output_image=1), True, True),
        (Call(quality="none"), False, False),
        (Call(stated=Stated()), False, False),
        (Call(stated=Stated(prompt=0, completion=0)), False, True),
        (Call(stated=Stated(prompt=0, completion=0, zeros_are_nothing=True)), False, False),
        (Call(stated=Stated(completion=0, total=3)), False, True),
        (Call(stated=Stated(prompt=0, cache_read=3, zeros_are_nothing=True)), True, True),
    ],
)
def test_what_raw_counts_say_before_they_are_settled(call: Call, some: bool, counted: bool):
    assert (has_tokens(call), is_counted(call)) == (some, counted)
    settled([call])
    assert has_tokens(call) == some
    assert is_counted(call) == counted
