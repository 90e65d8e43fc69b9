"""Patterns of names in gates."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase


def matches(patterns: Iterable[str], *names: str | None) -> bool:
    """Whether one of the names fits one of the patterns, whatever the case.

    >>> matches(("legal*",), "Legal/review"), matches(("legal*",), None), matches((), "x")
    (True, False, False)
    """
    known = [name.lower() for name in names if name is not None]
    return any(fnmatchcase(name, pattern.lower()) for pattern in patterns for name in known)
