"""Prompt caches of sessions under a policy, turn by turn."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from costaudit.engine.cache import Turns, kept_in_cache
from costaudit.prices.cards import NO_TS

MINUTE = 60_000_000
TTL = 5 * MINUTE
A, B = 0, 1


def turns(*rows: tuple[int, int, int, int, int, int]) -> Turns:
    """Session, minute, own, target, context, cached tokens."""
    session, minute, own, target, context, read = (list(c) for c in zip(*rows, strict=True))
    return Turns(
        np.array(session, np.uint64), np.array(minute, np.int64) * MINUTE, np.array(own, np.int32),
        np.array(target, np.int32), np.array(context, np.int64), np.array(read, np.int64),
    )  # fmt: skip


def kept(*rows: tuple[int, int, int, int, int, int]) -> list[int]:
    return kept_in_cache(turns(*rows), TTL).tokens.tolist()


def test_a_session_that_moves_as_a_whole_keeps_its_cache():
    assert kept((1, 0, A, B, 1000, 0), (1, 1, A, B, 2000, 1000), (1, 2, A, B, 3000, 2000)) == [0, 1000, 2000]


def test_a_request_whose_predecessor_went_elsewhere_finds_nothing():
    assert kept((1, 0, A, A, 1000, 0), (1, 1, A, B, 2000, 1000)) == [0, 0]


def test_the_one_that_stays_behind_loses_what_the_other_wrote():
    """The third reads 2,000 tokens today; on its own model only the first 1,000 were written."""
    assert kept((1, 0, A, A, 1000, 0), (1, 1, A, B, 2000, 1000), (1, 2, A, A, 3000, 2000)) == [0, 0, 1000]


def test_an_older_request_of_the_same_target_is_in_the_cache_only_for_a_while():
    first, second = (1, 0, A, B, 1000, 0), (1, 1, A, A, 2000, 1000)
    assert kept(first, second, (1, 5, A, B, 3000, 2000))[2] == 1000
    assert kept(first, second, (1, 6, A, B, 3000, 2000))[2] == 0


def test_a_cache_that_lasted_an_hour_today_lasts_as_long_under_the_policy():
    assert kept((1, 0, A, B, 1000, 0), (1, 60, A, B, 2000, 1000)) == [0, 1000]


def test_sessions_do_not_share_what_they_wrote():
    assert (
        kept((1, 0, A, B, 1000, 0), (1, 1, A, A, 9, 9), (2, 1, A, B, 2000, 0), (1, 2, A, B, 3000, 2000))[3]
        == 1000
    )


def test_tokens_from_outside_the_session_count_as_kept_and_are_told():
    found = kept_in_cache(turns((1, 0, A, B, 5000, 4000)), TTL)
    assert (found.tokens.tolist(), found.shared.tolist()) == ([4000], [True])


def test_a_request_without_a_time_is_taken_as_it_is():
    rows = turns((1, 0, A, A, 1000, 0), (1, 1, A, B, 2000, 1000))
    rows.ts[1] = NO_TS
    assert kept_in_cache(rows, TTL).tokens.tolist() == [0, 1000]


def test_of_requests_at_one_instant_the_earlier_in_the_log_stands_before():
    assert kept((1, 0, A, B, 1000, 0), (1, 0, A, B, 2000, 1000)) == [0, 1000]


ROWS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.integers(0, 20),
        st.integers(0, 2),
        st.integers(0, 2),
        st.integers(0, 50),
        st.integers(0, 50),
    ),
    min_size=1,
    max_size=30,
)


@given(ROWS)
def test_nothing_is_lost_where_nothing_moves_and_never_more_than_there_was(rows: list[tuple[int, ...]]):
    stays = [(s, t, own, own, c, r) for s, t, own, _, c, r in rows]
    assert kept(*stays) == [row[5] for row in rows]
    assert all(0 <= k <= row[5] for k, row in zip(kept(*rows), rows, strict=True))  # type: ignore[arg-type]


@given(ROWS)
def test_it_is_what_going_through_the_log_in_order_says(rows: list[tuple[int, ...]]):
    """One request after the other, with what each model of each session last saw."""
    order = sorted(range(len(rows)), key=lambda i: (rows[i][1], i))
    last_own: dict[tuple[int, int], int] = {}
    last_target: dict[tuple[int, int], int] = {}
    expected = [0] * len(rows)
    for i in order:
        session, minute, own, target, _, read = rows[i]
        before_own, before = last_own.get((session, own)), last_target.get((session, target))
        if before_own is None or (before is not None and before == before_own):
            expected[i] = read
        elif before is not None and minute - rows[before][1] <= 5:
            expected[i] = min(read, rows[before][4])
        last_own[session, own] = last_target[session, target] = i
    assert kept(*rows) == expected  # type: ignore[arg-type]
