"""What cells of requests are priced by: the card of each, where it is one for all of its requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.engine.alike import Alike, Mask
from costaudit.engine.plan import Plan
from costaudit.engine.slots import price_changes
from costaudit.engine.subjects import distinct_subjects
from costaudit.prices.cards import NO_TS, Timeline
from costaudit.prices.numbered import NO_CLASS_PRICE, SubjectPrices
from costaudit.schema import Quality

Ints = npt.NDArray[np.int64]
Cards = npt.NDArray[np.int32]

MISSING: Final = -1
"""In place of an index into the cards of a timeline: it has no price."""


class CellPrices(msgspec.Struct, frozen=True):
    """What serves some cells today; one entry per cell in every array."""

    card: Cards
    """Number in `Plan.cards`; negative codes of a reason where there is no price."""
    unsure: Mask
    """Cells whose requests may be priced by different cards."""
    chat: Mask
    """Cells of chat models: others are never routed."""
    providers: frozenset[str]
    """Providers of the book that served the requests."""


def price_cells(alike: Alike, plan: Plan, free: Mask) -> CellPrices:
    """The card of every cell. `free` are those that nobody bills: see `judge.free_cells`."""
    subjects, codes = distinct_subjects(alike.words)
    prices = [plan.prices.subject(subject) for subject in subjects]
    card, unsure = np.zeros(alike.size, np.int32), np.zeros(alike.size, bool)
    for number, rows in _by_code(codes, len(subjects)):
        card[rows], unsure[rows] = _card_of(plan, prices[number], alike, rows)
    no_usage = alike.words["quality"].among(Quality.NONE) & ~free
    card = np.where(
        free, plan.prices.free_card, np.where(no_usage, plan.prices.reason_code("no_usage"), card)
    )
    rates = plan.prices.rates().rates
    lacking = ((rates[np.maximum(card, 0)] < 0) & alike.classes).any(axis=1) & (card >= 0)
    card = np.where(lacking, plan.prices.reason_code(NO_CLASS_PRICE), card).astype(np.int32)
    return CellPrices(
        card=card,
        unsure=unsure & ~free & ~no_usage,
        chat=np.array([p.chat for p in prices], bool)[codes],
        providers=frozenset().union(*(price.providers for price in prices)),
    )


def _by_code(codes: Ints, size: int) -> Sequence[tuple[int, npt.NDArray[np.intp]]]:
    """The rows of every code."""
    order = np.argsort(codes, kind="stable")
    edges = np.append(0, np.cumsum(np.bincount(codes, minlength=size))).tolist()
    return [(n, order[edges[n] : edges[n + 1]]) for n in range(size)]


def _card_of(
    plan: Plan, price: SubjectPrices, alike: Alike, rows: npt.NDArray[np.intp]
) -> tuple[Cards, Mask]:
    """The cards of the cells of one subject, and where a cell may have several."""
    place, unsure = places_in(plan, price.timeline, price.codes, alike, rows)
    if not len(price.codes):
        return price.reasons[-1 - place], unsure
    reasons = price.reasons[np.maximum(-1 - place, 0)]
    return np.where(place >= 0, price.codes[np.maximum(place, 0)], reasons).astype(np.int32), unsure


def places_in(
    plan: Plan, timeline: Timeline, codes: Cards, alike: Alike, rows: npt.NDArray[np.intp] | slice
) -> tuple[npt.NDArray[np.int32], Mask]:
    """As `Timeline.lookup` for some cells, and where a cell may have several answers; one where all have one.

    `codes` are the numbers of its cards in the plan.
    """
    low, high = alike.low[rows], alike.high[rows]
    over, most = alike.context.over[rows], alike.context.most[rows]
    first, last = int(low.min()), int(high.max())
    one = timeline.constant(first, last, int(most.max()))
    if one is not None:
        return np.full(1, one, np.int32), np.zeros(1, bool)
    place = timeline.lookup(low, over + 1)
    if alike.single:
        return place, np.zeros(len(place), bool)
    dated = low != NO_TS
    first = int(low[dated].min(initial=0))
    changes = price_changes(timeline, first, last) if last > first else np.zeros(0, np.int64)
    overs = np.array(sorted(timeline.context_edges), np.int64)
    inside = np.searchsorted(changes, high, "left") > np.searchsorted(changes, low, "right")
    split = np.searchsorted(overs, most, "left") > np.searchsorted(overs, over, "right")
    unsure = np.zeros(len(place), bool)
    classes = alike.classes[rows]
    packed = np.packbits(classes, axis=1)
    known: dict[tuple[int, int, int, int, bytes], bool] = {}
    for row in np.flatnonzero((inside & dated) | split).tolist():
        span = int(low[row]), int(high[row]), int(over[row]), int(most[row])
        key = (*span, packed[row].tobytes())
        if key not in known:
            known[key] = not _is_one(plan, timeline, codes, span, classes[row], (changes, overs))
        unsure[row] = known[key]
    return place, unsure


def _is_one(
    plan: Plan,
    timeline: Timeline,
    codes: Cards,
    span: tuple[int, int, int, int],
    classes: Mask,
    edges: tuple[Ints, Ints],
) -> bool:
    """Whether all requests that a cell may hold are priced alike."""
    low, high, over, most = span
    changes, overs = edges
    times = np.array([low, *changes[(changes > low) & (changes < high)]], np.int64)
    contexts = np.array([over + 1, *(overs[(overs > over) & (overs < most)] + 1)], np.int64)
    ts, context = (grid.ravel() for grid in np.meshgrid(times, contexts))
    found = np.unique(timeline.lookup(ts, context))
    if len(found) == 1:
        return True
    if found.min() < 0:
        return False
    numbers = codes[found]
    models = {(plan.prices.cards[n].provider, plan.prices.cards[n].model) for n in numbers.tolist()}
    rates = plan.prices.rates().rates[numbers][:, classes]
    return len(models) == 1 and bool((rates == rates[0]).all())
