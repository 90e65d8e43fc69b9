"""The risk guard: the cheapest tier that is rarely too low.

A tag that is too low costs quality, one that is too high only money. So a row gets the smallest tier t for
which P(true tier > t) is within the risk, and not the most probable one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from costaudit.schema import UNTAGGED, Tier

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_RISK: Final = 0.30


def guarded_tiers(scores: NDArray[np.integer], risk: float = DEFAULT_RISK) -> NDArray[np.int8]:
    """The tier of each row of scores, or UNTAGGED.

    `scores` has one column per tier: the scores of a row, or the sum of the scores of all rows that share a
    fingerprint. `risk` is from 0 to 1, and is taken in whole thousandths. Tier 3 costs a verification, so it
    is given only where it is at least as probable as all others together. Where no tier is within the risk,
    and for a row without scores, the answer is UNTAGGED: such a request keeps its model.

    >>> guarded_tiers(np.array([[700, 150, 100, 50], [500, 150, 300, 50], [450, 0, 150, 400], [0, 0, 0, 0]]))
    array([ 0,  2, -1, -1], dtype=int8)
    """
    if not 0 <= risk <= 1:
        raise ValueError(f"risk must be 0 to 1, not {risk}")
    wide = scores.astype(np.int64)
    total = wide.sum(axis=1, keepdims=True)
    above = total - wide.cumsum(axis=1)
    within = above[:, : Tier.HIGH_STAKES] * 1000 <= round(risk * 1000) * total
    below = np.where(wide[:, Tier.HIGH_STAKES] * 2 >= total[:, 0], Tier.HIGH_STAKES, UNTAGGED)
    tier = np.where(within.any(axis=1), within.argmax(axis=1), below)
    return np.where(total[:, 0] > 0, tier, UNTAGGED).astype(np.int8)
