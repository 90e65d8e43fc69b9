"""The risk guard and the scores that it judges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.schema import UNTAGGED, Tier
from costaudit.tiers.guard import guarded_tiers
from costaudit.tiers.scores import best_tier, percent_of, scores_of

ROWS = st.lists(st.tuples(*[st.integers(0, 5000)] * 4), min_size=1, max_size=6)
LOGITS = st.lists(st.tuples(*[st.integers(-40_000, 40_000)] * 4), min_size=1, max_size=6)


def by_hand(row: tuple[int, ...], permille: int) -> int:
    for tier in range(3):
        if sum(row) and sum(row[tier + 1 :]) * 1000 <= permille * sum(row):
            return tier
    return 3 if sum(row) and row[3] >= row[0] + row[1] + row[2] else UNTAGGED


@given(ROWS, st.integers(0, 1000))
def test_the_smallest_tier_within_the_risk(rows, permille):
    assert guarded_tiers(np.array(rows), permille / 1000).tolist() == [by_hand(r, permille) for r in rows]


@given(ROWS, st.integers(0, 1000), st.integers(0, 1000))
def test_less_risk_never_lowers_a_tag(rows, one, other):
    low, high = sorted((one / 1000, other / 1000))
    careful, bold = guarded_tiers(np.array(rows), low), guarded_tiers(np.array(rows), high)
    assert ((careful >= bold) | (careful == UNTAGGED)).all()


@given(ROWS, st.integers(1, 50))
def test_the_vote_of_equal_rows_is_their_tag(rows, copies):
    rows = np.array(rows)
    assert guarded_tiers(rows * copies, 0.3).tolist() == guarded_tiers(rows, 0.3).tolist()


@pytest.mark.parametrize("risk", [-0.01, 1.01, float("nan")])
def test_a_risk_that_is_no_share_is_refused(risk):
    with pytest.raises(ValueError, match="risk must be 0 to 1"):
        guarded_tiers(np.zeros((1, 4), np.int32), risk)


@given(LOGITS)
def test_scores_are_the_softmax_in_thousandths(rows):
    scores = scores_of(np.array(rows))
    assert (scores >= 0).all()
    assert (scores.sum(axis=1) == 1000).all()
    for row, got in zip(rows, scores, strict=True):
        odds = [math.exp((logit - max(row)) / 1000) for logit in row]
        # rounding down takes up to 1 off each, the best gets up to 3; steps of 0.01 add 1 % of a quarter
        assert np.abs(got - np.array(odds) * 1000 / sum(odds)).max() <= 6


@given(LOGITS)
def test_the_highest_logit_has_the_highest_score(rows):
    logits = np.array(rows)
    scores = scores_of(logits)
    best = best_tier(logits)
    assert (scores[np.arange(len(rows)), best] == scores.max(axis=1)).all()


def test_of_equal_tiers_the_higher_wins():
    assert scores_of(np.array([[5, 5, 5, 5]])).tolist() == [[250, 250, 250, 250]]
    assert best_tier(np.array([[7, 9, 9, 0]])).tolist() == [Tier.COMPLEX]


def test_percent_of_a_tier():
    scores = np.array([[700, 200, 100, 0], [0, 0, 0, 0], [1400, 400, 200, 0]])
    assert percent_of(scores, np.array([0, UNTAGGED, 1], np.int8)).tolist() == [70, 0, 20]
