"""JSON lines into canonical batches: whole blocks at once where a file allows it, else line by line.

Both ways give the same rows. The fast way hands a block to Arrow's JSON reader with the columns that
the file's first records showed; whatever it cannot prove clean (a bad line, an odd type, an impossible
count) sends that one block through the slow way, which names every bad line and keeps every good one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.json as pj

from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.adapters.flat_columns import flat_batch
from costaudit.ingest.adapters.flat_layout import FlatLayout, flat_layout, unknown_columns, whole_layout
from costaudit.ingest.canonical import Parsed, batch_of
from costaudit.ingest.detect import SAMPLE, detect, read_record
from costaudit.ingest.files import LogFile
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.quarantine import Place
from costaudit.ingest.streams import BLOCK_BYTES, TextBlock, text_blocks
from costaudit.schema import Call

SESSION_BYTES: Final = 256 << 20
"""Block size where lines are understood in their order only: such files are one block, up to this."""

_decode = msgspec.json.Decoder().decode
_BOM = b"\xef\xbb\xbf"


@dataclass(slots=True)
class JsonlReader:
    """Reads one JSON-lines file; `parse` may be called from several threads at once."""

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
        sample = list(_sample(file))
        adapter = forced or detect(sample, adapters)
        layout = flat_layout(sample) if adapter is not None and adapter.name == "flat" else None
        if adapter is not None and adapter.session is not None:
            block_bytes = max(block_bytes, SESSION_BYTES)
        return cls(file, adapter, forced is not None, layout, block_bytes, adapters)

    def blocks(self, only: Collection[int] | None = None) -> Iterator[TextBlock]:
        """The file's blocks in order, or those of the given indices."""
        return text_blocks(self.file, only, self.block_bytes)

    def records(self) -> Iterator[tuple[int, Record | Skip]]:
        """Every record in order with its line, or why a line is none."""
        for block in text_blocks(self.file, block_bytes=256 << 10):
            if block.trouble is not None:
                yield block.first_line, Skip(block.trouble)
                continue
            for number, raw in enumerate(block.data.split(b"\n"), block.first_line):
                line = raw.removeprefix(_BOM).strip() if number == 1 else raw.strip()
                if line:
                    yield number, _record_or_skip(line)

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
        lines = block.newlines + (not block.data.endswith(b"\n"))
        if layout is None or table is None or table.num_rows != lines:
            return None
        batch = flat_batch(table, layout)
        if batch is None:
            return None
        parsed = Parsed(batch, range(block.first_line, block.first_line + lines), lines)
        parsed.formats["flat"] = lines
        return parsed

    def _parse_lines(self, block: TextBlock) -> Parsed:
        calls: list[Call] = []
        lines: list[int] = []
        parsed = Parsed(batch_of([]), lines, 0)
        offset = block.offset
        adapter = None if self.adapter is None else self.adapter.for_one_file()
        for number, raw in enumerate(block.data.split(b"\n"), block.first_line):
            line = raw.removeprefix(_BOM).strip() if number == 1 else raw.strip()
            if line:
                parsed.records += 1
                place = Place(self.file.name, number, offset)
                found = self._read_line(line, place, parsed, adapter)
                calls += found
                lines += [number] * len(found)
            offset += len(raw) + 1
        parsed.batch = batch_of(calls)
        return parsed

    def _read_line(self, line: bytes, place: Place, parsed: Parsed, expected: Adapter | None) -> list[Call]:
        try:
            adapter, calls = read_record(
                decode_line(line), expected, forced=self.forced, adapters=self.adapters
            )
        except Skip as skip:
            parsed.quarantine.add(skip.reason, Place(place.file, place.line, place.byte, skip.detail))
            return []
        if calls:
            parsed.formats[adapter.name] += 1
        else:
            parsed.ignored += 1
        return calls


def _record_or_skip(line: bytes) -> Record | Skip:
    try:
        return decode_line(line)
    except Skip as skip:
        return skip


def decode_line(line: bytes) -> dict[str, Any]:
    """One line as a JSON object; raises Skip with the reason when it is none.

    Of duplicate keys the last wins. NaN and Infinity, which Python writes, are read as numbers.
    """
    try:
        record = _decode(line)
    except msgspec.DecodeError:
        record = _decode_leniently(line)
    except (RecursionError, UnicodeDecodeError) as error:
        raise Skip("not_utf8" if isinstance(error, UnicodeDecodeError) else "not_json", "") from error
    if not isinstance(record, dict):
        raise Skip("not_object", f"the line is a JSON {type(record).__name__}")
    return record


def _decode_leniently(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Skip("not_utf8") from error
    except (ValueError, RecursionError) as error:
        detail = (
            f"column {error.colno}: {error.msg}"
            if isinstance(error, json.JSONDecodeError)
            else "nested too deep"
        )
        raise Skip("not_json", detail) from error


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


def _sample(file: LogFile) -> Iterator[dict[str, Any]]:
    seen = 0
    for block in text_blocks(file, block_bytes=256 << 10):
        for raw in block.data.split(b"\n"):
            line = raw.removeprefix(_BOM).strip()
            if not line:
                continue
            try:
                yield decode_line(line)
            except Skip:
                continue
            finally:
                seen += 1
            if seen >= SAMPLE:
                return
        if block.index >= 16:  # megabytes without a record: the file has to be read to know
            return
