"""The columns of unknown records: what stands at each of their keys, in the order of the records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any, Final

from costaudit.ingest.fields import timestamp_us
from costaudit.ingest.format import Record
from costaudit.ingest.guess.words import KeyWords, words_in
from costaudit.ingest.notation import DecimalMark
from costaudit.ingest.paths import decode, step_text
from costaudit.ingest.usage import grouped
from costaudit.ingest.written_amounts import Amount, amount_of

MOST_CELLS: Final = 1_000_000
"""Values that are looked at."""
MOST_COLUMNS: Final = 500
DEPTH: Final = 6
_LONGEST_TEXT: Final = 120
"""Characters of a text that can be a name, an id or a number; longer ones are noted as such."""
_OFTEN: Final = 3
_LONGEST_JSON: Final = 1 << 18
_LONGEST_KEY: Final = 64

_NOTHING: Final = frozenset({"", "-", "--", "n/a", "na", "null", "none", "nan", "nil"})
"""Words that stand for no value."""
_LONGEST_NOTHING: Final = 6

LONG: Final = "\x00long"
"""Stands for a text that is too long to be a name: prompts are not kept."""


class LogColumn:
    """All values at one path: those that are there, with the numbers of their records."""

    def __init__(self, path: str, key: str, above: str = "") -> None:
        self.path = path
        """As a mapping names it."""
        self.key = key
        """The last key on the way."""
        self.is_usage = "token" in words_in(above) or "usage" in words_in(above).plain
        """Whether it stands in an object of counts."""
        self.is_count = False
        """Whether its numbers are asked for as counts: these may have groups of thousands."""
        self.rows: list[int] = []
        self.values: list[Any] = []

    @property
    def words(self) -> KeyWords:
        """What the key speaks of."""
        return words_in(self.key)

    @property
    def size(self) -> int:
        """Records with a value."""
        return len(self.values)

    @cached_property
    def numbers(self) -> dict[int, Decimal]:
        """The numbers by record, texts of plain digits and of grouped thousands too."""
        found = {}
        if self.is_count and self._is_grouped:
            pairs = zip(self.rows, self.values, strict=True)
            whole = {row: number for row, value in pairs if (number := _number(grouped(value))) is not None}
            if len(whole) == self.size:
                return whole
        for row, value in zip(self.rows, self.values, strict=True):
            number = _number(value)
            if number is None and isinstance(value, str) and self.mark is not None:
                number = _as_number(_written(value), self.mark)
            if number is not None:
                found[row] = number
        return found

    @property
    def _is_grouped(self) -> bool:
        """Whether enough values have groups of thousands, as `written_columns` asks for it."""
        return sum(bool(grouped(value) != value) for value in self.texts) >= _OFTEN

    @cached_property
    def mark(self) -> DecimalMark | None:
        """The decimal mark of amounts that are written as people do; None where no value tells."""
        possible = {DecimalMark.POINT, DecimalMark.COMMA}
        seen = False
        for value in self.values:
            if isinstance(value, str) and _number(value) is None:
                amount = _written(value)
                if amount is None:
                    return None
                possible &= amount.readings.keys()
                seen = True
        return possible.pop() if seen and len(possible) == 1 else None

    @cached_property
    def is_numeric(self) -> bool:
        """Whether all values are numbers."""
        return self.size > 0 and len(self.numbers) == self.size

    @cached_property
    def is_whole(self) -> bool:
        """Whether all values are whole numbers of at least 0."""
        return self.is_numeric and all(n >= 0 and n == n.to_integral_value() for n in self.numbers.values())

    @cached_property
    def is_flag(self) -> bool:
        """Whether the values are true and false."""
        return self.size > 0 and all(isinstance(value, bool) for value in self.values)

    @cached_property
    def texts(self) -> list[str]:
        """The values that are texts; LONG for each that is too long."""
        return [value for value in self.values if isinstance(value, str)]

    @cached_property
    def is_text(self) -> bool:
        """Whether most values are texts, and no numbers."""
        words = sum(_number(value) is None for value in self.texts)
        return self.size > 0 and 2 * words > self.size

    @cached_property
    def times(self) -> dict[int, int]:
        """The points in time by record, in microseconds."""
        pairs = ((row, timestamp_us(v)) for row, v in zip(self.rows, self.values, strict=True) if v != LONG)
        return {row: at for row, at in pairs if at is not None}

    @cached_property
    def distinct(self) -> int:
        """How many different values there are."""
        return len({(type(value).__name__, value) for value in self.values})

    def by_row(self) -> dict[int, Any]:
        """The values by record."""
        return dict(zip(self.rows, self.values, strict=True))


class Survey:
    """The columns of some records."""

    def __init__(self) -> None:
        self.columns: dict[str, LogColumn] = {}
        self.records = 0
        self.lists: dict[str, set[str]] = {}
        """By the path of a list of objects, the texts in it that are short."""
        self.is_whole = True
        """Whether all records were looked at."""
        self.starts: list[int] = []
        """The records with which files begin."""
        self._cells = 0

    def begin_file(self) -> None:
        """What comes next is of another file."""
        self.starts.append(self.records)

    @property
    def is_full(self) -> bool:
        """Whether no more is looked at."""
        return self._cells >= MOST_CELLS

    def add(self, record: Record) -> None:
        """Take in one record."""
        for path, key, above, value in self._leaves(record, ("", ""), 0, {}):
            column = self.columns.get(path)
            if column is None:
                if len(self.columns) >= MOST_COLUMNS:
                    continue
                column = self.columns[path] = LogColumn(path, key, above)
            column.rows.append(self.records)
            column.values.append(value)
            self._cells += 1
        self.records += 1

    def _leaves(
        self, inside: Mapping[str, Any], place: tuple[str, str], depth: int, decoded: dict[str, Any]
    ) -> Iterator[tuple[str, str, str, Any]]:
        """Path, key and the key above of every value; `place` is the path and the key of the object."""
        above, name = place
        for key, value in inside.items():
            if not key.isprintable() or not 0 < len(key) <= _LONGEST_KEY:
                continue
            path = f"{above}.{step_text(key)}" if above else step_text(key)
            held = value
            if isinstance(value, str) and len(value) <= _LONGEST_JSON and value.lstrip()[:1] in ("{", "["):
                held = decode(value, decoded)
            if isinstance(held, Mapping):
                if depth < DEPTH:
                    yield from self._leaves(held, (path, key), depth + 1, decoded)
            elif isinstance(held, list):
                self._note_list(path, held)
            elif (plain := _plain(value)) is not None:
                yield path, key, name, plain

    def _note_list(self, path: str, items: list[Any]) -> None:
        if len(self.lists) < MOST_COLUMNS:
            texts = self.lists.setdefault(path, set())
            for item in items[:20]:
                if isinstance(item, Mapping) and len(texts) < MOST_COLUMNS:
                    texts.update(v for v in item.values() if isinstance(v, str) and len(v) <= _LONGEST_KEY)


def survey_of(records: Iterable[Record]) -> Survey:
    """The columns of some records of one file."""
    survey = Survey()
    survey.begin_file()
    for record in records:
        survey.add(record)
    return survey


def _plain(value: Any) -> Any:
    """A value as it is kept; None for what is absent."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        if len(value) <= _LONGEST_NOTHING and value.strip().lower() in _NOTHING:
            return None
        return value if len(value) <= _LONGEST_TEXT else LONG
    return value if isinstance(value, (bool, int, float, Decimal, datetime)) else None


def _number(value: Any) -> Decimal | None:
    """A number, also out of a text of plain digits."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        number = Decimal(value if isinstance(value, (int, Decimal)) else str(value).strip())
    except (InvalidOperation, ValueError):
        return None
    return number if number.is_finite() and "_" not in str(value) else None


def _written(text: str) -> Amount | None:
    amount = amount_of(text) if text != LONG and any(c.isdigit() for c in text) else None
    return amount if amount is not None and amount.currency is None else None


def _as_number(amount: Amount | None, mark: DecimalMark) -> Decimal | None:
    plain = None if amount is None else amount.readings.get(mark)
    return None if plain is None else Decimal(plain)
