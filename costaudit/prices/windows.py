"""Daily time windows (peak and off-peak hours) applied to instants."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from costaudit.prices.rows import WindowRow

_DAY_S = 86_400


def in_window(rows: Sequence[WindowRow], ts_us: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """For every instant (microseconds UTC), whether any of the window's rows covers it.

    Weekdays and holidays are those of the local date in the row's time zone, which must not change
    its offset within the row's dates (China, the only one so far, has no summer time).
    """
    hit = np.zeros(len(ts_us), bool)
    second = (ts_us // 1_000_000) % _DAY_S
    for row in rows:
        dated = ts_us >= row.valid_from
        if row.valid_to is not None:
            dated &= ts_us < row.valid_to
        if row.start_s <= row.end_s:
            timed = (second >= row.start_s) & (second < row.end_s)
        else:
            timed = (second >= row.start_s) | (second < row.end_s)
        local_day = (ts_us // 1_000_000 + _offset_s(row)) // _DAY_S
        weekday = (local_day + 3) % 7 + 1  # 1970-01-01 was a Thursday, ISO weekday 4
        mask = dated & timed & np.isin(weekday, sorted(row.weekdays))
        if row.holidays:
            epoch = datetime(1970, 1, 1, tzinfo=UTC).date()
            mask &= ~np.isin(local_day, [(day - epoch).days for day in sorted(row.holidays)])
        hit |= mask
    return hit


def window_edges(rows: Sequence[WindowRow], low_us: int, high_us: int) -> npt.NDArray[np.int64]:
    """The instants strictly between two others at which a window may open or close, rising.

    Those of the clock stand for every day, also where weekdays or holidays keep the window shut.
    """
    days = np.arange(low_us // 1_000_000 // _DAY_S - 1, high_us // 1_000_000 // _DAY_S + 2) * _DAY_S
    found = [np.zeros(0, np.int64)]
    for row in rows:
        clock = (row.start_s, row.end_s, -_offset_s(row))  # the last is midnight where the weekdays count
        found += [(days + second) * 1_000_000 for second in clock]
        found.append(np.array([e for e in (row.valid_from, row.valid_to) if e is not None], np.int64))
    edges = np.unique(np.concatenate(found))
    return edges[(edges > low_us) & (edges < high_us)]


def _offset_s(row: WindowRow) -> int:
    moment = datetime.fromtimestamp(max(row.valid_from, 0) / 1e6, UTC)
    offset = moment.astimezone(ZoneInfo(row.timezone)).utcoffset()
    return int(offset.total_seconds()) if offset else 0
