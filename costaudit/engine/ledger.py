"""The ledger: one pass over the logs as a small table of integer sums, and how partial ledgers merge.

A key is everything that can change the price or the projection of a request; a measure is an integer
sum. Addition of integers is exact and has no order, so a ledger does not depend on block size, threads
or file order. A ledger holds no prompt text and no user ids; users are summed in a table of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.engine.exact import LIMIT, sum_by
from costaudit.schema import COUNTS

Ints = npt.NDArray[np.int64]

NUMBER_KEYS: Final = (
    "period", "card", "tier", "band", "evidence", "number", "route_same", "route_any", "verify", "kept",
    "lacks", "reported",
)  # fmt: skip
"""Keys that are small numbers: see `costaudit.engine.kernel` for their meaning."""

WORD_KEYS: Final = (
    "provider",
    "model",
    "service_tier",
    "region",
    "speed",
    "gateway",
    "feature",
    "status",
    "quality",
    "reading",
)
"""Keys that are words, kept as codes into `values`."""

MEASURES: Final = ("requests", *COUNTS, "reported_picousd")

NO_PERIOD: Final = -1
"""The period of requests without a time."""


class Cells(msgspec.Struct):
    """A grouped table: one row per distinct combination of keys, integer sums beside it."""

    keys: dict[str, npt.NDArray[np.int32]]
    values: dict[str, tuple[str | None, ...]]
    """For word keys: the words that the codes stand for."""
    measures: dict[str, Ints]

    @property
    def rows(self) -> int:
        """Number of combinations."""
        return len(next(iter(self.measures.values())))

    def words(self, key: str) -> list[str | None]:
        """A word key as a list of words, one per row."""
        values = self.values[key]
        return [values[code] for code in self.keys[key].tolist()]


class CellSum(msgspec.Struct):
    """Adds up cells whose word codes differ from block to block."""

    compact_at: int = 80_000
    """Rows held before equal keys are added together."""
    _codes: dict[str, dict[str | None, int]] = msgspec.field(default_factory=dict)
    _parts: list[Cells] = msgspec.field(default_factory=list)
    _held: int = 0
    _magnitude: dict[str, float] = msgspec.field(default_factory=dict)

    def add(self, cells: Cells) -> None:
        """Take in the cells of one block."""
        keys = dict(cells.keys)
        for name, values in cells.values.items():
            codes = self._codes.setdefault(name, {})
            table = np.array([codes.setdefault(v, len(codes)) for v in values], np.int32)
            keys[name] = table[keys[name]] if len(table) else keys[name]
        measures = _split(cells.measures, _MONEY)
        for name, column in measures.items():
            self._magnitude[name] = self._magnitude.get(name, 0.0) + float(
                np.abs(column).sum(dtype=np.float64)
            )
        self._parts.append(Cells(keys, {}, measures))
        self._held += cells.rows
        if self._held > self.compact_at:
            self._compact()

    def _compact(self) -> None:
        cells = self._grouped()
        self._parts, self._held = [cells], cells.rows
        self.compact_at = max(self.compact_at, 2 * cells.rows)

    def _grouped(self) -> Cells:
        names = list(self._parts[0].keys)
        measures = [m for m in self._parts[0].measures if self._magnitude[m]]
        keys = {n: np.concatenate([p.keys[n] for p in self._parts]) for n in names}
        counts = {m: np.concatenate([p.measures[m] for p in self._parts]) for m in measures}
        wide = [m for m in measures if self._magnitude[m] >= LIMIT]
        counts = _split(counts, wide)
        keys, sums_of = _few(keys, counts) if self._held <= _FEW else _many(keys, counts)
        sums_of = _rejoined(sums_of, wide)
        nothing = np.zeros(len(keys[names[0]]), np.int64)  # most logs have no audio, no searches …
        return Cells(keys, {}, {m: sums_of.get(m, nothing) for m in self._parts[0].measures})

    def total(self) -> Cells:
        """Everything added so far, without the cells that came to nothing, in a fixed order."""
        if not self._parts:
            return Cells({}, {}, {"requests": np.zeros(0, np.int64)})
        cells = self._grouped()
        cells.measures = _rejoined(cells.measures, _MONEY)
        kept = np.flatnonzero(np.any([column != 0 for column in cells.measures.values()], axis=0))
        values = {name: tuple(codes) for name, codes in self._codes.items()}
        keys = {n: c[kept] for n, c in cells.keys.items()}
        measures = {n: c[kept] for n, c in cells.measures.items()}
        sorted_keys, sorted_values = _in_order(keys, values)
        order = np.lexsort([sorted_keys[n] for n in reversed(list(sorted_keys))])
        return Cells(
            {n: c[order] for n, c in sorted_keys.items()},
            sorted_values,
            {n: c[order] for n, c in measures.items()},
        )


_FEW: Final = 1_000
"""Rows that are added up by hand sooner than Arrow's engine for it is loaded."""

