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

_QUOTE: Final = ord('"')
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
        self._longest = max((len(n) for names in self._names.values() for n in names), default=0)
        self._table = np.zeros(1 << 16, bool)
        self._table[list(self._names)] = True

    @staticmethod
    def _slot(words: npt.NDArray[np.uint64], lengths: int | npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        """A 16-bit number for the end and the length of a key."""
        mixed = (words ^ np.asarray(lengths).astype(np.uint64)) * _MIX
        return np.asarray(mixed >> _SHIFT)

    def found_in(self, data: bytes) -> frozenset[str] | None:
        """The names that occur as keys, and maybe others; None where an escaped key makes it hard to say."""
        if b"\\u00" in data and _ESCAPED_KEY.search(data):
            return None
        codes = np.frombuffer(b"\0" * _WORD + data + b"\0", np.uint8)
        quotes = np.flatnonzero(codes == _QUOTE)
        behind = codes[quotes + 1]
        ends = np.flatnonzero((behind == ord(":")) | (behind == ord(" ")) | (behind == 9) | (behind == 13))
        ends = ends[ends > 0]
        places, lengths = quotes[ends], quotes[ends] - quotes[ends - 1] - 1
        fits = (lengths > 0) & (lengths <= self._longest)
        places, lengths = places[fits], lengths[fits]
        windows = np.ndarray((len(codes) - _WORD + 1,), "<u8", codes.data, strides=(1,))
        words = windows[places - _WORD]
        spare = (np.maximum(_WORD - lengths, 0) * 8).astype(np.uint64)
        slots = self._slot(words >> spare << spare, lengths)
        seen = np.flatnonzero(self._table & (np.bincount(slots.astype(np.intp), minlength=1 << 16) > 0))
        return frozenset(name for slot in seen.tolist() for name in self._names[slot])
