"""JSON into canonical batches: whole blocks of lines at once where a file allows it, else line by line.

JSON that does not keep to lines is cut into its values first, which then stand for the lines.

Both ways give the same rows. The fast way hands a block to Arrow's JSON reader with the columns that
the file's first records showed; whatever it cannot prove clean (a bad line, an odd type, an impossible
count) sends that one block through the slow way, which names every bad line and keeps every good one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.json as pj

from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.adapters.flat_columns import flat_batch
from costaudit.ingest.adapters.flat_layout import FlatLayout, flat_layout, unknown_columns, whole_layout
from costaudit.ingest.canonical import Parsed, batch_of
from costaudit.ingest.detect import SAMPLE, detect
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.json_blocks import broken_parts, json_blocks
from costaudit.ingest.logfile import Container, LogFile
from costaudit.ingest.quarantine import Place
from costaudit.ingest.records import RecordParser, records_in
from costaudit.ingest.streams import BLOCK_BYTES, BOM, MAX_LINE_BYTES, TextBlock, text_blocks

SESSION_BYTES: Final = 256 << 20
"""Block size where lines are understood in their order only: such files are one block, up to this."""

SAMPLE_BYTES: Final = 256 << 10
SAMPLED_BLOCKS: Final = 16
"""Blocks of a file that are searched for the first records; past these it has to be read to know."""

_decode = msgspec.json.Decoder().decode


@dataclass(slots=True)
class JsonlReader:
    """Reads one file of JSON; `parse` may be called from several threads at once."""

    file: LogFile
    adapter: Adapter | None
    """The format of the file; None when its first records have none."""
    forced: bool
    layout: FlatLayout | None
    """Columns for the fast way; None where only the slow way is possible."""
    block_bytes: int = BLOCK_BYTES
    adapters: Sequence[Adapter] = ADAPTERS
    """The formats that a record may have."""

    @classmethod
    def open(
        cls,
        file: LogFile,
        forced: Adapter | None = None,
        block_bytes: int = BLOCK_BYTES,
        adapters: Sequence[Adapter] = ADAPTERS,
    ) -> JsonlReader:
        """Look at the file's first records and decide how to read it."""
        reader = cls(file, forced, forced is not None, None, block_bytes, adapters)
        first_blocks = islice(_blocks(file, size=SAMPLE_BYTES), SAMPLED_BLOCKS)
        sample = list(islice((r for _, r in reader.read(first_blocks) if not isinstance(r, Skip)), SAMPLE))
        adapter = forced or detect(sample, adapters)
        layout = flat_layout(sample) if adapter is not None and adapter.name == "flat" else None
        if adapter is not None and adapter.session is not None:
            block_bytes = max(block_bytes, SESSION_BYTES)
        return cls(file, adapter, forced is not None, layout, block_bytes, adapters)

    def blocks(self, only: Collection[int] | None = None) -> Iterator[TextBlock]:
        """The file's blocks in order, or those of the given indices."""
        return _blocks(self.file, only, self.block_bytes)

    def records(self) -> Iterator[tuple[int, Record | Skip]]:
        """Every record in order with its line, or why there is none."""
        return self.read(_blocks(self.file, size=SAMPLE_BYTES))

    def read(self, blocks: Iterable[TextBlock]) -> Iterator[tuple[int, Record | Skip]]:
        """The records of some blocks with their lines, or why there is none."""
        for block in blocks:
            if block.trouble is not None:
                yield block.first_line, Skip(block.trouble)
                continue
            for line, place in self._lines(block):
                try:
                    values = decode_line(line)
                except Skip as skip:
                    yield place.line, skip
                    continue
                for value in values:
                    yield from ((place.line, record) for record in records_in(value, self.adapters))

    def parse(self, block: TextBlock) -> Parsed:
        """The calls of one block."""
        if block.trouble is not None:
            parsed = Parsed(batch_of([]), [], 1)
            parsed.quarantine.add(block.trouble, Place(self.file.name, block.first_line, block.offset))
            return parsed
        return self._parse_fast(block) or self._parse_lines(block)

    def _parse_fast(self, block: TextBlock) -> Parsed | None:
        layout = self.layout
        if layout is None or not _is_utf8(block.data):
            return None
        if not layout.whole and _is_deep(block.data):
            return None
        table = _read_columns(block.data, layout)
        if table is None or (not layout.whole and unknown_columns(table.schema, layout)):
            # The block has a field that the first records did not show, or an odd value in a field
            # that does not matter: from here on, ask for every known field and ignore the others.
            layout = layout if layout.whole else whole_layout(layout)
            table = None if layout is None else _read_columns(block.data, layout)
            if table is not None:
                self.layout = layout
        first, starts = block.first_line, block.starts
        lines = block.newlines + (not block.data.endswith(b"\n")) if starts is None else len(starts.lines)
        if layout is None or table is None or table.num_rows != lines:
            return None
        batch = flat_batch(table, layout)
        if batch is None:
            return None
        numbers = range(first, first + lines) if starts is None else starts.lines.tolist()
        parsed = Parsed(batch, numbers, lines)
        parsed.formats["flat"] = lines
        return parsed

    def _parse_lines(self, block: TextBlock) -> Parsed:
        parser = RecordParser(self.adapter, self.adapters, forced=self.forced)
        column = -1 if block.starts is None else block.starts.column
        for line, place in self._lines(block):
            try:
                for value in decode_line(line):
                    parser.take(value, place)
            except Skip as skip:
                self._take_parts(parser, line, place, column, skip)
        return parser.done()

    def _lines(self, block: TextBlock) -> Iterator[tuple[bytes, Place]]:
        """The lines of a block that hold something, and their places."""
        name, starts = self.file.name, block.starts
        if starts is not None:
            places = zip(starts.lines.tolist(), starts.offsets.tolist(), strict=True)
            for raw, (number, offset) in zip(block.data.split(b"\n"), places, strict=False):
                yield raw, Place(name, number, offset)
            return
        offset = block.offset
        for number, raw in enumerate(block.data.split(b"\n"), block.first_line):
            line = raw.removeprefix(BOM).strip() if number == 1 else raw.strip()
            if line:
                yield line, Place(name, number, offset)
            offset += len(raw) + 1

    def _take_parts(self, parser: RecordParser, value: bytes, place: Place, column: int, why: Skip) -> None:
        """Set a broken value aside, and read on with the whole ones that it has swallowed."""
        parser.set_aside(Skip("line_too_long") if len(value) > MAX_LINE_BYTES else why, place)
        first, *parts = broken_parts(value, column)
        line, offset = place.line + first.count(b"\r"), (place.byte or 0) + len(first)
        for part in parts:
            here = replace(place, line=line + 1, byte=offset + 1 + column)
            try:
                for inner in decode_line(part.strip(b" \t\r,]")):
                    parser.take(inner, here)
            except Skip as skip:
                parser.set_aside(skip, here)
            line, offset = line + 1 + part.count(b"\r"), offset + 1 + column + len(part)


