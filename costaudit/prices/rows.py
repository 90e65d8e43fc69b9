"""The rows of the price tables: reading and checking one CSV file of each kind."""

from __future__ import annotations

import csv
import decimal
import functools
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from costaudit.errors import TableError, did_you_mean
from costaudit.prices.conditions import When, parse_when
from costaudit.prices.folders import Folder, table_text
from costaudit.textfile import decoded
from costaudit.tokens import TOKEN_CLASSES

PRICE_CLASSES: Final = (*TOKEN_CLASSES, "request", "web_search")
"""What a price can be for: token classes, and units counted one by one."""

UNIT_CLASSES: Final = frozenset({"request", "web_search"})
STATUSES: Final = ("", "scheduled", "ended", "correction")
MODEL_CLASSES: Final = ("flagship", "mid", "economy", "embedding", "other")
CONFIDENCES: Final = ("high", "medium", "low")

PRICE_COLUMNS: Final = (
    "model", "class", "usd", "per", "valid_from", "when", "status", "source", "confidence", "checked_on",
    "recorded_on", "note",
)  # fmt: skip
MODEL_COLUMNS: Final = (
    "model", "family", "class", "context_window", "max_output", "input_modalities", "output_modalities",
    "tools", "json_mode", "reasoning", "tokenizer", "released_on", "retired_on", "source", "note",
)  # fmt: skip
ALIAS_COLUMNS: Final = (
    "alias",
    "model",
    "valid_from",
    "valid_to",
    "source",
    "confidence",
    "recorded_on",
    "note",
)
WINDOW_COLUMNS: Final = (
    "window", "valid_from", "valid_to", "start_utc", "end_utc", "weekdays", "timezone", "holidays",
    "recorded_on", "note",
)  # fmt: skip
OWN_PRICES_MAY_LACK: Final = frozenset(PRICE_COLUMNS) - {"model", "class", "usd", "valid_from"}
"""Columns that a table of one's own prices may do without: a contract needs no audit trail here."""
OPTIONAL_COLUMNS: Final = {ALIAS_COLUMNS: "recorded_on", WINDOW_COLUMNS: "recorded_on"}
"""A column that a table may do without; its cells are then empty."""

BEGINNING: Final = 0
"""Microseconds: the instant before which nothing is priced, 1970."""


_SUCCESSOR: Final = re.compile(r"\bSuccessor: (\S+?)\.?(?:\s|$)")

WHAT_IF: Final = "what-if:"
"""How the id of a rate begins that no table states: see `costaudit.prices.what_if`."""


class PriceRow(msgspec.Struct, frozen=True):
    """One dated price fact."""

    provider: str
    model: str
    klass: str
    usd: Decimal | None
    """USD per 1M tokens, or per unit; None when the condition ends at `valid_from`, and in a correction
    that takes its row back."""
    valid_from: int
    """Microseconds since 1970 UTC; in force until the next row of the same model, class and when."""
    when: When
    status: str
    source: str
    confidence: str
    checked_on: date | None
    recorded_on: date | None
    note: str
    path: str
    line: int
    overlay: str = ""
    """The overlay or discount that states or changed the price; empty for the shipped one."""
    stated_from: int | None = None
    """`valid_from` of the row in the table, where a layer above made it start again at another instant."""
    what_if: bool = False
    """Whether the price is supposed: a change that no table states."""

    @property
    def rate_id(self) -> str:
        """A name for the fact that survives moves of its line: openai/gpt-4o/input@2024-05-13.

        A price of the user's own says so: overlay:acme/openai/gpt-4o/input@2025-01-01. So does one that is
        only supposed: what-if:openai/gpt-4o/input@2024-05-13.
        """
        moment = instant_text(self.valid_from if self.stated_from is None else self.stated_from)
        condition = f"[{self.when}]" if str(self.when) else ""
        layer = f"overlay:{self.overlay}/" if self.overlay else ""
        supposed = WHAT_IF if self.what_if else ""
        return f"{supposed}{layer}{self.provider}/{self.model}/{self.klass}@{moment}{condition}"


