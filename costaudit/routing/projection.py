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
from costaudit.schema import Tier

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


def project(groups: Groups, verified: dict[int, Amounts], *, believe: int = 2) -> Projected:
    """The projection when tags of confidence band `believe` and above are acted on.

    `verified` holds, by tier, the list cost times the tier's verification multiple. A group without a
    price keeps what was billed. A failed or superseded attempt costs nothing afterwards: its whole
    list cost is reliability.
    """
    zero = np.zeros(len(groups.billed), dtype=object)
    markup = np.where(groups.priced, groups.billed - groups.list_, zero)
    failed = groups.priced & ~groups.billable
    reliability = np.where(failed, groups.list_, zero)
    moves = groups.priced & groups.billable & (groups.band >= believe)
    overspecification = np.where(moves, groups.list_ - groups.same, zero)
    lock_in = np.where(moves, groups.same - groups.any, zero)
    verification = zero.copy()
    for tier, amounts in verified.items():
        verification = np.where(moves & (groups.tier == tier), amounts, verification)
    after = groups.billed - markup - reliability - overspecification - lock_in + verification
    return Projected(markup, reliability, overspecification, lock_in, verification, after)


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
    low = _sum(kind.after) - _sum(kind.verification) + _sum(point.verification)
    high = _sum(strict.after) - _sum(strict.verification) + _sum(kind.verification) + _sum(strict.reliability)
    return Range(low, high)


def _sum(amounts: Amounts) -> int:
    return sum(amounts.tolist())


def verification_multiples(policy: Policy) -> dict[int, Decimal]:
    """Verification multiple by tier, where a policy has one."""
    rules = {tier.value: policy.tier(tier.value) for tier in Tier}
    return {tier: rule.verification for tier, rule in rules.items() if rule is not None and rule.verification}
