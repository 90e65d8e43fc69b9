"""Slots: the parts of a day or an hour within which the price of a name does not change.

A saved ledger keeps requests of one period together only as long as they were priced alike. So its cells say
between which seconds of their period their requests were made, and another book can be asked whether its
prices change between those.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from costaudit.prices.cards import NO_TS, Timeline
from costaudit.prices.windows import in_window, window_edges

Ints = npt.NDArray[np.int64]

SECOND_US: Final = 1_000_000


def price_changes(timeline: Timeline, low_us: int, high_us: int) -> Ints:
    """The instants strictly between two others at which the prices of a timeline change, rising.

    They are whole seconds: tables know no finer time.
    """
    starts = np.array([s.start for s in timeline.segments], np.int64)
    between = starts[(starts > low_us) & (starts < high_us)]
    if not timeline.windows:
        return between  # neighbouring segments differ
    found = [between]
    found += [window_edges(rows, low_us, high_us) for rows in timeline.windows.values()]
    points = np.unique(np.concatenate([np.array([low_us], np.int64), *found]))
    segment = np.maximum(np.searchsorted(starts, points, side="right") - 1, 0)
    states = [segment]
    for name, rows in timeline.windows.items():
        priced = np.array([name in s.ladders for s in timeline.segments], bool)
        states.append((in_window(rows, points) & priced[segment]).astype(np.int64))
    changed = np.any([np.diff(state) != 0 for state in states], axis=0)
    return points[1:][changed]


def slots_of(ts: Ints, period_us: int, changes: Ints) -> tuple[Ints, Ints]:
    """For every instant the seconds of its period between which no price changes; 0 and 0 for no time."""
    start = ts // period_us * period_us
    place = np.searchsorted(changes, ts, side="right")
    edges = np.concatenate([[np.iinfo(np.int64).min], changes, [np.iinfo(np.int64).max]])
    low = np.maximum(start, edges[place]) - start
    high = np.minimum(start + period_us, edges[place + 1]) - start
    known = ts != NO_TS
    return np.where(known, low, 0) // SECOND_US, np.where(known, high, 0) // SECOND_US
