"""Excel workbooks (.xlsx, .xlsm): the rows of their sheets as plain values.

By ECMA-376 Part 1 (SpreadsheetML), as Excel, LibreOffice and Google Sheets write it. A cell is a number, a
text (of its own or a shared one), a truth value or an error; a number is a date by its format alone. Of
formulas the value that was saved counts. No macro and no link is ever looked at.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import IO, Any, Final
from xml.etree import ElementTree as ET

import msgspec

from costaudit.ingest.unpack import BrokenError

MOST_TEXT: Final = 256 << 20
"""Bytes of the texts that sheets share: they are held in memory."""

_BUILT_IN_DATES: Final = frozenset([*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)])
"""Formats of dates and times that have no code in the file (18.8.30 numFmts)."""
_NO_CODE: Final = re.compile(r'"[^"]*"|\\.|\[(?!h+\]|m+\]|s+\])[^\]]*\]|_.|\*.', re.IGNORECASE)
"""What of a format's code is text, colour, condition or filling."""
_OF_DATES: Final = re.compile(r"[ydhs]|m", re.IGNORECASE)

_END_OF_DAYS: Final = 2_958_466
"""The day after the last of 9999, counted from the end of 1899."""

_BOMB_BYTES: Final = 64 << 20
_BOMB_RATIO: Final = 100
"""A part that is longer, and so many times as long as it is packed, is no sheet: rows pack to a tenth."""

_LETTERS: Final = re.compile(r"[A-Z]{1,3}")
_BROKEN: Final = (
    zipfile.BadZipFile,
    ET.ParseError,
    KeyError,
    ValueError,
    OSError,
    EOFError,
    NotImplementedError,
)


class Sheet(msgspec.Struct, frozen=True):
    """A sheet of a workbook."""

    name: str
    part: str
    """Where in the archive it is."""


