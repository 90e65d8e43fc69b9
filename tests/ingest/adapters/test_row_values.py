"""Values of exported rows, which may be text, and what all gateways' rows have in common."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.ingest.adapters import row_facts, row_values
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from costaudit.stated import Stated

ANYTHING = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2)
)


@pytest.mark.parametrize(
    ("value", "number"),
    [("2431", 2431), (" 2 ", 2), (0.5, 0.5), ("", None), ("-", None), (-1, None), (True, None), ("nan", None),
     ("inf", None), (10**400, None), ("1e400", None), ([], None)],
)  # fmt: skip
def test_numbers_out_of_text(value: Any, number: float | None):
    assert row_values.number(value) == number


def test_durations_in_seconds_and_milliseconds():
    assert row_values.milliseconds("2.431", per_unit=1000) == 2431
    assert row_values.milliseconds(2431) == 2431
    assert row_values.milliseconds(1e300) is None
    assert row_values.elapsed_ms("2026-10-05T09:15:02.114", "2026-10-05T09:15:04.545") == 2431
    assert row_values.elapsed_ms("2026-10-05T09:15:02", "2026-10-05T09:15:01") is None


def test_costs_in_cents_and_nano_dollars_are_exact():
    assert row_values.picousd_of(2.7681, 100) == row_values.picousd_of("2.7681", 100) == 27_681_000_000
    assert row_values.picousd_of(27_681_000, 10**9) == 27_681_000_000
    assert row_values.picousd_of("1e400", 100) is None
    assert row_values.picousd_of(-1, 100) is None
    assert row_values.picousd_of(10**30, 100) is None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("rate_limit_exceeded", "rate_limit_exceeded"),
        ("RateLimitError('Error code: 429')", "RateLimitError"),
        ({"message": "secret", "code": 429}, "429"),
        ({"type": "invalid_request_error"}, "invalid_request_error"),
        ("  ", None),
        ("(odd)", None),
        (None, None),
        ({}, None),
    ],
)
def test_of_an_error_only_its_code_is_kept(error: Any, code: str | None):
    assert row_values.short_code(error) == code


def test_lists_and_objects_out_of_their_json_strings():
    assert row_values.items('["a"]') == row_values.items(["a"]) == row_values.items(("a",)) == ["a"]
    assert row_values.items("[oops") == row_values.items("a") == row_values.items(None) == []
    assert row_values.plain('{"a": 1}') == {"a": 1}
    assert row_values.plain("[not json") == "[not json"


def test_a_row_without_its_empty_cells():
    assert row_values.filled({"a": "", "b": None, "c": "-", "d": 0, "e": "x"}) == {"d": 0, "e": "x"}


@given(value=ANYTHING)
def test_reading_never_raises(value: Any):
    for read in (row_values.number, row_values.integer, row_values.milliseconds, row_values.short_code,
                 row_values.items, row_values.plain):  # fmt: skip
        read(value)
    row_values.picousd_of(value, 100)
    row_values.elapsed_ms(value, value)


def test_labels_name_feature_user_session_and_tiers():
    call = Call(user="known")
    metadata = {
        "feature": "f",
        "_user": "u",
        "thread_id": "t",
        "user_tier": "gold",
        "tier": "3",
        "env": "prod",
    }
    row_facts.set_labels(call, metadata)
    assert (call.feature, call.user, call.session, call.user_tier, call.tier_tag) == (
        "f", "known", "t", "gold", 3,
    )  # fmt: skip
    assert row_facts.tags_of(metadata) == "env:prod"
    assert row_facts.tags_of({"feature": "f", "long": "x" * 65, "deep": {}}) is None


@pytest.mark.parametrize(
    ("provider", "tokens", "quality"),
    [("openai", 1023, "exact"), ("openai", 1024, "partial"), ("Gemini", 10, "exact"),
     ("anthropic", 10, "partial"), (None, 10, "partial"), ("openai", 0, "none")],
)  # fmt: skip
def test_without_a_cache_split_only_prompts_too_short_to_be_cached_are_exact(
    provider: str | None, tokens: int, quality: str
):
    stated = Stated(prompt=tokens, completion=0)
    row_facts.without_split(stated, provider)
    (call,) = settled([Call(provider=provider, stated=stated)])
    assert call.quality == quality


def test_a_cost_of_nothing_for_tokens_is_an_unknown_price_and_not_a_free_call():
    call = Call(input=10)
    row_facts.set_usd(call, "0.0")
    assert call.reported_picousd is None
    for free in (Call(input=10, status="cache_hit"), Call(status="error")):
        row_facts.set_usd(free, 0)
        assert free.reported_picousd == 0


def test_an_answer_states_usage_id_and_cost_also_when_only_usage_was_kept():
    call = Call()
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "cost": 0.5}
    assert row_facts.set_answer(call, {"id": "gen-1", "usage": usage})
    settled([call])
    assert (call.input, call.output, call.response_id, call.reported_picousd) == (10, 2, "gen-1", 5 * 10**11)
    claude = {"input_tokens": 10, "cache_read_input_tokens": 7, "output_tokens": 2}
    assert row_facts.set_answer(call, {"usage": claude})
    settled([call])
    assert (call.input, call.cache_read) == (10, 7)
    assert not row_facts.set_answer(call, {"error": {"code": "x"}})
    assert not row_facts.set_answer(call, {})
