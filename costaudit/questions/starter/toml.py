"""TOML with names from logs in it: whatever a name holds, it stays inside its string or comment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from costaudit.render.safe import clean, safe

LONGEST: Final = 200
"""Characters of a name that is written as a value; longer ones are left out."""
SHOWN: Final = 60
"""Columns of a name in a comment."""

_NAMED: Final = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def string(text: str) -> str:
    r"""A basic string; what does not print is written as an escape.

    >>> print(string('a"b\n\u202e'))
    "a\"b\n\u202e"
    """
    return f'"{"".join(_escaped(char) for char in text)}"'


def _escaped(char: str) -> str:
    if char in _NAMED:
        return _NAMED[char]
    if char == " " or (char.isprintable() and clean(char) == char):
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def strings(names: Iterable[str]) -> str:
    """A list on one line.

    >>> strings(["a", "b"])
    '["a", "b"]'
    """
    return f"[{', '.join(map(string, names))}]"


def can_be_written(name: str | None) -> bool:
    """Whether a name can be a value: not empty, not endless, and text that TOML can hold."""
    return (
        bool(name) and len(name or "") <= LONGEST and not any(0xD800 <= ord(c) < 0xE000 for c in name or "")
    )


def literal(name: str) -> str:
    """A name as a pattern that only fits itself.

    >>> literal("what? [draft]*")
    'what[?] [[]draft][*]'
    """
    return re.sub(r"[*?\[]", lambda match: f"[{match.group()}]", name)


def shown(name: str | None) -> str:
    """A name in a comment."""
    return "(none)" if name is None else safe(name, SHOWN)
