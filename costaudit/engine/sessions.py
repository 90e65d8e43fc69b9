"""Sessions that are routed as a whole: one tier, the highest, and one candidate for all of their requests.

Two readings of a tape decide: the first finds the tier of every session, the second adds up what every
candidate would cost each session and whether it can serve all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.engine.exact import sum_by
from costaudit.schema import UNTAGGED
from costaudit.tiers.evidence import Tags
from costaudit.tiers.tagger import Judged

Hashes = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

KEEPS: Final = -1
"""In place of a seat: the session keeps its models."""


class SessionTags(msgspec.Struct, frozen=True):
    """The tag of every session: that of its request with the highest tier, of these the surest."""

    sessions: Hashes
    """Sorted."""
    tier: npt.NDArray[np.int8]
    confidence: npt.NDArray[np.int8]
    evidence: npt.NDArray[np.int8]
    rule: npt.NDArray[np.int16]

    @classmethod
    def of(cls, parts: Iterable[tuple[Hashes, Tags]]) -> SessionTags:
        """The tags of sessions from those of their requests."""
        found: SessionTags | None = None
        for session, tags in parts:
            rows = np.flatnonzero((session != 0) & (tags.tier != UNTAGGED))
            if len(rows):
                part = cls(session[rows], *(getattr(tags, n)[rows] for n in _TAG_NAMES))
                found = _highest([part] if found is None else [found, part])
        none = np.zeros(0, np.int8)
        return found or cls(np.zeros(0, np.uint64), none, none, none, np.zeros(0, np.int16))

    def applied(self, judged: Judged, session: Hashes) -> Judged:
        """The tags of requests, with that of its session for each that is in one."""
        if not len(self.sessions):
            return judged
        place = np.minimum(np.searchsorted(self.sessions, session), len(self.sessions) - 1)
        inside = (self.sessions[place] == session) & (session != 0)
        tags = [
            np.where(inside, getattr(self, name)[place], getattr(judged.tags, name)) for name in _TAG_NAMES
        ]
        return Judged(Tags(*tags), None, None)


_TAG_NAMES: Final = ("tier", "confidence", "evidence", "rule")


def _highest(parts: Sequence[SessionTags]) -> SessionTags:
    columns = {n: np.concatenate([getattr(p, n) for p in parts]) for n in ("sessions", *_TAG_NAMES)}
    keys = ("rule", "evidence", "confidence", "tier", "sessions")
    order = np.lexsort([columns[name] for name in keys])
    last = np.append(columns["sessions"][order][1:] != columns["sessions"][order][:-1], True)
    kept = order[last]
    return SessionTags(columns["sessions"][kept], *(columns[name][kept] for name in _TAG_NAMES))


class Bids(msgspec.Struct, frozen=True):
    """What one candidate would cost the sessions of some requests."""

    sessions: Hashes
    fits: Mask
    """Whether it can serve all requests of the session that were seen."""
    units: npt.NDArray[Any]
    """In 1e-19 USD, over the requests that it can serve."""


Key = tuple[int, int, int]
"""Number of the policy, group, place of the seat in its group."""


class SessionBook(msgspec.Struct):
    """The candidate of every session, once all bids are in."""

    decided: bool = False
    _used: dict[Key, bool] = msgspec.field(default_factory=dict)
    """Whether the provider of a candidate is in use."""
    _bids: dict[Key, list[Bids]] = msgspec.field(default_factory=dict)
    _today: dict[int, list[Bids]] = msgspec.field(default_factory=dict)
    _chosen: dict[int, _Decision] = msgspec.field(default_factory=dict)
    _always: set[int] = msgspec.field(default_factory=set)

    def today(self, number: int, session: Hashes, units: npt.NDArray[Any], *, always: bool) -> None:
        """Take in what some requests cost today, in 1e-19 USD. `always` where they move whatever it costs."""
        if always:
            self._always.add(number)
        self._today.setdefault(number, []).append(_by_session(session, np.ones(len(session), bool), units))

    def bid(self, key: Key, session: Hashes, fits: Mask, units: npt.NDArray[Any], *, used: bool) -> None:
        """Take in what a candidate would cost some requests, in 1e-19 USD."""
        self._used[key] = used
        self._bids.setdefault(key, []).append(_by_session(session, fits, units))

    def decide(self) -> None:
        """Choose for every session: groups in their order, in a group the lowest cost, if below today's."""
        for number, parts in sorted(self._today.items()):
            today = _joined(parts)
            keys = sorted(key for key in self._used if key[0] == number)
            bids = {key: _aligned(_joined(self._bids[key]), today.sessions) for key in keys}
            always = number in self._always
            same, _ = _choice(today, {k: b for k, b in bids.items() if self._used[k]}, always=always)
            any_, fitted = _choice(today, bids, always=always)
            dearer = _cost(bids, keys, same, today) < _cost(bids, keys, any_, today)
            self._chosen[number] = _Decision(today.sessions, same, np.where(dearer, same, any_), fitted)
        self._bids.clear()
        self._today.clear()
        self.decided = True

    def seat_of(
        self, number: int, session: Hashes
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Mask]:
        """For each request the code of the seat among providers used, that among all, and whether any fits.

        KEEPS where the session keeps its models. A code is `code_of` of the key.
        """
        decision = self._chosen[number]
        place = np.searchsorted(decision.sessions, session)
        same, any_ = decision.same[place], decision.any[place]
        return same, any_, decision.fitted[place]


