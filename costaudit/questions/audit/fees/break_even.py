"""From which volume on one way to pay is cheaper than another: exact crossings of piecewise linear costs.

Volume is a multiple of some traffic of a fixed mix. What an option adds to the list price grows linearly with
it, but for allowances, where it bends. Between two neighbouring bends and crossings the order is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import combinations

import msgspec

from costaudit.errors import UsageError
from costaudit.questions.audit.fees.markup import Asked, MarkupTerms, Volume, parse_form


class Option(msgspec.Struct, frozen=True):
    """One way to pay, by name."""

    name: str
    markup: MarkupTerms


class VolumeInterval(msgspec.Struct, frozen=True):
    """Volumes, as multiples of the traffic, between which the same options are the cheapest."""

    start: Fraction
    end: Fraction | None
    """None for all that is larger."""
    cheapest: tuple[int, ...]
    """Their places; several where they cost the same throughout."""


def parse_option(text: str) -> tuple[str, Asked]:
    """`NAME=FORM`, or a form that is its own name; raises UsageError.

    >>> parse_option("self-hosted = 1200/month")[0], parse_option("gateway:openrouter")[0]
    ('self-hosted', 'gateway:openrouter')
    """
    name, equals, form = text.partition("=")
    if not equals:
        return text.strip(), parse_form(text)
    if not name.strip():
        raise UsageError(f"{text!r} has no name before the =", hint="like subscription=500/month")
    return name.strip(), parse_form(form)


def check_names(options: Sequence[tuple[str, Asked]]) -> None:
    """Raises UsageError for fewer than two options, or two of one name."""
    if len(options) == 1:
        raise UsageError(
            "one option breaks even with nothing",
            hint="give --break-even twice or more, like --break-even 5% --break-even 500/month",
        )
    names = [name for name, _ in options]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"two options are called {twice!r}", hint="name them, like mine=5% and other=5%")


def intervals(options: Sequence[MarkupTerms], traffic: Volume) -> list[VolumeInterval]:
    """The cheapest options for every volume from none to infinitely much."""
    bends = {Fraction(0)}.union(*(_bends(o, traffic) for o in options))
    points = bends.union(*(_crossings(options, traffic, start, end) for start, end in _spans(bends)))
    found: list[VolumeInterval] = []
    for start, end in _spans(points):
        inside = start + 1 if end is None else (start + end) / 2
        costs = [cost(option, traffic, inside) for option in options]
        cheapest = tuple(place for place, usd in enumerate(costs) if usd == min(costs))
        if found and found[-1].cheapest == cheapest:
            found[-1] = VolumeInterval(found[-1].start, end, cheapest)
        else:
            found.append(VolumeInterval(start, end, cheapest))
    return found


def _spans(points: Iterable[Fraction]) -> list[tuple[Fraction, Fraction | None]]:
    """What lies between neighbouring points, and above the last."""
    ordered = sorted(points)
    return list(zip(ordered, [*ordered[1:], None], strict=True))


def cost(option: MarkupTerms, traffic: Volume, times: Fraction) -> Fraction:
    """What an option adds to the list price of so many times the traffic in a month."""
    return option.month_usd(traffic.times(times))


def _bends(option: MarkupTerms, traffic: Volume) -> set[Fraction]:
    """Volumes at which an allowance ends."""
    found = set()
    if option.free_requests and option.usd_per_request:
        found.add(option.free_requests / traffic.requests)
    if option.percent and (option.free_usd or option.free_percent_requests):
        by_requests = Fraction(option.free_percent_requests) / traffic.requests
        if traffic.list_usd:
            found.add(by_requests + Fraction(option.free_usd) / traffic.list_usd)
    return found


def _crossings(
    options: Sequence[MarkupTerms], traffic: Volume, start: Fraction, end: Fraction | None
) -> set[Fraction]:
    """Where two costs are the same between two bends, in which all are linear."""
    other = start + 1 if end is None else end
    lines = []
    for option in options:
        at_start, at_other = cost(option, traffic, start), cost(option, traffic, other)
        lines.append((at_start, (at_other - at_start) / (other - start)))
    found = set()
    for (low, slope), (low2, slope2) in combinations(lines, 2):
        if slope != slope2:
            at = start + (low2 - low) / (slope - slope2)
            if at > start and (end is None or at < end):
                found.add(at)
    return found
