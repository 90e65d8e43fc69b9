"""Bytes of a log as newline-aligned blocks, decompressed on the way."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import IO, Final, assert_never

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.errors import InputError
from costaudit.ingest.encoding import UTF8, recoded
from costaudit.ingest.logfile import Compression, LineEnds, LogFile
from costaudit.ingest.meter import METER
from costaudit.ingest.native.library import library
from costaudit.ingest.unpack import BrokenError, gunzip, unzstd

BLOCK_BYTES: Final = 8 << 20
"""How much text one block holds, unless a single line is longer."""

BOM: Final = b"\xef\xbb\xbf"
"""What some programs put before UTF-8 text."""

_NEWLINE: Final = ord("\n")

_LOOK: Final = 64 << 10
"""Bytes in which the end of a line is looked for, before the lines up to it are read."""


class TextBlock(msgspec.Struct, frozen=True):
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
    """Set where the stream could not be read on: a quarantine reason. The data is then what there is of the
    last line."""
    starts: Starts | None = None
    """Where the lines stand in the file, when they are not simply lines of the file."""


class Starts(msgspec.Struct, frozen=True):
    """Where values stand that were taken out of other text: one entry per line of the block."""

    lines: npt.NDArray[np.int64]
    """Line numbers, counted from 1."""
    offsets: npt.NDArray[np.int64]
    """Byte offsets in the uncompressed text."""
    column: int
    """How far values that begin a line are indented, in bytes; -1 where none was seen to."""


def chunks(file: LogFile, size: int, *, by_lines: bool = False) -> Iterator[bytes]:
    """The text of a file, or its uncompressed bytes, in chunks of about one size.

    Texts are UTF-8 with newlines, whatever the file holds. Chunks `by_lines` end with a line where that costs
    nothing. Raises BrokenError at a break, after what came before it.
    """
    pieces: Iterator[bytes] = _pieces(file, size, by_lines=by_lines)
    if file.encoding != UTF8 or file.line_ends is not LineEnds.NEWLINE:
        pieces = recoded(pieces, file.encoding, file.line_ends)
    elif file.compression is Compression.NONE:
        yield from pieces
        return
    held: list[bytes] = []
    length = 0
    try:
        for piece in pieces:
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


def _pieces(file: LogFile, size: int, *, by_lines: bool) -> Iterator[bytes]:
    """The uncompressed bytes as they come.

    Raises InputError where the file cannot be opened, BrokenError where it cannot be read on.
    """
    try:
        stream = file.open()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path=file.name) from error
    with METER.counting(stream) as raw:
        try:
            match file.compression:
                case Compression.NONE:
                    looks = by_lines and file.filesystem is None and size > _LOOK and stream.seekable()
                    yield from iter(lambda: raw.read(_up_to_line(stream, size) if looks else size), b"")
                case Compression.GZIP:
                    yield from gunzip(raw)
                case Compression.ZSTD:
                    yield from unzstd(raw, file.limits.window)
                case _:
                    assert_never(file.compression)
        except OSError as error:
            raise BrokenError(error.strerror or str(error)) from error


def _up_to_line(stream: IO[bytes], size: int) -> int:
    """How many of the next bytes end with a line: lines that are read whole need not be put together."""
    here = stream.tell()
    stream.seek(here + size - _LOOK)
    end = stream.read(_LOOK).rfind(b"\n") + 1
    stream.seek(here)
    return size - _LOOK + end if end else size


def peek(file: LogFile, size: int = 4096) -> bytes:
    """The first uncompressed bytes; raises InputError when even they cannot be decompressed."""
    try:
        return next((chunk for chunk in chunks(file, size) if chunk), b"")
    except BrokenError as error:
        raise InputError(f"cannot be decompressed: {error}", path=file.name) from error


def peek_text(file: LogFile, size: int) -> bytes:
    """About `size` bytes from the beginning of a text, without the blank lines there.

    Raises InputError where the file begins with more blank lines than its limit.
    """
    blank = 0
    found = b""
    try:
        for chunk in chunks(file, size):
            found += chunk
            text = found.removeprefix(BOM).lstrip()
            if not text:
                blank, found = blank + len(found), b""
                if blank > file.limits.blank:
                    raise InputError(
                        f"the file begins with more than {file.limits.blank:,} blank bytes",
                        path=file.name,
                        hint="--limit blank=SIZE reads on",
                    )
            elif len(text) >= size // 2 or len(found) >= 2 * size:
                return _from_first_line(found)
    except BrokenError as error:
        if not found:
            raise InputError(f"cannot be decompressed: {error}", path=file.name) from error
    return _from_first_line(found)


def _from_first_line(text: bytes) -> bytes:
    """Without the blank lines before it, but with what the first line that is not blank begins with."""
    bare = text.removeprefix(BOM)
    begin = len(bare) - len(bare.lstrip())
    return bare[bare.rfind(b"\n", 0, begin) + 1 :]


def text_blocks(
    file: LogFile, only: Collection[int] | None = None, block_bytes: int = BLOCK_BYTES
) -> Iterator[TextBlock]:
    """The file in blocks of whole lines; with `only`, just the blocks of those indices.

    A stream that breaks off yields what was readable and then a block with `trouble`. A line beyond
    the file's limit yields a block with `trouble` for itself alone.
    """
    wanted = None if only is None else max(only, default=-1)
    for block in _split(file, block_bytes):
        if wanted is not None and block.index > wanted:
            return
        if only is None or block.index in only:
            yield block


def _split(file: LogFile, block_bytes: int) -> Iterator[TextBlock]:
    at = _Position()
    rest: list[bytes] = []
    held = 0  # bytes of the rest
    skipped = _Skipped()
    try:
        for chunk in chunks(file, block_bytes, by_lines=True):
            first = chunk.find(b"\n") + 1
            if skipped.size or held + (first - 1 if first else len(chunk)) > file.limits.line:
                for piece in (*rest, chunk[: first or len(chunk)]):
                    skipped.take(piece)
                rest, held = [], 0
                if not first:
                    continue
                yield from skipped.told(at)
                at.advance(1, skipped.size)
                skipped, chunk = _Skipped(), chunk[first:]  # noqa: PLW2901 - what follows the long line
            end = chunk.rfind(b"\n") + 1
            if end:
                is_whole = end == len(chunk)
                data = chunk if is_whole and not rest else b"".join((*rest, memoryview(chunk)[:end]))
                rest, held = [] if is_whole else [chunk[end:]], len(chunk) - end
                newlines = _newlines(data)
                if not data.isspace():
                    yield at.block(data, newlines)
                at.advance(newlines, len(data))
            else:
                rest.append(chunk)
                held += len(chunk)
    except BrokenError:
        # What came before the break is whole; so may be what it cuts, if just the line's end is missing.
        yield at.block(b"".join(rest), trouble="truncated_file")
        return
    yield from skipped.told(at)
    last = b"".join(rest)
    if last.strip():
        yield at.block(last)


class _Skipped(msgspec.Struct):
    """A line that is too long to be held, as far as it was read."""

    size: int = 0
    blank: bool = True

    def take(self, data: bytes) -> None:
        """Some more of it."""
        self.size += len(data)
        self.blank = self.blank and (not data or data.isspace())

    def told(self, at: _Position) -> Iterator[TextBlock]:
        """The block that stands for it, if it held anything."""
        if not self.blank:
            yield at.block(b"", trouble="line_too_long")


class _Position(msgspec.Struct):
    index: int = 0
    line: int = 1
    offset: int = 0

    def block(self, data: bytes, newlines: int = 0, trouble: str | None = None) -> TextBlock:
        return TextBlock(self.index, self.line, self.offset, data, newlines, trouble)

    def advance(self, lines: int, size: int) -> None:
        self.index, self.line, self.offset = self.index + 1, self.line + lines, self.offset + size


def _newlines(data: bytes) -> int:
    """`data.count` of a newline, which looks at every byte in turn and takes four times as long."""
    native = library()
    if native is not None:
        return int(native.costaudit_newlines(data, len(data)))
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == _NEWLINE))
