"""Scores: how probable each tier is for a row, in whole thousandths."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import numpy as np

from costaudit.schema import Tier

if TYPE_CHECKING:
    from numpy.typing import NDArray

WHOLE: Final = 1000
"""The scores of a row that has any add up to this."""

_STEP: Final = 10
"""Thousandths of a logit per entry of the table of exponentials."""

_UNIT: Final = 2**20


@functools.cache
def _exponentials() -> NDArray[np.int64]:
    """exp(-x) in integers for x of 0 to 14, by decimal arithmetic: the same on every platform."""
    return np.array([round(_UNIT * (Decimal(-i * _STEP) / 1000).exp()) for i in range(1400)], np.int64)


def scores_of(logits: NDArray[np.integer]) -> NDArray[np.int32]:
    """The softmax of logits in thousandths, one row per text, in whole thousandths that add up to 1000.

    What rounding leaves goes to the most probable tier, of equals the higher.
    """
    best = best_tier(logits)[:, None].astype(np.intp)
    behind = np.take_along_axis(logits, best, axis=1) - logits
    table = _exponentials()
    odds = table[np.minimum(behind // _STEP, len(table) - 1)]
    scores: NDArray[np.int64] = odds * WHOLE // odds.sum(axis=1, keepdims=True)
    rest = WHOLE - scores.sum(axis=1, keepdims=True)
    np.put_along_axis(scores, best, np.take_along_axis(scores, best, axis=1) + rest, axis=1)
    return scores.astype(np.int32)


def best_tier(scores: NDArray[np.integer]) -> NDArray[np.int8]:
    """The tier with the highest score, of equals the higher."""
    best: NDArray[np.int8] = (len(Tier) - 1 - scores[:, ::-1].argmax(axis=1)).astype(np.int8)
    return best


def percent_of(scores: NDArray[np.integer], tier: NDArray[np.int8]) -> NDArray[np.int64]:
    """The share of a tier in each row of scores, or of sums of them, in whole percent; 0 without scores."""
    total = scores.sum(axis=1, dtype=np.int64)
    of_tier = np.take_along_axis(scores, np.maximum(tier, 0)[:, None].astype(np.intp), axis=1)[:, 0]
    percent: NDArray[np.int64] = of_tier.astype(np.int64) * 100 // np.maximum(total, 1)
    return percent
