"""Lines that no audit may count, each made from a good one, and the reason for which it must be set aside."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

ONE_IN: Final = 100
"""Good lines for every bad one."""


def _changed(pattern: str, replacement: str) -> Callable[[str], bytes]:
    """Another value for one field."""
    found = re.compile(pattern)
    return lambda line: found.sub(replacement, line, count=1).encode()


BAD: Final[tuple[tuple[str, Callable[[str], bytes]], ...]] = (
    ("not_json", lambda line: line[: len(line) * 2 // 3].encode()),
    ("not_utf8", lambda line: line.encode().replace(b'"feature":"', b'"feature":"\xff\xfe', 1)),
    ("not_integer_usage", _changed(r'"input_tokens":\d+', '"input_tokens":"many"')),
    ("negative_usage", _changed(r'"output_tokens":', '"output_tokens":-1')),
    ("not_json", lambda line: line.removeprefix("{").encode()),
    ("not_object", lambda line: str(len(line)).encode()),
    ("fractional_usage", _changed(r'("input_tokens":\d+)', r"\1.5")),
    ("model_not_text", _changed(r'"model":"[^"]*"', '"model":["a","b"]')),
    ("unrecognised", _changed(r'"model":"[^"]*"', '"model":null')),
    ("not_json", _changed(r'"status":"', '"status":"\x01')),
)
"""Reason and breakage, taken in turn."""
