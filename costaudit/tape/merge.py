"""Which records are the same call, and the merge of those that are.

The log's own call id decides where there is one, together with the response id: ids like a batch's
custom_id are used again in the next batch. Without a call id the provider's response id decides, and such a
record joins the call whose response id it shares. A failed try is never the same record as a good one, and a
further attempt never the same as the first. An id that is used again for other calls (`reuse.py`) decides
nothing: records that have no other stand for themselves, and only what is the same in everything is one.
Ids are compared by 64-bit hashes: that two of ten million different ids have the same is as likely as one in
400,000.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from costaudit.ingest.hashes import Hashes, mixed
from costaudit.ingest.request_id import OWN_ID, PREFIX
from costaudit.schema import CANONICAL, COUNTED, COUNTS, INPUT_SIDE, UNITS, Quality, Status
from costaudit.tape.columns import Batch
from costaudit.tape.record import FILE, LINE, hashes_in
from costaudit.tape.reuse import content_hashes, contradicting, numbered
from costaudit.tiers.traits import VOTER
from costaudit.tokens import OUTPUT_SIDE

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Index = npt.NDArray[np.intp]

_SALTS: Final = {"call_hash": np.uint64(1), "response_hash": np.uint64(2)}
"""A parent id is the call id or the response id of another record, and stands for both."""

_LARGEST: Final = (*UNITS, "asked_bytes", "answered_bytes")


def id_keys(batch: pa.RecordBatch) -> Iterator[tuple[Hashes, Index]]:
    """What records of the same call have in common, with the rows that have it.

    That are their own ids and, for a further attempt, the id of the try before it.
    """
    is_retry = Batch(batch).valid("attempt")  # a parent without an attempt is a span's parent
    for name, salt in _SALTS.items():
        for column, among in ((name, None), ("parent_hash", is_retry)):
            hashes, there = hashes_in(batch, column)
            rows = np.flatnonzero(there if among is None else there & among)
            if len(rows):
                some = hashes if len(rows) == len(hashes) else hashes[rows]
                yield mixed(some, np.full(len(rows), salt)), rows


class Merged(msgspec.Struct, frozen=True):
    """Calls, each made of one record or of several."""

    batch: pa.RecordBatch
    first: Index
    """The first record of every call, as a row of the batch of records."""
    cost: Index
    """The first record that states the cost which the call has."""
    members: Index
    """All records, call by call …"""
    starts: Index
    """… and where those of every call begin."""
    nameless: Mask
    """Calls whose only ids are used again for other calls."""
    reused: Hashes
    """The keys of those ids (see `id_keys`), each once."""

    def records(self) -> Ints:
        """How many records every call was made of."""
        return np.diff(np.append(self.starts, len(self.members))).astype(np.int64)


_NO_KEYS: Final = np.zeros(0, np.uint64)


def merge(batch: pa.RecordBatch, void: Hashes = _NO_KEYS) -> Merged:
    """The calls that records come to, in an order that depends on what the records say alone.

    `batch` is one of `record.recorded`, with every record that shares an id with another one of it. Its rows
    are in the order of the input. Attempts that a later attempt replaced have status `superseded` afterwards.
    `void` are keys (see `id_keys`) that are known to be no identity; of records that have one and no other
    key, only those that are the same in everything need to be together.
    """
    records = _Records(batch, void)
    order, starts = records.in_groups()
    picks = _Picks(batch, order, starts)
    columns: dict[str, pa.Array] = {}
    for name in batch.schema.names:
        if name not in COUNTS and name not in (FILE, LINE):
            columns[name] = picks.first_there(name)
    first = np.minimum.reduceat(order, starts)
    whole_rows = {FILE: first, LINE: first, "quality": picks.best, "reading": picks.input_source}
    for name in batch.schema.names:
        if name in whole_rows:
            columns[name] = batch.column(name).take(pa.array(whole_rows[name]))
        elif name in _LARGEST:
            columns[name] = picks.largest(name)
    columns |= picks.counts()
    if "ts" in columns:
        columns["ts"] = picks.earliest()
    if VOTER in columns:
        columns[VOTER] = picks.voter(records)
    nameless = records.nameless[picks.best]
    status = records.words("status")[picks.best]
    columns["status"] = _superseded(pa.RecordBatch.from_pydict(columns), status, nameless)
    if OWN_ID in columns and nameless.any():
        columns[OWN_ID] = _own_ids(columns[OWN_ID], nameless, records.content[picks.best])
    whole = pa.RecordBatch.from_pydict(columns)
    return Merged(whole, first, picks.cost(whole), order, starts, nameless, records.reused())


def _own_ids(idents: pa.Array, nameless: Mask, content: Hashes) -> pa.Array:
    """The ids of calls, for nameless ones made of all that they say."""
    made = [
        f"{PREFIX}{one:016x}" if new else None for new, one in zip(nameless, content.tolist(), strict=True)
    ]
    return pc.coalesce(pa.array(made, pa.string()), idents)


class _Records:
    """Records and what tells their calls apart."""

    def __init__(self, batch: pa.RecordBatch, void: Hashes = _NO_KEYS) -> None:
        self.batch, self.calls, self.void = batch, Batch(batch), void
        self.nameless = np.zeros(batch.num_rows, bool)
        """Rows that have no id but such as are used again; known after `in_groups`."""
        self.content = np.zeros(batch.num_rows, np.uint64)
        """For those a hash of all that they say."""
        self.call, self.has_call = hashes_in(batch, "call_hash")
        self.response, self.has_response = hashes_in(batch, "response_hash")
        attempt = self.calls.counts("attempt")
        self.attempt = np.zeros(batch.num_rows, np.int64) if attempt is None else attempt
        failed = self.calls.words("status", Status.OK).among(Status.ERROR)
        self.trial = self.attempt * 2 + failed

    def words(self, name: str) -> npt.NDArray[np.object_]:
        """A column of words as Python strings."""
        words = self.calls.words(name)
        return np.array(words.values, object)[words.codes]

    def in_groups(self) -> tuple[Index, Index]:
        """The records call by call, the most complete of each first, and where each call begins."""
        call, response = self._owners()
        alone = ~self.has_call & ~self.has_response
        apart = np.where(alone, np.arange(1, len(alone) + 1), 0)
        self._lose_names(numbered(apart, self.trial, response, call))
        identity: list[npt.NDArray[Any]] = [self.content, apart, self.trial, response, call]
        order = np.lexsort([*self._completeness(), *identity])
        starts = self._starts(order, identity)
        whole = [key[order] for key in self._completeness()]
        inside = np.ones(len(order), bool)
        inside[starts] = False
        tied = np.all([key[1:] == key[:-1] for key in whole], axis=0) & inside[1:]
        if tied.any():
            order = np.lexsort([*self._content(), *self._completeness(), *identity])
        return order, starts

    @staticmethod
    def _starts(order: Index, identity: list[npt.NDArray[Any]]) -> Index:
        differs = np.any([key[order][1:] != key[order][:-1] for key in identity], axis=0)
        return np.flatnonzero(np.append(True, differs))

    def _owners(self) -> tuple[Hashes, Hashes]:
        """Call and response of every record; one that states only one of them has that of the others.

        Of several it has the one with the smallest hash; 0 without any.
        """
        trial = self.trial.astype(np.uint64)
        by_call, by_response = mixed(self.call, trial), mixed(self.response, ~trial)
        both = self.has_call & self.has_response
        call = np.where(self.has_call, self.call, 0).astype(np.uint64)
        response = np.where(self.has_response, self.response, 0).astype(np.uint64)
        open_ = np.flatnonzero(self.has_call & ~self.has_response)
        response[open_] = _smallest(by_call[both], self.response[both], by_call[open_])
        open_ = np.flatnonzero(~self.has_call & self.has_response)
        call[open_] = _smallest(by_response[both], self.call[both], by_response[open_])
        return call, response

    def _lose_names(self, group: Ints) -> None:
        """Find the rows whose ids are no identity. `group` numbers the calls by their ids.

        Records that name their call contradict each other under that name; others under their response id.
        """
        everyone = np.ones(len(group), bool)
        wrong = contradicting(self.batch, group, everyone)
        wrong_calls = contradicting(self.batch, group, self.has_call) if wrong.any() else wrong
        named = self.has_call & ~self._lost("call_hash", self.call, wrong_calls & self.has_call)
        answered = self.has_response & ~self._lost("response_hash", self.response, wrong & self.has_response)
        self.nameless = (self.has_call | self.has_response) & ~named & ~answered
        if self.nameless.any():
            self.content = np.where(self.nameless, content_hashes(self.batch), np.uint64(0))

    def _lost(self, name: str, hashes: Hashes, wrong: Mask) -> Mask:
        """Rows with an id that some wrong row has, or that is void."""
        lost = np.isin(hashes, np.unique(hashes[wrong])) if wrong.any() else np.zeros(len(hashes), bool)
        if len(self.void):
            lost |= np.isin(mixed(hashes, np.full(len(hashes), _SALTS[name])), self.void)
        return lost

    def reused(self) -> Hashes:
        """The keys of the ids that nameless rows have: of each row the one that would have decided."""
        own = np.where(self.has_call, self.call, self.response)[self.nameless]
        by_call, by_response = _SALTS.values()
        salts = np.where(self.has_call[self.nameless], by_call, by_response)
        return np.unique(mixed(own.astype(np.uint64), salts.astype(np.uint64)))

    def _completeness(self) -> list[Ints]:
        """Sorts the most complete record of a call first; the weightiest key stands last."""
        counts = [column for name in COUNTS if (column := self.calls.counts(name)) is not None]
        reasoning = self.calls.counts("reasoning")
        nothing = np.zeros(self.batch.num_rows, np.int64)
        tokens = sum(counts, start=nothing) - (nothing if reasoning is None else reasoning)
        used = sum(((column > 0).astype(np.int64) for column in counts), start=nothing)
        final = self.calls.flag("final")
        counted = self.calls.words("quality", Quality.EXACT).among(*COUNTED)
        return [
            -self.calls.valid("reported_picousd").astype(np.int64),
            -used,
            -tokens,
            nothing if final is None else -final.astype(np.int64),
            -counted.astype(np.int64),
        ]

    def _content(self) -> list[Ints]:
        """Sorts records that are equally complete by what they say, so that no order of the input decides."""
        names = [*CANONICAL.names, *sorted(set(self.batch.schema.names) - set(CANONICAL.names))]
        placed = (FILE, LINE)
        keys = [
            _ranks(self.batch.column(n)) for n in names if n in self.batch.schema.names and n not in placed
        ]
        return [-key for key in reversed(keys)]


def _smallest(keys: Hashes, values: Hashes, wanted: Hashes) -> Hashes:
    """For every wanted key the smallest of its values; 0 where it has none."""
    if not len(keys) or not len(wanted):
        return np.zeros(len(wanted), np.uint64)
    order = np.lexsort([values, keys])
    keys, values = keys[order], values[order]
    first = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    place = np.minimum(np.searchsorted(keys[first], wanted), len(first) - 1)
    return np.where(keys[first][place] == wanted, values[first][place], np.uint64(0))


def _ranks(column: pa.Array) -> Ints:
    """Numbers that sort as the values do, null before all."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_list(column.type):
        return _list_ranks(column)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    found = pc.rank(column, sort_keys="ascending", tiebreaker="dense")
    ranks = np.asarray(found.to_numpy(zero_copy_only=False), np.int64)
    return np.where(np.asarray(column.is_valid(), dtype=bool), ranks, 0)


