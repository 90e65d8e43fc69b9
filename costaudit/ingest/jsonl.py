"""JSON into canonical batches: whole blocks of lines at once where a file allows it, else line by line.

JSON that does not keep to lines is cut into its values first, which then stand for the lines.

Both ways give the same rows. The fast way reads a block as columns of the known fields that occur in it.
Each line for which that cannot be proved right (a bad line, an odd type, an impossible count) goes through
the slow way, which names every bad line and keeps every good one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import msgspec
import numpy as np

from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.adapters.flat_columns import flat_batch
from costaudit.ingest.adapters.flat_fields import HOLDERS, KEYS
from costaudit.ingest.adapters.flat_layout import FlatLayout, flat_layout
from costaudit.ingest.adapters.flat_unused import is_unused, unused_in_lines
from costaudit.ingest.adapters.spelled import is_spelled, paths_in, stated_elsewhere
from costaudit.ingest.canonical import Parsed, joined, numbers_of
from costaudit.ingest.detect import SAMPLE, detect
from costaudit.ingest.envelopes import objects_in
from costaudit.ingest.format import Adapter, Inner, Record, Skip, counts_in
from costaudit.ingest.json_blocks import broken_parts, json_blocks
from costaudit.ingest.json_columns import ColumnReader, Columns
from costaudit.ingest.json_keys import BlockKeys, KnownKeys
from costaudit.ingest.logfile import Container, LogFile, OneFile
from costaudit.ingest.logfmt import record_in
from costaudit.ingest.native.reader import NativeReader, native_reader
from costaudit.ingest.pieces import whole_lines
from costaudit.ingest.quality import lowered
from costaudit.ingest.quarantine import Place
from costaudit.ingest.records import RecordParser, records_in
from costaudit.ingest.streams import BLOCK_BYTES, BOM, TextBlock, text_blocks
from costaudit.ingest.written_columns import WrittenColumns

SESSION_BYTES: Final = 256 << 20
"""Block size where lines are understood in their order only: such files are one block, up to this."""

SAMPLE_BYTES: Final = 256 << 10
SAMPLED_BLOCKS: Final = 16
"""Blocks of a file that are searched for the first records; past these it has to be read to know."""

_AROUND: Final = b" \t\r\f\v\x1e"
"""What may stand around a record in its line: blanks, and the separator of RFC 7464."""

_NEWLINE: Final = ord("\n")

_decode = msgspec.json.Decoder().decode


_EXAMPLES: Final = 20
"""Records with a field that turns up late that are looked at to see its type."""

_MOST_TEXT: Final = 10
"""One line in so many is worth looking for values in text."""

_WORTH_COLUMNS: Final = 8 << 10
"""Bytes of a block below which setting up columns takes longer than reading its lines one by one."""


def _is_wanted(key: str) -> bool:
    return is_unused(key) or is_spelled(key)


_KNOWN_KEYS: Final = KnownKeys(KEYS, _is_wanted)


class _Fast(msgspec.Struct):
    """How a file's flat records are read as columns, as far as its blocks have shown."""

    sample: Sequence[Record]
    keys: frozenset[str] = frozenset()
    """The known keys that have occurred."""
    layout: FlatLayout | None = None
    columns: ColumnReader | None = None
    native: NativeReader | None = None
    """Reads a block in one pass, where there is compiled code for it."""
    is_exact: bool = False
    """Records seem to have no other fields: it need not be looked for them where a block is read so."""

    def read_exactly(self, data: bytes) -> Columns | None:
        """A block that has no other fields than those of the layout; None where it is not so."""
        if self.columns is None or self.native is not None or not self.is_exact:
            return None
        return self.columns.read_exactly(data)

    def with_keys(self, keys: frozenset[str], examples: Sequence[Record]) -> _Fast:
        """The same for more keys, with records that have the new ones."""
        sample = (*self.sample, *examples)
        layout = flat_layout(sample, self.keys | keys)
        columns = None if layout is None else ColumnReader(layout.schema)
        is_exact = layout is not None and all(_has_only(record, layout) for record in sample)
        native = None if layout is None else native_reader(layout)
        return _Fast(sample, self.keys | keys, layout, columns, native, is_exact)


def _keys_in(sample: Sequence[Record]) -> frozenset[str]:
    """The known keys that some records have, at whatever depth."""
    left, found = list(sample), set[str]()
    while left:
        record = left.pop()
        found.update(record)
        left += [value for value in record.values() if isinstance(value, Mapping)]
    return KEYS & found


