"""Price cards: what every class of token costs at one point of time and conditions, and when.

A `Timeline` answers "which card" for one model under one service tier: by date, by the size of the
request's input side, and by time of day. Between two neighbouring boundaries nothing changes, so a
whole block of requests is looked up with one bisection.
"""

from __future__ import annotations

import bisect
import functools
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from costaudit.errors import TableError
from costaudit.prices.book import ModelKey, PriceBook
from costaudit.prices.conditions import STANDARD, STANDARD_WHEN, When, listed_region
from costaudit.prices.resolver import Periods, Resolved
from costaudit.prices.rows import WHAT_IF, PriceRow, WindowRow, instant_text
from costaudit.tokens import PRICED_AS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NO_PRICE_THEN: Final = "no_price_at_that_time"
NO_TIER_PRICE: Final = "no_price_for_service_tier"
NO_TIMESTAMP: Final = "no_timestamp"

WEB_SEARCH: Final = "web_search"
"""The class of a tool that the provider calls, counted one by one."""

NO_TS: Final = -(2**63)
"""In arrays of instants (microseconds): the time is not known."""


class Rate(msgspec.Struct, frozen=True):
    """One price in force, and the row that says so."""

    usd: Decimal
    """USD per 1M tokens, or per unit."""
    rate_id: str

    @property
    def what_if(self) -> bool:
        """Whether the price is only supposed."""
        return self.rate_id.startswith(WHAT_IF)


class Card(msgspec.Struct, frozen=True):
    """The prices of one model at one point: what a request is multiplied with."""

    id: str
    """provider/model@date[conditions]."""
    provider: str
    model: str
    rates: Mapping[str, Rate]
    """By price class. A class that is missing has no price: tokens of it make a request unpriced."""
    start: int = 0
    """Microseconds UTC: from when on these prices hold."""
    when: When = STANDARD_WHEN
    """The conditions, as in `id`."""

    def with_rates(self, rates: Mapping[str, Rate]) -> Card:
        """The card with some other rates, under the same id."""
        return replace(self, rates={**self.rates, **rates})

    def with_stand_ins(self) -> Card:
        """The card with the rates by which classes are billed that it has no rate of its own for."""
        lent = {c: self.rates[of] for c, of in PRICED_AS.items() if c not in self.rates and of in self.rates}
        return self.with_rates(lent) if lent else self


class LadderStep(msgspec.Struct, frozen=True):
    """A card, and how many input-side tokens a request must exceed for it; -1 for any request."""

    over: int
    card: Card


class PriceStretch(msgspec.Struct, frozen=True):
    """A stretch of time in which no price changes."""

    start: int
    """Microseconds UTC; holds until the next segment starts."""
    ladders: Mapping[str, tuple[LadderStep, ...]]
    """By time window ('' outside every window), steps in rising order."""
    reason: str | None = None
    """Why nothing is priced in this stretch; ladders is empty then."""


