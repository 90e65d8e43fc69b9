"""The one way to read TOML: bounded in size, nesting and length of keys, and wrong with file and line.

tomllib alone recurses as deep as a text nests, takes a square of the parts of a key in memory, and reads
numbers that nothing can be done with.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from costaudit.errors import ConfigError, CostauditError
from costaudit.textfile import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from costaudit.toml.places import Key

MOST_BYTES: Final = 2 << 20
"""Of a file; what people write by hand has a hundredth of it."""
DEEPEST: Final = 32
"""Arrays and tables in each other."""
MOST_PARTS: Final = 32
"""Of a key, as in a.b.c."""
LONGEST_WORD: Final = 1_000
"""Characters of a key or number without quotes."""


class Toml(msgspec.Struct, frozen=True, dict=True):
    """A TOML text that was read."""

    shown: str
    """The file as messages name it."""
    text: str
    table: dict[str, Any]

    @cached_property
    def lines(self) -> Mapping[Key, int]:
        """The line, from 1, of every table, key and entry."""
        from costaudit.toml.places import line_numbers  # noqa: PLC0415 - only to tell a mistake

        return line_numbers(self.text)

    def line(self, *key: str | int) -> int | None:
        """Where a key stands, or else the nearest table around it; None where the file names none."""
        return next((self.lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in self.lines), None)


def load_toml(
    path: Path,
    shown: str | None = None,
    *,
    error: type[CostauditError] = ConfigError,
    parse_float: Callable[[str], Any] = float,
) -> Toml:
    """Read a TOML file. Raises the error, with the line, as `parse_toml`, and where it cannot be read."""
    text = read_text(path, shown, error=error, most=MOST_BYTES)
    return parse_toml(text, shown or str(path), error=error, parse_float=parse_float)


def parse_toml(
    text: str,
    shown: str,
    *,
    error: type[CostauditError] = ConfigError,
    parse_float: Callable[[str], Any] = float,
) -> Toml:
    """Read a TOML text; raises the error, with the line, for what is not TOML or is beyond the limits.

    nan and inf are beyond them too: nothing that is configured can be either.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise error(f"is larger than {MOST_BYTES >> 20} MB", path=shown)
    beyond = _beyond(text)
    if beyond is not None:
        at, what = beyond
        raise error(f"not valid here: {what}", path=shown, line=_line_of(text, at))
    try:
        table = tomllib.loads(text, parse_float=_finite(parse_float))
    except tomllib.TOMLDecodeError as trouble:
        told, line = _parted(str(trouble), text)
        raise error(f"not valid TOML: {told}", path=shown, line=line) from trouble
    except _NotFiniteError as trouble:
        found = re.search(rf"(?<![\w.\"'-]){re.escape(trouble.word)}(?![\w.\"'-])", text)
        at_word = None if found is None else _line_of(text, found.start())
        raise error(f"{trouble.word} is no number to go by", path=shown, line=at_word) from trouble
    if _levels(table) > DEEPEST:
        raise error(f"tables are in each other more than {DEEPEST} deep", path=shown)
    return Toml(shown, text, table)


class _NotFiniteError(Exception):
    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def _finite(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(word: str) -> Any:
        if not math.isfinite(float(word)):
            raise _NotFiniteError(word)
        return parse(word)

    return read


def _line_of(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _parted(message: str, text: str) -> tuple[str, int]:
    """What tomllib says, and the line where it says it."""
    found = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", message)
    if found is None:
        return message, 1
    return message[: found.start()], int(found[1]) if found[1] else max(1, len(text.splitlines()))


# Before tomllib sees a text: a scan in one pass, without recursion

_TOKEN: Final = re.compile(rf"\"\"\"|'''|[\"'#\[\]{{}}.,=\n]|(?<![\w+-])[\w+-]{{{LONGEST_WORD + 1},}}")
_ENDS: Final = {
    '"""': re.compile(r'\\.|"""', re.DOTALL),
    "'''": re.compile(r"'''"),
    '"': re.compile(r'\\.|["\n]', re.DOTALL),
    "'": re.compile(r"['\n]"),
    "#": re.compile(r"(?=\n)"),
}


def _marks(text: str) -> Iterator[tuple[int, str]]:
    """Everything that is not within a string or a comment and bears on the limits, with its place."""
    at = 0
    while (found := _TOKEN.search(text, at)) is not None:
        at = found.end()
        end = _ENDS.get(found.group())
        if end is None:
            yield found.start(), found.group()
        else:
            at = _after(text, at, end)


def _after(text: str, at: int, end: re.Pattern[str]) -> int:
    """The place after the end of a string or comment."""
    return next((f.end() for f in end.finditer(text, at) if not f.group().startswith("\\")), len(text))


def _beyond(text: str) -> tuple[int, str] | None:
    """The first place that is beyond the limits, and what is wrong with it."""
    depth = parts = 0
    for at, mark in _marks(text):
        if mark in "[{":
            depth, parts = depth + 1, 1
        elif mark in "]}":
            depth, parts = max(0, depth - 1), 1
        elif mark == ".":
            parts += 1
        elif len(mark) > 1:
            return at, f"a word of more than {LONGEST_WORD:,} characters"
        else:
            parts = 1
        if depth > DEEPEST:
            return at, f"brackets are in each other more than {DEEPEST} deep"
        if parts > MOST_PARTS:
            return at, f"a key of more than {MOST_PARTS} parts"
    return None


def _levels(table: dict[str, Any]) -> int:
    """How deep tables and arrays are in each other."""
    levels, inner = 0, [value for value in table.values() if isinstance(value, (dict, list))]
    while inner and levels <= DEEPEST:
        levels += 1
        inner = [
            value
            for held in inner
            for value in (held.values() if isinstance(held, dict) else held)
            if isinstance(value, (dict, list))
        ]
    return levels
