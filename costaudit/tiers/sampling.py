"""Draw a sample of requests to label: stratified by predicted tier and cost, the same for any order of input.

Within a stratum the requests with the smallest keys are taken, where a key is a hash of id and seed: a simple
random sample that one pass can draw in bounded memory. Half of the sample goes to the strata by their share
of requests, half by their share of cost, and every stratum gets at least two: estimates of accuracy need the
first, estimates of savings the second, variances the third.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Final, Generic, TypeVar

import msgspec

from costaudit.schema import UNTAGGED

T = TypeVar("T")

LEAST: Final = 2
"""Requests from every stratum, or all of a smaller one."""

_EDGES: Final = ("0", "0.0001", "0.001", "0.01", "0.1", "1")
"""Lower ends of the cost bands in USD."""

_UNITS_PER_BAND: Final = tuple(10 ** (15 - 4 + i) for i in range(len(_EDGES) - 1))
"""The same from the second on, in 1e-15 USD."""


def stratum_of(tier: int, list_units: int) -> str:
    """The stratum of a request: its predicted tier and the power of ten of its list cost in 1e-15 USD.

    A negative cost stands for none. Names sort by tier and cost.

    >>> stratum_of(1, 25 * 10**12), stratum_of(0, 0), stratum_of(-1, -2), stratum_of(2, 10**16)
    ('tier1 $0.01-0.1', 'tier0 $0-0.0001', 'untagged unpriced', 'tier2 $1+')
    """
    name = "untagged" if tier == UNTAGGED else f"tier{tier}"
    if list_units < 0:
        return f"{name} unpriced"
    band = sum(list_units >= edge for edge in _UNITS_PER_BAND)
    high = f"-{_EDGES[band + 1]}" if band + 1 < len(_EDGES) else "+"
    return f"{name} ${_EDGES[band]}{high}"


def sample_key(ident: str, seed: int) -> int:
    """A number that orders requests at random, the same on every run with a seed."""
    return int.from_bytes(hashlib.blake2b(f"{seed}:{ident}".encode(), digest_size=8).digest(), "big")


class Drawn(msgspec.Struct, Generic[T], frozen=True):
    """One request of a sample."""

    key: int
    stratum: str
    stratum_requests: int
    """Requests of the stratum in the log."""
    weight: Fraction
    """Requests that this one stands for: one over its probability of being drawn."""
    value: T


class _Stratum(msgspec.Struct, Generic[T]):
    requests: int = 0
    cost_units: int = 0
    kept: list[tuple[int, str, T]] = msgspec.field(default_factory=list)
    """The smallest keys so far, each with what breaks ties and the request."""
    cut: int = 2**64
    """No larger key can be drawn any more."""


class Sampler(Generic[T]):
    """Takes requests one by one and keeps no more than `n` of each stratum (and as many again, unsorted)."""

    def __init__(self, n: int, seed: int) -> None:
        if n < 1:
            raise ValueError(f"a sample of {n}")
        self._n, self._seed = n, seed
        self._strata: dict[str, _Stratum[T]] = {}

    @property
    def requests(self) -> int:
        """How many were offered."""
        return sum(stratum.requests for stratum in self._strata.values())

    def offer(self, tier: int, list_units: int, ident: str, place: str, make: Callable[[], T]) -> None:
        """One request, which is made only where it may be drawn.

        `place` breaks the tie of requests that are equal in everything, ids included.
        """
        stratum = self._strata.setdefault(stratum_of(tier, list_units), _Stratum())
        stratum.requests += 1
        stratum.cost_units += max(list_units, 0)
        key = sample_key(ident, self._seed)
        if key > stratum.cut:
            return
        stratum.kept.append((key, place, make()))
        if len(stratum.kept) >= 2 * self._n + 64:
            stratum.kept = _smallest(stratum.kept, self._n)
            stratum.cut = stratum.kept[-1][0]

    def draw(self) -> list[Drawn[T]]:
        """The sample, the strata evenly mixed: whoever labels only the first half has a sample as well.

        Where `n` is too small for two of every stratum, costs are put together, and then tiers.
        """
        strata = _merged(self._strata, self._n)
        names = sorted(strata)
        sizes = [strata[name].requests for name in names]
        takes = allocate(sizes, [strata[name].cost_units for name in names], self._n)
        drawn = [
            (Fraction(2 * rank + 1, 2 * take), Drawn(key, name, size, Fraction(size, take), value))
            for name, size, take in zip(names, sizes, takes, strict=True)
            for rank, (key, _, value) in enumerate(_smallest(strata[name].kept, take))
        ]
        drawn.sort(key=lambda entry: (entry[0], entry[1].key, entry[1].stratum))
        return [one for _, one in drawn]


def _smallest(kept: list[tuple[int, str, T]], n: int) -> list[tuple[int, str, T]]:
    return sorted(kept, key=lambda entry: entry[:2])[:n]


def _merged(strata: Mapping[str, _Stratum[T]], n: int) -> Mapping[str, _Stratum[T]]:
    """The strata, or fewer and larger ones for a small sample."""
    groups: dict[str, _Stratum[T]] = {}
    for name_of in (str, _tier_word, lambda _: "all"):
        groups = {}
        for name in sorted(strata):
            group = groups.setdefault(name_of(name), _Stratum())
            group.requests += strata[name].requests
            group.cost_units += strata[name].cost_units
            group.kept = _smallest(group.kept + strata[name].kept, n)
        if sum(min(LEAST, group.requests) for group in groups.values()) <= n:
            break
    return groups


def _tier_word(stratum: str) -> str:
    return stratum.partition(" ")[0]


def allocate(sizes: Sequence[int], costs: Sequence[int], n: int) -> list[int]:
    """How many to draw of each stratum: `n` in all, or everything there is.

    Half by the share of requests and half by the share of cost, after LEAST of each; rounded by the method of
    Webster, of equals the first.

    >>> allocate([900, 90, 10], [10, 40, 50], 100)
    [60, 30, 10]
    """
    takes = [min(LEAST, size) for size in sizes]
    if sum(takes) > n:
        takes = [0] * len(sizes)
    total, cost = sum(sizes), sum(costs)
    shares = [size * max(cost, 1) + c * total for size, c in zip(sizes, costs, strict=True)]
    for _ in range(min(n, total) - sum(takes)):
        open_ = (i for i, take in enumerate(takes) if take < sizes[i])
        takes[max(open_, key=lambda i: (Fraction(shares[i], 2 * takes[i] + 1), -i))] += 1
    return takes
