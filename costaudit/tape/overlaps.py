"""Requests without an id that stand in two files: nothing says that they are the same, but everything agrees.

They are counted as they stand, since two calls may be alike in all that a log tells; who reads the report is
told, because a file and a part of it copied elsewhere look just so.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.ingest.hashes import Hashes, hash_texts, mixed
from costaudit.prices.cards import NO_TS
from costaudit.schema import COUNTS
from costaudit.tape.columns import Batch
from costaudit.tape.record import FILE, HASHED
from costaudit.tape.segment import FLAGS, WORDS

MOST_REQUESTS: Final = 4_000_000
"""Requests without an id that are compared (8 bytes each); further ones are not."""

_LEAST: Final = 0.05
"""The share of the smaller file's requests below which a few that are alike are taken for chance."""

_NUMBERS: Final = (
    "ts", *COUNTS, *FLAGS, "attempt", "tier_tag", "turns", "max_tokens", "latency_ms", "asked_bytes",
    "answered_bytes", "reported_picousd", *HASHED.values(),
)  # fmt: skip
_WORDS: Final = (*WORDS, "user")


class Overlap(msgspec.Struct, frozen=True, order=True):
    """Two files with requests that are alike in everything."""

    file: str
    other: str
    requests: int
    """How many different requests stand in both."""


class Overlaps(msgspec.Struct):
    """Gathers what requests without an id look like, file by file."""

    _hashes: dict[str, list[Hashes]] = msgspec.field(default_factory=dict)
    _held: int = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in some calls, in the columns of `record.recorded` with their files."""
        calls = Batch(batch)
        named = calls.valid("call_hash") | calls.valid("response_hash")
        rows = np.flatnonzero(~named & (calls.times() != NO_TS))
        if not len(rows) or self._held + len(rows) > MOST_REQUESTS:
            return
        self._held += len(rows)
        hashes, file = _hashes_of(calls)[rows], calls.words(FILE)
        of_rows = file.codes[rows]
        for code in np.unique(of_rows).tolist():
            self._hashes.setdefault(file.values[code] or "", []).append(hashes[of_rows == code])

    def found(self) -> list[Overlap]:
        """The pairs of files with more requests alike than by chance, the most first."""
        of_file = {name: np.unique(np.concatenate(parts)) for name, parts in self._hashes.items()}
        if len(of_file) < 2:
            return []
        names = sorted(of_file)
        number = np.repeat(np.arange(len(names)), [len(of_file[name]) for name in names])
        hashes = np.concatenate([of_file[name] for name in names])
        order = np.argsort(hashes, kind="stable")
        same = np.flatnonzero(hashes[order][1:] == hashes[order][:-1])
        pairs = Counter(zip(number[order][same].tolist(), number[order][same + 1].tolist(), strict=True))
        overlaps = [Overlap(names[one], names[other], count) for (one, other), count in pairs.items()]
        kept = [
            o for o in overlaps if o.requests >= _LEAST * min(len(of_file[o.file]), len(of_file[o.other]))
        ]
        return sorted(kept, key=lambda o: (-o.requests, o.file, o.other))


def _hashes_of(calls: Batch) -> Hashes:
    """A hash of all that a call says of itself, texts aside."""
    hashes = np.zeros(calls.rows, np.uint64)
    for name in _NUMBERS:
        column = calls.column(name)
        if column is not None:
            hashes = mixed(hashes, _hashed_numbers(column))
    for name in _WORDS:
        column = calls.column(name)
        if column is not None:
            hashes = mixed(hashes, _hashed_words(column))
    return hashes


def _hashed_numbers(column: pa.Array) -> npt.NDArray[np.uint64]:
    if pa.types.is_unsigned_integer(column.type):
        return np.asarray(column.fill_null(0).to_numpy(zero_copy_only=False), np.uint64)
    values = column.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    return np.asarray(values, np.int64).view(np.uint64)


def _hashed_words(column: pa.Array) -> npt.NDArray[np.uint64]:
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    words = encoded.dictionary.fill_null("")
    table = np.append(hash_texts(words, np.uint64(3)), np.uint64(0))
    codes = encoded.indices.cast(pa.int64()).fill_null(len(words)).to_numpy(zero_copy_only=False)
    return np.asarray(table[codes], np.uint64)