class Workbook:
    """An open workbook; raises BrokenError for what cannot be read."""

    def __init__(self, stream: IO[bytes]) -> None:
        try:
            self._archive = zipfile.ZipFile(stream)
            self._parts = {info.filename.lower(): info for info in self._archive.infolist()}
            self.sheets: Sequence[Sheet] = list(self._sheets())
            self._texts = list(self._shared())
            self._dates = frozenset(self._date_styles())
        except _BROKEN as error:
            raise BrokenError(f"{type(error).__name__}: {str(error)[:100]}") from error

    def rows(self, sheet: Sheet) -> Iterator[tuple[int, dict[int, Any]]]:
        """The rows of a sheet that hold something: their numbers, and their values by column, from 0."""
        try:
            yield from self._rows(sheet.part)
        except _BROKEN as error:
            raise BrokenError(f"{type(error).__name__}: {str(error)[:100]}") from error

    def _sheets(self) -> Iterator[Sheet]:
        related = self._elements("xl/_rels/workbook.xml.rels", "Relationship")
        targets = {one.get("Id"): one.get("Target", "") for one in related}
        self._epoch = datetime(1899, 12, 30)  # noqa: DTZ001 - a workbook has no zone
        for book in self._elements("xl/workbook.xml", "workbookPr", "sheet"):
            if _name(book.tag) == "workbookPr":
                if book.get("date1904") in ("1", "true"):
                    self._epoch = datetime(1904, 1, 1)  # noqa: DTZ001 - as above
                continue
            ident = next((value for key, value in book.attrib.items() if _name(key) == "id"), None)
            target = targets.get(ident, "")
            part = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
            if part.lower() in self._parts and "worksheet" in part.lower():
                yield Sheet(book.get("name", ""), part)

    def _shared(self) -> Iterator[str]:
        if "xl/sharedstrings.xml" in self._parts:
            if self._parts["xl/sharedstrings.xml"].file_size > MOST_TEXT:
                raise ValueError("its shared texts are too long")
            for item in self._elements("xl/sharedStrings.xml", "si"):
                yield _text_of(item)

    def _date_styles(self) -> Iterator[int]:
        """The numbers of the cell styles that make a date of a number."""
        if "xl/styles.xml" not in self._parts:
            return
        dates = set(_BUILT_IN_DATES)
        for found in self._elements("xl/styles.xml", "numFmt", "cellXfs"):
            if _name(found.tag) == "numFmt":
                if _is_of_dates(found.get("formatCode", "")):
                    dates.add(int(found.get("numFmtId", "0")))
                continue
            for number, style in enumerate(found):
                if int(style.get("numFmtId", "0")) in dates:
                    yield number

    def _rows(self, part: str) -> Iterator[tuple[int, dict[int, Any]]]:
        number = 0
        for row in self._elements(part, "row"):
            number = int(row.get("r") or number + 1)
            values: dict[int, Any] = {}
            column = -1
            for cell in row:
                if _name(cell.tag) == "c":
                    column = _column(cell.get("r")) if cell.get("r") else column + 1
                    value = self._value(cell)
                    if value is not None:
                        values[column] = value
            if values:
                yield number, values

    def _value(self, cell: ET.Element) -> Any:
        kind, raw, inline = cell.get("t", "n"), None, None
        for inner in cell:
            if _name(inner.tag) == "v":
                raw = inner.text
            elif _name(inner.tag) == "is":
                inline = _text_of(inner)
        if kind == "inlineStr" or raw is None or kind == "e":
            return inline if kind == "inlineStr" else None
        if kind == "s":
            return self._texts[int(raw)]
        if kind == "b":
            return raw.strip() in ("1", "true")
        return raw if kind in ("str", "d") else self._number(float(raw), int(cell.get("s") or 0))

    def _number(self, number: float, style: int) -> Any:
        """A number, or the time that it is in its style."""
        if style in self._dates and 1 <= number < _END_OF_DAYS:
            moment = self._epoch + timedelta(milliseconds=round(number * 86_400_000))
            return moment.isoformat(timespec="milliseconds")
        return int(number) if number.is_integer() and abs(number) < 1e15 else number

    def _elements(self, part: str, *names: str) -> Iterator[ET.Element]:
        """The elements of some names in a part of the archive; what was yielded is gone afterwards."""
        info = self._parts[part.lower()]
        if info.file_size > max(_BOMB_BYTES, _BOMB_RATIO * info.compress_size):
            raise ValueError("it unpacks to too much")
        with self._archive.open(info) as stream:
            head = stream.read(1 << 12)
        if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
            raise ValueError("it has a document type")
        with self._archive.open(info) as stream:
            above: list[ET.Element] = []
            events = ET.iterparse(stream, ("start", "end"))  # noqa: S314 - without a document type
            for event, element in events:
                if event == "start":
                    above.append(element)
                    continue
                above.pop()
                if _name(element.tag) in names:
                    yield element
                    if above:
                        above[-1].remove(element)


def _is_of_dates(code: str) -> bool:
    """Whether a number in a format is a date or a time.

    >>> _is_of_dates("dd/mm/yyyy"), _is_of_dates('0.00 "days"'), _is_of_dates("[Red]General")
    (True, False, False)
    """
    bare = _NO_CODE.sub("", code.partition(";")[0])
    return _OF_DATES.search(bare) is not None and "general" not in bare.lower()


def _name(tag: str) -> str:
    """A tag without its namespace: there are two of them, of which one is the strict one."""
    return tag.rpartition("}")[2]


def _text_of(element: ET.Element) -> str:
    """The text of a shared or inline string, without how it is pronounced."""
    parts: list[str] = []
    for inner in element:
        name = _name(inner.tag)
        if name == "t":
            parts.append(inner.text or "")
        elif name == "r":
            parts += [run.text or "" for run in inner if _name(run.tag) == "t"]
    return "".join(parts)


def _column(place: str | None) -> int:
    """The column of a cell's place, from 0.

    >>> _column("A1"), _column("AB12")
    (0, 27)
    """
    found = _LETTERS.match(place or "")
    if found is None:
        raise ValueError("a cell without a place")
    number = 0
    for letter in found[0]:
        number = number * 26 + ord(letter) - 64
    return number - 1
