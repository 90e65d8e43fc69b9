"""Cells of requests that prices, rules and candidates treat alike, and what is known of those in each.

A cell may hold one request, of which all is known, or many: then bounds are known, and sums. What depends on
the single request is not decided for a cell (see `UNSURE`), and its requests are looked at one by one, or the
question is refused where only the sums were kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.ingest.hashes import Hashes
from costaudit.tape.columns import Words

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Index = npt.NDArray[np.intp]

NO, UNSURE, YES = 0, 1, 2
"""Whether something holds for no request of a cell, nobody knows for which, or for all. The least of several
answers says whether all of it holds."""

Answers = npt.NDArray[np.int8]

NO_EDGE: Final = 2**62
"""Above any size."""

IMAGES, AUDIO, TOOLS, JSON_MODE = 1, 2, 4, 8
"""Bits of `needs`: what a model must be able to do."""

NEEDS: Final = (
    (IMAGES, "images", "image"),
    (AUDIO, "audio", "audio"),
    (TOOLS, "tools", "tools"),
    (JSON_MODE, "json_mode", "json_mode"),
)
"""Bit, column of the rate matrix, and name in LACKS."""


class SizeBand(msgspec.Struct, frozen=True):
    """Sizes that are above the first number and at most the second; one entry per cell."""

    over: Ints
    most: Ints

    def take(self, rows: Index) -> SizeBand:
        """Those of some cells."""
        return SizeBand(self.over[rows], self.most[rows])


class Alike(msgspec.Struct, frozen=True):
    """Cells of requests; every array has one entry per cell."""

    words: Mapping[str, Words]
    """By name of ledger.WORD_KEYS, with the gateway as it is known."""
    tier: npt.NDArray[np.int8]
    low: Ints
    """From when …"""
    high: Ints
    """… until when the requests are priced: microseconds, NO_TS where that is not known."""
    context: SizeBand
    """Tokens of the input side."""
    length: SizeBand
    """Input side and output together."""
    output: SizeBand
    needs: npt.NDArray[np.integer]
    classes: Mask
    """By place in PRICED: whether each request has any of it."""
    requests: Ints
    sums: tuple[npt.NDArray[Any] | None, ...]
    """By place in PRICED; None for nothing of it in any cell."""
    single: bool
    """Every cell holds one request."""
    unmoved: Mask | None = None
    """Requests of users that the policy never moves."""
    share: Ints | None = None
    """Which of the shares of the policy, from the smallest on, are the first that a request is inside of."""
    stays: Mask | None = None
    """Requests of sessions that keep their models."""
    session: Hashes | None = None
    """The session of each single request, 0 for none; where sessions are routed as a whole."""

    @property
    def size(self) -> int:
        """Number of cells."""
        return len(self.tier)

    def take(self, rows: Index, *, words: bool = True) -> Alike:
        """Some of the cells, with or without their words."""
        told = {name: Words(w.codes[rows], w.values) for name, w in self.words.items()} if words else {}
        sums = tuple(None if s is None else s[rows] for s in self.sums)
        changed: dict[str, Any] = {"words": told, "sums": sums}
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, np.ndarray):
                changed[name] = value[rows]
            elif isinstance(value, SizeBand):
                changed[name] = value.take(rows)
        return msgspec.structs.replace(self, **changed)
