"""Texts as hashed words and pairs of words, a block at a time: no Python per text or per word.

A token is a run of letters, digits and apostrophes, a newline, or a single other sign; spaces part tokens.
Every digit counts as the same digit. An n-gram is a token, or a token with the one before it; before the
first token of a text stands its start. Hashes are sums and products modulo 2**64: exact, and of the bytes
of the n-gram alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

START: Final = "^^"
"""Stands for the start of a text in the spelling of a pair; no token is spelled so."""

_SEPARATOR, _SIGN, _WORD = 0, 1, 2
_BASE: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX: Final = (np.uint64(31), np.uint64(0xBF58476D1CE4E5B9), np.uint64(29))
_PAIR: Final = np.uint64(3)
_LONGEST: Final = 64
"""Bytes of a token whose order counts."""


def _classes() -> NDArray[np.uint8]:
    classes = np.full(256, _SIGN, np.uint8)
    classes[:33] = classes[127] = _SEPARATOR
    classes[ord("\n")] = _SIGN
    for byte in (*b"abcdefghijklmnopqrstuvwxyz", *b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", *b"0123456789_'"):
        classes[byte] = _WORD
    classes[128:] = _WORD
    return classes


_CLASS: Final = _classes()


def _values() -> Hashes:
    values = np.arange(1, 257, dtype=np.uint64)
    values[ord("0") : ord("9") + 1] = values[ord("0")]
    values[_CLASS == _SEPARATOR] = 0
    return values


_VALUE: Final = _values()
_POWER: Final = np.multiply.accumulate(np.full(_LONGEST, _BASE, np.uint64))


class TextTokens(msgspec.Struct, frozen=True):
    """The tokens of many texts, in order."""

    data: NDArray[np.uint8]
    """The bytes of all texts."""
    start: NDArray[np.intp]
    """Where each token starts in `data`."""
    text: NDArray[np.intp]
    """The text that each token is of."""
    words: Hashes
    """The hash of each token."""
    pairs: Hashes
    """The hash of each token with the one before it."""

    def spell(self, token: int, *, pair: bool) -> str:
        """A token, or a token with the one before it, as text; every digit is written 0."""
        word = self._word(token)
        if not pair:
            return word
        first = token == 0 or self.text[token - 1] != self.text[token]
        return f"{START if first else self._word(token - 1)} {word}"

    def _word(self, token: int) -> str:
        start = int(self.start[token])
        stop = start + 1
        if _CLASS[self.data[start]] == _WORD:
            run = _CLASS[self.data[start : int(self._end(token))]] == _WORD
            stop = start + int(run.argmin() if not run.all() else run.size)
        text = self.data[start:stop].tobytes().decode("utf-8", "replace")
        return "".join("0" if c in "0123456789" else c for c in text)

    def _end(self, token: int) -> int:
        return int(self.start[token + 1]) if token + 1 < len(self.start) else len(self.data)


def tokenize(texts: Any) -> TextTokens:
    """The tokens of a pyarrow string array without nulls; case is not folded."""
    offsets, data = _buffers(texts)
    kind = _CLASS[data]
    first = np.zeros(len(data) + 1, np.bool_)
    first[offsets] = True
    word = kind == _WORD
    starts = kind != _SEPARATOR
    starts[1:] &= ~(word[1:] & word[:-1]) | first[1:-1]
    start = np.flatnonzero(starts)
    words = _hash(data, start)
    text = np.searchsorted(offsets, start, side="right") - 1
    before = np.zeros_like(words)
    np.copyto(before[1:], words[:-1], where=text[1:] == text[:-1])
    return TextTokens(data, start, text, words, _mixed(before * _PAIR + words))


def _hash(data: NDArray[np.uint8], start: NDArray[np.intp]) -> Hashes:
    """One hash per token, which ends before the next starts; separators between them count nothing."""
    if not start.size:
        return np.zeros(0, np.uint64)
    body = data[start[0] :]
    lengths = np.diff(start, append=len(data))
    place = np.arange(len(body)) - np.repeat(start - start[0], lengths)
    powers = _POWER[np.minimum(place, _LONGEST - 1)]
    return _mixed(np.add.reduceat(_VALUE[body] * powers, start - start[0]))


def _mixed(hashes: Hashes) -> Hashes:
    """Spread the bits, so that the upper ones can serve as an index."""
    down, times, again = _MIX
    hashes = (hashes ^ (hashes >> down)) * times
    mixed: Hashes = hashes ^ (hashes >> again)
    return mixed


def _buffers(texts: Any) -> tuple[NDArray[np.integer[Any]], NDArray[np.uint8]]:
    """Offsets from 0 and the bytes of a string array."""
    wide = str(texts.type).startswith("large")
    _, ends, data = texts.buffers()
    if not len(texts) or data is None:
        return np.zeros(len(texts) + 1, np.int64), np.zeros(0, np.uint8)
    offsets = np.frombuffer(ends, np.int64 if wide else np.int32)
    offsets = offsets[texts.offset : texts.offset + len(texts) + 1]
    return offsets - offsets[0], np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
