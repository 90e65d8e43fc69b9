"""Bytes of a log as newline-aligned blocks, decompressed on the way."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import zstandard

from costaudit.errors import InputError
from costaudit.ingest.logfile import Compression, LogFile

BLOCK_BYTES: Final = 4 << 20
"""How much text one block holds, unless a single line is longer."""

BOM: Final = b"\xef\xbb\xbf"
"""What some programs put before UTF-8 text."""

_NEWLINE: Final = ord("\n")

MAX_LINE_BYTES: Final = 64 << 20
"""A longer line is skipped and quarantined: no request log has one, a broken file does."""


@dataclass(frozen=True, slots=True)
class TextBlock:
    """Whole lines of a file. The last line of a file may lack its newline."""

    index: int
    """Position in the file's sequence of blocks: the same on every reading."""
    first_line: int
    """Line number of the first line, counted from 1."""
    offset: int
    """Byte offset of the first line in the uncompressed text."""
    data: bytes
    newlines: int = 0
    """How many newlines the data has."""
    trouble: str | None = None
    """Set, with empty data, where the stream could not be read on: a quarantine reason."""
    starts: Starts | None = None
    """Where the lines stand in the file, when they are not simply lines of the file."""


@dataclass(frozen=True, slots=True)
class Starts:
    """Where values stand that were taken out of other text: one entry per line of the block."""

    lines: npt.NDArray[np.int64]
    """Line numbers, counted from 1."""
    offsets: npt.NDArray[np.int64]
    """Byte offsets in the uncompressed text."""
    column: int
    """How far values that begin a line are indented, in bytes; -1 where none was seen to."""


class BrokenError(Exception):
    """The compressed stream ends early or is damaged; what came before is whole."""


def _pieces(file: LogFile) -> Iterator[bytes]:
    """The bytes of a compressed file as they come; raises BrokenError where they cannot be read on."""
    with file.open() as raw:
        member: Any = None
        while data := raw.read(1 << 14):  # small: how far it expands is not known
            while data:
                if member is None:
                    data = data.lstrip(b"\0")  # gzip allows padding between members
                    member = _new_member(file.compression) if data else None
                    continue
                try:
                    yield member.decompress(data)
                except (zlib.error, zstandard.ZstdError) as error:
                    raise BrokenError(str(error)) from error
                data, member = (member.unused_data, None) if member.eof else (b"", member)
        if member is not None:
            raise BrokenError("the compressed data ends too early")


def _new_member(compression: Compression) -> Any:
    if compression is Compression.GZIP:
        return zlib.decompressobj(wbits=31)
    return zstandard.ZstdDecompressor().decompressobj()


def chunks(file: LogFile, size: int) -> Iterator[bytes]:
    """The uncompressed bytes in chunks of one size, before the last; raises BrokenError at a break."""
    if file.compression is Compression.NONE:
        with file.open() as raw:
            yield from iter(lambda: raw.read(size), b"")
        return
    held: list[bytes] = []
    length = 0
    try:
        for piece in _pieces(file):
            held.append(piece)
            length += len(piece)
            if length >= size:
                whole = b"".join(held)
                cut = length - length % size
                yield from (whole[at : at + size] for at in range(0, cut, size))
                held, length = [whole[cut:]], length - cut
    except BrokenError:
        yield b"".join(held)
        raise
    yield b"".join(held)


def peek(file: LogFile, size: int = 4096) -> bytes:
    """The first uncompressed bytes; raises InputError when even they cannot be decompressed."""
    try:
        return next((chunk for chunk in chunks(file, size) if chunk), b"")
    except BrokenError as error:
        raise InputError(f"cannot be decompressed: {error}", path=file.name) from error


def text_blocks(
    file: LogFile, only: Collection[int] | None = None, block_bytes: int = BLOCK_BYTES
) -> Iterator[TextBlock]:
    """The file in blocks of whole lines; with `only`, just the blocks of those indices.

    A stream that breaks off yields what was readable and then a block with `trouble`. A line beyond
    MAX_LINE_BYTES yields a block with `trouble` for itself alone.
    """
    wanted = None if only is None else max(only, default=-1)
    for block in _split(file, block_bytes):
        if wanted is not None and block.index > wanted:
            return
        if only is None or block.index in only:
            yield block


def _split(file: LogFile, block_bytes: int) -> Iterator[TextBlock]:
    at = _Position()
    rest = b""
    skipped = 0  # bytes of a line that is too long, so far
    try:
        for chunk in chunks(file, block_bytes):
            first = chunk.find(b"\n") + 1
            if skipped or len(rest) + (first - 1 if first else len(chunk)) > MAX_LINE_BYTES:
                skipped += len(rest) + (first or len(chunk))
                rest = b""
                if not first:
                    continue
                yield at.block(b"", "line_too_long")
                at.advance(1, skipped)
                skipped, chunk = 0, chunk[first:]  # noqa: PLW2901 - what follows the long line
            end = chunk.rfind(b"\n") + 1
            if end:
                data, rest = b"".join((rest, memoryview(chunk)[:end])), chunk[end:]
                block = at.block(data)
                yield block
                at.advance(block.newlines, len(data))
            else:
                rest += chunk
    except BrokenError:
        # What came before the break is whole; the half line at its end is not.
        yield at.block(b"", "truncated_file")
        return
    if skipped:
        yield at.block(b"", "line_too_long")
    elif rest.strip():
        yield at.block(rest)


@dataclass(slots=True)
class _Position:
    index: int = 0
    line: int = 1
    offset: int = 0

    def block(self, data: bytes, trouble: str | None = None) -> TextBlock:
        return TextBlock(self.index, self.line, self.offset, data, _newlines(data), trouble)

    def advance(self, lines: int, size: int) -> None:
        self.index, self.line, self.offset = self.index + 1, self.line + lines, self.offset + size


def _newlines(data: bytes) -> int:
    """`data.count` of a newline, which looks at every byte in turn and takes four times as long."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == _NEWLINE))
