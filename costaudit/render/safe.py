"""Text that came from a log, made harmless: no control characters, no escapes, no hidden direction.

Also the widths that a terminal gives to text, because cutting and aligning hostile names needs both.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

ELLIPSIS: Final = "…"

_ESCAPE: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # OSC, DCS …: titles, links, clipboards
    r"|\x1b[ -/]*[0-~]"
)
_ODD: Final = re.compile(r"[^\w -~]+")
_SPACES: Final = frozenset("\t\n\v\f\r\x85")
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_MARKS: Final = frozenset({"Mn", "Me"})
_MARKS_KEPT: Final = 3
"""Combining marks on one letter; real scripts need no more, and stacks of them cover other lines."""

_ENDS: Final = 1_000
"""Characters at either end of a text of which its middle is not shown anyway: only they are looked at."""

_MARKUP: Final = re.compile(r"[\\`*_{}\[\]#~|]")
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_BREAK: Final = "&#8203;"  # a space of no width: what stands beside it is no mention and no link


def clean(text: str) -> str:
    r"""The text without anything that a terminal or an editor would act upon; each such thing becomes ?.

    Line breaks and other spaces become one space each.

    >>> clean("a\x1b[31mred\n\u202eevil")
    'a?red ?evil'
    """
    if text.isascii() and text.isprintable():
        return text
    return _ODD.sub(_shown, _ESCAPE.sub("?", text.replace("\r\n", "\n")))


def _shown(odd: re.Match[str]) -> str:
    """What is shown of characters in a row that are neither letters nor digits nor ASCII."""
    kept: list[str] = []
    marks = 0 if odd.start() else _MARKS_KEPT  # a mark without a letter before it is dropped too
    for char in odd[0]:
        kind = unicodedata.category(char)
        marks = marks + 1 if kind in _MARKS else 0
        if marks > _MARKS_KEPT:
            continue
        if char in _SPACES or kind.startswith("Z"):
            kept.append(" ")
        else:
            kept.append("?" if kind in _HIDDEN else char)
    return "".join(kept)


def escape(text: str) -> str:
    r"""Text that Markdown shows as it is: no table cell, code, HTML, heading, link or mention comes of it.

    >>> escape("<b>|@me #1 [x](y)")
    '&lt;b&gt;\\|@&#8203;me \\#&#8203;1 \\[x\\](y)'
    """
    text = "".join(_ENTITIES.get(char, char) for char in text)
    text = _MARKUP.sub(lambda match: f"\\{match.group()}", text)
    text = re.sub(r"#(?=\d)", f"#{_BREAK}", text)  # first: the break itself has a number in it
    text = text.replace("@", f"@{_BREAK}").replace("://", f":{_BREAK}//")
    text = re.sub(r"(?i)\bwww\.", lambda match: f"{match.group()[:3]}{_BREAK}.", text)
    return re.sub(r"\$(?!\d)", r"\\$", text)  # $x$ would be a formula; $12.50 stays as it is


def display_width(text: str) -> int:
    """Columns that a terminal gives to text."""
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


@lru_cache(maxsize=4096)
def _char_width(char: str) -> int:
    if unicodedata.category(char) in _MARKS:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def safe(text: str, limit: int | None = None) -> str:
    """A value from a log, fit to be shown: cleaned, and cut in the middle to `limit` columns.

    >>> safe("anthropic/claude-opus-4-8", 13)
    'anthro…us-4-8'
    """
    if limit is not None and len(text) > 2 * _ENDS:
        text = text[:_ENDS] + text[-_ENDS:]
    shown = clean(text)
    if limit is None or display_width(shown) <= limit:
        return shown
    tail = max(limit - 1, 0) // 2
    return _head(shown, max(limit - 1, 0) - tail) + ELLIPSIS[:limit] + _tail(shown, tail)


def _head(text: str, columns: int) -> str:
    used = 0
    for i, char in enumerate(text):
        used += _char_width(char)
        if used > columns:
            return text[:i]
    return text


def _tail(text: str, columns: int) -> str:
    used, start = 0, len(text)
    for i in range(len(text) - 1, -1, -1):
        size = _char_width(text[i])
        used += size
        if used > columns:
            break
        if size:  # never begins with a combining mark
            start = i
    return text[start:]


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """Text filled up with spaces to a width; longer text stays as it is."""
    fill = " " * (columns - display_width(text))
    return fill + text if right else text + fill


def wrap(text: str, columns: int) -> list[str]:
    """Lines of at most `columns`, broken at spaces; a longer word is broken where the line ends.

    >>> wrap("one two three", 8)
    ['one two', 'three']
    """
    lines: list[str] = []
    line = ""
    for word in clean(text).split():
        joined = f"{line} {word}" if line else word
        if display_width(joined) <= columns:
            line = joined
            continue
        if line:
            lines.append(line)
        *whole, line = _pieces(word, columns)
        lines += whole
    return [*lines, line] if line else lines


def _pieces(word: str, columns: int) -> list[str]:
    """A word in pieces that each fit a line."""
    pieces: list[str] = []
    start, ahead = 0, (columns + 1) * (1 + _MARKS_KEPT)
    while True:
        rest = word[start : start + ahead]
        piece = _head(rest, columns) or rest[:1]
        if len(piece) == len(rest):
            return [*pieces, piece]
        at = max(piece.rfind(char) for char in "/-_:.") + 1  # rather between the parts of a name
        piece = piece[:at] if at > len(piece) // 2 else piece
        pieces.append(piece)
        start += len(piece)
