"""Bands: sizes cut at edges, so that requests in one band are treated alike."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from costaudit.engine.alike import NO_EDGE, SizeBand

Ints = npt.NDArray[np.int64]

_TABLE: Final = 1 << 18
"""Sizes below this are looked up: that takes a quarter of the time of a search."""


LENGTH_EDGES: Final = (
    8_192, 16_384, 32_768, 65_536, 128_000, 200_000, 256_000, 272_000, 400_000, 512_000, 1_000_000,
    2_000_000,
)  # fmt: skip
"""Of input side and output together: what must fit into a context window. Smaller windows than the first edge
are rare by now, and an edge where most requests lie makes a ledger half as large again."""

OUTPUT_EDGES: Final = (4_096, 8_192, 16_384, 32_768, 64_000, 128_000)


class Bands:
    """The bands between some edges, which are upper limits that a band still includes."""

    def __init__(self, edges: Iterable[int]) -> None:
        self.edges = np.array(sorted({e for e in edges if -1 <= e < NO_EDGE}), np.int64)

    @property
    def size(self) -> int:
        """Number of bands."""
        return len(self.edges) + 1

    @cached_property
    def _table(self) -> npt.NDArray[np.uint8]:
        return np.searchsorted(self.edges, np.arange(_TABLE), side="left").astype(np.uint8)

    def of(self, sizes: Ints) -> Ints:
        """The band of every size, -1 for an unknown one included: 0 up to and with the first edge."""
        if not len(self.edges):
            return np.zeros(len(sizes), np.int64)
        if len(sizes) < _TABLE // 8 or self.size > np.iinfo(np.uint8).max or int(sizes.min()) < 0:
            return np.searchsorted(self.edges, sizes, side="left").astype(np.int64)
        found = self._table[np.minimum(sizes, _TABLE - 1)].astype(np.int64)
        large = np.flatnonzero(sizes >= _TABLE)
        found[large] = np.searchsorted(self.edges, sizes[large], side="left")
        return found

    def band(self, codes: npt.NDArray[np.integer]) -> SizeBand:
        """Between which sizes each of some bands lies."""
        whole = np.concatenate([[-1], self.edges, [NO_EDGE]])
        return SizeBand(whole[codes], whole[codes + 1])
