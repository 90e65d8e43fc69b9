"""The projection: what the same requests would have cost, in steps that add up.

Works on plain arrays of exact integer amounts, one entry per group of requests; it does not know where
they come from. See docs/how-the-number-is-made.md for the definitions.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.routing.policy import Policy

Amounts = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


class Groups(msgspec.Struct, frozen=True):
    """What a projection needs to know of groups of requests; all arrays have one entry per group."""

    band: npt.NDArray[np.integer]
    """0 untagged, 1 weak, 2 at or above min_confidence, 3 at or above strong_confidence."""
    firm: Mask
    """Their list cost is what their calls cost: from the others nothing is claimed."""
    billable: Mask
    """The call ended well."""
    billed: Amounts
    list_: Amounts
    same: Amounts
    """Expected cost after routing among the providers used."""
    any: Amounts
    """Expected cost after routing among all candidates."""
    verified: Amounts
    """What verification costs once a request is acted on, moved or not."""
    router: Amounts
    """What deciding costs once a request is acted on."""
    cache: Amounts
    """What is lost of cache discounts at the point."""
    always_same: Mask
    """These move among the providers used also where that costs more …"""
    always: Mask
    """… and these among all."""
    cache_most: int = 0
    """What could be lost of them at most."""


class Projected(msgspec.Struct, frozen=True):
    """The steps from billed to after, per group; every step is what that driver takes off the bill."""

    markup: Amounts
    reliability: Amounts
    overspecification: Amounts
    lock_in: Amounts
    verification: Amounts
    """What the verification pass adds."""
    router: Amounts
    """What the router adds."""
    cache: Amounts
    """What lost cache discounts add."""
    after: Amounts
    """billed - markup - reliability - overspecification - lock_in + verification + router + cache."""
    discount: Amounts
    """What was billed below list; no step, because a discount is kept as long as the model is."""


POINT: Final = 2
"""The confidence band from which on tags are believed at the point."""


def project(groups: Groups, *, believe: int = POINT) -> Projected:
    """The projection when tags of confidence band `believe` and above are acted on.

    A group that is not firm keeps what was billed. A failed or superseded attempt costs nothing afterwards:
    all of its cost but the markup is reliability. A group billed below list (a negotiated price) starts
    from what it was billed, and moves only where the candidate's expected cost is below that, or always.
    """
    zero = np.zeros(len(groups.billed), dtype=object)
    base = np.where(groups.firm, np.minimum(groups.billed, groups.list_), groups.billed)
    failed = groups.firm & ~groups.billable
    moves = groups.firm & groups.billable & (groups.band >= believe)
    same = np.where(groups.always_same, groups.same, np.minimum(base, groups.same))
    any_ = np.where(groups.always, groups.any, np.minimum(base, groups.any))
    markup = groups.billed - base
    reliability = np.where(failed, base, zero)
    overspecification = np.where(moves, base - same, zero)
    lock_in = np.where(moves, same - any_, zero)
    verification, router = np.where(moves, groups.verified, zero), np.where(moves, groups.router, zero)
    cache = np.where(groups.firm & groups.billable, groups.cache, zero) if believe == POINT else zero
    saved = markup + reliability + overspecification + lock_in
    after = groups.billed - saved + verification + router + cache
    discount = np.where(groups.firm, groups.list_ - base, zero)
    return Projected(
        markup, reliability, overspecification, lock_in, verification, router, cache, after, discount
    )


class Range(msgspec.Struct, frozen=True):
    """The same bill under the kindest and the strictest reading of the tags."""

    low: int
    """Every tag is right, every failed attempt avoided, and no cache discount lost."""
    high: int
    """Only strong tags move, every tag that asks for it is verified, failed attempts are paid again, and no
    request that moves finds its cached tokens."""


def bounds(groups: Groups) -> Range:
    """Low and high of the projection: low ≤ point ≤ high."""
    point, kind, strict = (project(groups, believe=band) for band in (2, 1, 3))
    low = exact_sum(kind.after) - _added(kind) + _added(point)
    high = exact_sum(strict.after) - _added(strict) + _added(kind) + exact_sum(strict.reliability)
    high += max(groups.cache_most, exact_sum(point.cache))
    at_point = exact_sum(point.after)  # where requests move to what is dearer, fewer moves may cost less
    return Range(min(low, at_point), max(high, at_point))


def _added(projected: Projected) -> int:
    """What a policy adds to the bill whether it moves a request or not."""
    return exact_sum(projected.verification) + exact_sum(projected.router)


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
