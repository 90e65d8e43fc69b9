"""Tables as text, cut into blocks of whole rows: a quoted field may hold line breaks."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

import numpy as np

from costaudit.ingest.logfile import LogFile
from costaudit.ingest.streams import BLOCK_BYTES, BrokenError, TextBlock, chunks

MAX_ROW_BYTES: Final = 16 << 20
"""A row that is longer holds a quote that was never closed: it ends at the last line break."""

_QUOTE, _NEWLINE = ord('"'), ord("\n")


def csv_blocks(
    file: LogFile, only: Collection[int] | None = None, block_bytes: int = BLOCK_BYTES
) -> Iterator[TextBlock]:
    """The rows below the header in blocks; with `only`, just the blocks of those indices.

    Lines and offsets count from the beginning of the file. A stream that breaks off yields what was
    readable and then a block with `trouble`.
    """
    wanted = None if only is None else max(only, default=-1)
    for index, block in enumerate(_blocks(file, block_bytes)):
        if wanted is not None and index > wanted:
            return
        if only is None or index in only:
            yield TextBlock(index, block.first_line, block.offset, block.data, block.newlines, block.trouble)


def _blocks(file: LogFile, block_bytes: int) -> Iterator[TextBlock]:
    rest, line, offset = b"", 1, 0
    headed = False
    try:
        for chunk in chunks(file, block_bytes):
            text = rest + chunk
            end = _end_of_rows(text)
            if not end:
                rest = text
                continue
            data, rest = text[:end], text[end:]
            newlines = data.count(b"\n")
            skipped = 0 if headed else data.index(b"\n") + 1
            if end > skipped:
                yield TextBlock(
                    0, line + (not headed), offset + skipped, data[skipped:], newlines - (not headed)
                )
            headed, line, offset = True, line + newlines, offset + end
    except BrokenError:
        yield TextBlock(0, line, offset, b"", 0, "truncated_file")
        return
    if headed and rest.strip():
        yield TextBlock(0, line, offset, rest, rest.count(b"\n"))


def _end_of_rows(text: bytes) -> int:
    """Where the last whole row ends: behind a line break with an even number of quotes before it."""
    codes = np.frombuffer(text, np.uint8)
    newlines = np.flatnonzero(codes == _NEWLINE)
    quotes = np.flatnonzero(codes == _QUOTE)
    outside = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
    if not len(outside) and len(text) > MAX_ROW_BYTES:
        outside = newlines
    return int(outside[-1]) + 1 if len(outside) else 0