class ModelFacts(msgspec.Struct, frozen=True):
    """What is known of a model besides its prices."""

    provider: str
    model: str
    family: str
    klass: str
    """flagship, mid, economy, embedding, other."""
    context_window: int | None
    max_output: int | None
    input_modalities: frozenset[str]
    output_modalities: frozenset[str]
    tools: bool | None
    json_mode: bool | None
    reasoning: bool | None
    tokenizer: str
    released_on: date | None
    retired_on: date | None
    path: str
    line: int
    note: str = ""

    @property
    def successor(self) -> str:
        """The model that took its place, where the note says so; empty for none."""
        found = _SUCCESSOR.search(self.note)
        return found[1] if found else ""


class Alias(msgspec.Struct, frozen=True):
    """Another name of a model, from one instant to another."""

    provider: str
    alias: str
    model: str
    valid_from: int | None
    valid_to: int | None
    path: str
    line: int
    overlay: str = ""
    """The overlay that states it; empty for a shipped alias."""
    note: str = ""


class WindowRow(msgspec.Struct, frozen=True):
    """A daily window of UTC time, on some weekdays, within some dates."""

    window: str
    valid_from: int
    valid_to: int | None
    start_s: int
    """Seconds after midnight UTC."""
    end_s: int
    """Seconds after midnight UTC; smaller than start_s when the window runs past midnight."""
    weekdays: frozenset[int]
    """ISO weekdays 1-7 of the local date."""
    timezone: str
    holidays: frozenset[date]
    path: str
    line: int
    note: str = ""


_Row = TypeVar("_Row")


@functools.lru_cache(maxsize=4096)  # tables repeat the same few days in thousands of rows
def instant_us(text: str) -> int:
    """'2024-05-13' (midnight UTC) or '2025-09-05T16:00Z' as microseconds; raises ValueError."""
    if len(text) == 10:
        moment = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
    elif text.endswith("Z"):
        moment = datetime.fromisoformat(text)
    else:
        raise ValueError(f"{text!r} is neither a date nor an instant that ends in Z")
    return int(moment.timestamp()) * 1_000_000