def _list_ranks(column: pa.Array) -> Ints:
    """`_ranks` of lists, one by one: records that have them and are equally complete are few."""
    lists = column.to_pylist()
    place = {
        one: rank for rank, one in enumerate(sorted({tuple(one) for one in lists if one is not None}), 1)
    }
    return np.array([0 if one is None else place[tuple(one)] for one in lists], np.int64)


class _Picks:
    """Of the records of every call the one that a column is taken from."""

    def __init__(self, batch: pa.RecordBatch, order: Index, starts: Index) -> None:
        self.batch, self.order, self.starts = batch, order, starts
        self.calls = Batch(batch)
        self.best = order[starts]
        self.size = np.diff(np.append(starts, len(order)))
        self.input_source = self._most(list(INPUT_SIDE), classes=True)

    def _where(self, there: Mask) -> tuple[Index, Mask]:
        """The first record of every call that is one of some, and for which calls there is one."""
        places = np.where(there[self.order], np.arange(len(self.order)), len(self.order))
        found = np.minimum.reduceat(places, self.starts)
        known = found < len(self.order)
        return self.order[np.where(known, found, self.starts)], known

    def first_there(self, name: str) -> pa.Array:
        """The value of the most complete record that has one."""
        column = self.batch.column(name)
        if not column.null_count:
            return column.take(pa.array(self.best))
        rows, _ = self._where(np.asarray(column.is_valid(), dtype=bool))
        return column.take(pa.array(rows))

    def _most(self, names: list[str], *, classes: bool = False) -> Index:
        """The record with the largest sum of some counts; of equals with more classes, then the first."""
        nothing = np.zeros(self.batch.num_rows, np.int64)
        counts = [column for name in names if (column := self.calls.counts(name)) is not None]
        total = sum(counts, start=nothing)
        second = self.calls.counts("reasoning")
        if classes:
            second = sum(((column > 0).astype(np.int64) for column in counts), start=nothing)
        second = nothing if second is None else second
        call = np.repeat(np.arange(len(self.starts)), self.size)
        ranked = np.lexsort([np.arange(len(self.order)), -second[self.order], -total[self.order], call])
        return self.order[ranked[self.starts]]

    def counts(self) -> dict[str, pa.Array]:
        """The prompt's side whole from the record that knows most of it, and the answer's likewise.

        Adding up the largest of each class would count tokens twice that one record splits finer.
        """
        output_source = self._most(list(OUTPUT_SIDE))
        sources = dict.fromkeys(INPUT_SIDE, self.input_source)
        sources |= dict.fromkeys((*OUTPUT_SIDE, "reasoning"), output_source)
        names = self.batch.schema.names
        return {n: self.batch.column(n).take(pa.array(rows)) for n, rows in sources.items() if n in names}

    def largest(self, name: str) -> pa.Array:
        """The largest value of any record."""
        return self._extreme(name, np.maximum, -1)

    def earliest(self) -> pa.Array:
        """The first time of any record."""
        return self._extreme("ts", np.minimum, np.iinfo(np.int64).max)

    def _extreme(self, name: str, choose: np.ufunc, absent: int) -> pa.Array:
        column = self.batch.column(name)
        values = column.cast(pa.int64()).fill_null(absent).to_numpy(zero_copy_only=False)
        found = choose.reduceat(np.asarray(values, np.int64)[self.order], self.starts)
        return pa.array(found, mask=found == absent).cast(column.type)

    def voter(self, records: _Records) -> pa.Array:
        """The voter of a record that has the id which calls are told apart by."""
        column = self.batch.column(VOTER)
        votes = np.asarray(column.is_valid(), dtype=bool)
        rows, _ = self._where(votes)
        for there in (records.has_response, records.has_call):
            better, known = self._where(votes & there)
            rows = np.where(known, better, rows)
        return column.take(pa.array(rows))

    def cost(self, merged: pa.RecordBatch) -> Index:
        """The first record, in the order of the input, that states the cost of its call; else the first."""
        first = np.minimum.reduceat(self.order, self.starts)
        stated = self.calls.counts("reported_picousd")
        if stated is None:
            return first
        costs = np.asarray(merged.column("reported_picousd").fill_null(-1).to_numpy(zero_copy_only=False))
        same = stated[self.order] == np.repeat(costs, self.size)
        same &= self.calls.valid("reported_picousd")[self.order]
        far = self.batch.num_rows
        found = np.minimum.reduceat(np.where(same, self.order, far), self.starts)
        return np.where(found < far, found, first)


