"""Candidates: the models that a tier may run on, with what they can do and what they cost when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

import msgspec

from costaudit.errors import ConfigError, did_you_mean
from costaudit.prices.book import PriceBook
from costaudit.prices.cards import PriceStretch, Timeline, join_timelines, timeline_of
from costaudit.prices.resolver import Resolved, Resolver
from costaudit.prices.rows import ModelFacts
from costaudit.routing.policy import Seat

NOT_IN_SERVICE = "not_in_service"


class Candidate(msgspec.Struct, frozen=True):
    """A seat that requests may be routed to: successive models of one provider."""

    names: Seat
    """As the policy names them, oldest first."""
    provider: str
    order: int
    """Position in the policy: the earlier of two equally cheap candidates is taken."""


def candidates_of(
    seats: Sequence[Seat], book: PriceBook, allowed: Iterable[str] = ()
) -> tuple[Candidate, ...]:
    """The candidates of a list of seats; raises ConfigError for a provider that is not in the book."""
    only = set(allowed)
    found = []
    for order, seat in enumerate(seats):
        provider = seat[0].partition("/")[0]
        if provider not in book.providers:
            raise ConfigError(f"no provider {provider!r}", hint=did_you_mean(provider, book.providers))
        if not only or provider in only:
            found.append(Candidate(seat, provider, order))
    return tuple(found)


def candidate_timeline(candidate: Candidate, book: PriceBook, resolver: Resolver, tier: str) -> Timeline:
    """The prices of a seat: at every time those of its newest model that was in service then.

    Raises ConfigError when a name was never in the book.
    """
    members = [_member_timeline(name, book, resolver, tier) for name in candidate.names]
    starts = [next((s.start for s in member.segments if s.reason is None), None) for member in members]
    parts = sorted(
        ((start, place, member) for place, (start, member) in enumerate(zip(starts, members, strict=True))
         if start is not None),
        key=lambda part: part[:2],
    )  # fmt: skip
    first = (0, Timeline((PriceStretch(0, {}, NOT_IN_SERVICE),), {}))
    return join_timelines([first, *((start, member) for start, _, member in parts)])


def knows(name: str, book: PriceBook, resolver: Resolver) -> bool:
    """Whether a name (provider/model) was ever in the book."""
    provider, _, model = name.partition("/")
    return provider in book.providers and any(
        isinstance(r, Resolved) for _, r in resolver.periods(provider, model)
    )


def _member_timeline(name: str, book: PriceBook, resolver: Resolver, tier: str) -> Timeline:
    """The prices of one model from its release until its retirement."""
    provider, _, model = name.partition("/")
    periods = resolver.periods(provider, model)
    if not any(isinstance(r, Resolved) for _, r in periods):
        raise ConfigError(f"no model {name!r} in the price book", hint="see costaudit pricing list")
    parts = [(0, Timeline((PriceStretch(0, {}, NOT_IN_SERVICE),), {}))] if periods[0][0] > 0 else []
    for start, resolution in periods:
        if isinstance(resolution, Resolved):
            key = (resolution.provider, resolution.model)
            parts.append((start, _in_service(timeline_of(book, key, tier), book.facts.get(key))))
        else:
            parts.append((start, Timeline((PriceStretch(0, {}, NOT_IN_SERVICE),), {})))
    return join_timelines(parts)


def _in_service(timeline: Timeline, facts: ModelFacts | None) -> Timeline:
    released = _midnight_us(facts.released_on) if facts and facts.released_on else 0
    retired = _midnight_us(facts.retired_on) if facts and facts.retired_on else None
    segments = []
    for segment in timeline.segments:
        start = segment.start
        if retired is not None and start >= retired:
            continue
        if start < released and segment.reason is None:
            segments.append(PriceStretch(start, {}, NOT_IN_SERVICE))
            start = released
        segments.append(msgspec.structs.replace(segment, start=start))
    segments = [
        s for i, s in enumerate(segments) if i + 1 == len(segments) or segments[i + 1].start > s.start
    ]
    if retired is not None:
        segments.append(PriceStretch(retired, {}, NOT_IN_SERVICE))
    return Timeline(tuple(segments), timeline.windows)


def _midnight_us(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000
