"""The dates and amounts of one file whose meaning only their columns tell.

A column is all values under the same keys. It says that the day comes first where a single one of its dates
can be meant no other way, and that a comma is a decimal mark where a single amount of it can have no other. A
column that does not say it goes by the others of its file, which the same program wrote; where no column
says it, the user may (`--dates`, `--decimals`). What stays open is told and not read.

The file is gone through once more for that, and only where a value leaves a question.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

import msgspec

from costaudit.ingest.adapters.flat_fields import FLAT_FIELDS, FieldKind
from costaudit.ingest.format import Record
from costaudit.ingest.notation import UNSAID, DateOrder, DecimalMark, Notation
from costaudit.ingest.usage import grouped
from costaudit.ingest.written_amounts import Amount, amount_of
from costaudit.ingest.written_dates import LONGEST, date_readings
from costaudit.times import time_us

Keys = tuple[str, ...]

DEPTH: Final = 3
"""Objects in a record that are looked into, one in the other."""

_DATE: Final = re.compile(r"\s*\d{1,2}([/.-])\s?\d{1,2}\1\s?\d{2}(?:\d\d)?(?!\d)")
"""How a date begins whose parts can stand in several orders."""
_AMOUNT: Final = re.compile(
    r"[^\d,.]{0,6}[\d.,' \u00a0\u2009\u202f\u2019]{0,30}\d[^\d,.]{0,6}(?:[eE][-+]?\d\d?)?"
)
_IN_QUESTION: Final = re.compile(r"[^\d,.]{0,6}\d{1,3}[.,]\d{3}[^\d,.]{0,6}")
"""An amount that has other readings with a decimal comma than with a decimal point."""

_COUNTS: Final = frozenset(n for f in FLAT_FIELDS if f.kind is FieldKind.COUNT for n in f.names)
_MEASURES: Final = (FieldKind.COUNT, FieldKind.COST, FieldKind.INTEGER, FieldKind.TIME)
_TEXTS: Final = frozenset(n for f in FLAT_FIELDS if f.kind not in _MEASURES for n in f.names)
_POINTED: Final = re.compile(r"\d*\.?\d*")
_MONEY: Final = re.compile(r"cost|price|amount|spend|spent|charge|usd|dollar", re.IGNORECASE)
_ID: Final = re.compile(r"(?:^|[_.\- ])(?:id|Id|ID)s?$|[a-z](?:Id|ID)s?$|version|hash")

_OFTEN: Final = 3
_SOME: Final = 10
"""A column of counts is written in groups of thousands where three values are; of a table, one in ten."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_Kind = TypeVar("_Kind", DateOrder, DecimalMark)


class _Votes(msgspec.Struct, Generic[_Kind]):
    """What the values of the columns allow."""

    allowed: dict[Keys, set[_Kind]] = msgspec.field(default_factory=dict)
    """What all values of a column allow that are in question."""
    fitting: Counter[Keys] = msgspec.field(default_factory=Counter)
    """Values of a column that are such texts at all."""

    def add(self, keys: Keys, kinds: Iterable[_Kind]) -> None:
        """Take in the kinds that one value of a column can be of."""
        found = set(kinds)
        known = self.allowed.get(keys)
        self.allowed[keys] = found if known is None else known & found

    def open(self, keys: Keys, kinds: set[_Kind], said: _Kind | None) -> set[_Kind]:
        """Which of some kinds a value of a column may be of.

        The column decides, else the others of the file where they agree, else the user.
        """
        allowed = kinds & self.allowed.get(keys, kinds)
        if len(allowed) < 2:
            return allowed
        others = {kind for known in self.allowed.values() if len(known) == 1 for kind in known}
        for choice in (others.pop() if len(others) == 1 else None, said):
            if choice in allowed:
                return {choice}
        return allowed


class _Said(msgspec.Struct):
    """What the columns of a file say."""

    orders: _Votes[DateOrder] = msgspec.field(default_factory=_Votes)
    marks: _Votes[DecimalMark] = msgspec.field(default_factory=_Votes)
    counts: Counter[Keys] = msgspec.field(default_factory=Counter)
    """Values of each column of counts, numbers too …"""
    grouped: Counter[Keys] = msgspec.field(default_factory=Counter)
    """… and those with groups of thousands."""
    texts: Counter[Keys] = msgspec.field(default_factory=Counter)
    """Texts in each column."""


