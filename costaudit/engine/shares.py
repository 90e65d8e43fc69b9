"""Which requests belong to the part of the traffic that a policy moves: by session, by id, by content."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.engine.columns import Batch
from costaudit.ingest.hashes import Hashes, hash_texts, mixed
from costaudit.routing.terms import WHOLE
from costaudit.schema import COUNTS

_SALT: Final = np.uint64(0x5AE3)
"""Apart from the hashes that find repeated records."""

RECORDED: Final = "_share"
"""A column of hashes in the place of the ids, where requests are kept without them …"""

SESSION: Final = "_session"
"""… and one of hashes of their sessions, 0 for a request without one."""

_NAMES: Final = ("session", "call_id", "response_id")
"""What decides, the first that a request has: a session is moved or kept as a whole."""


def outside_share(calls: Batch, rows: npt.NDArray[np.int64], share: Decimal) -> npt.NDArray[np.bool_]:
    """Of some requests, those that stay outside a share of the traffic.

    The same request is always on the same side, and a larger share contains every smaller one.
    """
    bucket = request_hashes(calls, rows) % np.uint64(WHOLE)
    return np.asarray(bucket >= np.uint64(int(share * WHOLE)))


def request_hashes(calls: Batch, rows: npt.NDArray[np.int64]) -> Hashes:
    """A hash of each of some requests: of its session, else of its id, else of its time and counts."""
    recorded = calls.column(RECORDED)
    if recorded is not None:
        return np.asarray(recorded.to_numpy()[rows], np.uint64)
    found, open_ = np.zeros(len(rows), np.uint64), np.ones(len(rows), bool)
    for name in _NAMES:
        column = calls.column(name)
        if column is None or not open_.any():
            continue
        texts = column.take(pa.array(rows))
        if pa.types.is_dictionary(texts.type):
            texts = texts.cast(texts.type.value_type)
        here = open_ & np.asarray(texts.is_valid(), dtype=bool)
        if here.any():
            found[here] = hash_texts(texts.filter(pa.array(here)), _SALT)
            open_ &= ~here
    if open_.any():
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


def recorded_sessions(calls: Batch) -> Hashes:
    """The hash of the session of every request, as it was recorded; 0 for those without one."""
    recorded = calls.column(SESSION)
    return np.zeros(calls.rows, np.uint64) if recorded is None else np.asarray(recorded.to_numpy(), np.uint64)


def session_hashes(calls: Batch) -> Hashes:
    """A hash of the session of every request; 0 for those without one."""
    column = calls.column("session")
    found = np.zeros(calls.rows, np.uint64)
    if column is None:
        return found
    texts = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    here = np.asarray(texts.is_valid(), dtype=bool)
    found[here] = np.maximum(hash_texts(texts.filter(pa.array(here)), _SALT), np.uint64(1))
    return found
