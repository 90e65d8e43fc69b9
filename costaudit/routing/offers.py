"""Offers: what a candidate is expected to cost a request that comes from a certain context.

An offer is a card of a candidate on the terms of the policy. The ledger keeps the number of the offer that
was taken, and from it every cause of the expected cost can be summed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.routing.terms import NO_TERMS, WHOLE, Expected, Terms

Ints = npt.NDArray[np.int64]

NO_ROUTE: Final = -1
"""In arrays of offers: the request keeps its model."""

NONE: Final = -1
"""In place of a card: there is none."""

CAUSES: Final = ("price", "tokens", "retries", "checks", "fallback")
"""The parts of an expected cost that are rates."""


class Offer(msgspec.Struct, frozen=True):
    """A candidate at one price, on the terms of the policy."""

    card: int
    """Number in `Plan.cards`."""
    expected: Expected
    fallback: int = NONE
    """Card of the model that serves what fails; NONE for the model of today."""
    checker: int = NONE
    """Card of the model that verifies what is routed; NONE without one."""
    terms: Terms = NO_TERMS
    fallback_terms: Terms = NO_TERMS

    @property
    def cards(self) -> tuple[int, ...]:
        """Every card that its cost is made of."""
        return tuple(card for card in (self.card, self.checker, self.fallback) if card != NONE)


class OfferMatrix(msgspec.Struct, frozen=True):
    """The offers as arrays, one row per offer. Rates in 1e-15 USD."""

    rates: Ints
    """Expected rate of every price class; -1 where the candidate has none."""
    parts: dict[str, Ints]
    """The same by cause, 0 for no price: they add up to `rates`."""
    fixed: Ints
    """Per request."""
    own_share: Ints
    """Ten-thousandths of today's cost that are paid as well."""
    card: npt.NDArray[np.int32]
    shares: bool
    """Whether any offer pays a share of today's cost."""

    @property
    def size(self) -> int:
        """Number of offers."""
        return len(self.fixed)


def offer_matrix(offers: Sequence[Offer], classes: int) -> OfferMatrix:
    """Offers as arrays."""
    parts = {
        name: np.array([getattr(o.expected, name) for o in offers], np.int64).reshape(len(offers), classes)
        for name in CAUSES
    }
    missing = parts["price"] < 0
    parts["price"] = np.where(missing, 0, parts["price"])
    rates = np.sum(list(parts.values()), axis=0, dtype=np.int64) if offers else parts["price"]
    own_share = np.array([o.expected.own_share for o in offers], np.int64)
    return OfferMatrix(
        rates=np.where(missing, -1, rates),
        parts=parts,
        fixed=np.array([o.expected.fixed_checks for o in offers], np.int64),
        own_share=own_share,
        card=np.array([o.card for o in offers], np.int32),
        shares=bool(own_share.any()),
    )


SCALE: Final = WHOLE
"""Expected costs with a share of today's are counted in 1e-19 USD: so many to 1e-15."""
