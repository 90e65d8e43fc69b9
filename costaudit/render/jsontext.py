"""Any value as JSON text that is harmless in a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

_UNSEEN: Final = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]+"
)
"""Characters that a terminal or an editor acts upon and that JSON would let through."""


_PLAIN_FROM: Final = 1e-4
_PLAIN_BELOW: Final = 1e16
"""Floats between them, and 0, are written without an exponent, and by all alike."""

_TEXT: Final = frozenset({str})
_ALIKE: Final = frozenset({str, int, bool, type(None)})


def render_value(value: Any) -> str:
    """Any JSON value, indented, with a newline; what a terminal acts upon is written as an escape."""
    return harmless(_encoded(value)) + "\n"


def _encoded(value: Any) -> str:
    """As `json.dumps` writes it, which takes ten times as long."""
    if not _has_odd(value):
        try:
            return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
        except (OverflowError, UnicodeEncodeError):  # whole numbers beyond 64 bits, half a surrogate pair
            pass
    return json.dumps(value, indent=2, ensure_ascii=False)


def _has_odd(value: Any) -> bool:
    """Whether there is a number in it that others write otherwise, or a key that is no text."""
    left = [value]
    while left:
        one = left.pop()
        if type(one) in _ALIKE:
            continue
        if isinstance(one, Mapping):
            if not _TEXT.issuperset(map(type, one)):
                return True
            left += [inner for inner in one.values() if type(inner) not in _ALIKE]
        elif isinstance(one, (list, tuple)):
            left += [inner for inner in one if type(inner) not in _ALIKE]
        elif isinstance(one, float) and one and not _PLAIN_FROM <= abs(one) < _PLAIN_BELOW:
            return True
    return False


def harmless(encoded: str) -> str:
    """JSON text with control and direction characters as escapes."""
    if encoded.isascii() and "\x7f" not in encoded:
        return encoded
    return "\n".join([_seen(line) for line in encoded.split("\n")])  # most are ASCII, which is told at once


def _seen(line: str) -> str:
    if line.isascii() and "\x7f" not in line:
        return line
    return _UNSEEN.sub(lambda match: "".join(map(_ESCAPES.__getitem__, match[0])), line)


class _Escapes(dict[str, str]):
    """Escapes of the few thousand characters that are unseen, as they come."""

    def __missing__(self, char: str) -> str:
        self[char] = json.dumps(char)[1:-1]
        return self[char]


_ESCAPES: Final = _Escapes()
