"""Any value as JSON text that is harmless in a terminal."""

from __future__ import annotations

import json
import re
from typing import Any, Final

_UNSEEN: Final = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]+"
)
"""Characters that a terminal or an editor acts upon and that JSON would let through."""


def render_value(value: Any) -> str:
    """Any JSON value, indented, with a newline; what a terminal acts upon is written as an escape."""
    return harmless(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"


def harmless(encoded: str) -> str:
    """JSON text with control and direction characters as escapes."""
    if encoded.isascii() and "\x7f" not in encoded:
        return encoded
    return _UNSEEN.sub(lambda match: "".join(map(_ESCAPES.__getitem__, match[0])), encoded)


class _Escapes(dict[str, str]):
    """Escapes of the few thousand characters that are unseen, as they come."""

    def __missing__(self, char: str) -> str:
        self[char] = json.dumps(char)[1:-1]
        return self[char]


_ESCAPES: Final = _Escapes()