def _has_only(record: Record, layout: FlatLayout) -> bool:
    """Whether a record has no fields beside those of a layout."""
    above = {path[:depth] for path in layout.types for depth in range(1, len(path))}
    left: list[tuple[tuple[str, ...], Any]] = [((key,), value) for key, value in record.items()]
    while left:
        path, value = left.pop()
        if isinstance(value, Mapping) and path in above:
            left += [((*path, key), inner) for key, inner in value.items()]
        elif path not in layout.types:
            return False
    return True


@dataclass(slots=True)
class JsonlReader(OneFile):
    """Reads one file of JSON; `parse` may be called from several threads at once."""

    file: LogFile
    adapter: Adapter | None
    """The format of the file; None when its first records have none."""
    forced: bool
    block_bytes: int = BLOCK_BYTES
    adapters: Sequence[Adapter] = ADAPTERS
    """The formats that a record may have."""
    has_text: bool = True
    """A good part of its first lines have text before or around their values: a line of it is read, too."""
    written: WrittenColumns = field(init=False, repr=False)
    """What the file's columns say of its dates and amounts."""
    _fast: _Fast | None = field(default=None, repr=False)
    """None where only the slow way is possible. Threads replace it whole: what they read is the same."""

    def __post_init__(self) -> None:
        self.written = WrittenColumns(self.file.notation, self.records, counts=counts_in(self.adapters))

    @classmethod
    def open(
        cls,
        file: LogFile,
        forced: Adapter | None = None,
        block_bytes: int = BLOCK_BYTES,
        adapters: Sequence[Adapter] = ADAPTERS,
    ) -> JsonlReader:
        """Look at the file's first records and decide how to read it."""
        reader = cls(file, forced, forced is not None, block_bytes, adapters)
        first_blocks = islice(_blocks(file, size=SAMPLE_BYTES), SAMPLED_BLOCKS)
        sample = list(islice((r for _, r in reader.read(first_blocks) if not isinstance(r, Skip)), SAMPLE))
        has_text = reader._has_text()
        adapter = forced or detect(sample, adapters)
        if adapter is not None and adapter.session is not None:
            block_bytes = max(block_bytes, SESSION_BYTES)
        is_flat = adapter is not None and adapter.name == "flat"
        is_flat = is_flat and not any(isinstance(record, Inner) for record in sample)
        fast = _Fast(sample).with_keys(_keys_in(sample), ()) if is_flat else None
        if fast is not None and fast.native is not None:
            # Most of what a block costs beside its lines is not the compiled code's. It holds no line beyond
            # the limit.
            block_bytes = max(block_bytes, min(2 * block_bytes, file.limits.line))
        return cls(file, adapter, forced is not None, block_bytes, adapters, has_text, _fast=fast)

    def _has_text(self) -> bool:
        """Whether a tenth of the first lines begin with something else than a value."""
        blocks = islice(_blocks(self.file, size=SAMPLE_BYTES), SAMPLED_BLOCKS)
        whole = (block for block in blocks if block.trouble is None and block.starts is None)
        lines = list(islice((line for block in whole for line, _ in self._plain_lines(block, None)), SAMPLE))
        return len(lines) <= _MOST_TEXT * sum(not line.startswith((b"{", b"[")) for line in lines)

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
                    values = decode_line(line, has_text=self.has_text)
                except Skip as skip:
                    yield place.line, skip
                    continue
                for value in values:
                    yield from ((place.line, record) for record in records_in(value, self.adapters))

    def parse(self, block: TextBlock) -> Parsed:
        """The calls of one block."""
        if block.trouble is not None:
            return self._parse_trouble(block, block.trouble)
        fast = self._parse_fast(block) if len(block.data) >= _WORTH_COLUMNS else None
        return fast or self._parse_lines(block)

    def _parse_trouble(self, block: TextBlock, reason: str) -> Parsed:
        """A block behind which the file cannot be read on: its last line may be whole."""
        parser = self._parser()
        place = Place(self.file.name, block.first_line, block.offset)
        line = block.data.strip()
        if line.startswith(b"{"):
            try:
                parser.take(_decode(line), place)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                place = msgspec.structs.replace(place, detail="in the middle of a record")
        parser.set_aside(Skip(reason, place.detail), place)
        return parser.done()

    def _parser(self) -> RecordParser:
        return RecordParser(self.adapter, self.adapters, self.written, forced=self.forced)

    def _parse_fast(self, block: TextBlock) -> Parsed | None:
        """The calls of a block by columns; None where it is better read line by line."""
        fast, others = self._fast, frozenset[str]()
        elsewhere: frozenset[str] | None = frozenset()
        native = None
        if fast is not None and fast.native is not None:
            native = fast.native.read(block.data, block.newlines)
        elsewhere = native.elsewhere if native else elsewhere
        columns = native.columns if native else fast.read_exactly(block.data) if fast else None
        if columns is None:
            keys = None if fast is None else _KNOWN_KEYS.found_in(block.data)
            fast = None if keys is None else self._fast_for(block.data, keys.known)
            if keys is None or fast is None or fast.columns is None:
                return None
            columns, others = fast.columns.read(block.data), keys.others
            elsewhere = frozenset() if columns is None else _elsewhere(block.data, columns.rows, keys)
            if elsewhere is None:
                return None
        if columns is None or fast is None or fast.layout is None:
            return None
        flat = flat_batch(columns.table, fast.layout, elsewhere=elsewhere)
        if flat is None or 2 * len(flat.doubtful) > columns.table.num_rows:
            return None
        slow = sorted([*columns.rest, *(columns.rows[row] for row in flat.doubtful.tolist())])
        taken = _without(columns.rows, flat.doubtful.tolist())
        lines = _lines_of(block, taken)
        parsed = Parsed(flat.batch, lines, len(lines))
        parsed.formats["flat"] = len(lines)
        if others:
            raw = block.data.split(b"\n")
            parsed.unused, partial = unused_in_lines((raw[number] for number in taken), others)
            parsed.batch = lowered(parsed.batch, partial)
        elif native is not None and native.numbers:
            parsed.unused, partial = native.unused_without(flat.doubtful)
            parsed.batch = lowered(parsed.batch, partial)
        if not slow:
            return parsed
        return joined(parsed, self._parse_lines(block, set(slow)))

    def _fast_for(self, data: bytes, keys: frozenset[str]) -> _Fast | None:
        """How to read a block as columns: by all known keys that occur in it or did before."""
        fast = self._fast
        if fast is None:
            return None
        if not keys <= fast.keys:
            fast = fast.with_keys(keys, _examples(data, keys - fast.keys) if fast.keys else ())
        elif fast.is_exact:  # a bad line, or a field that nobody knows: there will be more of them
            fast = msgspec.structs.replace(fast, is_exact=False)
        self._fast = fast
        return fast

    def _parse_lines(self, block: TextBlock, only: Collection[int] | None = None) -> Parsed:
        """The calls of all lines of a block, or of those of the given numbers, one by one."""
        parser = self._parser()
        column = -1 if block.starts is None else block.starts.column
        for line, place in self._lines(block, only):
            try:
                for value in decode_line(line, has_text=self.has_text):
                    parser.take(value, place)
            except Skip as skip:
                self._take_parts(parser, line, place, column, skip)
        return parser.done()

    def _lines(self, block: TextBlock, only: Collection[int] | None = None) -> Iterator[tuple[bytes, Place]]:
        """The lines of a block that hold something, or those of the given numbers, and their places."""
        name, starts = self.file.name, block.starts
        if starts is not None:
            places = zip(starts.lines.tolist(), starts.offsets.tolist(), strict=True)
            for number, (raw, (at, offset)) in enumerate(zip(block.data.split(b"\n"), places, strict=False)):
                if only is None or number in only:
                    yield raw, Place(name, at, offset)
            return
        plain = self._plain_lines(block, only)
        yield from plain if only is not None else whole_lines(plain, self.file.limits.line)

    def _plain_lines(self, block: TextBlock, only: Collection[int] | None) -> Iterator[tuple[bytes, Place]]:
        for number, start, raw in _raw_lines(block.data) if only is None else _some_lines(block.data, only):
            line = raw.strip(_AROUND)
            if line.startswith(BOM):  # at the beginning, and where files were put one after the other
                line = line.removeprefix(BOM).strip(_AROUND)
            if line:
                yield line, Place(self.file.name, block.first_line + number, block.offset + start)

    def _take_parts(self, parser: RecordParser, value: bytes, place: Place, column: int, why: Skip) -> None:
        """Set a broken value aside, and read on with the whole ones that it has swallowed."""
        parser.set_aside(Skip("line_too_long") if len(value) > self.file.limits.line else why, place)
        first, *parts = broken_parts(value, column)
        line, offset = place.line + first.count(b"\r"), (place.byte or 0) + len(first)
        for part in parts:
            here = msgspec.structs.replace(place, line=line + 1, byte=offset + 1 + column)
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