def code_of(key: Key) -> int:
    """A key without its number, as one integer."""
    return key[1] * 1000 + key[2]


class _Decision(msgspec.Struct, frozen=True):
    sessions: Hashes
    same: npt.NDArray[np.int64]
    any: npt.NDArray[np.int64]
    fitted: Mask


def _by_session(session: Hashes, fits: Mask, units: npt.NDArray[Any]) -> Bids:
    sessions, group = np.unique(session, return_inverse=True)
    total = sum_by(group.astype(np.intp), len(sessions), np.where(fits, units, 0))
    misfits = np.bincount(group, weights=~fits, minlength=len(sessions))
    return Bids(sessions, misfits == 0, total)


def _joined(parts: Sequence[Bids]) -> Bids:
    sessions, group = np.unique(np.concatenate([p.sessions for p in parts]), return_inverse=True)
    units = np.concatenate([p.units.astype(object) for p in parts])
    misfits = np.bincount(group, weights=~np.concatenate([p.fits for p in parts]), minlength=len(sessions))
    return Bids(sessions, misfits == 0, sum_by(group.astype(np.intp), len(sessions), units).astype(object))


def _aligned(bids: Bids, sessions: Hashes) -> Bids:
    """Bids for exactly these sessions, all of which were seen."""
    place = np.searchsorted(bids.sessions, sessions)
    return Bids(sessions, bids.fits[place], bids.units[place])


def _choice(today: Bids, bids: dict[Key, Bids], *, always: bool) -> tuple[npt.NDArray[np.int64], Mask]:
    best, seat = today.units.copy(), np.full(len(today.sessions), KEEPS, np.int64)
    if always:
        best[:] = 10**40  # above any cost
    open_, fitted = np.ones(len(seat), bool), np.zeros(len(seat), bool)
    for group in sorted({key[1] for key in bids}):
        found = np.zeros(len(seat), bool)
        for key in (k for k in sorted(bids) if k[1] == group):
            fits = bids[key].fits & open_
            better = fits & np.asarray(bids[key].units < best, bool)
            best, seat = np.where(better, bids[key].units, best), np.where(better, code_of(key), seat)
            found |= fits
        fitted |= found
        open_ &= ~found
    return seat, fitted


def _cost(
    bids: dict[Key, Bids], keys: Sequence[Key], seat: npt.NDArray[np.int64], today: Bids
) -> npt.NDArray[Any]:
    cost = today.units
    for key in keys:
        cost = np.where(seat == code_of(key), bids[key].units, cost)
    return cost