_Summed = tuple[dict[str, npt.NDArray[np.int32]], dict[str, Ints]]
"""Every key once, in the order of the first rows, and the sums of their counts."""


def _few(keys: Mapping[str, npt.NDArray[np.int32]], counts: Mapping[str, Ints]) -> _Summed:
    numbers: dict[tuple[int, ...], int] = {}
    rows = list(zip(*(column.tolist() for column in keys.values()), strict=True))
    group = np.array([numbers.setdefault(row, len(numbers)) for row in rows], np.intp)
    first = np.zeros(len(numbers), np.intp)
    first[group[::-1]] = np.arange(len(rows))[::-1]
    found = {name: np.zeros(len(numbers), np.int64) for name in counts}
    for name, column in counts.items():
        np.add.at(found[name], group, column)
    return {name: column[first].astype(np.int32) for name, column in keys.items()}, found


def _many(keys: Mapping[str, npt.NDArray[np.int32]], counts: Mapping[str, Ints]) -> _Summed:
    table = pa.table({**keys, **counts})
    grouped = table.group_by(list(keys), use_threads=False).aggregate([(m, "sum") for m in counts])
    return (
        {n: grouped.column(n).to_numpy().astype(np.int32) for n in keys},
        {m: grouped.column(f"{m}_sum").to_numpy().astype(np.int64) for m in counts},
    )


CACHE_UNITS: Final = "cache_units"
"""A measure of replayed ledgers: what requests lose of their cache discounts, in 1e-15 USD."""

_MONEY: Final = ("reported_picousd", "list_units", CACHE_UNITS)
"""Measures that 64 bits may not hold: pico-dollars end at nine million dollars, femto-dollars at 9,000."""

_UPPER: Final = " // 10^9"


def _split(measures: Mapping[str, Ints], wide: Iterable[str]) -> dict[str, Ints]:
    """Wide measures in two parts, each of which 64 bits hold."""
    out = dict(measures)
    for name in (n for n in wide if n in measures):
        upper, lower = out[name] // 10**9, out[name] % 10**9
        out[name + _UPPER], out[name] = upper.astype(np.int64), lower.astype(np.int64)
    return out


def _rejoined(measures: Mapping[str, Ints], wide: Iterable[str]) -> dict[str, Ints]:
    """The inverse of `_split`: wide measures as Python integers."""
    out = dict(measures)
    for name in wide:
        if name + _UPPER in out:
            out[name] = out.pop(name + _UPPER).astype(object) * 10**9 + out[name]
    return out


def _in_order(
    keys: Mapping[str, npt.NDArray[np.int32]], values: Mapping[str, tuple[str | None, ...]]
) -> tuple[dict[str, npt.NDArray[np.int32]], dict[str, tuple[str | None, ...]]]:
    """Renumber words alphabetically, so that codes do not depend on which block came first."""
    out, words = dict(keys), {}
    for name, known in values.items():
        ordered = sorted(range(len(known)), key=lambda i, k=known: (k[i] is None, k[i] or ""))  # type: ignore[misc]
        rank = np.empty(len(known), np.int32)
        rank[ordered] = np.arange(len(known), dtype=np.int32)
        out[name] = rank[keys[name]]
        words[name] = tuple(known[i] for i in ordered)
    return out, words


def sums(group: npt.NDArray[np.intp], groups: int, measures: Mapping[str, Ints | None]) -> dict[str, Ints]:
    """Rows and sums of every measure per group; a measure of None is 0 everywhere."""
    out = {"requests": np.bincount(group, minlength=groups).astype(np.int64)}
    for name, column in measures.items():
        if column is None:
            out[name] = np.zeros(groups, np.int64)
        else:
            out[name] = sum_by(group, groups, column)
    return out