def decode_line(line: bytes, *, has_text: bool = False) -> list[Any]:
    """The JSON values of one line: one, unless several writers did not keep their lines apart.

    Where a file `has_text` around its values, they are looked for in it.

    Raises Skip with the reason when the line is no JSON. Of duplicate keys the last wins. NaN and
    Infinity, which Python writes, are read as numbers.
    """
    try:
        return [_decode(line)]
    except msgspec.DecodeError:
        return _decode_leniently(line, has_text=has_text)
    except (RecursionError, UnicodeDecodeError) as error:
        raise Skip("not_utf8" if isinstance(error, UnicodeDecodeError) else "not_json", "") from error


def _whole_number(text: str) -> int | float:
    """A number of thousands of digits is as good as infinite, and Python refuses to convert it."""
    return int(text) if len(text) <= 4_000 else float(text)


_DECODER: Final = json.JSONDecoder(parse_int=_whole_number)
_BETWEEN: Final = re.compile(r"\s*(?:,\s*(?=\{))?")
_PIECE_OF_ARRAY: Final = re.compile(r"[\[,]?\s*(\{.*\})\s*[,;\]]?", re.DOTALL)


_BEGINS_JSON: Final = re.compile(r'\{|\[\s*(?:[\[{"\]]|$)')
_FRAMING: Final = re.compile(r"data:(?:\s*\[DONE\])?|(?:event|id|retry):\s*[\w.:-]*|:.{0,100}")
"""Lines of a stream of server-sent events that hold nothing."""


