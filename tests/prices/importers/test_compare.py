"""Our book against observations: every verdict, at the right time and under the right condition."""

from __future__ import annotations

from decimal import Decimal

import pytest

from costaudit.prices.conditions import parse_when
from costaudit.prices.importers.compare import Crosscheck, ObservationVerdict, compare
from costaudit.prices.importers.observation import NOT_THEN, Observation, SkippedStatement
from costaudit.prices.rows import instant_us

NOW = instant_us("2026-11-21")


def observed(
    usd: str, klass="input", when="", start=None, end=None, provider="openai", model="gpt-a"
) -> Observation:
    return Observation(
        "litellm",
        provider,
        model,
        klass,
        Decimal(usd),
        parse_when(when),
        None if start is None else instant_us(start),
        "a place",
        None if end is None else instant_us(end),
    )


def only(check: Crosscheck):
    (found,) = check.comparisons
    return found


@pytest.mark.parametrize(
    ("item", "verdict", "ours"),
    [
        (observed("4"), "agrees", "4"),
        (observed("4.001"), "agrees", "4"),  # a rounding of 0.025 percent
        (observed("4.01"), "differs", "4"),
        (observed("4.4", when="context>272000"), "differs", "8"),
        (observed("8", when="context>=272000"), "agrees", "8"),
        (observed("8", when="context>271999"), "agrees", "8"),
        (observed("8", when="context>300000"), "agrees", "8"),
        (observed("5"), "older_than_ours", "4"),
        (observed("5", end="2026-08-21"), "agrees", "5"),
        (observed("5", start="2026-07-09", end="2026-08-21"), "agrees", "5"),
        (observed("3", start="2026-08-01", end="2026-08-21"), "differs", "5"),
        (observed("4", start="2026-08-21"), "agrees", "4"),
        (observed("4", start="2026-08-01"), "differs", "5"),  # not yet at its own start
        (observed("6", start="2026-01-01", end="2026-02-01"), "older_than_ours", "5"),
        (observed("4.4", when="region=eu"), "missing_class", "4"),
        (observed("4", when="region=eu"), "agrees", "4"),
        (observed("2", when="tier=batch"), "missing_class", None),
        (observed("5", klass="cache_write_5m"), "missing_class", None),
        (observed("1", model="gpt-z"), "unknown_model", None),
        (observed("1", provider="somebody"), "unknown_model", None),
        (observed("4", provider="azure"), "agrees", "4"),
        (observed("9", provider="open_ai", model="openai/gpt-a"), "differs", "4"),
        (observed("0.3", when="window=peak", provider="deepseek", model="deepseek-x"), "agrees", "0.3"),
        (observed("0.3", provider="deepseek", model="deepseek-x"), "differs", "0.15"),
        # A gateway's own list is not the vendor's, whatever a log is priced by.
        (observed("4", provider="openrouter", model="openai/gpt-a"), "unknown_model", None),
    ],
)
def test_a_verdict_and_the_row_it_rests_on(book, item, verdict, ours):
    found = only(compare(book, [item], NOW))
    assert (found.verdict, found.ours and f"{found.ours.usd:f}") == (verdict, ours)


def test_a_condition_that_we_ended_is_older_than_ours(book_of):
    book = book_of(
        "gpt-a,input,3,2026-01-01,\n"
        "gpt-a,input,6,2026-01-01,context>200000\n"
        "gpt-a,input,,2026-04-30,context>200000\n"
    )
    found = only(compare(book, [observed("6", when="context>200000")], NOW))
    assert (found.verdict, found.detail) == (ObservationVerdict.OLDER_THAN_OURS, "ours until 2026-04-30")
    found = only(compare(book, [observed("3", when="context>200000")], NOW))
    assert found.verdict == ObservationVerdict.AGREES


def test_a_model_that_we_ended_is_older_than_ours(book_of):
    book = book_of("gpt-a,input,3,2026-01-01,\ngpt-a,input,,2026-04-30,\n")
    found = only(compare(book, [observed("9")], NOW))
    assert (found.verdict, found.detail) == (ObservationVerdict.OLDER_THAN_OURS, "ours ended on 2026-04-30")


def test_a_difference_states_both_prices_their_ratio_and_our_row(book):
    found = only(compare(book, [observed("5.5")], NOW))
    assert found.ours is not None
    assert (found.ours.rate_id, found.ours.confidence) == ("openai/gpt-a/input@2026-08-21", "high")
    assert (found.observation.usd, found.ours.usd, found.ratio) == (Decimal("5.5"), 4, Decimal("1.375"))


def test_with_a_time_only_what_held_then_is_compared(book):
    items = [observed("5", end="2026-08-21"), observed("4", start="2026-08-21")]
    check = compare(book, items, NOW, at=instant_us("2026-08-01"))
    assert only(check).observation == items[0]
    assert only(check).verdict == ObservationVerdict.AGREES
    assert check.skipped == (SkippedStatement(NOT_THEN, "a place"),)


def test_with_a_provider_all_others_are_left_out(book):
    items = [observed("4"), observed("0.15", provider="deepseek", model="deepseek-x")]
    assert only(compare(book, items, NOW, provider="deepseek")).observation == items[1]


def test_counts_name_every_verdict_and_the_order_does_not_depend_on_the_source(book):
    items = [observed("9"), observed("4"), observed("1", model="gpt-z"), observed("7", klass="output")]
    check = compare(book, items, NOW)
    assert check.counts == {
        "differs": 2, "older_than_ours": 0, "missing_class": 0, "unknown_model": 1, "agrees": 1,
    }  # fmt: skip
    assert compare(book, items[::-1], NOW) == check
