"""Outages of a provider, as rows of the report of `costaudit fallback`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from costaudit.engine.ledger import NO_PERIOD, Cells
from costaudit.questions.fallback import result as m
from costaudit.questions.fallback.chain import Chain
from costaudit.questions.fallback.figures import known_usd, rounded, share
from costaudit.questions.fallback.outage import Hit, HitRequests, Outage, Window, strike, windows_of
from costaudit.questions.fallback.replay import Odds
from costaudit.schema import UNTAGGED
from costaudit.times import HOUR_US, instant

USUAL_HOURS: Final = 4
"""Hours of the outage that is shown where none is asked for."""


def outage_rows(
    cells: Cells, outages: Sequence[Outage], chains: Sequence[Chain], odds: Odds
) -> list[m.OutageRow]:
    """The outages asked for, or one of the most used provider; `cells` are all requests.

    Raises UsageError for a provider that the log does not have.
    """
    return [_outage(cells, outage, chains, odds) for outage in outages or _usual_outage(cells)]


def _usual_outage(cells: Cells) -> list[Outage]:
    """The provider with most requests down for some hours; nothing for a log without times."""
    requests: Counter[str] = Counter()
    if cells.keys:
        numbers = cells.measures["requests"].tolist()
        hours = cells.keys["hour"].tolist()
        for name, hour, number in zip(cells.words("provider"), hours, numbers, strict=True):
            if name is not None and hour != NO_PERIOD:
                requests[name] += number
    most = min(requests, key=lambda name: (-requests[name], name), default=None)
    return [] if most is None else [Outage(most, USUAL_HOURS)]


def _outage(cells: Cells, outage: Outage, chains: Sequence[Chain], odds: Odds) -> m.OutageRow:
    found = windows_of(cells, outage)
    stated = outage.start is not None
    return m.OutageRow(
        provider=outage.provider,
        hours=outage.hours,
        windows=[
            m.OutageWindow(
                window=window.name,  # type: ignore[arg-type]  # one of the four
                start=instant(window.start * HOUR_US),
                end=instant((window.start + window.hours) * HOUR_US),
                requests=window.requests,
                chains=[_outage_chain(c, strike(cells, outage, window, c, odds), window) for c in chains],
            )
            for window in found.chosen
        ],
        windows_hit=None if stated else found.hit,
        windows_of_log=None if stated else found.all,
    )


def _outage_chain(chain: Chain, hit: Hit, window: Window) -> m.OutageChain:
    found = hit.outcome
    return m.OutageChain(
        name=chain.name,
        served=rounded(found.served),
        unserved=rounded(window.requests - found.served),
        served_share=share(found.served, window.requests),
        chain_usd=known_usd(found, found.units),
        own_usd=known_usd(found, found.own_units),
        extra_usd=known_usd(found, found.units - found.own_units),
        by_tier=[
            m.OutagePart(
                tier=None if tier == UNTAGGED else tier, requests=p.requests, served=rounded(p.served)
            )
            for tier, p in sorted(hit.by_tier.items(), key=lambda one: (one[0] == UNTAGGED, one[0]))
        ],
        by_feature=[
            m.OutagePart(feature=feature, requests=p.requests, served=rounded(p.served))
            for feature, p in _most(hit.by_feature)
        ],
    )


def _most(parts: Mapping[str | None, HitRequests]) -> list[tuple[str | None, HitRequests]]:
    return sorted(parts.items(), key=lambda one: (-one[1].requests, one[0] is None, one[0] or ""))
