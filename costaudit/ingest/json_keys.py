"""Which names occur as keys in a block of JSON: found in its bytes, without decoding it.

What is found of the known names is a superset: a text that holds `"ts":` looks like a key. What is not found
does not occur, so that a reader may ignore every field that it does not ask for. Of other names those are
told that somebody wants to hear of; each is decoded and judged once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

_QUOTE, _COLON, _BLANK, _BACKSLASH = (ord(c) for c in '": \\')
_WORD: Final = 8
"""Bytes of a key that are compared: the last ones."""
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_STIR: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_SHIFT: Final = np.uint64(48)

_MOST_JUDGED: Final = 100_000
"""Other names that are remembered: texts full of them must not fill the memory."""

Words = npt.NDArray[np.uint64]

_ESCAPED_KEY: Final = re.compile(rb'"[\w.$@:/-]*\\u00[\w.$@:/\\-]*"[ \t\r]*:')
"""A key of which a letter is written as an escape, which JSON allows and nobody does on purpose."""


class BlockKeys(NamedTuple):
    """The keys of a block."""

    known: frozenset[str]
    """Known names that occur as keys, and maybe others."""
    others: frozenset[str]
    """Keys that are wanted, known ones among them."""


class _Names(NamedTuple):
    """Some keys of a block."""

    starts: npt.NDArray[np.intp]
    lengths: npt.NDArray[np.intp]
    begins: Words
    """Their first bytes."""
    ends: Words
    """Their last bytes."""

    def hashes(self, windows: Words) -> Words:
        """A 64-bit number for the beginning, the middle, the end and the length of every name."""
        middle = self.starts + np.maximum(self.lengths // 2 - _WORD // 2, 0)
        inner = np.where(self.lengths > _WORD, windows[np.minimum(middle, len(windows) - 1)], 0)
        mixed = (self.begins ^ self.lengths.astype(np.uint64)) * _MIX
        mixed = (mixed ^ (mixed >> np.uint64(29)) ^ inner) * _STIR
        mixed = (mixed ^ (mixed >> np.uint64(32)) ^ self.ends) * _MIX
        return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def _nobody(_name: str) -> bool:
    return False


class KnownKeys:
    """Looks for some names, and for others that are wanted."""

    def __init__(self, names: Iterable[str], wanted: Callable[[str], bool] = _nobody) -> None:
        self._wanted = wanted
        self._judged = np.zeros(1 << 16, np.uint64)
        """By the beginning of its hash, a name that nobody wants: it need not be looked at again."""
        self._verdicts: dict[int, str] = {}
        """By their hashes other names that were judged; empty for one that nobody wants."""
        self._names: dict[int, list[str]] = {}
        for name in names:
            raw = name.encode()
            word = int.from_bytes(raw[-_WORD:].rjust(_WORD, b"\0"), "little")
            slot = int(self._slot(np.array([word], np.uint64), len(raw))[0])
            self._names.setdefault(slot, []).append(name)
        self._begins = np.zeros(1 << 16, np.uint64)
        """By the slot of a name that is no wanted one, how it begins; 0 for a slot of several."""
        for slot, (name, *more) in self._names.items():
            if name and not more and not wanted(name):
                word = int.from_bytes(name.encode()[:_WORD].rjust(_WORD, b"\0"), "little")
                self._begins[slot] = word
        self._table = np.zeros(1 << 16, bool)
        self._table[list(self._names)] = True
        self._spare = np.array([56, *((_WORD - n) * 8 for n in range(1, _WORD + 1))], np.uint64)
        """Bits of a word that are not of the key, by its length."""

    @staticmethod
    def _slot(words: npt.NDArray[np.uint64], lengths: int | npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        """A 16-bit number for the end and the length of a key."""
        mixed = (words ^ np.asarray(lengths).astype(np.uint64)) * _MIX
        return np.asarray(mixed >> _SHIFT)

    def found_in(self, data: bytes) -> BlockKeys | None:
        """The names that occur as keys; None where an escaped key makes it hard to say."""
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
        last = words >> spare << spare
        slots = self._slot(last, lengths)
        seen = np.zeros(len(self._table), bool)
        seen[slots] = True
        known = frozenset(
            name for slot in np.flatnonzero(seen & self._table).tolist() for name in self._names[slot]
        )
        if self._wanted is _nobody:
            return BlockKeys(known, frozenset())
        begin = windows[np.minimum(places - lengths, len(windows) - 1)] << spare
        rest = np.flatnonzero(self._begins[slots] != begin)
        is_key = (behind[ends][rest] == _COLON) | (
            codes[np.minimum(places[rest] + 2, len(codes) - 1)] == _COLON
        )
        rest = rest[is_key & (codes[places[rest] - 1] != _BACKSLASH)]
        names = _Names(places[rest] - lengths[rest], lengths[rest], begin[rest], last[rest])
        return BlockKeys(known, self._others(data, names, windows))

    def _others(self, data: bytes, names: _Names, windows: Words) -> frozenset[str]:
        """The wanted ones among some names."""
        hashes = names.hashes(windows)
        new = np.flatnonzero(self._judged[hashes >> _SHIFT] != hashes)
        found: set[str] = set()
        distinct, first = np.unique(hashes[new], return_index=True)
        for code, at in zip(distinct.tolist(), new[first].tolist(), strict=True):
            name = self._verdicts.get(code)
            if name is None:
                start = int(names.starts[at])
                name = self._judge(data[start : start + int(names.lengths[at])], code)
            if name:
                found.add(name)
            else:
                self._judged[code >> int(_SHIFT)] = code
        return frozenset(found)

    def _judge(self, raw: bytes, code: int) -> str:
        """A name that is wanted, or nothing."""
        name = raw.decode("utf-8", "replace")
        verdict = name if self._wanted(name) else ""
        if len(self._verdicts) < _MOST_JUDGED:
            self._verdicts[code] = verdict
        return verdict
