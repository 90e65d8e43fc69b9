"""The rows of a piece of a table: told apart all at once, and what is wrong with each that is broken.

A quoted field may hold line breaks, so that a row ends at a line break with an even number of quotes before
it. That holds as long as quotes stand where they may: at the ends of a field, and doubled inside of one.
Where one does not, or where a row of several lines has another number of fields than the header and one of
its lines has the right one, its first line is judged alone, and the next line begins a row: a quote that was
never closed has swallowed it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from costaudit.ingest.quarantine import EXAMPLES

Places = npt.NDArray[np.intp]

_QUOTE, _NEWLINE, _RETURN = (ord(c) for c in '"\n\r')

MOST_TROUBLES: Final = 1_000
"""Misplaced quotes of a piece, beyond which quotes are no longer taken to hold line breaks."""
_MOST_READ: Final = 50_000
"""Lines of a piece with such quotes that are read one by one; further ones are set aside unread."""
_AFTER_TROUBLE: Final = 1 << 12
"""Bytes that are looked at after a misplaced quote: there may be more of them."""

csv.field_size_limit(1 << 27)  # the default of 128 KiB is less than a long prompt


@dataclass(frozen=True, slots=True)
class At:
    """Where a row begins in its piece."""

    line: int
    """Counted from 0."""
    byte: int


@dataclass(slots=True)
class TableRows:
    """What a piece of a table holds."""

    whole: list[bytes] = field(default_factory=list)
    """Stretches of rows with the right number of fields, each with its line end but maybe the last."""
    lines: list[Places] = field(default_factory=list)
    """For each stretch, the lines on which its rows begin."""
    begins: list[Places] = field(default_factory=list)
    """For each stretch, the bytes at which its rows begin."""
    single: list[tuple[At, list[str]]] = field(default_factory=list)
    """Further rows with the right number of fields, already read."""
    broken: int = 0
    """Rows that cannot be read."""
    examples: list[tuple[At, str]] = field(default_factory=list)
    """The first of them, and what is wrong with them."""

    def texts(self) -> Iterator[tuple[At, bytes]]:
        """The rows of all stretches one by one."""
        for text, lines, places in zip(self.whole, self.lines, self.begins, strict=True):
            ends = [*(places[1:] - places[0]).tolist(), len(text)]
            for begin, end, line, byte in zip(
                [0, *ends], ends, lines.tolist(), places.tolist(), strict=False
            ):
                yield At(line, byte), text[begin:end]


def rows_of(data: bytes, delimiter: str, width: int) -> TableRows:
    """The rows of some text that begins with a row."""
    scan = _Scan(data, delimiter, width)
    while scan.at < len(data):
        scan.step()
    return scan.rows


def fields_of(text: str, delimiter: str, width: int) -> tuple[list[str], str | None]:
    """The fields of one row, and what is wrong with it: a quote, or their number."""
    try:
        fields = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        return [], str(error)
    return fields, None if len(fields) == width else _wrong(len(fields), width)


def _wrong(number: int, width: int) -> str:
    return f"{number} field{'s' * (number != 1)}, the header has {width}"


@dataclass(frozen=True, slots=True)
class _Marks:
    """Where the rows of a window begin and end, and how many fields and lines they have."""

    begins: Places
    ends: Places
    fields: Places
    newlines: Places
    trouble: npt.NDArray[np.bool_]
    """Rows that are to be judged by their first line alone."""


class _Scan:
    def __init__(self, data: bytes, delimiter: str, width: int) -> None:
        self.data, self.delimiter, self.width = data, delimiter, width
        self.rows = TableRows()
        self.at = self.line = 0
        self._window = len(data)
        self._troubles = 0

    def step(self) -> None:
        """Take in the rows of a window, up to the first that is in trouble."""
        window = self.data[self.at : self.at + self._window]
        is_last = self.at + len(window) == len(self.data)
        marks = self._marks(window, is_last=is_last)
        troubled = np.flatnonzero(marks.trouble)[:1].tolist()
        number = troubled[0] if troubled else len(marks.ends)
        end = int(marks.ends[number - 1]) if number else 0
        self._take(window, marks, number)
        if troubled or (is_last and end < len(window)):  # the last row has an open quote
            self._advance(end, int(marks.newlines[:number].sum()))
            self._take_line()
            self._window = _AFTER_TROUBLE
        else:
            self._advance(end, int(marks.newlines.sum()))
            self._window *= 4

    def _advance(self, size: int, lines: int) -> None:
        self.at, self.line = self.at + size, self.line + lines

    def _marks(self, window: bytes, *, is_last: bool) -> _Marks:
        codes = np.frombuffer(window, np.uint8)
        newlines = np.flatnonzero(codes == _NEWLINE)
        quotes = np.flatnonzero(codes == _QUOTE)
        delimiters = np.flatnonzero(codes == ord(self.delimiter))
        counted = self._troubles <= MOST_TROUBLES
        held = quotes if counted else quotes[:0]
        ends = newlines[np.searchsorted(held, newlines) % 2 == 0] + 1
        if is_last and len(held) % 2 == 0 and not window.endswith(b"\n"):
            ends = np.append(ends, len(window))
        begins = np.append(0, ends[:-1])[: len(ends)]
        outside = delimiters[np.searchsorted(held, delimiters) % 2 == 0]
        fields = np.searchsorted(outside, ends) - np.searchsorted(outside, begins) + 1
        lines = np.searchsorted(newlines, ends) - np.searchsorted(newlines, begins)
        quoted = np.searchsorted(quotes, ends) > np.searchsorted(quotes, begins)
        if counted:
            trouble = np.zeros(len(ends), bool)
            for row in np.flatnonzero((fields != self.width) & (lines > 1)).tolist():
                trouble[row] = self._swallowed(window[begins[row] : ends[row]])
            odd = self._misplaced(codes, quotes)
            trouble[np.searchsorted(ends, odd[odd < (ends[-1] if len(ends) else 0)], "right")] = True
        else:  # a field may hold delimiters, so that there are at most so many fields
            trouble = quoted & (fields >= self.width)
        return _Marks(begins, ends, fields, lines, trouble)

    def _swallowed(self, row: bytes) -> bool:
        """Whether a row of several lines and a wrong number of fields holds a line that is a row itself."""
        mark = self.delimiter.encode()
        return any(line.count(mark) + 1 == self.width for line in row.split(b"\n")[1:])

    def _misplaced(self, codes: npt.NDArray[np.uint8], quotes: Places) -> Places:
        """Quotes that begin a field elsewhere than at its beginning, or end it elsewhere than at its end."""
        padded = np.concatenate(([_NEWLINE], codes, [_NEWLINE]))
        opening, closing = quotes[::2], quotes[1::2]
        before, after = padded[opening], padded[closing + 2]
        mark = ord(self.delimiter)
        odd_begins = opening[(before != mark) & (before != _NEWLINE) & (before != _QUOTE)]
        ended = (after == mark) | (after == _NEWLINE) | (after == _RETURN) | (after == _QUOTE)
        return np.sort(np.concatenate((odd_begins, closing[~ended])))

    def _take(self, window: bytes, marks: _Marks, number: int) -> None:
        """The first rows of a window: whole ones, and those of a wrong number of fields."""
        begins, ends = marks.begins[:number], marks.ends[:number]
        first = np.append(np.frombuffer(window, np.uint8), _NEWLINE)[begins]
        sizes = ends - begins
        blank = (sizes == 1) & (first == _NEWLINE) | (sizes <= 2) & (first == _RETURN)
        lines = self.line + np.cumsum(marks.newlines[:number]) - marks.newlines[:number]
        whole = ~blank & (marks.fields[:number] == self.width)
        for run in _runs(whole):
            self.rows.whole.append(window[begins[run.start] : ends[run.stop - 1]])
            self.rows.lines.append(lines[run])
            self.rows.begins.append(self.at + begins[run])
        broken = np.flatnonzero(~blank & ~whole)
        for row in broken[:EXAMPLES].tolist():
            why = _wrong(int(marks.fields[row]), self.width)
            self._note(At(int(lines[row]), self.at + int(begins[row])), why)
        self.rows.broken += len(broken)

    def _note(self, at: At, why: str) -> None:
        if len(self.rows.examples) < EXAMPLES:
            self.rows.examples.append((at, why))

    def _take_line(self) -> None:
        """Judge the next line alone."""
        end = self.data.find(b"\n", self.at) + 1 or len(self.data)
        self._troubles += 1
        at = At(self.line, self.at)
        fields: list[str] = []
        why: str | None = "too many misplaced quotes around it"
        if self._troubles <= _MOST_READ:
            text = self.data[self.at : end].decode("utf-8", "replace")
            fields, why = fields_of(text, self.delimiter, self.width)
        if why is None:
            self.rows.single.append((at, fields))
        else:
            self.rows.broken += 1
            self._note(at, why)
        self._advance(end - self.at, 1)


def _runs(wanted: npt.NDArray[np.bool_]) -> list[slice]:
    """The stretches of neighbouring True values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], wanted, [False])))).tolist()
    return [slice(begin, end) for begin, end in zip(edges[::2], edges[1::2], strict=True)]
