"""What if: the requests of a log under a policy, evaluated on a tape where the single request decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.engine.audit import Pass
from costaudit.engine.cache import Turns, kept_in_cache
from costaudit.engine.kernel import Partial, audit_segment
from costaudit.engine.ledger import CellSum
from costaudit.engine.plan import Plan
from costaudit.engine.rows import JudgedRows, judge_rows
from costaudit.engine.sessions import SessionBook, SessionTags
from costaudit.engine.shares import session_hashes
from costaudit.engine.told import Told
from costaudit.prices.numbered import MEASURE, PRICED
from costaudit.routing.offers import NO_ROUTE, SCALE
from costaudit.routing.projection import POINT
from costaudit.schema import Status
from costaudit.tape.columns import Batch
from costaudit.tape.segment import Segment
from costaudit.tape.tape import Reel, Tape
from costaudit.tiers.tagger import Judged

Ints = npt.NDArray[np.int64]
T = TypeVar("T")

TURNS_AT_ONCE: Final = 5_000_000
"""Requests whose sessions are replayed at once (about 70 bytes each); more are replayed in parts."""


class CacheReplay(msgspec.Struct, frozen=True):
    """What replaying the sessions of a log under a policy says of prompt caches."""

    requests: int
    """Requests in sessions that were replayed."""
    read: int
    """Tokens that they read from a cache today …"""
    kept: int
    """… and under the policy."""
    shared: int
    """Of those kept, tokens that come from outside their session, and are taken to be there all the same."""
    sessions_kept: int
    """Sessions that keep their models because they would lose more of their cache than they save."""


class Evaluated(msgspec.Struct, frozen=True):
    """A pass under another policy."""

    passed: Pass
    cache: CacheReplay | None
    """None where the log names no sessions."""


def asks_for_tape(passed: Pass, plan: Plan) -> bool:
    """Whether a policy depends on more than single requests: on what their sessions do."""
    cached = passed.cells.measures["cache_read"].any()
    return passed.sessions and (plan.policy.sessions == "together" or bool(cached))


def evaluate(tape: Tape, passed: Pass, plan: Plan) -> Evaluated:
    """The requests of a tape under a plan. `passed` is the pass that the tape comes from."""
    return _Evaluation(tape, passed, plan).all()


class _Reel(msgspec.Struct, frozen=True):
    """A reel with the tags of its requests."""

    number: int
    segment: Segment
    judged: Judged
    session: npt.NDArray[np.uint64]
    """Hash of the session; 0 without one."""


class _Evaluation:
    def __init__(self, tape: Tape, passed: Pass, plan: Plan) -> None:
        self.tape, self.passed, self.plan = tape, passed, plan
        self.tags: SessionTags | None = None

    def all(self) -> Evaluated:
        if self.plan.policy.sessions == "together" and self.tape.has_sessions:
            self._decide_sessions()
        lost: dict[int, Ints] = {}
        cache = None
        if self.tape.has_sessions:
            cache, lost = self._replay_caches()
        sums, told = CellSum(), Told()
        for done in self._each(partial(self._audited, lost=lost)):
            if done.cells.rows:
                sums.add(done.cells)
                told.take(done.told)
        cells = told.by_number(sums.total(), self.plan)
        return Evaluated(msgspec.structs.replace(self.passed, cells=cells, plan=self.plan), cache)

    def _each(self, work: Callable[[_Reel], T]) -> Iterator[T]:
        """Some work on every reel of the tape, in their order."""
        return (work(self._judged(reel)) for reel in self.tape.reels())

    def _judged(self, reel: Reel) -> _Reel:
        segment = self.plan.seen(reel.segment)
        session = session_hashes(Batch(segment.rows))
        judged = Judged(self.plan.tagger.tag(segment.batch()), None, None)
        if self.tags is not None:
            judged = self.tags.applied(judged, session)
        return _Reel(reel.number, segment, judged, session)

    def _audited(self, reel: _Reel, lost: dict[int, Ints]) -> Partial:
        units = lost.get(reel.number)
        if units is None and self.tape.has_sessions:
            units = np.zeros(reel.segment.size, np.int64)
        return audit_segment(reel.segment, self.plan, reel.judged, units)

    def _rows(self, reel: _Reel) -> JudgedRows:
        return judge_rows(reel.segment, self.plan, reel.judged)

    def _decide_sessions(self) -> None:
        """Give every session its tier and its candidate."""
        self.tags = SessionTags.of(self._each(lambda reel: (reel.session, reel.judged.tags)))
        book = SessionBook()
        self.plan = self.plan.with_sessions(book)
        for reel in self.tape.reels():
            self._rows(self._judged(reel))
        book.decide()

    def _replay_caches(self) -> tuple[CacheReplay, dict[int, Ints]]:
        """What requests lose of their cache discounts, by reel, in 1e-15 USD.

        Sessions that would lose more than they save keep their models after all.
        """
        parts = 1 + self.tape.requests // TURNS_AT_ONCE
        lost: dict[int, Ints] = {}
        replays, stays = [], []
        for part in range(parts):
            found = self._each(partial(self._turns, part=part, parts=parts))
            turns = _gather(found)
            if turns is None:
                continue
            replay, amounts, stay = _replayed(turns, self.plan.policy.cache_ttl_seconds * 1_000_000)
            replays.append(replay)
            stays.append(stay)
            for number in np.unique(turns.reel).tolist():
                here = turns.reel == number
                units = lost.setdefault(number, np.zeros(turns.size_of[number], np.int64))
                units[turns.row[here]] = amounts[here]
        if any(len(sessions) for sessions in stays):
            self.plan = self.plan.keeping(np.unique(np.concatenate(stays)))
        return CacheReplay(
            *(sum(getattr(r, n) for r in replays) for n in CacheReplay.__struct_fields__)
        ), lost

    def _turns(self, reel: _Reel, part: int, parts: int) -> _Gathered | None:
        rows = np.flatnonzero((reel.session != 0) & (reel.session % np.uint64(parts) == np.uint64(part)))
        if not len(rows):
            return None
        judged, plan = self._rows(reel), self.plan
        rows = rows[judged.words["status"].among(Status.OK)[rows] & (judged.card[rows] >= 0)]
        if not len(rows):
            return None
        moved = judged.moves(plan.policy)[rows]
        own = judged.card[rows]
        target = own.copy()
        if moved.any():
            target[moved] = plan.offering.matrix().card[judged.route.any[rows][moved]]
        first: dict[str, int] = {}  # a model is known by the number of its first card
        numbers = range(len(plan.prices.cards))
        model = np.array([first.setdefault(plan.prices.name_of(n), n) for n in numbers], np.int32)
        read = judged.counts["cache_read"]
        routed = judged.route_units(plan, judged.route.any)[rows] // SCALE
        turns = Turns(
            session=reel.session[rows],
            ts=judged.ts[rows],
            own=model[own],
            target=model[target],
            context=judged.context[rows],
            cache_read=np.zeros(len(rows), np.int64) if read is None else read[rows],
        )
        return _Gathered(
            turns,
            reel=np.full(len(rows), reel.number),
            row=rows,
            miss=_miss_rate(plan, target),
            always=moved & np.isin(judged.route.number[rows], _always(plan)),
            saved=np.where(moved, judged.list_units[rows].astype(object) - routed, 0),
            size_of={reel.number: reel.segment.size},
        )


class _Gathered(msgspec.Struct, frozen=True):
    """Turns with where they stand, and what a lost cached token costs each."""

    turns: Turns
    reel: Ints
    row: Ints
    miss: Ints
    """In 1e-15 USD per token."""
    always: npt.NDArray[np.bool_]
    """Turns that move whatever that costs."""
    saved: npt.NDArray[Any]
    """What routing the request saves with its cache intact, in 1e-15 USD."""
    size_of: dict[int, int]
    """Requests of each reel."""


def _always(plan: Plan) -> list[int]:
    """Numbers of the policy whose requests move whatever that costs."""
    return [number for number, treatment in plan.policy.treatments() if treatment.always]


def _miss_rate(plan: Plan, card: npt.NDArray[np.int32]) -> Ints:
    """What a token costs more that is no longer in the cache of the model that serves.

    It is read as new input; where the provider charges for writing a cache, it is written anew.
    """
    rates = plan.prices.rates().rates
    place = {name: PRICED.index(name) for name in ("input", "cache_read", "cache_write_5m")}
    fresh, read, write = (rates[card, place[name]] for name in place)
    return np.asarray(np.maximum(np.where(write >= 0, write, fresh) - np.maximum(read, 0), 0))


def _gather(parts: Iterator[_Gathered | None]) -> _Gathered | None:
    known = [part for part in parts if part is not None]
    if not known:
        return None
    turns = Turns(
        *(np.concatenate([getattr(p.turns, name) for p in known]) for name in Turns.__struct_fields__)
    )
    sizes: dict[int, int] = {}
    for part in known:
        sizes |= part.size_of
    return _Gathered(
        turns,
        **{
            name: np.concatenate([getattr(p, name) for p in known])
            for name in ("reel", "row", "miss", "always", "saved")
        },
        size_of=sizes,
    )


def _replayed(gathered: _Gathered, ttl_us: int) -> tuple[CacheReplay, Ints, npt.NDArray[np.uint64]]:
    """The replay, what each turn loses in 1e-15 USD, and the sessions that had better stay."""
    turns = gathered.turns
    kept = kept_in_cache(turns, ttl_us)
    lost = (turns.cache_read - kept.tokens) * gathered.miss
    sessions, group = np.unique(turns.session, return_inverse=True)
    net = np.zeros(len(sessions), dtype=object)
    np.add.at(net, group, gathered.saved - lost.astype(object))
    moving = np.bincount(group, weights=turns.target != turns.own, minlength=len(sessions)) > 0
    bound = np.bincount(group, weights=gathered.always, minlength=len(sessions)) > 0
    stays = moving & ~bound & np.asarray(net < 0, bool)
    lost = np.where(stays[group], 0, lost)
    tokens = np.where(stays[group], turns.cache_read, kept.tokens)
    replay = CacheReplay(
        requests=len(turns),
        read=int(turns.cache_read.sum()),
        kept=int(tokens.sum()),
        shared=int(tokens[kept.shared].sum()),
        sessions_kept=int(stays.sum()),
    )
    return replay, lost, sessions[stays]


def most_lost(passed: Pass) -> int:
    """What the requests that move could lose of their cache discounts at most, in 1e-15 USD."""
    plan, cells = passed.plan, passed.cells
    offer = cells.keys["route_any"]
    moved = (offer != NO_ROUTE) & (cells.keys["band"] >= POINT)
    if not moved.any():
        return 0
    card = plan.offering.matrix().card[np.maximum(offer, 0)]
    read = cells.measures[MEASURE["cache_read"]]
    rows = np.flatnonzero(moved & (read > 0))
    return sum((read[rows].astype(object) * _miss_rate(plan, card[rows])).tolist())
