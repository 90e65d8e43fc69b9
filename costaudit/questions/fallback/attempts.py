"""The attempts of a log: sums by hour and model of all of them, and one by one those that others belong to.

Requests that were answered at once are only summed, with what every member of the fallback chains would
have cost for them. Failed attempts and retries are kept as rows, without texts: they are few, and
what belongs together can only be told from their ids.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.engine.audit import Requests
from costaudit.engine.ledger import NO_PERIOD, Cells, CellSum, sums
from costaudit.engine.plan import Plan
from costaudit.engine.rows import PricedRows, price_rows
from costaudit.ingest.canonical import completed
from costaudit.ingest.hashes import Hashes
from costaudit.prices.cards import NO_TS
from costaudit.prices.resolver import Resolved
from costaudit.questions.fallback.failures import REASONS, reason_of
from costaudit.questions.fallback.members import ChainMembers, card_names
from costaudit.questions.fallback.retries import (
    PROMPT,
    Family,
    Tries,
    asked_again,
    link_attempts,
    prompt_hashes,
)
from costaudit.routing.contexts import NOT_ACTED_ON, contexts_of
from costaudit.schema import CANONICAL, COUNTS, Status
from costaudit.tape.columns import Words
from costaudit.tape.groups import group_rows
from costaudit.tape.record import HASHED, hashes_in
from costaudit.times import HOUR_US

Ints = npt.NDArray[np.int64]


ANSWERED: Final = -1
"""In `reason`: the attempt was answered. Other numbers are indices into REASONS."""

TIER: Final = "_tier"
"""The column of kept rows that holds the tier, UNTAGGED without one."""

_LEFT_OUT: Final = ("prompt", "system", "tags", "reported_picousd", "asked_bytes", "answered_bytes", *HASHED)

_HASHES: Final = tuple(pa.field(name, pa.uint64()) for name in HASHED.values())

_OWN: Final = (pa.field(TIER, pa.int8()), pa.field(PROMPT, pa.uint64()))

_SPLIT: Final = 10**9
"""Sums of money are kept in two parts, each of which 64 bits hold."""


class AttemptLog(msgspec.Struct, frozen=True):
    """What the attempts of a log come to."""

    tried: Cells
    """All attempts but answers of a gateway's cache. Keys: hour, provider, model, reason; measures:
    requests, unpriced, latency_ms, latencies (attempts with one), money `own`."""
    answered: Cells
    """Requests that were answered at once. Keys: hour, provider, model, tier, feature, number (of the
    policy's treatment) and, for every member `to MEMBER`, the model that it would ask; measures: requests,
    unpriced, all counts, money `own` and `to MEMBER`."""
    kept: pa.RecordBatch
    """Failed, cancelled and replaced attempts, and all attempts after the first: canonical columns, hashes of
    ids, TIER and PROMPT."""
    families: tuple[Family, ...]
    """The requests that the kept attempts belong to."""
    cache_hits: int
    undated: int
    """Attempts without a time."""


def money_of(cells: Cells, name: str) -> npt.NDArray[Any]:
    """A sum of money per cell, in 1e-15 USD, as Python integers."""
    upper, lower = cells.measures[f"{name} hi"], cells.measures[f"{name} lo"]
    return np.asarray(upper.astype(object) * _SPLIT + lower.astype(object))


def without_keys(cells: Cells, *names: str) -> Cells:
    """The same sums, not told apart by some keys."""
    whole = CellSum()
    if cells.keys:
        keys = {name: codes for name, codes in cells.keys.items() if name not in names}
        values = {name: words for name, words in cells.values.items() if name not in names}
        whole.add(Cells(keys, values, cells.measures))
    return whole.total()


def rows_of(tried: Cells, *measures: str) -> list[tuple[Any, ...]]:
    """Provider, model, hour, reason and some measures of every cell of attempts."""
    if not tried.keys:
        return []
    columns = [tried.measures[name].tolist() for name in measures]
    numbers = [tried.keys[name].tolist() for name in ("hour", "reason")]
    return list(zip(tried.words("provider"), tried.words("model"), *numbers, *columns, strict=True))


Read = Callable[[], Iterable[Requests]]
"""A reading of the log: every request once, in the order of the input."""


def read_attempts(read: Read, plan: Plan, members: ChainMembers) -> AttemptLog:
    """The attempts of a log: first those that are kept, then the sums of what none of them belongs to."""
    parts = [part for some in read() if (part := _kept(some, _apart(some, plan))).num_rows]
    kept = pa.concat_batches(parts) if parts else _nothing_kept()
    families = link_attempts(Tries.of(kept))
    wanted = _unfollowed(kept, families)
    retries: set[_Place] = set()
    if len(wanted):
        kept, families, retries = _with_answers(kept, asked_again(read(), wanted))
    sums = _Sums(plan, members)
    for some in read():
        own = [row for number, row in retries if number == some.reel.number]
        sums.add(some, np.array(own, np.intp))
    return AttemptLog(
        sums.tried.total(), sums.answered.total(), kept, tuple(families), sums.cache_hits, sums.undated
    )


_Place = tuple[int, int]
"""Number of a reel, row in it."""


def _with_answers(
    kept: pa.RecordBatch, asked: Iterable[tuple[Requests, npt.NDArray[np.intp]]]
) -> tuple[pa.RecordBatch, list[Family], set[_Place]]:
    """The kept attempts and, behind them, answered calls with the text of a failed one; who follows whom.

    Some of those turn out to be retries, and are no requests of their own: they are named by their places.
    """
    again, places = [], list[_Place]()
    for some, rows in asked:
        again.append(_kept(some, rows))
        places += [(some.reel.number, row) for row in rows.tolist()]
    known = kept.num_rows
    kept = pa.concat_batches([kept, *again])
    families = link_attempts(Tries.of(kept))
    follow = {row for family in families for row in family.rows[1:]}
    strange = set(range(known, kept.num_rows)) - follow
    families = [family for family in families if not strange.intersection(family.rows)]
    return kept, families, {places[row - known] for row in follow if row >= known}


def _unfollowed(kept: pa.RecordBatch, families: Sequence[Family]) -> Hashes:
    """Hashes of the texts of failures that nothing is known to have followed, sorted."""
    tries = Tries.of(kept)
    last = [family.rows[-1] for family in families]
    return np.unique(
        np.array(
            [
                tries.prompt[row]
                for row in last
                if tries.prompt[row] and tries.open(row) and not tries.refused[row]
            ],
            np.uint64,
        )
    )


def _apart(some: Requests, plan: Plan) -> npt.NDArray[np.intp]:
    """The requests that are kept one by one: failed, cancelled and replaced ones, and further attempts."""
    rows = price_rows(some.reel.segment, plan)
    cached = rows.words["status"].among(Status.CACHE_HIT)
    return np.flatnonzero(~cached & _is_apart(rows))


def _is_apart(rows: PricedRows) -> npt.NDArray[np.bool_]:
    attempt = rows.calls.counts("attempt")
    return np.asarray((reason_codes(rows) != ANSWERED) | (attempt > 0 if attempt is not None else False))


class _Sums:
    """The sums of all attempts, and of the requests that were answered at once."""

    def __init__(self, plan: Plan, members: ChainMembers) -> None:
        self.plan, self.members = plan, members
        self.tried, self.answered = CellSum(), CellSum()
        self.cache_hits = self.undated = 0

    def add(self, some: Requests, retries: npt.NDArray[np.intp]) -> None:
        """Take in some requests; `retries` are rows that belong to others."""
        rows = price_rows(some.reel.segment, self.plan)
        cached = rows.words["status"].among(Status.CACHE_HIT)
        self.cache_hits += int(cached.sum())
        self.undated += int((rows.ts[~cached] == NO_TS).sum())
        tried = np.flatnonzero(~cached)
        if len(tried):
            self.tried.add(_tried_cells(rows, serving(rows, self.plan), reason_codes(rows), tried))
        own = ~cached & ~_is_apart(rows)
        own[retries] = False
        at_once = np.flatnonzero(own)
        if len(at_once):
            tier = np.asarray(some.judged.tags.tier, np.int64)
            self.answered.add(offered_cells(rows, self.members, tier, at_once))


def _nothing_kept() -> pa.RecordBatch:
    schema = pa.schema([*(f for f in CANONICAL if f.name not in _LEFT_OUT), *_HASHES, *_OWN])
    return pa.RecordBatch.from_arrays([pa.array([], f.type) for f in schema], schema=schema)


class Serving(msgspec.Struct, frozen=True):
    """Who served the calls of a batch: by the book's names, else as logged."""

    provider: Words
    model: Words


def serving(rows: PricedRows, plan: Plan) -> Serving:
    """Provider and model of every call, as the price book calls them at that time."""
    names = ("provider", "model", "gateway", "region")
    keys = {n: (rows.words[n].codes, 0, len(rows.words[n].values) - 1) for n in names}
    distinct, group, size = group_rows(keys)
    found: dict[tuple[str | None, str | None], int] = {}
    codes = np.zeros(rows.calls.rows, np.int64)
    for number in range(size):
        provider, model, gateway, region = (rows.words[n].values[distinct[n][number]] for n in names)
        periods = plan.prices.resolver.periods_through(provider, gateway, model, region)
        pairs = [
            (r.provider, r.model) if isinstance(r, Resolved) else (provider or gateway, model)
            for _, r in periods
        ]
        numbers = [found.setdefault(pair, len(found)) for pair in pairs]
        here = np.flatnonzero(group == number)
        if len(set(numbers)) == 1:
            codes[here] = numbers[0]
        else:
            starts = [start for start, _ in periods]
            place = [max(bisect.bisect_right(starts, ts) - 1, 0) for ts in rows.price_ts[here].tolist()]
            codes[here] = np.array(numbers, np.int64)[place]
    return Serving(
        Words(codes, tuple(provider for provider, _ in found)),
        Words(codes, tuple(model for _, model in found)),
    )


def reason_codes(rows: PricedRows) -> Ints:
    """Why each call brought no answer: an index into REASONS, or ANSWERED."""
    status, code = rows.words["status"], rows.calls.words("error_code")
    keys = {"status": status, "code": code}
    distinct, group, size = group_rows({n: (w.codes, 0, len(w.values) - 1) for n, w in keys.items()})
    table = np.full(size, ANSWERED, np.int64)
    for number in range(size):
        told = reason_of(
            status.values[distinct["status"][number]] or "", code.values[distinct["code"][number]]
        )
        if told is not None:
            table[number] = REASONS.index(told)
    return table[group]


def hours_of(ts: Ints) -> Ints:
    """The hour (UTC) of each time, counted from 1970; NO_PERIOD where unknown."""
    return np.where(ts == NO_TS, NO_PERIOD, ts // HOUR_US)


def _tried_cells(rows: PricedRows, served: Serving, reason: Ints, index: npt.NDArray[np.intp]) -> Cells:
    latency = rows.calls.column("latency_ms")
    measures: dict[str, Ints | None] = _priced(rows, index)
    if latency is not None:
        measures["latencies"] = np.asarray(latency.is_valid(), np.int64)[index]
        measures["latency_ms"] = np.asarray(latency.fill_null(0).to_numpy(zero_copy_only=False), np.int64)[
            index
        ]
    else:
        measures |= {"latencies": None, "latency_ms": None}
    numbers = {"hour": hours_of(rows.ts)[index], "reason": reason[index]}
    return _cells(numbers, {"provider": served.provider, "model": served.model}, measures, index)


def _priced(rows: PricedRows, index: npt.NDArray[np.intp]) -> dict[str, Ints | None]:
    units = rows.list_units[index]
    return {"unpriced": (units < 0).astype(np.int64), **_halves("own", np.where(units < 0, 0, units))}


def _halves(name: str, units: npt.NDArray[Any]) -> dict[str, Ints]:
    return {
        f"{name} hi": (units // _SPLIT).astype(np.int64), f"{name} lo": (units % _SPLIT).astype(np.int64)
    }  # fmt: skip


def offered_cells(rows: PricedRows, members: ChainMembers, tier: Ints, index: npt.NDArray[np.intp]) -> Cells:
    """Sums of the requests of `index`, with who would serve them under each member and for how much."""
    measures = _priced(rows, index)
    for name in COUNTS:
        column = rows.counts[name]
        measures[name] = None if column is None else column[index]
    served = serving(rows, members.plan)
    words = {"provider": served.provider, "model": served.model, "feature": rows.words["feature"]}
    for name, offer in members.offers(rows).items():
        words[f"to {name}"] = Words(*card_names(members.plan, offer.card))
        measures |= _halves(f"to {name}", offer.units[index])
    numbers = {
        "hour": hours_of(rows.ts)[index],
        "tier": tier[index],
        "number": _numbers(rows, members.plan, tier)[index],
    }
    return _cells(numbers, words, measures, index)


def _numbers(rows: PricedRows, plan: Plan, tier: Ints) -> Ints:
    """Under which number the policy treats every request; NOT_ACTED_ON for those that it leaves alone."""
    if not any(treatment.fallbacks for _, treatment in plan.policy.treatments()):
        return np.full(rows.calls.rows, NOT_ACTED_ON, np.int64)
    contexts = contexts_of(
        plan.policy,
        plan.reads,
        rows.words,
        tier.astype(np.int8),
        rows.card,
        plan.prices.cards,
        evals=False,
        tasks=False,
    )
    table = np.array([*(context.number for context in contexts.known), NOT_ACTED_ON], np.int64)
    return table[contexts.code]


def _cells(
    numbers: Mapping[str, Ints],
    words: Mapping[str, Words],
    measures: Mapping[str, Ints | None],
    index: npt.NDArray[np.intp],
) -> Cells:
    keys: dict[str, tuple[npt.NDArray[np.integer], int, int]] = {
        name: (codes, int(codes.min(initial=0)), int(codes.max(initial=0))) for name, codes in numbers.items()
    }
    keys |= {name: (word.codes[index], 0, len(word.values) - 1) for name, word in words.items()}
    distinct, group, size = group_rows(keys)
    return Cells(distinct, {name: word.values for name, word in words.items()}, sums(group, size, measures))


def _kept(some: Requests, index: npt.NDArray[np.intp]) -> pa.RecordBatch:
    taken = some.batch.take(pa.array(index))
    batch = completed(taken).drop_columns(list(_LEFT_OUT))
    for field in _HASHES:
        hashes, there = hashes_in(taken, field.name)
        batch = batch.append_column(field, pa.array(hashes, mask=~there))
    tiers = np.asarray(some.judged.tags.tier, np.int8)[index]
    batch = batch.append_column(_OWN[0], pa.array(tiers, pa.int8()))
    return batch.append_column(_OWN[1], pa.array(prompt_hashes(some.batch)[index], pa.uint64()))