def _blocks(
    file: LogFile, only: Collection[int] | None = None, size: int = BLOCK_BYTES
) -> Iterator[TextBlock]:
    return (json_blocks if file.container is Container.JSON else text_blocks)(file, only, size)


def decode_line(line: bytes) -> list[Any]:
    """The JSON values of one line: one, unless several writers did not keep their lines apart.

    Raises Skip with the reason when the line is no JSON. Of duplicate keys the last wins. NaN and
    Infinity, which Python writes, are read as numbers.
    """
    try:
        return [_decode(line)]
    except msgspec.DecodeError:
        return _decode_leniently(line)
    except (RecursionError, UnicodeDecodeError) as error:
        raise Skip("not_utf8" if isinstance(error, UnicodeDecodeError) else "not_json", "") from error


_DECODER: Final = json.JSONDecoder()
_BLANKS: Final = re.compile(r"\s*")


def _decode_leniently(line: bytes) -> list[Any]:
    try:
        text = line.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise Skip("not_utf8") from error
    values: list[Any] = []
    at = 0
    try:
        while at < len(text) and (at == 0 or text[at] == "{"):
            value, end = _DECODER.raw_decode(text, at)
            values.append(value)
            at = _BLANKS.match(text, end).end()  # type: ignore[union-attr]  # matches everywhere
    except json.JSONDecodeError as error:
        raise Skip("not_json", f"column {error.colno}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise Skip("not_json", "nested too deep") from error
    if at < len(text):
        raise Skip("not_json", f"column {at + 1}: Extra data")
    return values


def _read_columns(data: bytes, layout: FlatLayout) -> pa.Table | None:
    try:
        return pj.read_json(
            pa.BufferReader(data),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(data) + 1),
            parse_options=pj.ParseOptions(
                explicit_schema=layout.schema,
                unexpected_field_behavior="ignore" if layout.whole else "infer",
            ),
        )
    except pa.ArrowInvalid:
        return None


_DEEP: Final = 500
"""Brackets in one line beyond which Arrow is not asked to infer its types: it recurses until it crashes."""


def _is_deep(data: bytes) -> bool:
    opening = np.flatnonzero(np.frombuffer(data, np.uint8) | 0x20 == ord("{"))  # [ has all bits of { but this
    starts, ends = opening[: -_DEEP // 2 : _DEEP // 2].tolist(), opening[_DEEP // 2 :: _DEEP // 2].tolist()
    if all(data.find(b"\n", start, end) >= 0 for start, end in zip(starts, ends, strict=True)):
        return False  # so many brackets in one line would have had two of these places in it
    return any(line.count(b"[") + line.count(b"{") > _DEEP for line in data.split(b"\n"))


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
