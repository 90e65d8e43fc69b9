"""Any value as JSON text that is harmless in a terminal."""

from __future__ import annotations

import json
import re
from typing import Any, Final

_UNSEEN: Final = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)
"""Characters that a terminal or an editor acts upon and that JSON would let through."""


def render_value(value: Any) -> str:
    """Any JSON value, indented, with a newline; what a terminal acts upon is written as an escape."""
    return harmless(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"


def harmless(encoded: str) -> str:
    """JSON text with control and direction characters as escapes."""
    if encoded.isascii() and "\x7f" not in encoded:
        return encoded
    return _UNSEEN.sub(_escaped, encoded)


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match.group())[1:-1]
