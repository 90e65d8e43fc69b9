"""JSON that does not keep to lines, cut into its values: arrays, documents, documents after each other.

A block holds one value per line, as a JSON-lines file does, with line breaks inside of a value turned into
carriage returns; `starts` says where each value stands. The scan looks at quotes, brackets and line breaks
only, whole chunks at a time, and never decodes: a value that turns out to be broken is handed on as it is.

JSON allows no line break inside a text. So a quote that is never closed ends at the end of its line, and
the damage with it: the scan goes on at the next line that begins with an object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.ingest.logfile import LogFile
from costaudit.ingest.pages import PAGE_KEYS, WRAPPED
from costaudit.ingest.streams import BLOCK_BYTES, BOM, Starts, TextBlock, chunks
from costaudit.ingest.unpack import BrokenError

Places = npt.NDArray[np.intp]

_QUOTE, _BACKSLASH, _NEWLINE = (ord(c) for c in '"\\\n')
_OPEN, _CLOSE, _FOLD = ord("{"), ord("}"), 0x20
"""With the bit `_FOLD` set, square brackets become curly ones."""

_PAGE_LIST: Final = re.compile(rb'"(' + "|".join(PAGE_KEYS).encode() + rb')"\s*:\s*\[')
_HEAD_BYTES: Final = 1 << 20
"""How far into a document its list of records may begin."""

MOST_STRAYS: Final = 1_000
"""Brackets too many, beyond which the rest of a line is skipped after each: it is no JSON."""

_WHOLE: Final = 1 << 40
_AFTER_DAMAGE: Final = 1 << 12
"""Bytes that are scanned at a time: all that there is, and after damage, where there may be more of it."""

_INDENT: Final = 1_000
"""Blanks before a value that begins its line; who indents further is not looked at."""

_BETWEEN: Final = b" \t\r\n\f\v\x1e,[]" + BOM
"""What may stand between two values."""


def json_blocks(
    file: LogFile, only: Collection[int] | None = None, block_bytes: int = BLOCK_BYTES
) -> Iterator[TextBlock]:
    """The file's values in blocks; with `only`, just the blocks of those indices.

    In an array its entries are the values, elsewhere the objects. A stream that breaks off yields what
    was readable and then a block with `trouble`. A document beyond the limit of a line is taken for a page:
    the entries of its list are the values. Any other value is cut there.
    """
    wanted = None if only is None else max(only, default=-1)
    for index, block in enumerate(_blocks(file, block_bytes)):
        if wanted is not None and index > wanted:
            return
        if only is None or index in only:
            yield TextBlock(index, block.first_line, block.offset, block.data, 0, block.trouble, block.starts)


def _blocks(file: LogFile, block_bytes: int) -> Iterator[TextBlock]:
    scan = _Scan(file.limits.line)
    try:
        for chunk in chunks(file, block_bytes):
            scan.feed(chunk)
            yield from scan.block()
    except BrokenError:
        yield from scan.block()  # what came before the break is whole, a value that it cuts is not
        yield TextBlock(0, scan.at.line, scan.at.offset, b"", 0, "truncated_file")
        return
    scan.finish()
    yield from scan.block()


class _Position(msgspec.Struct):
    """A place in the text: counted from 1 for lines, from 0 for bytes."""

    line: int = 1
    offset: int = 0
    line_start: int = 0
    """Offset of the beginning of the line."""
    blank: bool = True
    """Whether nothing but blanks stands before it in its line."""

    def pass_over(self, text: bytes) -> None:
        """Move behind some text."""
        newline = text.rfind(b"\n")
        if newline >= 0:
            self.line += text.count(b"\n")
            self.line_start = self.offset + newline + 1
        self.blank = (self.blank or newline >= 0) and not text[newline + 1 :].strip()
        self.offset += len(text)


class _Value(msgspec.Struct):
    """A value that has begun, as far as it was read."""

    line: int
    offset: int
    parts: list[bytes] = msgspec.field(default_factory=list)
    size: int = 0

    def add(self, part: bytes) -> None:
        self.parts.append(part)
        self.size += len(part)


class _Ready(msgspec.Struct, frozen=True):
    """Values that have ended, and where each began."""

    texts: list[bytes]
    lines: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]

    @classmethod
    def of(cls, value: _Value) -> _Ready:
        return cls([b"".join(value.parts)], np.array([value.line]), np.array([value.offset]))


class _Marks(msgspec.Struct, frozen=True):
    """What of a piece of text is structure: all that stands outside of texts."""

    brackets: Places
    steps: npt.NDArray[np.int64]
    """1 for an opening bracket, -1 for a closing one."""
    depth: npt.NDArray[np.int64]
    """Depth behind each bracket."""
    base: npt.NDArray[np.int64]
    """Depth of the values around each bracket: 1 inside of an array that stands for itself, 0 elsewhere."""
    end: int
    """How far the marks reach: to the end, or to the first damage."""
    torn: bool
    """Whether the damage is a line break inside of a text; otherwise it is a bracket too many."""


class _Scan:
    """The scan of one file, fed with its text in chunks."""

    def __init__(self, longest: int, page_at: _Position | None = None, wrapped: str | None = None) -> None:
        """Begin a file, or a page.

        `longest`: bytes of a value. `page_at`: where the list of a page begins. `wrapped`: its key, if
        entries mean nothing without.
        """
        self._longest = longest
        self.at = page_at or _Position()
        """Where the text that has not been scanned yet begins."""
        self._page: _Scan | None = None
        """The scan of the records inside of a document that is too long to be one value."""
        self._in_page = page_at is not None
        self._wrap = (b"", b"") if wrapped is None else (b'{"%s":[' % wrapped.encode(), b"]}")
        self.tail: bytes | None = None
        """What came after the end of the list, for the scan of a page; None before the end came."""
        self._base: int | None = None
        """Depth of the values here: 1 inside of an array, 0 elsewhere; None before anything was seen."""
        self._depth = 0
        self._in_text = self._escaped = False
        self._value: _Value | None = None
        self._column = -1
        """How far the values that begin a line are indented, as far as was seen; -1 before any was."""
        self._resume: re.Pattern[bytes] | None = None
        """Set while text is skipped after damage: what the next value begins behind."""
        self._rest = b""
        """Text that was fed and needs more to be judged."""
        self._window = _WHOLE
        self._strays = 0
        self._ready: list[_Ready] = []
        if self._in_page:
            self._base = self._depth = 1

    def feed(self, chunk: bytes) -> None:
        """Scan the next chunk of text."""
        if self._page is not None:
            self._page.feed(chunk)
            return
        if self.tail is not None:
            self.tail = (self.tail + chunk)[:_HEAD_BYTES]
            return
        chunk = self._rest + chunk
        self._rest = b""
        if self._base is None:
            text = chunk.removeprefix(BOM)
            if (len(chunk) < len(BOM) and BOM.startswith(chunk)) or not text.strip():
                self._rest = chunk  # too short to tell
                return
            self.at.offset = self.at.line_start = len(chunk) - len(text)
            self._base, chunk = int(text.lstrip().startswith(b"[")), text
        rest = chunk[self._scan(chunk) :]
        if self.tail is not None:
            self.tail = (self.tail + rest)[:_HEAD_BYTES]
        elif self._page is None:
            self._rest = rest

    def _scan(self, chunk: bytes) -> int:
        """Scan a chunk in windows, which are small after damage; returns how far it came."""
        at = 0
        while at < len(chunk) and not self._has_ended():
            window = chunk[at : at + self._window]
            skips = self._resume is not None
            left = len(self._skip(window) if skips else self._take(window))
            at += len(window) - left
            if skips and left == len(window) and at + left == len(chunk):
                break  # what is left may be the beginning of what is looked for
            self._window = min(self._window * 4, _WHOLE) if skips or not left else _AFTER_DAMAGE
        return at

    def _has_ended(self) -> bool:
        """Whether the list of a page has ended, or the rest of the document is another scan's."""
        return self.tail is not None or self._page is not None

    def finish(self) -> None:
        """The text has ended: a value that is still open is handed on as it is."""
        if self._page is not None:
            self._page.finish()
            return
        if self.tail is not None and not _ends_document(self.tail):
            value = _Value(self.at.line, self.at.offset, [self.tail])
            self._ready.append(_Ready.of(value))
        if self._value is not None:
            self._ready.append(_Ready.of(self._value))
            self._value = None

    def block(self) -> Iterator[TextBlock]:
        """The values that became ready since the last call, if there are any."""
        if self._page is not None:
            yield from self._page.block()
            return
        ready, self._ready = self._ready, []
        if ready:
            lines, offsets = (
                np.concatenate([getattr(r, name) for r in ready]) for name in ("lines", "offsets")
            )
            before, after = self._wrap
            texts = [before + text + after for part in ready for text in part.texts]
            data = b"\n".join([text.replace(b"\n", b"\r") for text in texts]) + b"\n"
            starts = Starts(lines, offsets, self._column)
            yield TextBlock(0, int(lines[0]), int(offsets[0]), data, 0, None, starts)

    def _skip(self, chunk: bytes) -> bytes:
        """Skip to the next value after damage; returns what follows."""
        found = self._resume.search(chunk) if self._resume is not None else None
        if found is None:
            newline = chunk.rfind(b"\n")
            keep = newline if newline >= 0 and not chunk[newline:].strip(b" \t\r\n},") else len(chunk)
            self.at.pass_over(chunk[:keep])
            return chunk[keep:]
        self.at.pass_over(chunk[: found.end()])
        self._resume, self._in_text, self._escaped, self._depth = None, False, False, self._base or 0
        return chunk[found.end() :]

    def _take(self, chunk: bytes) -> bytes:
        """Take in values up to the end of the chunk, or to damage; returns what follows."""
        codes = np.frombuffer(chunk, np.uint8)
        newlines = np.flatnonzero(codes == _NEWLINE)
        quotes = self._quotes(codes)
        marks = self._marks(codes, quotes, newlines)
        self._take_values(chunk, marks, newlines)
        self._in_text ^= bool(np.searchsorted(quotes, marks.end) & 1)
        self._escaped = self._in_text and _ends_escaping(chunk, carried=self._escaped)
        if len(marks.depth):
            self._depth, self._base = int(marks.depth[-1]), int(marks.base[-1])
        end = marks.end
        if self._in_page and self._depth == 0:  # the list has ended
            self.tail = b""
        elif end < len(chunk) and not marks.torn:  # a bracket too many is a broken value of its own
            self._add(chunk, [(end, end + 1)], newlines)
            end += 1
            self._strays += 1
            if self._strays > MOST_STRAYS:
                self._give_up()
        elif end < len(chunk) or (self._is_too_long() and not self._open_page()):
            self._give_up()
        self.at.pass_over(chunk[:end])
        return chunk[end:]

    def _quotes(self, codes: npt.NDArray[np.uint8]) -> Places:
        """Places of the quotes that begin or end a text: those that no backslash escapes."""
        quotes = np.flatnonzero(codes == _QUOTE)
        slashes = np.flatnonzero(codes == _BACKSLASH)
        if not self._escaped and not len(slashes):
            return quotes
        # Of the backslashes in a row every other one escapes; a row may begin in the chunk before.
        index = np.arange(len(slashes))
        first = np.append(True, np.diff(slashes) != 1)[: len(slashes)]
        number = index - np.maximum.accumulate(np.where(first, index, 0))
        escaping = slashes[(number + (self._escaped & (slashes == index))) % 2 == 0]
        escaped = np.zeros(len(codes) + 1, bool)
        escaped[escaping + 1] = True
        escaped[0] = self._escaped
        return quotes[~escaped[quotes]]

    def _marks(self, codes: npt.NDArray[np.uint8], quotes: Places, newlines: Places) -> _Marks:
        folded = codes | _FOLD
        brackets = np.flatnonzero((folded == _OPEN) | (folded == _CLOSE))
        brackets = brackets[~self._inside(quotes, brackets)]
        steps = np.where(folded[brackets] == _OPEN, 1, -1)
        depth = self._depth + np.cumsum(steps)
        is_square = codes[brackets] != folded[brackets]
        base = self._bases(steps, depth, is_square)
        odd = (depth < 0) | ((depth == 0) & (base == 1) & (steps < 0) & ~is_square)  # an array ends with ]
        torn = newlines[self._inside(quotes, newlines)][:1].tolist()
        over = brackets[(depth == 0) & (steps < 0)][:1] + 1 if self._in_page else brackets[:0]
        end = min([len(codes), *torn, *brackets[odd][:1].tolist(), *over.tolist()])
        kept = slice(0, int(np.searchsorted(brackets, end)))
        return _Marks(brackets[kept], steps[kept], depth[kept], base[kept], end, torn=end in torn)

    def _bases(
        self, steps: npt.NDArray[np.int64], depth: npt.NDArray[np.int64], is_square: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """The depth of the values around each bracket."""
        current = self._base or 0
        if self._in_page:
            return np.full(len(steps), current)
        outermost = np.flatnonzero((steps > 0) & (depth == 1))
        kinds = np.append(current, is_square[outermost])
        return np.asarray(kinds[np.searchsorted(outermost, np.arange(len(steps)), "right")], np.int64)

    def _inside(self, quotes: Places, places: Places) -> npt.NDArray[np.bool_]:
        """Which places lie inside of a text."""
        inside: npt.NDArray[np.bool_] = (np.searchsorted(quotes, places) + self._in_text) % 2 == 1
        return inside

    def _take_values(self, chunk: bytes, marks: _Marks, newlines: Places) -> None:
        """Take the values between the marks. What stands between two values is one too, but for commas."""
        begins = marks.brackets[(marks.steps > 0) & (marks.depth == marks.base + 1)].tolist()
        ends = (marks.brackets[(marks.steps < 0) & (marks.depth == marks.base)] + 1).tolist()
        at = 0
        if self._value is not None:
            if not ends:
                self._value.add(chunk[: marks.end])
                return
            at = ends.pop(0)
            self._value.add(chunk[:at])
            self.finish()
        self._find_column(chunk, begins[:2], newlines)
        nexts = begins if len(begins) > len(ends) else [*begins, marks.end]
        gaps = zip([at, *ends], nexts, strict=True)
        broken = [(begin, end) for begin, end in gaps if chunk[begin:end].strip(_BETWEEN)]
        values = list(zip(begins, ends, strict=False))
        self._add(chunk, sorted(values + [_trimmed(chunk, *gap) for gap in broken]), newlines)
        if len(begins) > len(ends):
            lines, offsets = self._places(begins[-1:], newlines)
            self._value = _Value(int(lines[0]), int(offsets[0]))
            self._value.add(chunk[begins[-1] : marks.end])

    def _add(self, chunk: bytes, spans: list[tuple[int, int]], newlines: Places) -> None:
        if spans:
            lines, offsets = self._places([begin for begin, _ in spans], newlines)
            self._ready.append(_Ready([chunk[begin:end] for begin, end in spans], lines, offsets))

    def _places(
        self, begins: list[int], newlines: Places
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Lines and offsets of places in the chunk."""
        places = np.array(begins, np.int64)
        return self.at.line + np.searchsorted(newlines, places), self.at.offset + places

    def _find_column(self, chunk: bytes, begins: list[int], newlines: Places) -> None:
        """Note how far values are indented, by one that nothing stands before in its line."""
        for begin in begins:
            passed = int(np.searchsorted(newlines, begin))
            head = int(newlines[passed - 1]) + 1 if passed else 0
            if (passed or self.at.blank) and begin - head < _INDENT and not chunk[head:begin].strip():
                self._column = begin - head + (0 if passed else self.at.offset - self.at.line_start)

    def _is_too_long(self) -> bool:
        return self._value is not None and self._value.size > self._longest

    def _open_page(self) -> bool:
        """Go on inside of the list of records of a document that is too long to be one value."""
        if self._base or self._value is None:
            return False
        text = b"".join(self._value.parts)
        found = list_start(text[:_HEAD_BYTES])
        if found is None:
            return False
        key, start = found
        at = _Position(self._value.line, self._value.offset, self._value.offset)
        at.pass_over(text[:start])
        self._page, self._value = _Scan(self._longest, at, key if key in WRAPPED else None), None
        self._page.feed(text[start:])
        return True

    def _give_up(self) -> None:
        """Hand on what there is of a broken value, and go on at the next line where one may begin."""
        self.finish()
        indent = rb"[ \t]{%d}" % self._column if self._column >= 0 else rb"(?:\},[ \t]*)?"
        self._resume = re.compile(rb"\n" + indent + rb"(?=\{)")


def list_start(text: bytes) -> tuple[str, int] | None:
    """The list of records in a document that begins with an object: its key, and the place behind `[`."""
    codes = np.frombuffer(text, np.uint8)
    quotes = _Scan(len(text))._quotes(codes)  # noqa: SLF001 - its own kind
    folded = codes | _FOLD
    brackets = np.flatnonzero((folded == _OPEN) | (folded == _CLOSE))
    brackets = brackets[np.searchsorted(quotes, brackets) % 2 == 0]
    depth = np.cumsum(np.where(folded[brackets] == _OPEN, 1, -1))
    inner = frozenset(brackets[depth == 2].tolist())
    for found in _PAGE_LIST.finditer(text):
        if found.end() - 1 in inner:
            return found[1].decode(), found.end()
    return None


def _ends_document(tail: bytes) -> bool:
    """Whether what stands behind a list of records is the rest of its document, and no record is in it."""
    try:
        rest = json.loads(b"{" + tail.strip().removeprefix(b","))
    except (ValueError, RecursionError):
        return False
    return isinstance(rest, dict)


def _trimmed(chunk: bytes, begin: int, end: int) -> tuple[int, int]:
    """The part of a gap that means something."""
    text = chunk[begin:end]
    begin += len(text) - len(text.lstrip(_BETWEEN))
    return begin, begin + len(text.strip(_BETWEEN))


def _ends_escaping(chunk: bytes, *, carried: bool) -> bool:
    """Whether the last character escapes the next: an odd number of backslashes at the end."""
    number = len(chunk) - len(chunk.rstrip(b"\\"))
    return (number + (carried and number == len(chunk))) % 2 == 1


def broken_parts(value: bytes, column: int) -> list[bytes]:
    """The pieces of a value that cannot be read: it may have swallowed others, by a bracket left out.

    Pieces begin with an object as far into their line as values do; -1 where none begins a line.
    """
    if column < 0:
        return [value]
    return re.split(rb"\r[ \t]{%d}(?=\{)" % column, value)
