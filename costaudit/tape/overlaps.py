"""Requests without an id that stand in two files: nothing says that they are the same, but everything agrees.

They are counted as they stand, since two calls may be alike in all that a log tells; who reads the report is
told, because a file and a part of it copied elsewhere look just so.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa

from costaudit.ingest.hashes import Hashes
from costaudit.prices.cards import NO_TS
from costaudit.tape.call_hashes import hashes_of_calls
from costaudit.tape.columns import Batch
from costaudit.tape.record import FILE

MOST_REQUESTS: Final = 4_000_000
"""Requests without an id that are compared (8 bytes each); further ones are not."""

_LEAST: Final = 0.05
"""The share of the smaller file's requests below which a few that are alike are taken for chance."""


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
        hashes, file = hashes_of_calls(calls)[rows], calls.words(FILE)
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
