"""Texts that are not UTF-8 with newlines: told apart by their first bytes, and read as if they were.

UTF-16 and UTF-32 are recoded, with or without a byte order mark. What is no text in them becomes bytes that
are no UTF-8 either, so that just the line that holds them is set aside.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from costaudit.ingest.logfile import LineEnds
from costaudit.ingest.unpack import BrokenError

UTF8: Final = "utf-8"

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ZEROS: Final[dict[tuple[bool, ...], str]] = {
    (False, True, True, True, False, True, True, True): "utf-32-le",
    (True, True, True, False, True, True, True, False): "utf-32-be",
    (False, True, False, True, False, True, False, True): "utf-16-le",
    (True, False, True, False, True, False, True, False): "utf-16-be",
}
"""Where zeros stand in the first bytes of a text that begins with two (or four) letters of ASCII."""


def is_utf8(data: bytes) -> bool:
    """Whether some bytes are text, as what is read as columns has to be."""
    if data.isascii():
        return True
    try:
        data.decode(UTF8)
    except UnicodeDecodeError:
        return False
    return True


def encoding_of(head: bytes) -> str:
    """The encoding that the first bytes of a text tell: UTF-8 unless they are clearly another.

    >>> encoding_of('{"a":1}'.encode("utf-16-le")), encoding_of(b'{"a":1}')
    ('utf-16-le', 'utf-8')
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    return _ZEROS.get(tuple(byte == 0 for byte in head[:8]), UTF8)


def line_ends_of(head: bytes, *, table: bool) -> LineEnds:
    """What ends the lines of a text (already UTF-8), by its beginning.

    In JSON a carriage return may stand between any two words, in a table only in quotes.
    """
    if table:
        codes = np.frombuffer(head, np.uint8)
        lone = np.flatnonzero((codes[:-1] == ord("\r")) & (codes[1:] != ord("\n")))
        quotes = np.flatnonzero(codes == ord('"'))
        outside = np.searchsorted(quotes, lone) % 2 == 0
        return LineEnds.RETURN if outside.any() else LineEnds.NEWLINE
    return LineEnds.RETURN if b"\r" in head and b"\n" not in head else LineEnds.NEWLINE


_NO_TEXT: Final = "costaudit-no-text"
codecs.register_error(_NO_TEXT, lambda error: ("\udcff", error.end))  # type: ignore[attr-defined]  # end


def recoded(pieces: Iterable[bytes], encoding: str, line_ends: LineEnds) -> Iterator[bytes]:
    """A text's bytes as UTF-8 with newlines. Raises BrokenError where the text ends within a character."""
    if encoding != UTF8:
        pieces = _as_utf8(pieces, encoding)
    if line_ends is LineEnds.RETURN:
        pieces = (piece.replace(b"\r", b"\n") for piece in pieces)
    return iter(pieces)


def _as_utf8(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors=_NO_TEXT)
    for piece in pieces:
        yield decoder.decode(piece).encode("utf-8", "surrogatepass")
    if decoder.getstate()[0]:
        raise BrokenError("the text ends within a character")
