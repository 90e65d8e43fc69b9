"""Lines of JSON objects as Arrow columns, and the lines that have to be read record by record instead.

Arrow's reader is only ever given lines that begin with an object and end with a line break: another value at
the beginning of its text, a bare null, ends the process. Fields that are not asked for are not materialised,
so that neither many names nor deep values cost memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.json as pj

from costaudit.ingest.encoding import is_utf8

_NEWLINE, _OPEN = ord("\n"), ord("{")

_FEW: Final = 32
"""Lines of which one cannot be read, and which are then all left to be read record by record."""


class Columns(msgspec.Struct, frozen=True):
    """What of a block could be read as columns."""

    table: pa.Table
    rows: Sequence[int]
    """The number of each row's line in the block, counted from 0."""
    rest: Sequence[int]
    """The numbers of the other lines that hold something."""


class ColumnReader:
    """Reads lines as the columns of a schema."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[Any]:
        return msgspec.json.Decoder(_struct(self.schema))

    def read(self, data: bytes) -> Columns | None:
        """The lines of a block as columns; None where too few of them can be."""
        return self._whole(data, "ignore") or self._read_some(data.removesuffix(b"\n").split(b"\n"))

    def read_exactly(self, data: bytes) -> Columns | None:
        """All lines of a block; None where one cannot be read, or has a field that is not in the schema."""
        return self._whole(data, "error")

    def _whole(self, data: bytes, unexpected: str) -> Columns | None:
        if not data.endswith(b"\n"):
            data += b"\n"
        codes = np.frombuffer(data, np.uint8)
        newlines = np.flatnonzero(codes == _NEWLINE)
        begins = np.append(0, newlines[:-1] + 1)
        if not (codes[begins] == _OPEN).all() or not is_utf8(data):
            return None
        table = _parsed(data, self.schema, unexpected)
        if table is None or table.num_rows != len(newlines):
            return None
        return Columns(table, range(len(newlines)), ())

    def _read_some(self, lines: list[bytes]) -> Columns | None:
        """The good ones among some lines."""
        stripped = [line.strip() for line in lines]
        good = [number for number, line in enumerate(stripped) if self._is_good(line)]
        parts = list(self._parts(stripped, good))
        if not parts:
            return None
        rows = [number for _, numbers in parts for number in numbers]
        taken = set(rows)
        rest = [number for number, line in enumerate(stripped) if line and number not in taken]
        if len(rest) > len(rows):
            return None
        return Columns(pa.concat_tables([table for table, _ in parts]).combine_chunks(), rows, rest)

    def _is_good(self, line: bytes) -> bool:
        """Whether a line is an object whose fields have the types of the schema."""
        if not line.startswith(b"{"):
            return False
        try:
            self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        return is_utf8(line)

    def _parts(self, lines: Sequence[bytes], good: Sequence[int]) -> Iterator[tuple[pa.Table, Sequence[int]]]:
        """The good lines as tables: halved where Arrow objects to one of them, down to a few."""
        if not good:
            return
        table = _parsed(b"\n".join([lines[number] for number in good]) + b"\n", self.schema)
        if table is not None and table.num_rows == len(good):
            yield table, good
        elif len(good) > _FEW:
            half = len(good) // 2
            yield from self._parts(lines, good[:half])
            yield from self._parts(lines, good[half:])


def _parsed(data: bytes, schema: pa.Schema, unexpected: str = "ignore") -> pa.Table | None:
    """The columns of lines that each begin with an object; None where Arrow cannot read one of them.

    `unexpected` fields are ignored, or are an error.
    """
    try:
        return pj.read_json(
            pa.BufferReader(data),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(data) + 1),
            parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior=unexpected),
        )
    except pa.ArrowInvalid:
        return None


def _struct(fields: Any) -> Any:
    """A msgspec type that decodes what Arrow reads as such columns."""
    names = [(f"f{number}", _decoded(field.type) | None, None) for number, field in enumerate(fields)]
    rename = {f"f{number}": field.name for number, field in enumerate(fields)}
    return msgspec.defstruct("Line", names, rename=rename)


def _decoded(kind: pa.DataType) -> Any:
    if pa.types.is_struct(kind):
        return _struct(kind)
    if pa.types.is_list(kind):
        return list[_decoded(kind.value_type) | None]  # type: ignore[misc]  # a type made at run time
    for matches, decoded in (
        (pa.types.is_integer, int), (pa.types.is_floating, float), (pa.types.is_boolean, bool),
    ):  # fmt: skip
        if matches(kind):
            return decoded
    return str
