"""The answered calls of a tape in arrays, as levers look at them: who called when, with what tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.engine.plan import Plan
from costaudit.engine.rows import JudgedRows, judge_rows
from costaudit.engine.shares import session_hashes
from costaudit.ingest.hashes import mixed
from costaudit.prices.cards import NO_TS
from costaudit.prices.numbered import PRICED
from costaudit.schema import Quality, Status
from costaudit.tape.columns import Batch
from costaudit.tape.record import FILE, LINE
from costaudit.tape.tape import Reel, Tape

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

AT_ONCE: Final = 4_000_000
"""Calls that are looked at at once (about 120 bytes each); more are looked at in parts, by their sessions."""

LONGEST: Final = 1 << 24
"""Tokens of a prompt that are believed to be one: no model has such a window. Sums of several prompts have
no place in a conversation, and what they cost may not fit into 64 bits."""

SUBAGENT: Final = "subagent"
"""The tag of calls that an agent made for another: their conversation is one of its own."""

_APART: Final = np.uint64(0x5B_AD5E)


class Calls(msgspec.Struct, frozen=True):
    """Answered calls of sessions, with times and prices for cached tokens; arrays have an entry per call."""

    session: npt.NDArray[np.uint64]
    """A hash of the session, and of whether a sub-agent called."""
    ts: Ints
    """Microseconds UTC."""
    model: npt.NDArray[np.int32]
    """A number into `models`."""
    card: npt.NDArray[np.int32]
    read: Ints
    """Tokens read from a cache …"""
    short: Ints
    """… written for five minutes …"""
    hour: Ints
    """… for an hour …"""
    fresh: Ints
    """… and the other text of the input side."""
    feature: npt.NDArray[np.int32]
    """A number into `features`."""
    moves: Mask
    """The policy moves these elsewhere."""
    file: npt.NDArray[np.int32]
    """A number into `files`."""
    line: Ints
    models: tuple[str, ...]
    """provider/model, as in the price book."""
    features: tuple[str | None, ...]
    files: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def written(self) -> Ints:
        """Tokens written to a cache, for however long."""
        return self.short + self.hour

    @property
    def context(self) -> Ints:
        """Tokens of text on the input side."""
        return self.read + self.written + self.fresh


_PER_CALL: Final = (
    "session", "ts", "model", "card", "read", "short", "hour", "fresh", "feature", "moves", "file", "line",
)  # fmt: skip


def calls_of(tape: Tape, plan: Plan) -> Iterator[Calls]:
    """The calls of the sessions of a tape, in parts; all calls of a session are in one of them."""
    parts = 1 + tape.requests // AT_ONCE
    for part in range(parts):
        names = _Names()
        found = [some for reel in tape.reels() if (some := _of_reel(reel, plan, names, part, parts))]
        if found:
            columns: dict[str, Any] = {n: np.concatenate([some[n] for some in found]) for n in _PER_CALL}
            yield Calls(**columns, **names.told())


class _Names:
    """Words as numbers, over all reels."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str | None, int]] = {"models": {}, "features": {}, "files": {}}

    def codes(self, kind: str, words: list[str | None]) -> npt.NDArray[np.int32]:
        known = self._known[kind]
        return np.array([known.setdefault(word, len(known)) for word in words], np.int32)

    def told(self) -> dict[str, Any]:
        return {kind: tuple(known) for kind, known in self._known.items()}


def _of_reel(reel: Reel, plan: Plan, names: _Names, part: int, parts: int) -> dict[str, Any] | None:
    session = session_hashes(Batch(reel.segment.rows))
    if not ((session != 0) & (session % np.uint64(parts) == np.uint64(part))).any():
        return None
    judged = judge_rows(reel.segment, plan)
    here = (session != 0) & (session % np.uint64(parts) == np.uint64(part)) & (judged.ts != NO_TS)
    here &= judged.words["status"].among(Status.OK) & (judged.card >= 0) & judged.chat
    here &= rates_of(plan, np.maximum(judged.card, 0), "cache_read") >= 0
    names_of = ("cache_read", "cache_write_5m", "cache_write_1h", "input")
    read, short, hour, fresh = (_count(judged, name) for name in names_of)
    here &= read + short + hour + fresh <= LONGEST
    # Of a call whose counts are not exact the input side is known where it says what was cached.
    here &= judged.words["quality"].among(Quality.EXACT) | (read + short + hour > 0)
    rows = np.flatnonzero(here)
    if not len(rows):
        return None
    feature, calls = judged.words["feature"], judged.calls
    file = calls.words(FILE)
    numbers = range(len(plan.prices.cards))
    model = names.codes("models", [plan.prices.name_of(number) for number in numbers])
    return {
        "session": _apart(session, calls)[rows],
        "ts": judged.ts[rows],
        "model": model[judged.card[rows]],
        "card": judged.card[rows],
        "read": read[rows],
        "short": short[rows],
        "hour": hour[rows],
        "fresh": fresh[rows],
        "feature": names.codes("features", list(feature.values))[feature.codes[rows]],
        "moves": judged.moves(plan.policy)[rows],
        "file": names.codes("files", list(file.values))[file.codes[rows]],
        "line": np.asarray(calls.counts(LINE))[rows],
    }


def _apart(session: npt.NDArray[np.uint64], calls: Batch) -> npt.NDArray[np.uint64]:
    """Sessions in which what sub-agents call is a session of its own."""
    tags = calls.words("tags")
    marked = np.array([SUBAGENT in (value or "").split(",") for value in tags.values], bool)[tags.codes]
    return np.where(marked, mixed(session, np.full(len(session), _APART)), session)


def _count(judged: JudgedRows, name: str) -> Ints:
    column = judged.counts[name]
    return np.zeros(len(judged.ts), np.int64) if column is None else column


def rates_of(plan: Plan, card: npt.NDArray[np.int32], name: str) -> Ints:
    """What a token of a class costs at each card, in 1e-15 USD; -1 where it has no price."""
    return np.asarray(plan.prices.rates().rates[card, PRICED.index(name)], np.int64)
