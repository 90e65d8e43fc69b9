"""Tables as text, cut into blocks of whole rows: a quoted field may hold line breaks."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from costaudit.ingest.logfile import LogFile
from costaudit.ingest.streams import BLOCK_BYTES, BOM, TextBlock, chunks
from costaudit.ingest.unpack import BrokenError

_QUOTE, _NEWLINE = ord('"'), ord("\n")


def csv_blocks(
    file: LogFile, header: int, only: Collection[int] | None = None, block_bytes: int = BLOCK_BYTES
) -> Iterator[TextBlock]:
    """The rows below the header in blocks; with `only`, just the blocks of those indices.

    `header` counts the lines down to the header's own, without blank lines at the beginning of the file.
    Lines and offsets count from the beginning of the file. A stream that breaks off yields what was readable
    and then a block with `trouble`; so does a row beyond the file's limit, for itself alone.
    """
    wanted = None if only is None else max(only, default=-1)
    for index, block in enumerate(_blocks(file, header, block_bytes)):
        if wanted is not None and index > wanted:
            return
        if only is None or index in only:
            yield TextBlock(index, block.first_line, block.offset, block.data, block.newlines, block.trouble)


def _blocks(file: LogFile, header: int, block_bytes: int) -> Iterator[TextBlock]:
    rest, line, offset = b"", 1, 0
    skips = False
    below = _Below(header)
    try:
        for chunk in chunks(file, block_bytes):
            text = rest + chunk
            if skips:  # the rest of a row that is too long
                end = text.find(b"\n") + 1
                offset += end or len(text)
                text, rest, skips = text[end:] if end else b"", b"", not end
                line += bool(end)
            if not below.header:
                above = below.lines(text)
                if above is None:
                    rest = text
                    continue
                line, offset = line + text.count(b"\n", 0, above), offset + above
                text = text[above:]
            end = _end_of_rows(text, file.limits.row)
            if end:
                data, rest = text[:end], text[end:]
                newlines = data.count(b"\n")
                yield TextBlock(0, line, offset, data, newlines)
                line, offset = line + newlines, offset + end
            elif len(text) > file.limits.row:
                yield TextBlock(0, line, offset, b"", 0, "line_too_long")
                offset, rest, skips = offset + len(text), b"", True
            else:
                rest = text
    except BrokenError:
        yield TextBlock(0, line, offset, b"", 0, "truncated_file")
        return
    if below.header and rest.strip():
        yield TextBlock(0, line, offset, rest, rest.count(b"\n"))


class _Below:
    """Finds the end of the header."""

    def __init__(self, header: int) -> None:
        self._left = header
        self.header = False
        """Whether the header has been passed."""

    def lines(self, text: bytes) -> int | None:
        """Where the rows begin in the beginning of a file; None where the header has not ended yet."""
        at = len(text) - len(text.removeprefix(BOM).lstrip())
        at = text.rfind(b"\n", 0, at) + 1  # blank lines, but not the blanks of the first line
        for _ in range(self._left):
            at = text.find(b"\n", at) + 1
            if not at:
                return None
        self.header = True
        return at


def _end_of_rows(text: bytes, longest: int) -> int:
    """Where the last whole row ends: behind a line break with an even number of quotes before it.

    A row that is longer than the longest holds a quote that was never closed: it ends at the last line break.
    """
    codes = np.frombuffer(text, np.uint8)
    newlines = np.flatnonzero(codes == _NEWLINE)
    quotes = np.flatnonzero(codes == _QUOTE)
    outside = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
    if not len(outside) and len(text) > longest:
        outside = newlines
    return int(outside[-1]) + 1 if len(outside) else 0
