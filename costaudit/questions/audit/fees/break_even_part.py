"""Break-even volumes: where two ways to pay cost the same, and which is the cheapest at every volume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from typing import Literal

from costaudit.questions.audit import result as m
from costaudit.questions.audit.fees.break_even import Option, VolumeInterval, cost, intervals
from costaudit.questions.audit.fees.markup import Volume
from costaudit.questions.audit.fees.traffic import RoutedTraffic, terms_of
from costaudit.questions.audit.month import rounded_usd, usd_of


def break_even(options: Sequence[Option], traffic: RoutedTraffic, *, is_log: bool) -> m.BreakEven:
    """Where options cost the same and which is the cheapest, for the traffic as logged and after routing."""
    mixes = [
        mix
        for mix in (
            _mix("as_logged", options, traffic.logged, traffic.logged_month),
            _mix("after_routing", options, traffic.routed, traffic.routed_month),
        )
        if mix is not None
    ]
    return m.BreakEven(
        options=[m.FeeOption(name=option.name, **terms_of(option.markup)) for option in options],
        mixes=mixes,
        assumptions=list(_assumptions(options, is_log=is_log)),
    )


def _assumptions(options: Sequence[Option], *, is_log: bool) -> Iterator[str]:
    whose = "this log's" if is_log else "the scenario's"
    yield f"At every volume, list price and tokens per request are {whose} own."
    yield "Every request counts, also one that a gateway's cache answers, that fails or that has no price."
    if any(o.markup.percent <= -100 for o in options):
        yield "-100% means that nothing is paid by list: what its models need is all in its own amounts."
    if any(o.markup.percent > -100 and (o.markup.usd_per_month or o.markup.usd_per_mtok) for o in options):
        yield "Amounts per month and per token come on top of list; -100% says that they replace it."


def _mix(
    name: Literal["as_logged", "after_routing"],
    options: Sequence[Option],
    traffic: Volume,
    month: Volume | None,
) -> m.FeeMix | None:
    """The break-even points of one mix; None where there is no spend or no request."""
    base = traffic if month is None else month
    if base.list_usd <= 0 or base.requests <= 0:
        return None
    markups = [option.markup for option in options]
    now = [] if month is None else [cost(markup, month, Fraction(1)) for markup in markups]
    return m.FeeMix(
        mix=name,
        month=None if month is None else _volume(month),
        monthly_usd=[usd_of(usd) for usd in now] if now else [None for _ in options],
        cheapest=[o.name for o, usd in zip(options, now, strict=False) if usd == min(now)],
        pairs=[_pair(a, b, base) for a, b in combinations(options, 2)],
        intervals=[
            m.FeeInterval(
                start=_volume(base.times(found.start)),
                end=None if found.end is None else _volume(base.times(found.end)),
                cheapest=[options[place].name for place in found.cheapest],
            )
            for found in intervals(markups, base)
        ],
    )


def _pair(a: Option, b: Option, base: Volume) -> m.FeePair:
    found = intervals([a.markup, b.markup], base)
    return m.FeePair(
        a=a.name,
        b=b.name,
        at=[_volume(base.times(one.end)) for one in found if one.end is not None],
        cheaper=[_cheaper(one, (a.name, b.name)) for one in found],
    )


def _cheaper(found: VolumeInterval, names: tuple[str, str]) -> str | None:
    return names[found.cheapest[0]] if len(found.cheapest) == 1 else None


def _volume(volume: Volume) -> m.FeeVolume:
    """Dollars as exactly as decimals can, requests and tokens to the nearest whole."""
    return m.FeeVolume(
        list_usd=rounded_usd(volume.list_usd),
        requests=round(volume.requests),
        tokens=None if volume.tokens is None else round(volume.tokens),
    )
