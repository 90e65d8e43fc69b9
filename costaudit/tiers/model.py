"""The linear model over n-grams of the instruction zone: integer weights, read from a file that ships.

The logit of a tier is the sum of the weights of the distinct known n-grams, divided by the root of the
summed norms of all n-grams. The sums are of integers; product, division, root and rounding of doubles are
what IEEE 754 says. So a text gets the same logits in any batch, on any platform, with any number of threads.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from costaudit.schema import Tier
from costaudit.tiers.ngrams import tokenize

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from numpy.typing import NDArray

    from costaudit.tiers.ngrams import Hashes

SHIPPED: Final = "text_model.npz"
MILLI: Final = 1000
"""Logits are in thousandths."""

_BLOCK: Final = 256
"""Texts at a time: measured, the arrays of 128 to 512 texts stay in cache."""

WEIGHT_UNIT: Final = 100
"""Weights are stored in hundredths of a logit, times the inverse document frequency of the n-gram."""

NORM_UNIT: Final = 64
"""Norms, the squares of inverse document frequencies, are stored in 64ths."""

_SCALE: Final = 80.0
"""Thousandths of a logit per stored weight over the root of stored norms: 1000 / WEIGHT_UNIT * 64 ** 0.5."""

_SEPARATOR: Final = "\x1f"


class Logits(msgspec.Struct, frozen=True):
    """What the model says about some texts."""

    milli: NDArray[np.int32]
    """Thousandths of a logit, one row per text and one column per tier; 0 without a known n-gram."""
    known: NDArray[np.int32]
    """Distinct n-grams of each text that the model knows."""


class Signal(msgspec.Struct, frozen=True):
    """An n-gram of a text that the model knows. It is words of the prompt: shown on request only."""

    ngram: str
    milli: NDArray[np.int32]
    """What it adds to the logit of each tier, in thousandths."""


class LinearModel:
    """Weights of n-grams. Made by `tools/fit_tiers.py`."""

    def __init__(self, hashes: Hashes, weights: NDArray[np.int16], norms: NDArray[np.int32]) -> None:
        """`hashes` ascending; `weights` per n-gram and tier; `norms` per n-gram, last the unknown."""
        self.hashes, self.weights, self.norms = hashes, weights, norms
        self._weights = weights.astype(np.float64)
        self._norms = norms.astype(np.float64)
        bits = max(8, len(hashes).bit_length() + 3)
        self._shift = np.uint64(64 - bits)
        bucket = (hashes >> self._shift).astype(np.intp)
        self._first = np.searchsorted(bucket, np.arange(1 << bits)).astype(np.int32)
        self._size = np.bincount(bucket, minlength=1 << bits).astype(np.int8)

    @classmethod
    def load(cls, file: IO[bytes]) -> LinearModel:
        """Read a model; no pickled objects are accepted."""
        with np.load(file, allow_pickle=False) as arrays:
            return cls(arrays["hashes"], arrays["weights"], arrays["norms"])

    def save(self, file: IO[bytes], spellings: list[str]) -> None:
        """Write the model, with the n-grams as text for whoever reads the file: the same bytes every time."""
        text = np.frombuffer(_SEPARATOR.join(spellings).encode(), np.uint8)
        np.savez(file, hashes=self.hashes, weights=self.weights, norms=self.norms, spellings=text)

    def logits(self, texts: Any) -> Logits:
        """The logits of a pyarrow string array of lower-case texts."""
        milli = np.zeros((len(texts), len(Tier)), np.int32)
        known = np.zeros(len(texts), np.int32)
        for start in range(0, len(texts), _BLOCK):
            block = slice(start, start + _BLOCK)
            milli[block], known[block] = self._block(texts.slice(start, _BLOCK))
        return Logits(milli, known)

    def signals(self, text: str) -> list[Signal]:
        """The known n-grams of one lower-case text, the weightiest first."""
        import pyarrow as pa  # noqa: PLC0415

        tokens = tokenize(pa.array([text], pa.string()))
        found: dict[int, str] = {}
        for pair, hashes in ((False, tokens.words), (True, tokens.pairs)):
            for token, at in zip(*self._find(hashes), strict=True):
                found.setdefault(int(at), tokens.spell(int(token), pair=pair))
        at = np.array(sorted(found), np.intp)
        root = np.sqrt(self._norm(len(tokens.words), self._norms[at].sum(), len(at)))
        given = np.rint(self._weights[at] * _SCALE / root).astype(np.int32)
        order = np.lexsort((at, -np.ptp(given, axis=1)))
        return [Signal(found[int(at[i])], given[i]) for i in order]

    def _block(self, texts: Any) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        tokens, rows = tokenize(texts), len(texts)
        hits = [tokens.text[t] * len(self.hashes) + at for t, at in self._finds(tokens.words, tokens.pairs)]
        text, at = np.divmod(_distinct(np.concatenate(hits)), max(1, len(self.hashes)))
        known = np.bincount(text, minlength=rows)
        total = np.bincount(tokens.text, minlength=rows)
        norm = self._norm(total, np.bincount(text, self._norms[at], rows), known)
        root = np.sqrt(np.maximum(norm, 1))
        sums = (np.bincount(text, self._weights[at, tier], rows) for tier in Tier)
        milli = np.stack([np.rint(s * _SCALE / root) for s in sums], axis=1)
        return milli.astype(np.int32), known.astype(np.int32)

    def _norm(self, tokens: Any, of_known: Any, known: Any) -> Any:
        """The summed norms of all n-grams: each token is two; repetitions of known ones count as unknown."""
        return of_known + (2 * tokens - known) * self._norms[-1]

    def _finds(self, *hashes: Hashes) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        return (self._find(h) for h in hashes)

    def _find(self, hashes: Hashes) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Which of the hashes are known, and where in the model: the upper bits lead to a few candidates."""
        bucket = (hashes >> self._shift).astype(np.intp)
        size = self._size[bucket]
        tokens, places = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)]
        for nth in range(int(self._size.max(initial=0))):
            token = np.flatnonzero(size > nth)
            place = self._first[bucket[token]].astype(np.intp) + nth
            same = self.hashes[place] == hashes[token]
            tokens.append(token[same])
            places.append(place[same])
        return np.concatenate(tokens), np.concatenate(places)


def _distinct(values: NDArray[np.intp]) -> NDArray[np.intp]:
    """The values once each, ascending; np.unique took five times as long."""
    values = np.sort(values)
    first = np.ones(len(values), np.bool_)
    first[1:] = values[1:] != values[:-1]
    return values[first]


@lru_cache(maxsize=1)
def load_model() -> LinearModel:
    """The model that ships with costaudit."""
    with Path(__file__).with_name(SHIPPED).open("rb") as file:
        return LinearModel.load(file)