@functools.lru_cache(maxsize=4096)
def instant_text(us: int) -> str:
    """The inverse of `instant_us`: a date where the instant is a midnight."""
    moment = datetime.fromtimestamp(us // 1_000_000, UTC)
    if us % 86_400_000_000 == 0:
        return moment.date().isoformat()
    return moment.strftime("%Y-%m-%dT%H:%MZ")


class RowCells:
    """One CSV row by column name, with its place for errors. Nothing is parsed until it is asked for."""

    __slots__ = ("_cells", "_columns", "line", "path")

    def __init__(self, cells: list[str] | str, columns: Mapping[str, int], path: str, line: int) -> None:
        self._cells, self._columns, self.path, self.line = cells, columns, path, line

    def __getitem__(self, name: str) -> str:
        return self._taken_apart()[self._columns[name]]

    def __eq__(self, other: object) -> bool:
        """Whether two rows say the same, wherever they stand."""
        return isinstance(other, RowCells) and self._taken_apart() == other._taken_apart()

    def __hash__(self) -> int:
        return hash(tuple(self._taken_apart()))

    @property
    def first(self) -> str:
        """The cell of the first column."""
        return self._cells.partition(",")[0] if isinstance(self._cells, str) else self._cells[0]

    def last(self, name: str) -> str:
        """The cell of the last column but one, which is called so."""
        whole = isinstance(self._cells, str) and self._columns[name] == len(self._columns) - 2
        return str(self._cells).rsplit(",", 2)[1] if whole else self[name]

    def _taken_apart(self) -> list[str]:
        """All cells. A line without quotes is taken apart when it is asked for: most rows never are."""
        if isinstance(self._cells, str):
            self._cells = self._cells.split(",")
            if len(self._cells) < len(self._columns):
                self._cells.append("")  # where `_places` looks for the column that the table does without
        return self._cells

    def error(self, message: str) -> TableError:
        """An error at this row."""
        return TableError(message, path=self.path, line=self.line)

    def parsed(self, name: str, parse: Callable[[str], _Row]) -> _Row | None:
        """A cell, parsed; None when it is empty. Raises TableError when it cannot be parsed."""
        cell = self[name]
        if not cell:
            return None
        try:
            return parse(cell)
        except (ValueError, decimal.InvalidOperation) as error:
            said = (
                str(error)
                if isinstance(error, ValueError) and not isinstance(error, decimal.InvalidOperation)
                else ""
            )
            raise self.error(f"{name}: {said or repr(cell) + ' cannot be read'}") from error

    def needed(self, name: str, parse: Callable[[str], _Row]) -> _Row:
        """A cell that must not be empty."""
        value = self.parsed(name, parse)
        if value is None:
            raise self.error(f"{name} is missing")
        return value

    def one_of(self, name: str, known: tuple[str, ...]) -> str:
        """A cell that must be one of some words."""
        cell = self[name]
        if cell not in known:
            raise TableError(
                f"unknown {name} {cell!r}", path=self.path, line=self.line, hint=did_you_mean(cell, known)
            )
        return cell

    def yes_no(self, name: str) -> bool | None:
        """A cell that says yes, no, or nothing."""
        return {"": None, "yes": True, "no": False}[self.one_of(name, ("", "yes", "no"))]


def read_cells(
    path: Folder,
    shown: str,
    columns: tuple[str, ...],
    data: bytes | None = None,
    may_lack: frozenset[str] = frozenset(),
) -> list[RowCells]:
    """The rows of a CSV table; raises TableError when it is not one of these columns.

    `data` are the bytes of the file, where they were read before. Cells of a column that the table does
    without are empty.
    """
    text = table_text(path, shown) if data is None else decoded(data, shown, error=TableError)
    lines = _plain_lines(text)
    if lines is not None:
        header = lines[0].split(",")
        places = _places(header, columns, shown, may_lack)
        rows = _plain_rows(lines, len(header))
        if rows is not None:
            for cells in rows if len(header) != len(columns) else ():
                if isinstance(cells, list):
                    cells.append("")
            return [RowCells(cells, places, shown, line) for line, cells in enumerate(rows, 2)]
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        header = next(reader, [])
        places = _places(header, columns, shown, may_lack)
        numbered = [(cells, reader.line_num) for cells in reader]
    except csv.Error as error:
        raise TableError(f"not valid CSV: {error}", path=shown, line=reader.line_num) from error
    width = len(header)
    for cells, line in numbered:
        if len(cells) != width:
            raise TableError(f"{len(cells)} cells where the header has {width}", path=shown, line=line)
        if width != len(columns):
            cells.append("")  # where `places` looks for the column that the table does without
    return [RowCells(cells, places, shown, line) for cells, line in numbered]


def _plain_lines(text: str) -> list[str] | None:
    """The lines of a table; None where it takes more than its line ends to tell them."""
    lines = text.splitlines()
    whole = text.count("\n") + (not text.endswith("\n"))
    if len(lines) != whole or whole < 1 or '"' in lines[0] or "\0" in text:
        return None
    return lines if max(map(len, lines)) <= csv.field_size_limit() else None


def _plain_rows(lines: list[str], width: int) -> list[list[str] | str] | None:
    """The rows behind the header, those without quotes as their lines; None where one is not a row by itself.

    Whoever reads the table in full then says what is wrong, and where.
    """
    commas = width - 1
    rows: list[list[str] | str] = []
    quoted: list[str] = []
    for line in lines[1:]:
        if '"' in line:
            quoted.append(line)
        elif line.count(",") != commas or not commas:
            return None
        rows.append(line)
    try:
        apart = list(csv.reader(quoted, strict=True))
    except csv.Error:
        return None
    if len(apart) != len(quoted) or any(len(cells) != width for cells in apart):
        return None
    found = iter(apart)
    return [next(found) if '"' in line else line for line in lines[1:]] if quoted else rows


def _places(
    header: list[str], columns: tuple[str, ...], shown: str, may_lack: frozenset[str]
) -> dict[str, int]:
    """The place of every column in the rows of a table; one that is missing has the place behind the last."""
    lacking = may_lack or {OPTIONAL_COLUMNS.get(columns)}
    missing = [c for c in columns if c not in header]
    if header != [c for c in columns if c in header] or not lacking.issuperset(missing):
        odd = next((c for c in header if c not in columns), None)
        hint = (did_you_mean(odd, columns) if odd else None) or "expected " + ",".join(columns)
        raise TableError("the header is not that of this kind of table", path=shown, line=1, hint=hint)
    return {**dict.fromkeys(missing, len(header)), **{name: place for place, name in enumerate(header)}}


def parse_price(cells: RowCells, provider: str, overlay: str = "") -> PriceRow:
    """A row of a prices.csv; raises TableError when it cannot be read."""
    klass = cells.one_of("class", PRICE_CLASSES)
    status = cells.one_of("status", STATUSES)
    usd = cells.parsed("usd", _amount)
    if (usd is None) != (status == "ended") and not (usd is None and status == "correction"):
        raise cells.error("usd is empty where status is 'ended', or where a correction takes a row back")
    per = "unit" if klass in UNIT_CLASSES else "mtok"
    if cells["per"] != per and (cells["per"] or not overlay):
        raise cells.error(f"per must be {per!r} for class {klass!r}")
    return PriceRow(
        provider=provider,
        model=cells.needed("model", _name),
        klass=klass,
        usd=usd,
        valid_from=cells.needed("valid_from", instant_us),
        when=cells.parsed("when", parse_when) or When(),
        status=status,
        source=cells["source"],
        confidence=cells.one_of("confidence", CONFIDENCES) if cells["confidence"] or not overlay else "high",
        checked_on=cells.parsed("checked_on", date.fromisoformat),
        recorded_on=cells.parsed("recorded_on", date.fromisoformat),
        note=cells["note"],
        path=cells.path,
        line=cells.line,
        overlay=overlay,
    )


def _amount(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or value < 0 or "e" in text.lower():
        raise ValueError(f"{text!r} is not a plain amount of dollars, 0 or more")
    if value.as_tuple().exponent < -9:  # type: ignore[operator]  # finite: the exponent is an int
        raise ValueError(f"{text!r} has more than 9 decimals")
    return value


def _name(text: str) -> str:
    if text != text.strip():
        raise ValueError(f"{text!r} has spaces around it")
    return text


def parse_model(cells: RowCells, provider: str) -> ModelFacts:
    """A row of a models.csv."""
    return ModelFacts(
        provider=provider,
        model=cells.needed("model", _name),
        family=cells["family"],
        klass=cells.one_of("class", MODEL_CLASSES),
        context_window=cells.parsed("context_window", int),
        max_output=cells.parsed("max_output", int),
        input_modalities=frozenset(cells["input_modalities"].split("+")) - {""},
        output_modalities=frozenset(cells["output_modalities"].split("+")) - {""},
        tools=cells.yes_no("tools"),
        json_mode=cells.yes_no("json_mode"),
        reasoning=cells.yes_no("reasoning"),
        tokenizer=cells["tokenizer"],
        released_on=cells.parsed("released_on", date.fromisoformat),
        retired_on=cells.parsed("retired_on", date.fromisoformat),
        path=cells.path,
        line=cells.line,
        note=cells["note"],
    )


def parse_alias(cells: RowCells, provider: str, overlay: str = "") -> Alias:
    """A row of an aliases.csv."""
    return Alias(
        provider=provider,
        alias=cells.needed("alias", _name),
        model=cells.needed("model", _name),
        valid_from=cells.parsed("valid_from", instant_us),
        valid_to=cells.parsed("valid_to", instant_us),
        path=cells.path,
        line=cells.line,
        overlay=overlay,
        note=cells["note"],
    )


def load_windows(path: Folder, shown: str, known_on: str = "", data: bytes | None = None) -> list[WindowRow]:
    """Every row of windows.csv, without those recorded after a day (ISO date; empty for no limit)."""
    return [
        WindowRow(
            window=cells.needed("window", _name),
            valid_from=cells.parsed("valid_from", instant_us) or BEGINNING,
            valid_to=cells.parsed("valid_to", instant_us),
            start_s=cells.needed("start_utc", _clock_s),
            end_s=cells.needed("end_utc", _clock_s),
            weekdays=frozenset(int(d) for d in cells["weekdays"] or "1234567"),
            timezone=cells["timezone"] or "UTC",
            holidays=frozenset(
                date.fromisoformat(d.strip()) for d in cells["holidays"].split(";") if d.strip()
            ),
            path=cells.path,
            line=cells.line,
            note=cells["note"],
        )
        for cells in read_cells(path, shown, WINDOW_COLUMNS, data)
        if not known_on or cells["recorded_on"] <= known_on
    ]


def _clock_s(text: str) -> int:
    hours, _, minutes = text.partition(":")
    seconds = int(hours) * 3600 + int(minutes or 0) * 60
    if not 0 <= seconds <= 86_400:
        raise ValueError(f"{text!r} is not a time of day")
    return seconds
