"""Which requests belong to the part of the traffic that a policy moves: by session, by id, by content."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import numpy as np
import numpy.typing as npt

from costaudit.ingest.hashes import Hashes, mixed
from costaudit.routing.terms import WHOLE
from costaudit.schema import COUNTS
from costaudit.tape.columns import Batch
from costaudit.tape.record import hashes_in

_SALT: Final = np.uint64(0x5AE3)

_NAMES: Final = ("session_hash", "call_hash", "response_hash")
"""What decides, the first that a request has: a session is moved or kept as a whole."""


def outside_share(calls: Batch, rows: npt.NDArray[np.int64], share: Decimal) -> npt.NDArray[np.bool_]:
    """Of some requests, those that stay outside a share of the traffic.

    The same request is always on the same side, and a larger share contains every smaller one.
    """
    bucket = request_hashes(calls, rows) % np.uint64(WHOLE)
    return np.asarray(bucket >= np.uint64(int(share * WHOLE)))


def request_hashes(calls: Batch, rows: npt.NDArray[np.int64]) -> Hashes:
    """A hash of each of some requests: of its session, else of its id, else of its time and counts."""
    found, open_ = np.zeros(len(rows), np.uint64), np.ones(len(rows), bool)
    for name in _NAMES:
        hashes, there = (column[rows] for column in hashes_in(calls.batch, name))
        here = open_ & there
        found[here] = hashes[here]
        open_ &= ~here
        if not open_.any():
            return found
    found[open_] = _content(calls, rows[open_])
    return found


def _content(calls: Batch, rows: npt.NDArray[np.int64]) -> Hashes:
    """A hash of time and counts; a count of 0 adds nothing, whether the column is there or not."""
    counted = np.zeros(len(rows), np.uint64)
    for place, name in enumerate(COUNTS):
        column = calls.counts(name)
        if column is not None:
            counted += column[rows].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15 + 2 * place)
    salted = np.full(len(rows), _SALT, np.uint64)
    hashes = mixed(mixed(salted, calls.times()[rows].view(np.uint64)), counted)
    return hashes ^ (hashes >> np.uint64(32))


def session_hashes(calls: Batch) -> Hashes:
    """A hash of the session of every request; 0 for those without one."""
    hashes, there = hashes_in(calls.batch, "session_hash")
    return np.where(there, np.maximum(hashes, np.uint64(1)), np.uint64(0))
