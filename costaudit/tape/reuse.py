"""Ids that are no identity: a server that answers every request with one id, or draws them from too few.

Nothing in an id says so. Its records do: two of them contradict each other (other counts, another model or
another prompt) and are apart (further in time than one call can be, or in other sessions; of records without
a time, two finished answers differ on both sides). A beginning and an end of one call, a gateway's row and
the body behind it, and copies of a record do not contradict each other.

What is compared are records of one kind of log (same gateway, same provider, equally well counted, with
something to say in the same columns), that succeeded and do not say that they are unfinished. All is decided
by sorting, so that it neither depends on the order of records nor takes longer where a million of them have
one id.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.ingest.hashes import Hashes, hash_texts, mixed
from costaudit.prices.cards import NO_TS
from costaudit.schema import COUNTED, COUNTS, INPUT_SIDE, Quality, Status
from costaudit.tape.columns import Batch
from costaudit.tape.record import HASHED, hashes_in, spans_in
from costaudit.tape.segment import FLAGS, WORDS
from costaudit.tiers.traits import PROMPT, SYSTEM
from costaudit.tokens import OUTPUT_SIDE

Ints = npt.NDArray[np.int64]
Index = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

FAR_US: Final = 10 * 60 * 1_000_000
"""So long after the end of a call nobody writes of it any more: ten minutes, after which SDKs give up."""

MOST_OF_ONE: Final = 20_000
"""Records of one call at most: an id with more of them is no identity, whatever they say."""

_DATE: Final = re.compile(r"[-@:]?(\d{4}-?\d{2}-?\d{2}|latest)$")
"""What names of models end with in some records of a call and not in others."""

_TOLD: Final = (
    "ts", "final", "latency_ms", "reported_picousd", "user", "session_hash", "call_hash", "response_hash",
)  # fmt: skip
"""Columns of which each kind of log fills the same ones: an application's line of a call and the provider's
answer to it, of which one may leave out what was cached, are not compared."""

_DEFAULTS: Final = {"quality": Quality.EXACT, "status": Status.OK, "reading": "inclusive"}
_NUMBERS: Final = (
    "ts", "attempt", "tier_tag", "turns", "max_tokens", "latency_ms", "asked_bytes", "answered_bytes",
    "longest_prompt", "reported_picousd", *FLAGS,
)  # fmt: skip


def contradicting(batch: pa.RecordBatch, group: Ints, among: Mask) -> Mask:
    """Rows of the groups with two records among some that cannot be of one call.

    `group` has the number of every row's group. The rows are those of whole groups.
    """
    rows = np.flatnonzero(_comparable(batch) & among & _has_company(group))
    if not len(rows):
        return np.zeros(batch.num_rows, bool)
    said = _Said(batch, rows, group)
    wrong = said.far_apart() | said.one_after_the_other() | said.in_other_sessions() | said.other_answers()
    return np.isin(group, np.unique(group[rows[wrong[said.kind]]]))


def content_hashes(batch: pa.RecordBatch) -> Hashes:
    """A hash of all that each record says: equal for records that are the same in everything but their place.

    A column that is absent has its default, so that it does not matter what else stands in the batch. Of
    spans it is their id, or that of their call: one may be written twice, with more the second time.
    """
    calls = Batch(batch)
    hashes = np.zeros(calls.rows, np.uint64)
    for name in COUNTS:
        counts = calls.counts(name)
        hashes = mixed(hashes, np.zeros(calls.rows, np.uint64) if counts is None else counts.view(np.uint64))
    for name in _NUMBERS:
        hashes = mixed(hashes, _numbers(calls, name).view(np.uint64))
    for name in (*WORDS, "user"):
        words = calls.words(name, _DEFAULTS.get(name))
        texts = pa.array([value or "" for value in words.values], pa.string())
        hashes = mixed(hashes, hash_texts(texts, np.uint64(5))[words.codes])
    for name in (*HASHED.values(), PROMPT, SYSTEM):
        hashes = mixed(hashes, hashes_in(batch, name)[0])
    spans, there = spans_in(batch)
    return np.where(there, spans, hashes)


def numbered(*keys: npt.NDArray[np.generic]) -> Ints:
    """The same number for rows that agree in all keys, from 0 in the order of the last key first."""
    order = np.lexsort(keys)
    if not len(order):
        return np.zeros(0, np.int64)
    differs = np.any([key[order][1:] != key[order][:-1] for key in keys], axis=0)
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.cumsum(np.append(False, differs))
    return numbers


class _Said:
    """What some records say, and of which kind and group each is."""

    def __init__(self, batch: pa.RecordBatch, rows: Index, group: Ints) -> None:
        calls = Batch(batch)
        self.rows = rows
        words = [calls.words(n, _DEFAULTS.get(n)).codes[rows] for n in ("gateway", "provider", "quality")]
        told = [calls.valid(name)[rows] for name in _TOLD]
        self.kind = numbered(group[rows], *words, *told)
        """Numbers of those that are compared with one another."""
        self.asked, self.answered = _sum(calls, INPUT_SIDE)[rows], _sum(calls, OUTPUT_SIDE)[rows]
        self.model = _families(calls)[rows]
        (prompt, has_prompt), (session, has_session) = (hashes_in(batch, n) for n in (PROMPT, "session_hash"))
        self.prompt, self.has_prompt = prompt[rows], has_prompt[rows]
        self.session, self.has_session = session[rows], has_session[rows]
        self.start = calls.times()[rows]
        self.has_time = self.start != NO_TS
        latency = _numbers(calls, "latency_ms")[rows]
        self.end = self.start + np.maximum(latency, 0) * 1000
        final = calls.flag("final")
        self.finished = latency >= 0 if final is None else (latency >= 0) | final[rows]

    def far_apart(self) -> Mask:
        """Kinds with other counts, another model or another prompt too long after the end of the call."""
        found = self._later(numbered(self.asked, self.answered), self.has_time, FAR_US)
        found |= self._later(self.model, self.has_time & (self.model >= 0), FAR_US)
        return found | self._later(numbered(self.prompt), self.has_time & self.has_prompt, FAR_US)

    def one_after_the_other(self) -> Mask:
        """Kinds with a call that began with another prompt when the one before it had ended."""
        return self._later(self.asked, self.has_time & (self.finished | (self.answered > 0)), 0)

    def in_other_sessions(self) -> Mask:
        """Kinds with other prompts in other sessions. Two of each are enough: some pair differs in both."""
        some = self.has_session
        return _differs(self.kind, self.asked, some) & _differs(self.kind, self.session, some)

    def other_answers(self) -> Mask:
        """Kinds with finished answers that differ on both sides, where nothing says when they were given."""
        some = self.finished & ~self.has_time
        return _differs(self.kind, self.asked, some) & _differs(self.kind, self.answered, some)

    def _later(self, value: Ints, among: Mask, margin: int) -> Mask:
        """Kinds with two records of other values, of which one begins more than `margin` after the other."""
        found = np.zeros(int(self.kind.max()) + 1, bool)
        rows = np.flatnonzero(among)
        if not len(rows):
            return found
        pair = numbered(value[rows], self.kind[rows])
        order = np.argsort(pair, kind="stable")
        first = np.flatnonzero(np.append(True, np.diff(pair[order]) > 0))
        kind = self.kind[rows][order][first]
        end = np.minimum.reduceat(self.end[rows][order], first)
        start = np.maximum.reduceat(self.start[rows][order], first)
        (e1, e2), (s1, s2) = _two_least(kind, end), _two_least(kind, -start)
        for ended, begun in ((e1, s1), (e1, s2), (e2, s1)):
            both = (ended >= 0) & (begun >= 0) & (ended != begun)
            late = both & (start[begun] - end[ended] > margin)
            found[kind[e1[late]]] = True
        return found


def _two_least(kind: Ints, value: Ints) -> tuple[Index, Index]:
    """For every kind the place of the least value, and of the one after it, -1 without one."""
    order = np.lexsort([value, kind])
    first = np.flatnonzero(np.append(True, np.diff(kind[order]) > 0))
    size = np.diff(np.append(first, len(order)))
    second = np.where(size > 1, order[np.minimum(first + 1, len(order) - 1)], -1)
    return order[first], second


def _differs(kind: Ints, value: npt.NDArray[np.integer], among: Mask) -> Mask:
    """Kinds with several values among some records."""
    pairs = np.zeros(int(kind.max()) + 1, np.int64)
    rows = np.flatnonzero(among)
    if len(rows):
        pair = numbered(value[rows], kind[rows])
        _, first = np.unique(pair, return_index=True)
        np.add.at(pairs, kind[rows][first], 1)
    return pairs > 1


def _comparable(batch: pa.RecordBatch) -> Mask:
    """Rows that count what a call used and do not say that it failed or goes on."""
    calls = Batch(batch)
    good = calls.words("status", Status.OK).among(Status.OK)
    good &= calls.words("quality", Quality.EXACT).among(*COUNTED)
    good &= _sum(calls, INPUT_SIDE) + _sum(calls, OUTPUT_SIDE) > 0
    final = calls.flag("final")
    return good if final is None else good & (final | ~calls.valid("final"))


def _has_company(group: Ints) -> Mask:
    return np.asarray(np.bincount(group)[group] > 1)


def _sum(calls: Batch, names: tuple[str, ...]) -> Ints:
    counts = [column for name in names if (column := calls.counts(name)) is not None]
    return sum(counts, start=np.zeros(calls.rows, np.int64))


def _numbers(calls: Batch, name: str) -> Ints:
    """A column of numbers, -1 where there is none."""
    column = calls.column(name)
    if column is None:
        return np.full(calls.rows, -1, np.int64)
    return np.asarray(column.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False), np.int64)


def _families(calls: Batch) -> Ints:
    """The same number for names of one model, -1 without a name."""
    words = calls.words("model")
    names = ["" if name is None else _DATE.sub("", name.lower().rpartition("/")[2]) for name in words.values]
    known = {name: number for number, name in enumerate(sorted(set(names) - {""}))}
    return np.array([known.get(name, -1) for name in names], np.int64)[words.codes]
