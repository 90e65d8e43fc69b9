"""Single requests that stand out by the cost they state: the few largest of a batch, and of a whole pass.

Every list is cut under one total order, so that the largest of the parts are the largest of the whole,
whatever the parts are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

KEPT: Final = 20
"""Requests of each kind that are kept."""


class Standout(msgspec.Struct, frozen=True):
    """A request whose stated cost is far from list. Holds no id, and no text but the model's name."""

    size: int
    """What it is ranked by."""
    reported_picousd: int
    list_units: int
    """List cost in 1e-15 USD; negative without one."""
    tokens: int
    model: str
    row: int
    """Row of its batch."""
    file: str = ""
    line: int = 0

    def rank(self) -> tuple[Any, ...]:
        """Sorts the largest first, and of equal ones the first in the logs."""
        alike = -self.size, -self.reported_picousd, self.list_units, -self.tokens, self.model
        return (*alike, self.file, self.line, self.row)


class Standouts(msgspec.Struct):
    """The largest of both kinds, sorted by rank."""

    impossible: list[Standout] = msgspec.field(default_factory=list)
    """Stated costs that cannot be true, by their size in 1e-12 USD."""
    deviating: list[Standout] = msgspec.field(default_factory=list)
    """Believed costs that are not list, by their distance from it in 1e-15 USD."""

    def at(self, place: Callable[[int], tuple[str, int]]) -> Standouts:
        """The same with the file and the line of every row."""
        return Standouts(*(largest(_placed(s, *place(s.row)) for s in kind) for kind in self._kinds()))

    def add(self, more: Standouts) -> None:
        """Take in the largest of another part."""
        self.impossible = largest([*self.impossible, *more.impossible])
        self.deviating = largest([*self.deviating, *more.deviating])

    def _kinds(self) -> tuple[list[Standout], list[Standout]]:
        return self.impossible, self.deviating


def _placed(one: Standout, file: str, line: int) -> Standout:
    return msgspec.structs.replace(one, file=file, line=line)


def largest(some: Iterable[Standout]) -> list[Standout]:
    """The KEPT largest, sorted by rank."""
    return sorted(some, key=Standout.rank)[:KEPT]


def largest_rows(size: npt.NDArray[Any], ties: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.intp]:
    """The KEPT rows of largest size; of equal ones those that `ties`, in order, put first (ascending)."""
    if len(size) <= KEPT:
        return np.arange(len(size))
    least = np.partition(size, len(size) - KEPT)[len(size) - KEPT]
    above, equal = np.flatnonzero(size > least), np.flatnonzero(size == least)
    room = KEPT - len(above)
    if len(equal) > room:
        ranks = [np.unique(tie[equal], return_inverse=True)[1] for tie in reversed(ties)]
        equal = equal[np.lexsort([equal, *ranks])[:room]]
    return np.concatenate([above, equal])