class WrittenColumns:
    """The columns of one file; what they say is found out when it is first asked, and once."""

    def __init__(
        self,
        notation: Notation,
        records: Callable[[], Iterable[tuple[int, Any]]],
        *,
        of_people: bool = False,
        counts: frozenset[str] = frozenset(),
    ) -> None:
        """`records` gives every record of the file; tables, unlike JSON, may be written by people.

        `counts` are keys that hold counts, beside those whose names say so.
        """
        self._counts = counts
        self._notation, self._records, self._of_people = notation, records, of_people
        self._lock = threading.Lock()
        self._found: _Said | None = None

    def plain(self, record: Record) -> tuple[Record, list[tuple[str, str]]]:
        """A record with what leaves a question written so that it leaves none; and what stays open.

        That is the name of a column and a reason of `unclear.REASONS`.
        """
        unclear: list[tuple[str, str]] = []
        return self._plain(record, (), unclear), unclear

    def _plain(self, record: Record, above: Keys, unclear: list[tuple[str, str]]) -> Record:
        changed: dict[str, Any] = {}
        for key, value in record.items():
            other: Any
            if type(value) is str:
                if value[:1] > "9" and not _is_money(key):  # it begins with a letter, as most texts do
                    continue
                other = self._text(value, (*above, key), unclear) if len(value) <= LONGEST else value
            elif type(value) is dict and len(above) < DEPTH - 1:
                other = self._plain(value, (*above, key), unclear)
            else:
                continue
            if other is not value:
                changed[key] = other
        return {**record, **changed} if changed else record

    def _text(self, text: str, keys: Keys, unclear: list[tuple[str, str]]) -> str:
        if _DATE.match(text):
            return self._date(text, keys, unclear)
        if self._is_count(keys[-1]) and not _POINTED.fullmatch(text):
            return self._count(text, keys)
        if _IN_QUESTION.fullmatch(text) and not _is_text(keys[-1]):
            return self._amount(text, keys, unclear)
        if _is_money(keys[-1]):
            amount = amount_of(text)
            if amount is not None and amount.currency is not None:
                unclear.append((".".join(keys), "currency"))
        return text

    def _count(self, text: str, keys: Keys) -> str:
        """A count with groups of thousands, in plain digits where its column is written so."""
        plain = grouped(text)
        if plain == text:
            return text
        said = self._said()
        some = self._of_people and _SOME * said.grouped[keys] >= said.counts[keys]
        often = some or said.grouped[keys] >= _OFTEN
        return str(plain) if often else text

    def _date(self, text: str, keys: Keys, unclear: list[tuple[str, str]]) -> str:
        readings = date_readings(text)
        if readings is None or len(set(readings.values())) < 2:
            return text  # no date, or one that leaves no question
        kinds = {order for order in readings if order is not None}
        orders = self._said().orders.open(keys, kinds, self._notation.dates)
        times = {readings[order] for order in orders}
        if len(times) == 1:
            return (_EPOCH + timedelta(microseconds=times.pop())).isoformat()
        if not _is_text(keys[-1]):
            unclear.append((".".join(keys), "date_order"))
        return text

    def _amount(self, text: str, keys: Keys, unclear: list[tuple[str, str]]) -> str:
        amount = amount_of(text)
        if amount is None or amount.only() is not None:
            return text
        if amount.currency is not None:
            if _is_money(keys[-1]):
                unclear.append((".".join(keys), "currency"))
            return text
        marks = self._said().marks.open(keys, set(DecimalMark), self._notation.decimals)
        if len(marks) == 1:
            return amount.readings[marks.pop()]
        if "," in text and not self._is_count(
            keys[-1]
        ):  # a point is what programs write, and counts have no fraction
            unclear.append((".".join(keys), "decimal_mark"))
        return text

    def _said(self) -> _Said:
        with self._lock:
            if self._found is None:
                self._found = _said_by((record for _, record in self._records()), self._is_count)
            return self._found

    def _is_count(self, key: str) -> bool:
        return key in self._counts or _is_count(key)


def _said_by(records: Iterable[Any], is_count: Callable[[str], bool]) -> _Said:
    said = _Said()
    for record in records:
        if isinstance(record, Mapping):
            for keys, value in _values(record, ()):
                if is_count(keys[-1]):
                    said.counts[keys] += 1
                    said.grouped[keys] += grouped(value) != value
                if isinstance(value, str):
                    said.texts[keys] += 1
                    _vote(said, keys, value, is_count)
    for votes in (said.orders, said.marks):  # what are mostly other texts is no column of dates or amounts
        for keys in [keys for keys in votes.allowed if 2 * votes.fitting[keys] < said.texts[keys]]:
            del votes.allowed[keys]
    return said


def _values(record: Record, above: Keys) -> Iterator[tuple[Keys, str | int | float]]:
    for key, value in record.items():
        if isinstance(value, Mapping):
            if len(above) < DEPTH - 1:
                yield from _values(value, (*above, key))
        elif isinstance(value, (str, int, float)):
            yield (*above, key), value


def _vote(said: _Said, keys: Keys, text: str, is_count: Callable[[str], bool]) -> None:
    """Take in what one value says of its column."""
    if len(text) > LONGEST:
        return
    if _DATE.match(text):
        readings = date_readings(text)
        if readings:
            said.orders.fitting[keys] += 1
            said.orders.add(keys, (order for order in readings if order is not None))
            return
    elif time_us(text) is not None or date_readings(text):
        said.orders.fitting[keys] += 1  # a date that leaves no question
    if _AMOUNT.fullmatch(text) and not _is_text(keys[-1]):
        amount = amount_of(text)
        if amount is not None:
            said.marks.fitting[keys] += 1
            if is_count(keys[-1]) and "," in text:
                amount = amount.whole()
            _vote_on_mark(said.marks, keys, amount)


def _vote_on_mark(votes: _Votes[DecimalMark], keys: Keys, amount: Amount) -> None:
    plain = set(amount.readings.values())
    if len(amount.readings) == 1 or len(plain) > 1:  # else digits without a mark
        votes.add(keys, amount.readings)


@lru_cache(maxsize=4096)
def _is_money(key: str) -> bool:
    return _MONEY.search(key) is not None


def _is_count(key: str) -> bool:
    return key in _COUNTS or "token" in key.lower()


def _is_text(key: str) -> bool:
    return key in _TEXTS or _ID.search(key) is not None


NO_FILE: Final = WrittenColumns(UNSAID, tuple)
"""The columns of records that are of no file: they say nothing."""
