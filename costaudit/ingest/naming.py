"""The words of a name, however it is spelled."""

from __future__ import annotations

import re
from typing import Final

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+[hmHM](?![a-z])|\d+")


def words_of(name: str) -> frozenset[str]:
    """The words of a name, in lower case.

    >>> sorted(words_of("cacheWriteInputTokens_1h"))
    ['1h', 'cache', 'input', 'tokens', 'write']
    """
    return frozenset(in_order(name))


def in_order(name: str) -> list[str]:
    """The words of a name one after the other, in lower case."""
    return [word.lower() for word in _WORD.findall(name)]
