"""Bytes of a log as newline-aligned blocks, decompressed on the way."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import IO, Final, cast

import zstandard

from costaudit.errors import InputError
from costaudit.ingest.files import Compression, LogFile

BLOCK_BYTES: Final = 4 << 20
"""How much text one block holds, unless a single line is longer."""

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
    trouble: str | None = None
    """Set, with empty data, where the stream could not be read on: a quarantine reason."""


def open_bytes(file: LogFile) -> IO[bytes]:
    """The uncompressed bytes of a file."""
    raw = file.path.open("rb")
    if file.compression is Compression.GZIP:
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw, mode="rb"))
    if file.compression is Compression.ZSTD:
        return zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True, closefd=True)
    return raw


_BROKEN = (EOFError, zlib.error, zstandard.ZstdError, gzip.BadGzipFile)


def peek(file: LogFile, size: int = 4096) -> bytes:
    """The first uncompressed bytes; raises InputError when even they cannot be decompressed."""
    try:
        with open_bytes(file) as stream:
            return stream.read(size)
    except _BROKEN as error:
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
    index, line, offset, rest = 0, 1, 0, b""
    with open_bytes(file) as stream:
        while True:
            try:
                chunk = stream.read(block_bytes)
            except _BROKEN:
                # What came before the break is whole; the half line at its end is not.
                yield TextBlock(index, line, offset, b"", "truncated_file")
                return
            if not chunk:
                break
            end = chunk.rfind(b"\n") + 1
            if end == 0:
                rest += chunk
                if len(rest) > MAX_LINE_BYTES:
                    seen = len(rest)
                    skipped, rest = _skip_line(stream, block_bytes)
                    yield TextBlock(index, line, offset, b"", "line_too_long")
                    index, line, offset = index + 1, line + 1, offset + seen + skipped
                continue
            data, rest = rest + chunk[:end], chunk[end:]
            yield TextBlock(index, line, offset, data)
            index, line, offset = index + 1, line + data.count(b"\n"), offset + len(data)
    if rest.strip():
        yield TextBlock(index, line, offset, rest)


def _skip_line(stream: IO[bytes], block_bytes: int) -> tuple[int, bytes]:
    skipped = 0
    while chunk := stream.read(block_bytes):
        end = chunk.find(b"\n") + 1
        if end:
            return skipped + end, chunk[end:]
        skipped += len(chunk)
    return skipped, b""
