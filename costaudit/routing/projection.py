"""The projection: what the same requests would have cost, in steps that add up.

Works on plain arrays of exact integer amounts, one entry per group of requests; it does not know where
they come from. See docs/how-the-number-is-made.md for the definitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from costaudit.routing.policy import Policy

Amounts = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Groups:
    """What a projection needs to know of groups of requests; all arrays have one entry per group."""

    tier: npt.NDArray[np.integer]
    band: npt.NDArray[np.integer]
    """0 untagged, 1 weak, 2 at or above min_confidence, 3 at or above strong_confidence."""
    priced: Mask
    billable: Mask
    """The call ended well."""
    billed: Amounts
    list_: Amounts
    same: Amounts
    """List cost after routing among the providers used."""
    any: Amounts
    """List cost after routing among all candidates."""


@dataclass(frozen=True, slots=True)
class Projected:
    """The steps from billed to after, per group; every step is what that driver takes off the bill."""

    markup: Amounts
    reliability: Amounts
    overspecification: Amounts
    lock_in: Amounts
    verification: Amounts
    """What the verification pass adds."""
    after: Amounts
    """billed - markup - reliability - overspecification - lock_in + verification."""
    discount: Amounts
    """What was billed below list; no step, because a discount is kept as long as the model is."""


def project(groups: Groups, verified: dict[int, Amounts], *, believe: int = 2) -> Projected:
    """The projection when tags of confidence band `believe` and above are acted on.

    `verified` holds, by tier, the cost after routing times the tier's verification multiple. A group
    without a price keeps what was billed. A failed or superseded attempt costs nothing afterwards: all
    of its cost but the markup is reliability. A group billed below list (a negotiated price) starts
    from what it was billed, and moves only where the candidate's list price is below that.
    """
    zero = np.zeros(len(groups.billed), dtype=object)
    base = np.where(groups.priced, np.minimum(groups.billed, groups.list_), groups.billed)
    failed = groups.priced & ~groups.billable
    moves = groups.priced & groups.billable & (groups.band >= believe)
    same, any_ = np.minimum(base, groups.same), np.minimum(base, groups.any)
    markup = groups.billed - base
    reliability = np.where(failed, base, zero)
    overspecification = np.where(moves, base - same, zero)
    lock_in = np.where(moves, same - any_, zero)
    verification = zero.copy()
    for tier, amounts in verified.items():
        verification = np.where(moves & (groups.tier == tier), amounts, verification)
    after = groups.billed - markup - reliability - overspecification - lock_in + verification
    discount = np.where(groups.priced, groups.list_ - base, zero)
    return Projected(markup, reliability, overspecification, lock_in, verification, after, discount)


@dataclass(frozen=True, slots=True)
class Range:
    """The same bill under the kindest and the strictest reading of the tags."""

    low: int
    """Every tag is right, and every failed attempt avoided."""
    high: int
    """Only strong tags move, every tier-3 tag is verified, and failed attempts are paid again."""


def bounds(groups: Groups, verified: dict[int, Amounts]) -> Range:
    """Low and high of the projection: low ≤ point ≤ high."""
    point = project(groups, verified)
    kind = project(groups, verified, believe=1)
    strict = project(groups, verified, believe=3)
    low = exact_sum(kind.after) - exact_sum(kind.verification) + exact_sum(point.verification)
    high = (
        exact_sum(strict.after)
        - exact_sum(strict.verification)
        + exact_sum(kind.verification)
        + exact_sum(strict.reliability)
    )
    return Range(low, high)


def exact_sum(amounts: Amounts) -> int:
    """The sum in Python integers, which do not overflow."""
    return sum(amounts.tolist())


def verification_multiples(policy: Policy) -> dict[int, Decimal]:
    """Verification multiple by number of the policy, where everything that it acts on is verified."""
    return {
        number: treatment.verification.multiple
        for number, treatment in policy.treatments()
        if treatment.verification.multiple and treatment.verification.on == "all"
    }
