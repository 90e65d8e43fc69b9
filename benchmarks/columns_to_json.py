"""JSON lines from columns: put together a column at a time, by Arrow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.drawn import Truth, chunks

SLICE: Final = 1 << 16
"""Lines that are put together at a time."""
PLACE: Final = re.compile(r'"#(\w+)"|\$(\w+)')
"""In a template: `"#name"` is a column without quotes, `$name` a column within a text."""

Pieces = Sequence[str | pa.Array]
"""What a line consists of: the same text in all lines, or a column of texts."""


def slices(rows: int, truth: Truth) -> Iterator[pa.RecordBatch]:
    """The drawn requests in parts of which the lines fit into memory."""
    for table in chunks(rows, truth):
        yield from table.combine_chunks().to_batches(max_chunksize=SLICE)


def joined(pieces: Pieces) -> pa.Array:
    """The pieces of every line one after the other."""
    scalars = [pa.scalar(piece) if isinstance(piece, str) else piece for piece in pieces]
    return pc.binary_join_element_wise(*scalars, pa.scalar(""))


def compact(value: Any) -> str:
    """JSON without blanks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def filled(template: Any, columns: Mapping[str, pa.Array]) -> pa.Array:
    """A line per row: an object with columns in its places.

    >>> columns = {"n": pa.array(["1", "2"]), "id": pa.array(["a", "b"])}
    >>> filled({"count": "#n", "id": "call-$id"}, columns).to_pylist()
    ['{"count":1,"id":"call-a"}', '{"count":2,"id":"call-b"}']
    """
    parts = PLACE.split(compact(template))
    pieces: list[str | pa.Array] = list(parts[::3])
    for place in range(len(pieces) - 1, 0, -1):
        raw, within = parts[3 * place - 2 : 3 * place]
        pieces.insert(place, columns[raw or within])
    return joined(pieces)


def texts(column: pa.Array) -> pa.Array:
    """The values of a column as they stand in JSON, without quotes."""
    if pa.types.is_timestamp(column.type):
        return pc.strftime(column, "%Y-%m-%dT%H:%M:%SZ")
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def decimals(values: Any, parts: int, digits: int) -> pa.Array:
    """Numbers of equal parts of one as decimals with so many digits.

    >>> decimals([1_500, 20], 1_000, 3).to_pylist()
    ['1.500', '0.020']
    """
    whole, rest = np.divmod(np.asarray(values, np.int64), parts)
    fraction = pc.utf8_lpad(texts(pa.array(rest * 10**digits // parts)), digits, "0")
    return joined([texts(pa.array(whole)), ".", fraction])


def renamed(column: pa.Array, names: Mapping[str, str]) -> pa.Array:
    """Words in the place of others."""
    return pa.array(list(names.values())).take(pc.index_in(column, pa.array(list(names))))


def write_lines(path: Path, lines: Iterator[pa.Array]) -> None:
    """Write lines that are complete but for their ends."""
    with path.open("wb") as out:
        for some in lines:
            ended = joined([some, "\n"])
            out.write(memoryview(ended.buffers()[2])[: pc.sum(pc.binary_length(ended)).as_py()])