def _decode_leniently(line: bytes, *, has_text: bool) -> list[Any]:
    try:
        text = line.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise Skip("not_utf8") from error
    piece = _PIECE_OF_ARRAY.fullmatch(text)
    if piece is not None:  # a line of an array that is written record by record
        text = piece[1]
    if not _BEGINS_JSON.match(text):
        found = list(objects_in(text)) if has_text else []
        pairs = record_in(text) if has_text and not found else None
        found = found if pairs is None else [pairs]
        if found or _FRAMING.fullmatch(text):
            return found
    values: list[Any] = []
    at = 0
    try:
        while at < len(text) and (at == 0 or text[at] == "{"):
            value, end = _DECODER.raw_decode(text, at)
            values.append(value)
            at = _BETWEEN.match(text, end).end()  # type: ignore[union-attr]  # matches everywhere
    except json.JSONDecodeError as error:
        raise Skip("not_json", f"column {error.colno}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise Skip("not_json", "nested too deep") from error
    if at < len(text):
        raise Skip("not_json", f"column {at + 1}: Extra data")
    return values


def _examples(data: bytes, keys: Iterable[str]) -> list[Record]:
    """The first records of a block with one of some keys."""
    found: list[Record] = []
    for key in sorted(keys):
        at = -1
        for _ in range(_EXAMPLES):
            at = data.find(b'"' + key.encode() + b'"', at + 1)
            if at < 0:
                break
            end = data.find(b"\n", at)
            try:
                value = _decode(data[data.rfind(b"\n", 0, at) + 1 : end if end >= 0 else len(data)])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
            if isinstance(value, dict):
                found.append(value)
    return found


def _elsewhere(data: bytes, rows: Sequence[int], keys: BlockKeys) -> frozenset[str] | None:
    """What the rows of a block state where flat records do not look, as `stated_elsewhere` tells it."""
    if keys.known.isdisjoint(HOLDERS) and not any(map(is_spelled, keys.others)):
        return frozenset()
    raw = data.split(b"\n")
    return stated_elsewhere(paths_in(raw[row] for row in rows))


def _raw_lines(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The lines of a text, with their numbers and where they start."""
    start = 0
    for number, raw in enumerate(data.split(b"\n")):
        yield number, start, raw
        start += len(raw) + 1


def _some_lines(data: bytes, only: Collection[int]) -> Iterator[tuple[int, int, bytes]]:
    """Those of given numbers, without taking the others apart."""
    ends = np.append(np.flatnonzero(np.frombuffer(data, np.uint8) == _NEWLINE), len(data))
    starts = np.append(0, ends + 1)
    for number in sorted(only):
        start = int(starts[number])
        yield number, start, data[start : int(ends[number])]


def _lines_of(block: TextBlock, numbers: Sequence[int]) -> Sequence[int]:
    """The lines of the file that values of a block stand in, by their numbers in the block."""
    if block.starts is not None:
        return block.starts.lines[list(numbers)].tolist()  # type: ignore[no-any-return]
    if isinstance(numbers, range):
        return range(block.first_line + numbers.start, block.first_line + numbers.stop)
    lines: list[int] = (numbers_of(numbers) + block.first_line).tolist()
    return lines


def _without(rows: Sequence[int], left_out: Sequence[int]) -> Sequence[int]:
    """The entries of a sequence but for those at some places."""
    return np.delete(numbers_of(rows), left_out).tolist() if left_out else rows
