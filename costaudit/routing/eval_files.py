"""Files of evaluation results, taken apart into entries with their lines: CSV, JSON lines or TOML."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

from costaudit.errors import ConfigError, did_you_mean
from costaudit.textfile import read_text
from costaudit.toml.load import parse_toml

SCHEMA: Final = "costaudit/evals@1"
NEEDED: Final = ("model", "passes", "trials")
COLUMNS: Final = ("model", "tier", "task", "passes", "trials", "date", "source")

MOST_TRIALS: Final = 10_000_000
"""More than that in one line is a slip of the key."""

_HEADER: Final = re.compile(r"^[ \t]*\[\[[ \t]*evals[ \t]*\]\]", re.MULTILINE)


class EvalEntry(msgspec.Struct, frozen=True):
    """One result of a file: how many trials of a model passed, for a tier, a task or everything."""

    model: str
    """As the file names it."""
    tier: int | None
    """Only requests of this tier."""
    task: str | None
    """Only requests of this feature, which may be a glob. Never together with a tier."""
    passes: int
    trials: int
    date: str | None
    """The day of the evaluation, ISO."""
    source: str | None
    """Where the result is from, as the user says."""
    line: int | None
    """Of the file, counted from 1; None where TOML tables are written inline."""


Row = tuple[int | None, Mapping[str, Any]]


def load_entries(path: str | Path) -> tuple[EvalEntry, ...]:
    """The entries of a file, in its order; its ending says what it is.

    Raises ConfigError with the line for what is no result, and for a file without any.
    """
    shown = str(path)
    read = _READERS.get(Path(path).suffix.lower())
    if read is None:
        raise ConfigError("not known what this is", path=shown, hint=f"name it {', '.join(_READERS)}")
    text = read_text(Path(path), error=ConfigError)
    entries = tuple(_Cells(row, shown, line).entry() for line, row in read(text, shown))
    if not entries:
        raise ConfigError("holds no results", path=shown, hint=f"columns: {', '.join(COLUMNS)}")
    return entries


def _csv(text: str, shown: str) -> Iterator[Row]:
    """Rows of a CSV file, also as spreadsheets save it: with semicolons or tabs."""
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        _check_names(names, shown, 1)
        for cells in reader:
            row = [cell.strip() for cell in cells]
            if not any(row):
                continue
            if len(row) != len(names):
                message = f"has {len(row)} cells, the header has {len(names)}"
                raise ConfigError(message, path=shown, line=reader.line_num)
            yield reader.line_num, {n: c for n, c in zip(names, row, strict=True) if c}
    except csv.Error as error:
        raise ConfigError(f"not valid CSV: {error}", path=shown, line=reader.line_num) from error


def _json_lines(text: str, shown: str) -> Iterator[Row]:
    for line, document in enumerate(text.split("\n"), 1):
        if not document.strip():
            continue
        try:
            value = json.loads(document)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"not valid JSON: {error}", path=shown, line=line) from error
        yield line, _table(value, shown, line)


def _toml(text: str, shown: str) -> Iterator[Row]:
    document = parse_toml(text, shown).table
    odd = next((key for key in document if key not in ("schema", "evals")), None)
    if odd is not None:
        hint = did_you_mean(odd, ("schema", "evals")) or "results are [[evals]] tables"
        raise ConfigError(f"unknown key {odd!r}", path=shown, hint=hint)
    if document.get("schema", SCHEMA) != SCHEMA:
        raise ConfigError(f"schema is {document['schema']!r}", path=shown, hint=f"write {SCHEMA!r}")
    tables = document.get("evals", [])
    if not isinstance(tables, list):
        raise ConfigError("evals must be an array of tables", path=shown, hint="write [[evals]]")
    lines = [text.count("\n", 0, m.start()) + 1 for m in _HEADER.finditer(text)]
    for place, table in enumerate(tables):
        line = lines[place] if len(lines) == len(tables) else None
        yield line, _table(table, shown, line)


_READERS: Final = {".csv": _csv, ".jsonl": _json_lines, ".ndjson": _json_lines, ".toml": _toml}


def _table(value: Any, shown: str, line: int | None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError("is no object with a model, passes and trials", path=shown, line=line)
    row = {name: item for name, item in value.items() if item is not None}
    _check_names([*value], shown, line)
    return row


def _check_names(names: list[str], shown: str, line: int | None) -> None:
    odd = next((name for name in names if name not in COLUMNS), None)
    if odd is not None:
        hint = did_you_mean(odd, COLUMNS) or f"known: {', '.join(COLUMNS)}"
        raise ConfigError(f"unknown column {odd!r}", path=shown, line=line, hint=hint)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"two columns {twice!r}", path=shown, line=line)
    missing = next((name for name in NEEDED if name not in names), None)
    if missing is not None:
        hint = f"needed: {', '.join(NEEDED)}"
        raise ConfigError(f"has no {missing!r}", path=shown, line=line, hint=hint)


class _Cells(msgspec.Struct, frozen=True):
    """One result as it stands in the file."""

    row: Mapping[str, Any]
    shown: str
    line: int | None

    def refuse(self, message: str, hint: str | None = None) -> ConfigError:
        return ConfigError(message, path=self.shown, line=self.line, hint=hint)

    def text(self, name: str) -> str | None:
        value = self.row.get(name)
        if isinstance(value, date):  # TOML has dates
            value = value.isoformat()
        if value is not None and not (isinstance(value, str) and value.strip()):
            raise self.refuse(f"{name} is {value!r}, not a text")
        return value.strip() if value else None

    def number(self, name: str) -> int | None:
        value = self.row.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
            value = int(value)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise self.refuse(f"{name} is {value!r}, not a whole number")
        return value

    def day(self) -> str | None:
        day = self.text("date")
        if day is not None and not _is_day(day):
            raise self.refuse(f"date is {day!r}, not a day", "like 2026-11-20")
        return day

    def counts(self) -> tuple[int, int]:
        passes, trials = self.number("passes"), self.number("trials")
        if passes is None or trials is None:
            raise self.refuse(f"{'passes' if passes is None else 'trials'} is empty")
        if not 1 <= trials <= MOST_TRIALS:
            raise self.refuse(f"trials is {trials}, not between 1 and {MOST_TRIALS:,}")
        if passes > trials:
            raise self.refuse(f"{passes} passes of {trials} trials", "passes and trials are counts")
        return passes, trials

    def scope(self) -> tuple[int | None, str | None]:
        tier, task = self.number("tier"), self.text("task")
        if tier is not None and tier > 3:
            raise self.refuse(f"tier is {tier}, not 0, 1, 2 or 3")
        if tier is not None and task is not None:
            raise self.refuse("states a tier and a task", "a task is narrower: leave the tier out")
        return tier, task

    def entry(self) -> EvalEntry:
        model = self.text("model")
        if model is None:
            raise self.refuse("model is empty")
        return EvalEntry(model, *self.scope(), *self.counts(), self.day(), self.text("source"), self.line)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