def _superseded(merged: pa.RecordBatch, status: npt.NDArray[np.object_], nameless: Mask) -> pa.Array:
    """The statuses of calls, once attempts of a request have replaced earlier ones."""
    calls = _Records(merged)
    calls.has_call, calls.has_response = calls.has_call & ~nameless, calls.has_response & ~nameless
    own = np.where(calls.has_call, calls.call, calls.response)
    has_own = calls.has_call | calls.has_response
    parent, has_parent = hashes_in(merged, "parent_hash")
    is_retry = has_parent & (calls.attempt > 0)
    status = np.where(status == None, str(Status.OK), status)  # noqa: E711 - element by element
    if not (has_own.any() and (calls.attempt > 0).any()) and not is_retry.any():
        return pa.array(status, pa.string())
    tries = np.unique(parent[is_retry])
    idents = np.concatenate([own[has_own], parent[is_retry]])
    numbers = np.concatenate([calls.attempt[has_own], calls.attempt[is_retry]])
    order = np.lexsort([-numbers, idents])
    known, last = idents[order], numbers[order]
    first = np.flatnonzero(np.append(True, known[1:] != known[:-1]))
    known, last = known[first], last[first]
    newest = np.zeros(len(own), np.int64)
    family = [
        (own, has_own),
        (parent, is_retry),
        (calls.call, calls.has_call & np.isin(calls.call, tries)),
        (calls.response, calls.has_response & np.isin(calls.response, tries)),
    ]
    for hashes, there in family:
        place = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
        newest = np.where(there & (known[place] == hashes), np.maximum(newest, last[place]), newest)
    replaced = (status == Status.OK) & (calls.attempt < newest)
    return pa.array(np.where(replaced, str(Status.SUPERSEDED), status), pa.string())
