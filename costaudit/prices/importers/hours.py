"""Hours of the day as other tables write them, told in the windows of the book."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time
from typing import Final

from costaudit.prices.importers.observation import Windows

Minutes = frozenset[int]
"""Minutes after midnight UTC."""

DAY: Final = frozenset(range(1440))


def minutes_between(start: int, end: int) -> Minutes:
    """The minutes from one to another, over midnight when the end is not after the start.

    >>> sorted(minutes_between(1438, 1))
    [0, 1438, 1439]
    """
    if start < end:
        return frozenset(range(start, end))
    return frozenset(range(start, 1440)) | frozenset(range(end))


def parse_clock(text: str) -> int:
    """Minutes after midnight UTC of '00:30', '00:30:00Z' or '08:30:00+08:00'; raises ValueError.

    >>> parse_clock("08:30:00+08:00")
    30
    """
    clock = time.fromisoformat(text)
    offset = clock.utcoffset()
    return (clock.hour * 60 + clock.minute - (int(offset.total_seconds()) // 60 if offset else 0)) % 1440


def window_of(minutes: Minutes, windows: Windows) -> str | None:
    """The window that covers exactly these minutes of a day, at some time of its history.

    Weekdays and holidays are not compared: no observer but litellm knows of them.
    """
    for name, rows in sorted(windows.items()):
        for start in sorted({row.valid_from for row in rows}):
            spans = [(r.start_s // 60 % 1440, r.end_s // 60 % 1440) for r in rows if r.valid_from == start]
            if _union(minutes_between(*span) for span in spans) == minutes:
                return name
    return None


def _union(parts: Iterable[Minutes]) -> Minutes:
    return frozenset().union(*parts)
