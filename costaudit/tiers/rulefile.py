"""A rule file as text: its tables read key by key, and errors that name the file and the line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from costaudit.errors import ConfigError, did_you_mean
from costaudit.toml.load import parse_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PATTERN: Final = 4_000
"""Characters of a pattern."""

_QUOTES: Final = re.compile(r"(?:[^\\]|\\[^Q])*+\\Q", re.DOTALL)
r"""A pattern with \Q, which would take the rest as it stands, also what is put around the pattern."""

_NOUN: Final[Mapping[type, str]] = {
    bool: "true or false",
    dict: "a table",
    int: "a whole number",
    list: "a list",
    str: "a text",
}


class RuleSource(msgspec.Struct, frozen=True):
    """A rule file: its decoded table, and the way back from a rule to its line."""

    path: str
    text: str
    table: dict[str, Any]
    is_shipped: bool = False
    """Tests hold its patterns against RE2, which takes longer than all else in reading it."""

    @classmethod
    def parse(cls, path: str, text: str, *, is_shipped: bool = False) -> RuleSource:
        """Decode TOML text; raises ConfigError with the line."""
        return cls(path, text, parse_toml(text, path).table, is_shipped)

    def error(
        self, message: str, *, hint: str | None = None, kind: str | None = None, nth: int = 0
    ) -> ConfigError:
        """An error at the nth rule of a kind, or in the file as a whole."""
        return ConfigError(message, hint=hint, path=self.path, line=self._line(kind, nth))

    def _line(self, kind: str | None, nth: int) -> int | None:
        if kind is None:
            return None
        header = re.compile(rf"^[ \t]*\[\[?[ \t]*{kind}[ \t]*\]\]?", re.MULTILINE)
        starts = [m.start() for m in header.finditer(self.text)]
        return self.text.count("\n", 0, starts[nth]) + 1 if nth < len(starts) else None


class RuleEntry:
    """One table of a rule file, read key by key; what is left unread at the end is unknown."""

    def __init__(self, source: RuleSource, kind: str, nth: int, table: object) -> None:
        self.source, self.kind, self.nth = source, kind, nth
        if not isinstance(table, dict):
            raise self.error(f"{kind} must be a table")
        self.table: dict[str, Any] = table
        self.known: list[str] = []

    def error(self, message: str, hint: str | None = None) -> ConfigError:
        """An error at this table."""
        return self.source.error(message, hint=hint, kind=self.kind, nth=self.nth)

    def get(self, key: str, kind: type, default: object = None, *, required: bool = False) -> Any:
        """The value of a key, checked to be of a kind; the default where the key is absent."""
        self.known.append(key)
        if key not in self.table:
            if required:
                raise self.error(f"{self.label} has no {key!r}", self._misspelled(key))
            return default
        value = self.table[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(f"{key} of {self.label} must be {_NOUN[kind]}, not {value!r}")
        return value

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number within limits; required without a default."""
        value: int = self.get(key, int, default, required=default is None)
        if not low <= value <= high:
            raise self.error(f"{key} of {self.label} must be {low} to {high}, not {value}")
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        """A required list of texts, not empty."""
        values = self.get(key, list, required=True)
        if not values or not all(isinstance(v, str) and v for v in values):
            raise self.error(f"{key} of {self.label} must be a list of texts")
        return tuple(values)

    def pattern(self, key: str, *, required: bool = False) -> str | None:
        """A valid RE2 pattern, or None where the key is absent."""
        value: str | None = self.get(key, str, required=required)
        if value is not None:
            self.check_pattern(key, value)
        return value

    def check_pattern(self, key: str, value: str) -> None:
        """Raise unless the value is a pattern that RE2 takes."""
        if not value or len(value) > MAX_PATTERN:
            raise self.error(f"{key} of {self.label} must be 1 to {MAX_PATTERN} characters")
        hint = r"patterns are RE2: no look-around, no back-references, and here no \Q"
        if _QUOTES.match(value):
            raise self.error(rf"{key} of {self.label} is not a valid pattern: \Q", hint)
        if self.source.is_shipped:
            return
        try:
            pc.match_substring_regex(pa.array([""]), value)
        except pa.ArrowInvalid as error:
            raise self.error(f"{key} of {self.label} is not a valid pattern: {error}", hint) from error

    def finish(self) -> None:
        """Raise when a key of the table was never asked for."""
        for key in self.table:
            if key not in self.known:
                raise self.error(f"unknown key {key!r} in {self.label}", did_you_mean(key, self.known))

    @property
    def label(self) -> str:
        """The table in an error message: its kind and, where it has one, its name."""
        name = self.table.get("name")
        return f"{self.kind} rule {name!r}" if isinstance(name, str) else f"[{self.kind}]"

    def _misspelled(self, key: str) -> str | None:
        close = did_you_mean(key, self.table)
        return None if close is None else f"found {close.removeprefix('did you mean ').rstrip('?')}"
