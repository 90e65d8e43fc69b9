"""Which known names occur as keys in a block of JSON: found in its bytes, without decoding it.

What is found is a superset: a text that holds `"ts":` looks like a key. What is not found does not occur, so
that a reader may ignore every field that it does not ask for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

_QUOTE, _COLON, _BLANK = (ord(c) for c in '": ')
_WORD: Final = 8
"""Bytes of a key that are compared: the last ones."""
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(48)

_ESCAPED_KEY: Final = re.compile(rb'"[\w.$@:/-]*\\u00[\w.$@:/\\-]*"[ \t\r]*:')
"""A key of which a letter is written as an escape, which JSON allows and nobody does on purpose."""


class KnownKeys:
    """Looks for some names."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names: dict[int, list[str]] = {}
        for name in names:
            raw = name.encode()
            word = int.from_bytes(raw[-_WORD:].rjust(_WORD, b"\0"), "little")
            slot = int(self._slot(np.array([word], np.uint64), len(raw))[0])
            self._names.setdefault(slot, []).append(name)
        self._table = np.zeros(1 << 16, bool)
        self._table[list(self._names)] = True
        self._spare = np.array([56, *((_WORD - n) * 8 for n in range(1, _WORD + 1))], np.uint64)
        """Bits of a word that are not of the key, by its length."""

    @staticmethod
    def _slot(words: npt.NDArray[np.uint64], lengths: int | npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        """A 16-bit number for the end and the length of a key."""
        mixed = (words ^ np.asarray(lengths).astype(np.uint64)) * _MIX
        return np.asarray(mixed >> _SHIFT)

    def found_in(self, data: bytes) -> frozenset[str] | None:
        """The names that occur as keys, and maybe others; None where an escaped key makes it hard to say."""
        if b"\\" in data and b"\\u00" in data and _ESCAPED_KEY.search(data):
            return None
        if len(data) <= 2 * _WORD:
            data = data.rjust(2 * _WORD + 1)
        codes = np.frombuffer(data, np.uint8)
        quotes = np.flatnonzero(codes[:-1] == _QUOTE)
        behind = codes[quotes + 1]
        ends = np.flatnonzero((behind == _COLON) | (behind <= _BLANK))
        ends = ends[1:] if len(ends) and ends[0] == 0 else ends
        places, lengths = quotes[ends], quotes[ends] - quotes[ends - 1] - 1
        windows = np.ndarray((len(codes) - _WORD + 1,), "<u8", codes.data, strides=(1,))
        words = windows[np.maximum(places - _WORD, 0)]
        first = int(
            np.searchsorted(places, _WORD)
        )  # keys within the first bytes have no whole word before them
        words[:first] <<= ((_WORD - places[:first]) * 8).astype(np.uint64)
        spare = self._spare[np.minimum(lengths, _WORD)]
        slots = self._slot(words >> spare << spare, lengths)
        seen = np.zeros(len(self._table), bool)
        seen[slots] = True
        return frozenset(
            name for slot in np.flatnonzero(seen & self._table).tolist() for name in self._names[slot]
        )
