"""The errors that costaudit raises on purpose: one base class, one subclass per kind of trouble."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Iterable
from typing import Final


class CostauditError(Exception):
    """Something the user can mend: what happened, where, and what to do.

    The core raises these and never prints or exits; the command line maps them to exit code 2.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        path: str | None = None,
        line: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        """What happened, one line, no trailing full stop."""
        self.hint = hint
        """What to do about it, one line."""
        self.path = None if path is None else shown(path)
        """The file concerned, as the user named it."""
        self.line = line
        """The line in that file, counted from 1."""

    def __str__(self) -> str:
        where = "" if self.path is None else self.path + (f":{self.line}" if self.line else "") + ": "
        return f"{where}{self.message}" + (f" ({self.hint})" if self.hint else "")


class UsageError(CostauditError):
    """The command line or the arguments of a library call do not make sense."""


class InputError(CostauditError):
    """A log file cannot be read, or holds nothing that can be judged."""


class TableError(CostauditError):
    """A price table, alias, gateway or window file is invalid."""


class ConfigError(CostauditError):
    """A configuration, policy or scenario file is invalid."""


_LONGEST_WORD: Final = 100
"""Characters of a word that is compared: the time for two grows with the product of their lengths."""


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint that names the closest known words, or None when nothing is close.

    >>> did_you_mean("gpt-4", ["gpt-4o", "claude-3-opus"])
    "did you mean 'gpt-4o'?"
    """
    if len(word) > _LONGEST_WORD:
        return None
    close = difflib.get_close_matches(word, [k for k in known if len(k) <= _LONGEST_WORD], n=3, cutoff=0.6)
    if not close:
        return None
    return "did you mean " + " or ".join(repr(str(c)) for c in close) + "?"


_LONE: re.Pattern[str] = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Halves of characters that stand for no byte of a file's name."""


def shown(name: str | os.PathLike[str]) -> str:
    r"""The name of a file as text that every output can hold: bytes that are not UTF-8 as \xe9.

    Python has such bytes as surrogates, which no encoding takes.
    """
    text = os.fspath(name)
    if text.isascii():
        return text
    return _LONE.sub("\ufffd", text).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def one_of(value: str, known: Collection[str], what: str) -> str:
    """A choice; raises UsageError with the nearest known words otherwise."""
    if value in known:
        return value
    raise UsageError(
        f"unknown {what} {value!r}", hint=did_you_mean(value, known) or f"one of {', '.join(sorted(known))}"
    )
