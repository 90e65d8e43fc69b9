"""Compressed files piece by piece: however far a few bytes expand, no piece is large.

gzip is unpacked with a limit on what comes out. For zstd the blocks of a frame are told apart first: a block
holds at most 128 KB, so that handing them over one by one bounds what comes out, too.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import IO, Final

import zstandard

PIECE_BYTES: Final = 1 << 20
"""The most that is unpacked at once."""

_READ_BYTES: Final = 1 << 16


class BrokenError(Exception):
    """The stream ends early or is damaged; what came before is whole."""


def gunzip(raw: IO[bytes]) -> Iterator[bytes]:
    """What the members of a gzip file hold; padding of zeros between them is allowed.

    Raises BrokenError where it cannot be read on.
    """
    member = None
    data = b""
    while True:
        data = data or raw.read(_READ_BYTES)
        if not data:
            break
        if member is None:
            data = data.lstrip(b"\0")
            member = zlib.decompressobj(wbits=31) if data else None
            continue
        try:
            piece = member.decompress(data, PIECE_BYTES)
            data = member.unconsumed_tail
            while piece:
                yield piece
                piece = member.decompress(data, PIECE_BYTES)
                data = member.unconsumed_tail
        except zlib.error as error:
            raise BrokenError(str(error)) from error
        if member.eof:
            data, member = member.unused_data, None
    if member is not None:
        raise BrokenError("the compressed data ends too early")


_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_CHECKSUM, _SINGLE = 0x04, 0x20
_RAW, _RLE, _RESERVED = 0, 1, 3
"""Types of blocks (RFC 8878, 3.1.1.2): of a run of one byte (RLE) the file holds just that."""


def is_skippable(magic: bytes) -> bool:
    """Whether a zstd frame holds something other than data: a table of contents, a note."""
    return len(magic) >= 4 and 0x50 <= magic[0] <= 0x5F and magic[1:4] == b"\x2a\x4d\x18"


def unzstd(raw: IO[bytes], window: int) -> Iterator[bytes]:
    """What the frames of a zstd file hold; those that hold no data are passed over.

    Raises BrokenError where it cannot be read on, as where a frame asks for a `window` of more bytes.
    """
    source = _Source(raw)
    while magic := source.take(4, optional=True):
        if is_skippable(magic):
            source.skip(int.from_bytes(source.take(4), "little"))
        elif magic == _MAGIC:
            yield from _frame(source, window)
        else:
            raise BrokenError("something other than zstd data follows")


def _frame(source: _Source, window: int) -> Iterator[bytes]:
    member = zstandard.ZstdDecompressor(max_window_size=window).decompressobj()
    descriptor = source.take(1)
    flags = descriptor[0]
    size_bytes = (1 if flags & _SINGLE else 0, 2, 4, 8)[flags >> 6]
    rest = source.take((not flags & _SINGLE) + (0, 1, 2, 4)[flags & 3] + size_bytes)
    try:
        member.decompress(_MAGIC + descriptor + rest)
        last = False
        while not last:
            head = source.take(3)
            block = int.from_bytes(head, "little")
            last, kind, size = bool(block & 1), block >> 1 & 3, block >> 3
            if kind == _RESERVED:
                raise BrokenError("a block of a kind that does not exist")
            piece = member.decompress(head + source.take(1 if kind == _RLE else size))
            if piece:
                yield piece
        if flags & _CHECKSUM:
            piece = member.decompress(source.take(4))
            if piece:
                yield piece
    except zstandard.ZstdError as error:
        raise BrokenError(str(error)) from error


class _Source:
    """A file that is read in exact numbers of bytes."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._data = b""
        self._at = 0

    def take(self, size: int, *, optional: bool = False) -> bytes:
        """The next bytes; b"" at the end of the file where they are optional. Raises BrokenError."""
        while len(self._data) - self._at < size:
            more = self._raw.read(max(_READ_BYTES, size))
            if not more:
                if optional and self._at == len(self._data):
                    return b""
                raise BrokenError("the compressed data ends too early")
            self._data = self._data[self._at :] + more
            self._at = 0
        begin = self._at
        self._at += size
        return self._data[begin : self._at]

    def skip(self, size: int) -> None:
        """Pass over bytes."""
        while size:
            size -= len(self.take(min(size, _READ_BYTES)))
