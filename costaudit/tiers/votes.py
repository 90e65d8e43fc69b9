"""The vote of a fingerprint: what most requests of one kind are, and how far they agree.

Every request gives its scores to its fingerprints, one that is logged twice only once. Of each fingerprint
the VOICES requests with the smallest hashes are heard: a random sample that does not depend on the order in
which logs are read. The sum of their scores goes through the risk guard, as the scores of one request do: a
fingerprint that is probably trivial and often complex is not called trivial.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.ingest.hashes import Hashes
from costaudit.schema import UNTAGGED, Tier
from costaudit.tiers.fingerprint import NO_PRINT, Prints
from costaudit.tiers.guard import DEFAULT_RISK, guarded_tiers
from costaudit.tiers.scores import best_tier, percent_of

VOICES: Final = 50
"""Requests of a fingerprint that are heard."""

FEWEST_NARROW, FEWEST_WIDE = 3, 10
"""Requests from which on a fingerprint decides: one template is soon known, an endpoint may be mixed."""

AGREEMENT: Final = 70
"""Percent of the requests that must be of the tier themselves, on which most agree."""

CONFIDENCE: Final = (50, 90)
"""Least and most confidence of a vote, in percent: no more than that of the names which a caller gave."""

MOST_HELD: Final = 4_000_000
"""Votes that are held in memory. Beyond, only fingerprints of a share of all hashes are followed."""

_COMPACT_AT: Final = 1_000_000

Scores = npt.NDArray[np.int16]


class Ballots(msgspec.Struct, frozen=True):
    """Votes: one entry per fingerprint and request."""

    groups: Hashes
    voters: Hashes
    scores: Scores
    """Thousandths per tier."""

    @classmethod
    def cast(cls, prints: Prints, scores: npt.NDArray[np.integer]) -> Ballots:
        """The votes of a batch: of every row with scores, for each fingerprint that it has."""
        has_scores = scores.any(axis=1)
        parts = []
        for groups in (prints.narrow, prints.wide):
            rows = np.flatnonzero(has_scores & (groups != NO_PRINT))
            parts.append(cls(groups[rows], prints.voter[rows], scores[rows].astype(np.int16)))
        return _heard(_joined(parts))

    def __len__(self) -> int:
        return len(self.groups)


class BallotBox(msgspec.Struct):
    """Collects the votes of all blocks. What it holds does not depend on their order."""

    _parts: list[Ballots] = msgspec.field(default_factory=list)
    _held: int = 0
    _below: np.uint64 = msgspec.field(default_factory=lambda: np.uint64(2**64 - 1))
    """Fingerprints with larger hashes are not followed."""

    def add(self, ballots: Ballots) -> None:
        """Take in the votes of a block."""
        self._parts.append(ballots)
        self._held += len(ballots)
        if self._held > max(_COMPACT_AT, 2 * len(self._parts[0])):
            self._compact()

    def _compact(self) -> None:
        heard = _heard(_joined(self._parts))
        while True:
            heard = _rows(heard, np.flatnonzero(_spread(heard.groups) <= self._below))
            if len(heard) <= MOST_HELD:
                break
            self._below //= np.uint64(2)
        self._parts, self._held = [heard], len(heard)

    def count(self, risk: float = DEFAULT_RISK) -> Votes:
        """The outcome for every fingerprint that has enough votes."""
        if not self._held:
            return Votes.none()
        self._compact()
        return _outcome(self._parts[0], risk)


class Votes(msgspec.Struct, frozen=True):
    """What fingerprints voted for, in order of their hashes."""

    groups: Hashes
    tier: npt.NDArray[np.int8]
    """UNTAGGED where no tier is within the risk, or a narrow fingerprint does not agree."""
    confidence: npt.NDArray[np.int8]
    """Percent of the scores that the tier got, within CONFIDENCE; 0 for UNTAGGED."""
    agreement: npt.NDArray[np.int8]
    """Percent of the requests that are of the tier with most scores by themselves."""

    @classmethod
    def none(cls) -> Votes:
        """Votes of nobody."""
        return cls(np.zeros(0, np.uint64), *(np.zeros(0, np.int8) for _ in range(3)))

    def __len__(self) -> int:
        return len(self.groups)

    def of(self, prints: Prints) -> npt.NDArray[np.intp]:
        """Per row the fingerprint that decides it, the narrow before the wide; -1 for none."""
        narrow, wide = self._find(prints.narrow), self._find(prints.wide)
        return np.where(narrow >= 0, narrow, wide)

    def _find(self, hashes: Hashes) -> npt.NDArray[np.intp]:
        if not len(self.groups):
            return np.full(len(hashes), -1, np.intp)
        place = np.minimum(np.searchsorted(self.groups, hashes), len(self.groups) - 1)
        return np.where((self.groups[place] == hashes) & (hashes != NO_PRINT), place, -1)


def _outcome(heard: Ballots, risk: float) -> Votes:
    first = np.flatnonzero(np.append(True, heard.groups[1:] != heard.groups[:-1]))
    groups = heard.groups[first]
    sums = np.add.reduceat(heard.scores.astype(np.int64), first, axis=0)
    size = np.diff(np.append(first, len(heard)))
    most = best_tier(sums)
    own, of_group = best_tier(heard.scores), np.repeat(most, size)
    agreement = np.add.reduceat((own == of_group).astype(np.int64), first) * 100 // size
    wide = (groups & np.uint64(1)).astype(bool)
    agreed = agreement >= AGREEMENT
    decides = np.where(wide, (size >= FEWEST_WIDE) & agreed, size >= FEWEST_NARROW)
    tier = np.where(agreed, guarded_tiers(sums, risk), UNTAGGED).astype(np.int8)
    percent = np.clip(percent_of(sums, tier), *CONFIDENCE)
    confidence = np.where(tier == UNTAGGED, 0, percent).astype(np.int8)
    kept = np.flatnonzero(decides)
    return Votes(groups[kept], tier[kept], confidence[kept], agreement[kept].astype(np.int8))


def _heard(ballots: Ballots) -> Ballots:
    """The first VOICES votes of every fingerprint in order of their hashes, one per request, sorted."""
    if not len(ballots):
        return ballots
    keys: list[npt.NDArray[Any]] = [ballots.scores[:, tier] for tier in range(len(Tier))]
    order = np.lexsort([*keys, ballots.voters, ballots.groups])
    groups, voters = ballots.groups[order], ballots.voters[order]
    again = np.zeros(len(order), bool)
    again[1:] = (groups[1:] == groups[:-1]) & (voters[1:] == voters[:-1])
    order, groups = order[~again], groups[~again]
    first = np.append(True, groups[1:] != groups[:-1])
    index = np.arange(len(order))
    rank = index - np.maximum.accumulate(np.where(first, index, 0))
    return _rows(ballots, order[rank < VOICES])


def _joined(parts: Sequence[Ballots]) -> Ballots:
    return Ballots(
        np.concatenate([p.groups for p in parts]),
        np.concatenate([p.voters for p in parts]),
        np.concatenate([p.scores for p in parts]),
    )


def _rows(ballots: Ballots, rows: npt.NDArray[Any]) -> Ballots:
    return Ballots(ballots.groups[rows], ballots.voters[rows], ballots.scores[rows])


def _spread(hashes: Hashes) -> Hashes:
    """The hashes over their whole range: what decides which of them are followed."""
    return hashes * np.uint64(0xBF58476D1CE4E5B9)
