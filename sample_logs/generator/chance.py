"""Chance and time: seeded draws, short ids, and when the people of an invented company are at work."""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Final, TypeVar

SEED: Final = 20261001
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MONTH: Final = datetime(2026, 10, 1, tzinfo=UTC)
HOUR_MS: Final = 3_600_000
HOURS: Final = 31 * 24

T = TypeVar("T")


class Dice:
    """A seeded stream of draws; each file has its own, so that one can change without the others."""

    def __init__(self, name: str) -> None:
        self._draw = random.Random(f"{SEED}/{name}").random

    def chance(self, share: float) -> bool:
        """True in `share` of the draws."""
        return self._draw() < share

    def between(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return low + int(self._draw() * (high - low + 1))

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, all alike."""
        return options[int(self._draw() * len(options))]

    def weighted(self, options: Sequence[T], edges: Sequence[float]) -> T:
        """One of the options; `edges` are their accumulated weights."""
        return options[bisect(edges, self._draw() * edges[-1])]

    def by_share(self, shares: Mapping[T, float]) -> T:
        """A key of a mapping from option to weight."""
        return self.weighted(list(shares), list(accumulate(shares.values())))

    def lognormal(self, median: float, sigma: float) -> int:
        """A heavy-tailed positive integer."""
        normal = math.sqrt(-2 * math.log(1 - self._draw())) * math.cos(2 * math.pi * self._draw())
        return max(1, round(median * math.exp(sigma * normal)))

    def sample(self, count: int, below: int) -> list[int]:
        """`count` different integers below `below`, sorted."""
        chosen: set[int] = set()
        while len(chosen) < count:
            chosen.add(self.between(0, below - 1))
        return sorted(chosen)


class Ids:
    """Short random names that never repeat (shorter than real ones, to keep the files small)."""

    _LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._given: set[str] = set()

    def new(self, prefix: str) -> str:
        """The prefix and eight letters or digits."""
        while True:
            name = prefix + "".join(self._dice.pick(self._LETTERS) for _ in range(8))
            if name not in self._given:
                self._given.add(name)
                return name


_DAY_CURVE: Final = (2, 1, 1, 1, 2, 4, 12, 30, 52, 60, 58, 50, 46, 58, 62, 56, 44, 30, 20, 14, 10, 7, 5, 3)
"""Requests by UTC hour of a working day: an office in Europe with customers further west."""


def _hour_weight(hour: int) -> float:
    day = MONTH + timedelta(hours=hour)
    weight = float(_DAY_CURVE[day.hour])
    if day.weekday() >= 5:
        return weight * 0.22
    return weight * (1.25 if day.weekday() == 0 else 1.0)


_HOUR_EDGES: Final = list(accumulate(_hour_weight(hour) for hour in range(HOURS)))
_USERS: Final = [f"u-{rank * 173 % 400 + 1:04d}" for rank in range(400)]
_USER_EDGES: Final = list(accumulate(1 / (rank + 1.5) for rank in range(400)))
MONTH_MS: Final = (MONTH - EPOCH) // timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Visit:
    """A user at the keyboard at one instant."""

    at_ms: int
    user: str
    session: str
    first: bool
    """True for the first request of the session."""


def visits(dice: Dice, count: int) -> list[Visit]:
    """`count` requests in sessions of one to about ten, in office hours, by users of a Zipf law."""
    made: list[Visit] = []
    per_user: Counter[str] = Counter()
    while len(made) < count:
        at_ms = MONTH_MS + dice.weighted(range(HOURS), _HOUR_EDGES) * HOUR_MS + dice.between(0, HOUR_MS - 1)
        user = dice.weighted(_USERS, _USER_EDGES)
        per_user[user] += 1
        session = f"s-{user[2:]}-{per_user[user]:03d}"
        first = True
        while at_ms < MONTH_MS + HOURS * HOUR_MS:
            made.append(Visit(at_ms, user, session, first))
            first = False
            if not dice.chance(0.55):
                break
            at_ms += dice.lognormal(70_000, 0.8)
    return sorted(made[:count], key=lambda visit: (visit.at_ms, visit.session))


def moment(at_ms: int) -> datetime:
    """The instant as a UTC datetime."""
    return EPOCH + timedelta(milliseconds=at_ms)


def iso(at_ms: int) -> str:
    """2026-10-05T09:15:02.114Z."""
    return moment(at_ms).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"
