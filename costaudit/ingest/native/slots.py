"""What the compiled reader is told of a layout: slots for keys at their places, columns for what is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.ingest.adapters.flat_fields import HOLDERS, Path
from costaudit.ingest.adapters.flat_layout import TARGETS, FlatLayout
from costaudit.ingest.adapters.flat_unused import is_unused_at

SLOT: Final = np.dtype([
    ("key", np.uintp), ("length", np.int32), ("above", np.int32), ("kind", np.int32), ("column", np.int32),
    ("below", np.int32), ("met", np.int32), ("next", np.int32), ("high", np.int32),
])  # fmt: skip
"""`Slot` of lines.c."""


class SlotKind(IntEnum):
    """What a slot holds, as lines.c numbers it."""

    INTEGER = 0
    FLOAT = 1
    FLAG = 2
    TEXT = 3
    TIME = 4
    NUMBER = 5
    """A number that nobody reads: told by its text."""
    WAY = 6
    """An object on the way to known values."""
    LATE = 7
    """A known value that the layout has no column for."""
    OTHER = 8


class Below(IntFlag):
    """What is wanted of the keys below a slot."""

    NAMES = 1
    """Names of numbers that nobody reads."""
    OBJECTS = 2
    """Also those in objects that nobody knows."""
    STRICT = 4
    """Nothing but an object may stand here."""


KINDS: Final[Mapping[pa.DataType, SlotKind]] = {
    pa.int64(): SlotKind.INTEGER,
    pa.float64(): SlotKind.FLOAT,
    pa.bool_(): SlotKind.FLAG,
    pa.string(): SlotKind.TEXT,
    pa.timestamp("us", tz="UTC"): SlotKind.TIME,
}
"""The types that are read; with a column of another there is no reading by compiled code."""


@dataclass(frozen=True)
class Slots:
    """The slots of a layout, and of further paths whose numbers are told."""

    kinds: Mapping[Path, SlotKind]
    """Of every slot in their order; the path of the record itself is empty."""
    columns: Mapping[Path, int]
    """The number of a path's column; of objects on the way, too, to see a key that comes twice."""
    records: npt.NDArray[np.void]
    """The slots as lines.c reads them."""
    _keys: bytes = field(repr=False)
    """What they point to."""


def slots_of(layout: FlatLayout, numbers: Iterable[Path]) -> Slots | None:
    """The slots of a layout; None where it has a column of a type that is not read."""
    types, ways = _leaves(layout.schema)
    if not all(kind in KINDS for kind in types.values()):
        return None
    if any(path not in TARGETS and is_unused_at(path) for path in types):
        return None  # a number where mostly objects are: it has a column and is to be told, too
    kinds: dict[Path, SlotKind] = {(): SlotKind.OTHER}
    for path in (*types, *TARGETS):
        for depth in range(1, len(path)):
            if path[:depth] in types:  # mostly a scalar in this log: an object there is read by record
                break
            kinds.setdefault(path[:depth], SlotKind.WAY)
        else:
            kinds[path] = KINDS[types[path]] if path in types else SlotKind.LATE
    for path in numbers:
        for depth in range(1, len(path)):
            kinds.setdefault(path[:depth], SlotKind.OTHER)
        if kinds.get(path, SlotKind.OTHER) is SlotKind.OTHER:
            kinds[path] = SlotKind.NUMBER
    columns = {path: n for n, path in enumerate(p for p, kind in kinds.items() if kind < SlotKind.LATE)}
    keys = b"".join(path[-1].encode() for path in kinds if path)
    base, places = np.frombuffer(keys, np.uint8).ctypes.data, {path: n for n, path in enumerate(kinds)}
    rows, at = [], base
    for path, kind in kinds.items():
        length = len(path[-1].encode()) if path else 0
        above = places[path[:-1]] if path else -1
        below = _below(path) | (Below.STRICT if path in ways else 0)
        rows.append((at, length, above, kind, columns.get(path, -1), below, 0, -1, 0))
        at += length
    return Slots(kinds, columns, np.array(rows, SLOT), keys)


def _below(path: Path) -> int:
    if not path:
        return Below.NAMES
    return Below.NAMES | Below.OBJECTS if path[0] in HOLDERS else 0


def _leaves(fields: Iterable[pa.Field], above: Path = ()) -> tuple[dict[Path, pa.DataType], set[Path]]:
    """The types of a schema's values by their paths, and the paths of its objects."""
    types: dict[Path, pa.DataType] = {}
    ways: set[Path] = set()
    for entry in fields:
        path = (*above, entry.name)
        if pa.types.is_struct(entry.type):
            inner, inner_ways = _leaves(entry.type, path)
            types |= inner
            ways |= {path, *inner_ways}
        else:
            types[path] = entry.type
    return types, ways
