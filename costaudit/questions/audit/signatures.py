"""What a ratio of reported to list cost that many requests share says: the known causes, as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

import msgspec

from costaudit.engine.ratios import AT_LIST, EDGES, FINE, NOTHING_REPORTED, edge_text

MIN_REQUESTS: Final = 20
"""Fewer requests of one ratio are chance."""

ABOVE_SURROUNDINGS: Final = 5
"""A known ratio must hold so many times what as wide a range on either side of it holds together."""

CONSTANT_SHARE: Final = Fraction(4, 5)
"""Of the requests that state a cost, so many must have one ratio for it to be a constant of its own."""

_NUMBER: Final = {edge_text(number): number for number in range(len(EDGES))}

_HALF_PRICED: Final = frozenset({"batch", "flex"})


class Signature(msgspec.Struct, frozen=True):
    """A ratio with a cause that is known."""

    name: str
    code: str
    """Of the finding that tells it. CA-M1 is told with the markup of its gateway."""
    ratio_from: str
    ratio_to: str
    """Edges of buckets: from, and below. Both empty where no ratio exists: the requests state a cost of 0."""
    says: str
    """What the requests do, after their number."""
    next: str
    min_share: Fraction = Fraction(1, 5)
    half_priced: bool | None = None
    """Only requests that are (True) or are not (False) logged as batch or flex; None for all."""
    gateway_only: bool = False
    """Only requests through a gateway."""

    def fits(self, gateway: str | None, tier: str) -> bool:
        """Whether requests of this gateway and service tier can have it."""
        half = self.half_priced is None or self.half_priced == (tier in _HALF_PRICED)
        return half and (gateway is not None or not self.gateway_only)

    def buckets(self) -> range:
        """The buckets that it covers."""
        if not self.ratio_from:
            return range(NOTHING_REPORTED, NOTHING_REPORTED + 1)
        return range(_NUMBER[self.ratio_from], _NUMBER[self.ratio_to])


_CACHE: Final = "see whether cached tokens are logged as new ones, or new ones as cached"
_UNIT: Final = "look at the unit of the cost: cents or dollars"

SIGNATURES: Final = (
    Signature(
        "double_count", "CA-C2", "1.9775", "2.0225", "report twice their list price",
        "look for calls that the log's own cost counts twice: stream and final record, retry, nested span",
        half_priced=False,
    ),
    Signature(
        "standard_for_batch", "CA-C3", "1.9775", "2.0225",
        "are logged as batch or flex and report the standard price",
        "see on the invoice whether the discount was given",
        half_priced=True,
    ),
    Signature(
        "batch_for_standard", "CA-C3", "0.4925", "0.5075", "report half their list price, as a batch costs",
        "log the service tier (batch, flex), or see why half is missing",
        half_priced=False,
    ),
    Signature(
        "byok_fee", "CA-C4", "0.0425", "0.0575", "report about 5% of list: a gateway's fee for your own key",
        "the provider's own bill comes on top: add it, or audit with --cost-source list",
        gateway_only=True,
    ),
    Signature("cache_price", "CA-C5", "0.0925", "0.1075", "report a tenth of their list price", _CACHE),
    Signature("cache_as_new", "CA-C5", "9.5", "10.5", "report ten times their list price", _CACHE),
    Signature("dollars_for_cents", "CA-C6", "0.0075", "0.0125", "report a hundredth of list", _UNIT),
    Signature("cents_for_dollars", "CA-C6", "97.5", "102.5", "report a hundred times list", _UNIT),
    Signature(
        "nothing", "CA-C7", "", "", "report a cost of 0 for a model with a price",
        "the tool that wrote the log may know no price of the model; --cost-source list bills list instead",
    ),
    Signature(
        "credit_fee", "CA-M1", "1.0475", "1.0625", "report 5-6% above list",
        "the same 5-6% on every request is a platform's or a credit fee: call the provider directly, "
        "or bargain",
        min_share=Fraction(1, 2),
    ),
)  # fmt: skip
"""In the order in which they are looked for; the ratios of one group and one service tier are disjoint."""

DISCOUNT: Final = Signature(
    "constant_discount", "CA-C8", "", "", "report the same part of list",
    "a negotiated price or a price table that is out of date: write a discount into an overlay "
    "(docs/pricing.md)",
)  # fmt: skip
MARKUP: Final = Signature(
    "constant_markup", "CA-M1", "", "", "report the same percentage above list",
    "the same percentage on every request is a fee or a margin: compare with an invoice",
)  # fmt: skip


class Match(msgspec.Struct, frozen=True):
    """A signature that a group of requests has, and in which buckets."""

    signature: Signature
    buckets: range


def match_signatures(requests: dict[int, int], gateway: str | None, tier: str, zeros: int) -> Iterator[Match]:
    """The signatures of a group, given its requests by bucket; `tier` is the service tier as billed.

    `zeros` counts the stated costs of 0 over all models of the gateway: a tool that knows no prices lacks
    those of many models, each with few requests.
    """
    found = [
        Match(s, s.buckets()) for s in SIGNATURES if s.fits(gateway, tier) and _is_clear(requests, s, zeros)
    ]
    yield from found
    window = _constant(requests)
    if window is not None and not any(set(window) & set(match.buckets) for match in found):
        yield Match(DISCOUNT if window.start < AT_LIST else MARKUP, window)


def count_in(requests: dict[int, int], buckets: Sequence[int]) -> int:
    """Requests in some buckets."""
    return sum(requests.get(bucket, 0) for bucket in buckets)


def _is_clear(requests: dict[int, int], signature: Signature, zeros: int) -> bool:
    buckets = signature.buckets()
    here, width = count_in(requests, buckets), len(buckets)
    is_share = here > 0 and here >= signature.min_share * sum(requests.values())
    if not signature.ratio_from:
        return is_share and zeros >= MIN_REQUESTS
    if not is_share or here < MIN_REQUESTS:
        return False
    beside = [*range(buckets.start - width, buckets.start), *range(buckets.stop, buckets.stop + width)]
    return here >= ABOVE_SURROUNDINGS * count_in(requests, [b for b in beside if b >= 0])


def _constant(requests: dict[int, int]) -> range | None:
    """Three buckets side by side, away from list, that hold nearly everything; the fullest such."""
    stated = {bucket: n for bucket, n in requests.items() if bucket >= 0}
    needed = max(Fraction(MIN_REQUESTS), CONSTANT_SHARE * sum(stated.values()))
    windows = [
        (count_in(stated, range(middle - 1, middle + 2)), stated[middle], -middle)
        for middle in stated
        if abs(middle - AT_LIST) > 1 and 3 < middle < FINE
    ]
    total, _, negative = max(windows, default=(0, 0, 0))
    return range(-negative - 1, -negative + 2) if total >= needed else None
