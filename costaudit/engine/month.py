"""From a log's own period to a month of 30 days: which days count, and how much each of them weighs.

See docs/how-the-number-is-made.md, "Per month", for the rules and an example by hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.engine.exact import sum_by
from costaudit.engine.ledger import NO_PERIOD, Cells
from costaudit.engine.plan import Plan
from costaudit.times import DAY_US, HOUR_US

MONTH_DAYS: Final = 30
"""Days of the month that amounts are scaled to."""

EDGE_US: Final = HOUR_US
"""The first day is whole when its traffic begins so soon after midnight UTC, the last if it ends so late."""

FIRM_DAYS: Final = 14
"""An estimate that stands on fewer days is weak."""

WEEK: Final = 7


class Method(StrEnum):
    """How amounts are scaled."""

    WEEKDAYS = "weekday_means"
    """Every weekday by its own mean over the whole days."""
    DAYS = "daily_mean"
    """The mean of the whole days: not every weekday is among them."""
    ELAPSED = "elapsed_time"
    """Everything by the time that the log covers: there are too few whole days."""
    NONE = "none"
    """Not at all: less than a day, or no times."""


class Month(msgspec.Struct, frozen=True):
    """What of a log's period is scaled to a month, and how. Days are counted from 1970-01-01, UTC."""

    method: Method
    calendar_days: int = 0
    """From the first to the last day with a request, both included."""
    active_days: int = 0
    """Those with a request."""
    longest_gap: int = 0
    """Most days in a row without a request; they count as days that cost nothing."""
    partial: tuple[int, ...] = ()
    """The first and the last day, where the log does not cover them to midnight."""
    counted: tuple[int, int] = (0, 0)
    """First day, and the day after the last, that the scale goes by."""
    covered: Fraction = Fraction(0)
    """Days that the log covers, parts of days included."""

    @property
    def whole_days(self) -> int:
        """Days that the log covers from midnight to midnight."""
        return self.calendar_days - len(self.partial)

    @property
    def gap_days(self) -> int:
        """Days without a request between the first and the last."""
        return self.calendar_days - self.active_days

    @property
    def weekdays(self) -> int:
        """Distinct weekdays among the days counted."""
        first, end = self.counted
        return min(end - first, WEEK)

    @property
    def is_weak(self) -> bool:
        """Whether it stands on less than two weeks."""
        first, end = self.counted
        return self.method is not Method.NONE and end - first < FIRM_DAYS

    def weight(self, day: int | None) -> Fraction:
        """How often an amount of a day is in a month of 30 days; None is an amount without a day."""
        if self.method is Method.NONE:
            return Fraction(0)
        first, end = self.counted
        if day is None or self.method is Method.ELAPSED:
            return MONTH_DAYS / self.covered
        if not first <= day < end:
            return Fraction(0)
        if self.method is Method.DAYS:
            return Fraction(MONTH_DAYS, end - first)
        alike = len(range(first + (day - first) % WEEK, end, WEEK))
        return Fraction(MONTH_DAYS, WEEK * alike)


def month_of(first_us: int | None, last_us: int | None, days: Iterable[int]) -> Month:
    """How a log is scaled whose first and last request were made then, with requests on these days.

    >>> month = month_of(0, 13 * DAY_US + 80_000_000_000, range(14))
    >>> month.method.value, month.partial, month.weekdays
    ('weekday_means', (13,), 7)
    """
    if first_us is None or last_us is None:
        return Month(Method.NONE)
    first, last = first_us // DAY_US, last_us // DAY_US
    late, early = first_us - first * DAY_US, (last + 1) * DAY_US - last_us
    late, early = (0 if missing <= EDGE_US else missing for missing in (late, early))
    partial = tuple(dict.fromkeys([*([first] if late else []), *([last] if early else [])]))
    covered = Fraction((last + 1 - first) * DAY_US - late - early, DAY_US)
    start, end = first + bool(late), last + (not early)
    active = sorted(set(days))
    gaps = (after - before - 1 for before, after in pairwise(active))
    method = _method(covered, end - start, bool(partial))
    if method in (Method.ELAPSED, Method.NONE):
        start, end = first, last + 1
    return Month(
        method=method,
        calendar_days=last + 1 - first,
        active_days=len(active),
        longest_gap=max(gaps, default=0),
        partial=partial,
        counted=(start, end),
        covered=covered,
    )


def _method(covered: Fraction, whole: int, is_partial: bool) -> Method:
    if covered < 1:
        return Method.NONE
    if whole < 1 or (whole < 2 and is_partial):
        return Method.ELAPSED
    return Method.DAYS if whole < WEEK else Method.WEEKDAYS


class CellScale(msgspec.Struct, frozen=True):
    """A month for the cells of a ledger: the day of each, and the weight of every day."""

    month: Month
    group: npt.NDArray[np.intp]
    """Place of every cell's day in `weights`."""
    weights: tuple[Fraction, ...]

    def monthly(self, amounts: npt.NDArray[Any], where: Any = None) -> Fraction | None:
        """What integer amounts of cells come to per 30 days, in their own unit.

        None where nothing is scaled, and where all that there is lies on days that are not counted.
        """
        if self.month.method is Method.NONE:
            return None
        group = self.group if where is None else self.group[where]
        sums = sum_by(group, len(self.weights), amounts if where is None else amounts[where]).tolist()
        weighed = [(amount, weight) for amount, weight in zip(sums, self.weights, strict=True) if amount]
        if weighed and not any(weight for _, weight in weighed):
            return None
        return sum((amount * weight for amount, weight in weighed), Fraction(0))


def scale_cells(month: Month, cells: Cells, plan: Plan) -> CellScale:
    """A month for the cells of a ledger."""
    days = days_of(cells, plan)
    place = {day: number for number, day in enumerate(dict.fromkeys(days))}
    group = np.array([place[day] for day in days], np.intp)
    return CellScale(month, group, tuple(month.weight(day) for day in place))


def days_of(cells: Cells, plan: Plan) -> list[int | None]:
    """The day of every cell, counted from 1970-01-01; None without a time."""
    per_day = 1 if plan.resolution == "day" else DAY_US // HOUR_US
    return [None if p == NO_PERIOD else p // per_day for p in cells.keys["period"].tolist()]
