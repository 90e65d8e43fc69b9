"""On which line of a TOML file a value stands: tomllib does not say it.

A scan of text that tomllib has accepted, so that it need not find mistakes: keys and values are told apart,
strings and comments stepped over.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Final

Key = tuple[str | int, ...]
"""The way to a value: names of tables, and places in arrays."""

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL
)
_PLAIN: Final = re.compile(r"[^,\]}#\r\n]+")


def line_numbers(text: str) -> Mapping[Key, int]:
    r"""The line, from 1, of every table, key and entry of a valid TOML text.

    >>> lines = line_numbers('a = 1\n[[b.c]]\nd = [\n  "x",\n  "y",\n]\n')
    >>> lines["a",], lines["b", "c", 0], lines["b", "c", 0, "d", 1]
    (1, 2, 5)
    """
    return _Scan(text).all()


class _Scan:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.lines: dict[Key, int] = {}
        self.sizes: dict[Key, int] = {}
        """How many `[[tables]]` an array has so far."""
        self.counted, self.line = 0, 1

    def all(self) -> dict[Key, int]:
        table: Key = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.text.startswith("[[", self.at):
                table = self.header(2)
            elif self.text.startswith("[", self.at):
                table = self.header(1)
            else:
                self.pair(table)
            self.skip(_BLANK)
        return self.lines

    def skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise ValueError(f"no TOML at {self.at}")  # tomllib has accepted it, so this cannot be
        self.at = match.end()
        return match.group()

    def note(self, key: Key) -> None:
        """The line of what starts here, unless it has begun before."""
        self.line += self.text.count("\n", self.counted, self.at)
        self.counted = self.at
        self.lines.setdefault(key, self.line)

    def header(self, brackets: int) -> Key:
        start = self.at
        self.at += brackets
        names = self.names()
        end = self.at + brackets
        key: Key = ()
        self.at = start
        for place, name in enumerate(names, 1):
            key = (*key, name)
            self.note(key)
            if brackets == 2 and place == len(names):
                self.sizes[key] = self.sizes.get(key, 0) + 1
            if key in self.sizes:
                key = (*key, self.sizes[key] - 1)
                self.note(key)
        self.at = end
        return key

    def names(self) -> list[str]:
        names = []
        while True:
            self.skip(_SPACE)
            quoted = self.text[self.at] in "\"'"
            word = self.skip(_STRING if quoted else _BARE)
            names.append(tomllib.loads(f"word = {word}")["word"] if quoted else word)
            self.skip(_SPACE)
            if self.text[self.at] != ".":
                return names
            self.at += 1

    def pair(self, table: Key) -> None:
        start = self.at
        names = self.names()
        after, self.at = self.at + 1, start
        key = table
        for name in names:
            key = (*key, name)
            self.note(key)
        self.at = after
        self.skip(_SPACE)
        self.value(key)

    def value(self, key: Key) -> None:
        first = self.text[self.at]
        if first in "\"'":
            self.skip(_STRING)
        elif first == "[":
            self.array(key)
        elif first == "{":
            self.inline(key)
        else:
            self.skip(_PLAIN)

    def array(self, key: Key) -> None:
        self.at += 1
        place = 0
        self.skip(_BLANK)
        while self.text[self.at] != "]":
            self.note((*key, place))
            self.value((*key, place))
            place += 1
            self.step_over_comma()
        self.at += 1

    def inline(self, key: Key) -> None:
        self.at += 1
        self.skip(_BLANK)
        while self.text[self.at] != "}":
            self.pair(key)
            self.step_over_comma()
        self.at += 1

    def step_over_comma(self) -> None:
        self.skip(_BLANK)
        if self.text[self.at] == ",":
            self.at += 1
            self.skip(_BLANK)
