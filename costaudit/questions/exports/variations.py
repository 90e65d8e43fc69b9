"""The rules of a policy that a router cannot ask per request, written out as routes of their own.

A policy that keeps requests at the provider that serves them becomes one route per provider. Residency
becomes a route per set of its entries, those that most entries hold for first: all that fit a request must
be met.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from costaudit.questions.exports.model import Where
from costaudit.routing.policy import Policy


class Variation(msgspec.Struct, frozen=True):
    """A part of the requests of a treatment, and who may serve it."""

    suffix: str = ""
    """Of the route's name."""
    told: str = ""
    """Of the route's title."""
    origin: tuple[str, ...] = ()
    """Providers that serve the requests today; any without."""
    residency: tuple[Where, ...] = ()
    """Entries that all hold for the requests."""
    allowed: frozenset[str] | None = None
    """Providers that may serve; None for all."""


def find_variations(policy: Policy, providers: Iterable[str], current: str | None) -> list[Variation]:
    """The variations of a treatment that moves requests, in the order in which they must be asked.

    `providers` are those of its models; `current` is the provider that serves everything today, if known.
    """
    origins = [Variation()]
    if policy.same_provider and current is not None:
        origins = [Variation(allowed=frozenset({current}))]
    elif policy.same_provider:
        origins = [
            Variation(f"-at-{name}", f", served by {name}", (name,), (), frozenset({name}))
            for name in sorted(set(providers))
        ]
        origins.append(Variation("-elsewhere", ", served by others", allowed=frozenset()))
    return [within for origin in origins for within in _in_regions(origin, policy)]


def _in_regions(origin: Variation, policy: Policy) -> Iterator[Variation]:
    entries = [
        Where(regions=list(r.regions), features=list(r.features), providers=list(r.providers))
        for r in policy.residency
    ]
    numbers = range(1, len(entries) + 1)
    for size in range(len(entries), 0, -1):
        for chosen in itertools.combinations(numbers, size):
            yield _within(origin, chosen, [entries[number - 1] for number in chosen])
    yield origin


def _within(origin: Variation, numbers: Sequence[int], entries: Sequence[Where]) -> Variation:
    allowed = [frozenset(entry.providers) for entry in entries]
    if origin.allowed is not None:
        allowed.append(origin.allowed)
    told = " and ".join(str(number) for number in numbers)
    return Variation(
        f"{origin.suffix}-residency-{'-'.join(str(number) for number in numbers)}",
        f"{origin.told}, residency {told}",
        origin.origin,
        tuple(entries),
        frozenset.intersection(*allowed),
    )
