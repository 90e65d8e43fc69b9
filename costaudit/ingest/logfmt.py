"""Lines of `key=value`, as log/slog's text handler, logrus, go-kit and many scripts write them.

A line is a record where its pairs name tokens of what was asked and of what was answered; all others stay
text. A time may stand among the pairs or before them.
"""

from __future__ import annotations

import re
from typing import Final

from costaudit.ingest.adapters.spelled import names_both_sides
from costaudit.ingest.envelopes import WHEN
from costaudit.ingest.format import Inner

_PAIR: Final = re.compile(r'(?<![^\s,;(\[])([A-Za-z_@][\w.@/-]{0,99})=(?:"((?:[^"\\]|\\.)*)"|([^\s",;)\]]*))')
_ESCAPED: Final = re.compile(r"\\(.)")
_LONGEST: Final = 1 << 16
"""Characters of a line that is looked at."""
_MOST_DIGITS: Final = 15


def record_in(text: str) -> Inner | None:
    """The record that the pairs of a line make; None for a line that counts no tokens.

    >>> dict(record_in('level=INFO msg="a call" model=gpt-4o input_tokens=12 output_tokens=3'))
    {'level': 'INFO', 'msg': 'a call', 'model': 'gpt-4o', 'input_tokens': 12, 'output_tokens': 3}
    >>> record_in("level=INFO msg=ready port=80")
    """
    if "oken" not in text or len(text) > _LONGEST:
        return None
    found = list(_PAIR.finditer(text))
    record = {pair[1]: _value(pair) for pair in found}
    if not names_both_sides(record):
        return None
    when = WHEN.search(text, 0, found[0].start())
    return Inner(record, [{"timestamp": when[0]}] if when else [])


def _value(pair: re.Match[str]) -> str | int:
    if pair[2] is not None:
        return _ESCAPED.sub(r"\1", pair[2])
    digits = pair[3]
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS else digits
