"""Whose a call is that several sessions hold.

A session that is resumed, continued or forked may begin with a copy of an earlier one's records, under its
own id. Nothing in a copy says that it is one. But the session that it comes from ends first: of those that
hold a call, it is that of the one whose last record is the earliest.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.ingest.agents.places import AGENTS
from costaudit.ingest.hashes import Hashes
from costaudit.prices.cards import NO_TS
from costaudit.tape.columns import Batch, Words
from costaudit.tape.record import hashes_in
from costaudit.tape.segment import Segment

Ints = npt.NDArray[np.int64]


class Owners(msgspec.Struct, frozen=True):
    """The calls that several sessions hold, and the session of each."""

    calls: Hashes
    """Sorted."""
    session: Ints
    """By place in `names`."""
    names: tuple[str, ...]

    @classmethod
    def of(cls, segments: Iterable[Segment]) -> Owners:
        """From all records of a run, none of them merged."""
        numbers: dict[str, int] = {}
        calls, sessions, times = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for segment in segments:
            batch = Batch(segment.batch())
            call, session = call_keys(batch), batch.words("session")
            known = [
                -1 if name is None else numbers.setdefault(name, len(numbers)) for name in session.values
            ]
            number = np.array(known, np.int64)[session.codes]
            rows = np.flatnonzero((call != 0) & (number >= 0) & batch.words("feature").among(*AGENTS))
            calls.append(call[rows])
            sessions.append(number[rows])
            times.append(batch.times()[rows])
        return cls._of(np.concatenate(calls), np.concatenate(sessions), np.concatenate(times), tuple(numbers))

    @classmethod
    def _of(cls, calls: Hashes, session: Ints, ts: Ints, names: tuple[str, ...]) -> Owners:
        last = np.full(len(names), NO_TS, np.int64)
        np.maximum.at(last, session, ts)
        place = {name: rank for rank, name in enumerate(sorted(names))}
        rank = np.array([place[name] for name in names], np.int64)
        order = np.lexsort([rank[session], last[session], calls])
        calls, session = calls[order], session[order]
        first = np.append(True, calls[1:] != calls[:-1]) if len(calls) else np.zeros(0, bool)
        owner = session[first][np.cumsum(first) - 1]
        several = np.unique(calls[session != owner])
        firsts = np.flatnonzero(first & np.isin(calls, several))
        return cls(calls[firsts], session[firsts], names)

    def applied(self, batch: Batch, session: Words) -> Words:
        """The sessions of some requests, with the right one for each that several hold."""
        if not len(self.calls):
            return session
        call = call_keys(batch)
        place = np.minimum(np.searchsorted(self.calls, call), len(self.calls) - 1)
        held = self.calls[place] == call
        codes = np.where(held, self.session[place] + len(session.values), session.codes)
        return Words(codes, (*session.values, *self.names))


def call_keys(batch: Batch) -> Hashes:
    """What records of one call have in common, by batch row; 0 for a record without an id."""
    response, answered = hashes_in(batch.batch, "response_hash")
    call, named = hashes_in(batch.batch, "call_hash")
    return np.where(answered, response, np.where(named, call, np.uint64(0)))
