"""How much is read of what no honest log has much of: each with a default that a hostile file cannot hurt by.

What goes beyond a limit is set aside with its place, or refused; nothing beside it is lost.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final, Self

from costaudit.errors import UsageError, did_you_mean

_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Sizes in bytes."""

    line: int = 64 << 20
    """A line, or a JSON value over several lines. No request log has a longer one, a broken file does."""
    row: int = 16 << 20
    """A row of a table as text. A longer one holds a quote that was never closed."""
    blank: int = 64 << 20
    """Blank lines before the first record, or before the header of a table."""
    window: int = 128 << 20
    """What a .zst file may ask to be kept in memory while it is unpacked (zstd --ultra --long needs more)."""
    unpacked: int = 64 << 30
    """What a Parquet file or a database that is compressed as a whole may grow to on disk."""

    def with_words(self, words: Iterable[str]) -> Self:
        """These limits with some changed: words like `line=256MB`. Raises UsageError for any other."""
        changes: dict[str, int] = {}
        known = [field.name for field in fields(self)]
        for word in words:
            name, _, size = word.partition("=")
            if name not in known:
                hint = did_you_mean(name, known) or "limits: " + ", ".join(known)
                raise UsageError(f"no limit is called {name[:40]!r}", hint=hint)
            changes[name] = parse_size(size, f"the limit {name}")
        return dataclasses.replace(self, **changes)


DEFAULTS: Final = ReadLimits()


def limits_from(words: Iterable[str] | None) -> ReadLimits:
    """The limits of a command: the defaults, but for those that its words change."""
    return DEFAULTS.with_words(words or ())


def parse_size(text: str, what: str) -> int:
    """Bytes from a number with or without a unit; raises UsageError, which names `what`, for anything else.

    >>> parse_size("256MB", "x"), parse_size("2g", "x"), parse_size("1000", "x")
    (268435456, 2147483648, 1000)
    """
    found = re.fullmatch(r"([0-9]{1,12})\s*([kmg]?)(?:i?b)?", text.strip(), re.IGNORECASE | re.ASCII)
    size = int(found[1]) * _UNITS[found[2].lower()] if found else 0
    if not 0 < size <= 1 << 50:
        raise UsageError(f"{what} cannot be {text[:40]!r}", hint="a number of bytes, like 1000, 64MB or 2GB")
    return size