class Timeline(msgspec.Struct, frozen=True, dict=True):
    """All segments of a name under one set of conditions, oldest first, the first from the beginning."""

    segments: tuple[PriceStretch, ...]
    windows: Mapping[str, tuple[WindowRow, ...]]

    @functools.cached_property
    def context_edges(self) -> frozenset[int]:
        """Numbers of input-side tokens above which a price is another one."""
        ladders = (ladder for segment in self.segments for ladder in segment.ladders.values())
        return frozenset(step.over for ladder in ladders for step in ladder if step.over >= 0)

    def at(self, ts: int | None, context: int) -> Card | str:
        """The card for one request, or the reason why there is none."""
        segment = None if ts in (None, NO_TS) else self._segment_at(ts)
        if segment is not None and segment.reason is not None:
            return segment.reason
        if segment is not None and len(segment.ladders) == 1:
            ladder = segment.ladders[""]
            step = ladder[bisect.bisect_left([step.over for step in ladder[1:]], context)]
            return next(card for card in self.cards if card.id == step.card.id)
        import numpy as np  # noqa: PLC0415 - start-up: one card of a model without windows needs none

        index = self.lookup(np.array([NO_TS if ts is None else ts]), np.array([context]))
        code = int(index[0])
        return self.cards[code] if code >= 0 else self.reasons[-1 - code]

    def _segment_at(self, ts: int) -> PriceStretch:
        return self.segments[max(bisect.bisect_right([s.start for s in self.segments], ts) - 1, 0)]

    @functools.cached_property
    def cards(self) -> tuple[Card, ...]:
        """Every card, in the order that `lookup` counts them."""
        steps = (step for s in self.segments for ladder in s.ladders.values() for step in ladder)
        return tuple({step.card.id: step.card for step in steps}.values())

    @functools.cached_property
    def reasons(self) -> tuple[str, ...]:
        """Every reason, in the order that `lookup` counts them down from -1."""
        return tuple(dict.fromkeys([NO_TIMESTAMP, *(s.reason for s in self.segments if s.reason)]))

    def lookup(self, ts: npt.NDArray[np.int64], context: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """For every request an index into `cards`, or -1 - index into `reasons`.

        `ts` in microseconds, NO_TS for unknown; `context` is the input side in tokens. A request
        without a time is priced only when every stretch of time that has a price would price it alike.
        """
        import numpy as np  # noqa: PLC0415 - start-up

        index = {card.id: i for i, card in enumerate(self.cards)}
        reasons = self.reasons
        out = np.empty(len(ts), np.int32)
        starts = np.array([s.start for s in self.segments], np.int64)
        where = np.searchsorted(starts, ts, side="right") - 1
        known = ts != NO_TS
        for number in np.unique(where[known]):
            rows = np.flatnonzero(known & (where == number))
            segment = self.segments[max(int(number), 0)]
            if segment.reason is not None:
                out[rows] = -1 - reasons.index(segment.reason)
                continue
            self._fill(segment, rows, ts, context, index, out)
        if not known.all():
            self._undated(np.flatnonzero(~known), context, index, out)
        return out

    def constant(self, low: int, high: int, largest: int) -> int | None:
        """The answer of `lookup` when it is one for all times from low to high and contexts to `largest`.

        None when it is not, or when that would take a look at each request.
        """
        if low == NO_TS:
            return None
        starts = [s.start for s in self.segments]
        first = bisect.bisect_right(starts, low) - 1
        if first != bisect.bisect_right(starts, high) - 1:
            return None
        segment = self.segments[max(first, 0)]
        if segment.reason is not None:
            return -1 - self.reasons.index(segment.reason)
        ladder = segment.ladders[""]
        if len(segment.ladders) > 1 or (len(ladder) > 1 and largest > ladder[1].over):
            return None
        return [card.id for card in self.cards].index(ladder[0].card.id)

    def _fill(
        self,
        segment: PriceStretch,
        rows: npt.NDArray[np.int64],
        ts: npt.NDArray[np.int64],
        context: npt.NDArray[np.int64],
        index: Mapping[str, int],
        out: npt.NDArray[np.int32],
    ) -> None:
        from costaudit.prices.windows import in_window  # noqa: PLC0415 - start-up

        out[rows] = _climb(segment.ladders[""], context[rows], index)
        for window, ladder in segment.ladders.items():
            if window:
                inside = rows[in_window(self.windows[window], ts[rows])]
                out[inside] = _climb(ladder, context[inside], index)

    def _undated(
        self,
        rows: npt.NDArray[np.int64],
        context: npt.NDArray[np.int64],
        index: Mapping[str, int],
        out: npt.NDArray[np.int32],
    ) -> None:
        import numpy as np  # noqa: PLC0415 - start-up

        ladders = [ladder for s in self.segments for ladder in s.ladders.values()]
        out[rows] = -1
        if not ladders:  # never a price, whatever the time: say why
            out[rows] = -2 if len(self.reasons) == 2 else -1
            return
        choices = np.stack([_climb(ladder, context[rows], index) for ladder in ladders])
        distinct, which = np.unique(choices, axis=1, return_inverse=True)
        cards = self.cards
        for number in range(distinct.shape[1]):
            if _alike([cards[code] for code in distinct[:, number]]):
                out[rows[which == number]] = distinct[-1, number]


def _alike(cards: Sequence[Card]) -> bool:
    """Whether cards that followed each other agree in every price that two of them have.

    A class that got its own price later (a cache that did not exist before) cannot have been used before.
    """
    seen: dict[str, Decimal] = {}
    return all(
        seen.setdefault(name, rate.usd) == rate.usd for card in cards for name, rate in card.rates.items()
    )


def _climb(
    ladder: Sequence[LadderStep], context: npt.NDArray[np.int64], index: Mapping[str, int]
) -> npt.NDArray[np.int32]:
    import numpy as np  # noqa: PLC0415 - start-up

    codes = np.array([index[step.card.id] for step in ladder], np.int32)
    if len(ladder) == 1:
        return np.full(len(context), codes[0], np.int32)
    overs = np.array([step.over for step in ladder[1:]], np.int64)
    return codes[np.searchsorted(overs, context, side="left")]


def timeline_of(
    book: PriceBook, key: ModelKey, tier: str = STANDARD, region: str = "", speed: str = ""
) -> Timeline:
    """The timeline of a canonical model under a service tier, region and speed.

    A region or speed without rows of its own is billed as the standard one; a service tier without
    rows is unpriced, because its price is not the standard one. Only tool calls cost the same in every
    tier that says nothing of them: tiers are discounts on tokens.
    """
    rows = book.in_force.get(key, ())
    tiers = {WEB_SEARCH: tier if any(_is(r, WEB_SEARCH, tier) for r in rows) else STANDARD}
    if all(r.when.tier != tier for r in rows):
        rows = ()
    speeds = {r.when.speed for r in rows}
    region = listed_region(region, {r.when.region for r in rows})
    rows = tuple(
        r
        for r in rows
        if r.when.tier == tiers.get(r.klass, tier)
        and r.when.region in ("", region)
        and r.when.speed in ("", speed if speed in speeds else "")
    )
    if not rows:
        return Timeline(
            (PriceStretch(0, {}, NO_TIER_PRICE if book.in_force.get(key) else NO_PRICE_THEN),), {}
        )
    windows = sorted({r.when.window for r in rows} - {""})
    unknown = next((w for w in windows if w not in book.windows), None)
    if unknown is not None:
        raise TableError(f"{key[0]}/{key[1]}: the window {unknown!r} of its prices is not in windows.csv")
    segments: list[PriceStretch] = [PriceStretch(0, {}, NO_PRICE_THEN)]
    for start in sorted({r.valid_from for r in rows}):
        segment = _segment(book, key, rows, start, windows)
        if not _same(segment, segments[-1]):
            segments.append(segment)
    return Timeline(tuple(segments), {w: book.windows[w] for w in windows})


def _is(row: PriceRow, klass: str, tier: str) -> bool:
    return row.klass == klass and row.when.tier == tier


def join_timelines(parts: Sequence[tuple[int, Timeline]]) -> Timeline:
    """One timeline that follows each part from its start on: what a name that moved comes to."""
    segments: list[PriceStretch] = []
    windows: dict[str, tuple[WindowRow, ...]] = {}
    for place, (start, timeline) in enumerate(parts):
        end = parts[place + 1][0] if place + 1 < len(parts) else None
        windows.update(timeline.windows)
        for number, segment in enumerate(timeline.segments):
            until = timeline.segments[number + 1].start if number + 1 < len(timeline.segments) else None
            if (until is not None and until <= start) or (end is not None and segment.start >= end):
                continue
            segments.append(PriceStretch(max(segment.start, start), segment.ladders, segment.reason))
    merged = segments[:1]
    for segment in segments[1:]:
        if not _same(segment, merged[-1]):
            merged.append(segment)
    return Timeline(tuple(merged), windows)


def _same(a: PriceStretch, b: PriceStretch) -> bool:
    if a.reason != b.reason or a.ladders.keys() != b.ladders.keys():
        return False
    return all(
        [(s.over, s.card.model, _usd(s.card)) for s in a.ladders[w]]
        == [(s.over, s.card.model, _usd(s.card)) for s in b.ladders[w]]
        for w in a.ladders
    )


def _usd(card: Card) -> dict[str, Decimal]:
    return {name: rate.usd for name, rate in card.rates.items()}


def _segment(
    book: PriceBook, key: ModelKey, rows: Sequence[PriceRow], start: int, windows: Sequence[str]
) -> PriceStretch:
    current: dict[tuple[str, object], PriceRow] = {}
    for row in sorted((r for r in rows if r.valid_from <= start), key=lambda r: r.valid_from):
        current[row.klass, row.when] = row
    live = [r for r in current.values() if r.status != "ended"]
    searches_alone = all(r.klass == WEB_SEARCH for r in rows)  # a model that ranks is billed by nothing else
    basic = (WEB_SEARCH,) if searches_alone else ("input", "output", "request")
    if not any(r.klass in basic and not r.when.window for r in live):
        return PriceStretch(start, {}, NO_PRICE_THEN)
    overs = sorted({-1, *(r.when.context_over for r in live)})
    ladders = {
        window: tuple(LadderStep(over, _card(book, key, live, start, window, over)) for over in overs)
        for window in ("", *(w for w in windows if any(r.when.window == w for r in live)))
    }
    return PriceStretch(start, ladders)


def _card(
    book: PriceBook, key: ModelKey, live: Sequence[PriceRow], start: int, window: str, over: int
) -> Card:
    best: dict[str, PriceRow] = {}
    for row in live:
        if row.when.window not in ("", window) or row.when.context_over > over:
            continue
        held = best.get(row.klass)
        if held is None or _specific(row) > _specific(held):
            best[row.klass] = row
    rates = {name: Rate(row.usd, row.rate_id) for name, row in best.items() if row.usd is not None}
    provider = book.providers[key[0]]
    if "input" in rates:
        if provider.cache_read_as_input:
            rates.setdefault("cache_read", rates["input"])
        if provider.cache_write_as_input and "cache_write_5m" not in rates and "cache_write_1h" not in rates:
            rates["cache_write_5m"] = rates["cache_write_1h"] = rates["input"]
    when = When(
        context_over=over,
        tier=next((r.when.tier for r in live if r.when.tier != STANDARD), STANDARD),
        window=window,
        region=next((r.when.region for r in live if r.when.region), ""),
        speed=next((r.when.speed for r in live if r.when.speed), ""),
    )
    label = f"[{when}]" if str(when) else ""
    return Card(f"{key[0]}/{key[1]}@{instant_text(start)}{label}", *key, rates, start, when)


def _specific(row: PriceRow) -> tuple[bool, bool, bool, int]:
    return bool(row.when.speed), bool(row.when.region), bool(row.when.window), row.when.context_over


def name_timeline(
    book: PriceBook, periods: Periods, tier: str, region: str = "", speed: str = ""
) -> Timeline:
    """The prices of a name over time, following the models that it stood for."""
    parts = []
    for start, resolution in periods:
        if isinstance(resolution, Resolved):
            key = (resolution.provider, resolution.model)
            named = (resolution.tier or tier, region or resolution.region, resolution.speed or speed)
            parts.append((start, timeline_of(book, key, *named)))
        else:
            parts.append((start, Timeline((PriceStretch(0, {}, resolution.reason.value),), {})))
    return parts[0][1] if len(parts) == 1 else join_timelines(parts)
