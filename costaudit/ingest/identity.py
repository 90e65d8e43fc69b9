"""Which records are the same call: hashes that find candidates fast, and the exact merge of those found.

The log's own call id decides where there is one, together with the response id: ids like a batch's
custom_id are used again in the next batch. Without a call id the provider's response id decides, and
such a record joins the call whose response id it shares. Hashes only find candidates: identity is
decided on the ids themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec.structs import astuple

from costaudit.ingest.hashes import Hashes, hash_texts
from costaudit.schema import COUNTS, INPUT_SIDE, Call, Quality, Status
from costaudit.tokens import OUTPUT_SIDE

_Part = tuple[Hashes, npt.NDArray[np.intp]]
"""Hashes, and the rows that they stand in."""

Links = npt.NDArray[np.intp]
"""Pairs of indices, one pair per row."""

_SALTS: Final = {"call_id": np.uint64(1), "response_id": np.uint64(2)}
"""A parent id is the call id or the response id of another record, and is hashed with both salts."""


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids of a canonical batch, as hashes: a call that shares an id with another shares a hash."""

    hashes: Hashes
    """Sorted."""
    repeated: Hashes
    """Those that occur more than once within the batch, sorted."""
    rows: npt.NDArray[np.intp]
    """Rows that have a repeated hash."""
    calls: list[Call]
    """The calls in these rows."""

    @classmethod
    def of(cls, batch: pa.RecordBatch) -> Ids:
        """Look a batch through: records of one call mostly stand close together."""
        parts = list(_all_hashes(batch))
        hashes = _sorted(parts)
        again = repeated([hashes])
        rows = np.flatnonzero(_rows_at(batch, parts, again)) if len(again) else np.zeros(0, np.intp)
        return cls(hashes, again, rows, calls_at(batch, rows) if len(rows) else [])

    def without_calls(self) -> Ids:
        """The same ids, so that the batch has to be read again for its calls."""
        return Ids(self.hashes, self.repeated[:0], self.rows[:0], [])

    def common(self, wanted: Hashes) -> Hashes:
        """Those of some (sorted) hashes that the batch has."""
        return wanted[_is_in(wanted, self.hashes)]


def identity_hashes(batch: pa.RecordBatch) -> Hashes:
    """Sorted hashes of every id in a canonical batch: calls that share an id share a hash."""
    return _sorted(_all_hashes(batch))


def rows_with(batch: pa.RecordBatch, wanted: Hashes) -> npt.NDArray[np.bool_]:
    """Rows that have one of the hashes; `wanted` must be sorted."""
    return _rows_at(batch, _all_hashes(batch), wanted)


def calls_at(batch: pa.RecordBatch, rows: npt.NDArray[np.intp]) -> list[Call]:
    """The calls in some rows."""
    return calls_of(batch.take(pa.array(rows)))


def links_in(batch: pa.RecordBatch, wanted: Hashes) -> Links:
    """Pairs of the (sorted) wanted hashes that stand in one row, as indices into `wanted`."""
    first = np.full(batch.num_rows, -1, np.intp)
    links = [np.zeros((0, 2), np.intp)]
    for hashes, rows in _all_hashes(batch):
        places = _places_of(hashes, wanted)
        here, number = rows[places], np.searchsorted(wanted, hashes[places])
        earlier = first[here]
        is_second = earlier >= 0
        links.append(np.stack([earlier[is_second], number[is_second]], axis=1))
        first[here[~is_second]] = number[~is_second]
    return np.unique(np.concatenate(links), axis=0)


def split_linked(wanted: Hashes, links: Sequence[Links], parts: int) -> Iterator[Hashes]:
    """The (sorted) wanted hashes in parts: hashes that are linked, also over others, are in the same."""
    label = np.arange(len(wanted))
    left, right = np.concatenate(links).T
    while True:
        least = np.minimum(label[left], label[right])
        before = label.copy()
        np.minimum.at(label, left, least)
        np.minimum.at(label, right, least)
        label = label[label]
        if np.array_equal(label, before):
            break
    for part in range(parts):
        yield wanted[label % parts == part]


def _sorted(parts: Iterable[_Part]) -> Hashes:
    hashes = np.concatenate([part for part, _ in parts])
    hashes.sort()
    return hashes


def _rows_at(batch: pa.RecordBatch, parts: Iterable[_Part], wanted: Hashes) -> npt.NDArray[np.bool_]:
    hit = np.zeros(batch.num_rows, bool)
    for hashes, rows in parts:
        hit[rows[_places_of(hashes, wanted)]] = True
    return hit


def _all_hashes(batch: pa.RecordBatch) -> Iterator[_Part]:
    """Hashes with the rows that they stand in: own ids, and the parent ids of retries."""
    index = batch.schema.get_field_index("attempt")
    for name, salt in _SALTS.items():
        yield _hash_column(batch, name, salt)
        if index >= 0:  # a parent without an attempt number is a span's parent, not a first try
            hashes, rows = _hash_column(batch, "parent_id", salt)
            is_retry = np.asarray(batch.column(index).is_valid())[rows]
            yield hashes[is_retry], rows[is_retry]


def repeated(hashes: Sequence[Hashes]) -> Hashes:
    """The hashes that occur more than once over all (sorted) parts, sorted."""
    everything = hashes[0] if len(hashes) == 1 else np.concatenate([*hashes, np.zeros(0, np.uint64)])
    if len(hashes) > 1:
        everything.sort()
    return np.unique(everything[1:][everything[1:] == everything[:-1]])


_NEAR: Final = np.uint64(0xFFFF)


def _places_of(hashes: Hashes, wanted: Hashes) -> npt.NDArray[np.intp]:
    """Where the hashes are that the (sorted) wanted hold, of which there are mostly few."""
    near = np.zeros(int(_NEAR) + 1, bool)
    near[wanted & _NEAR] = True
    some = np.flatnonzero(near[hashes & _NEAR])
    return some[_is_in(hashes[some], wanted)]


def _is_in(hashes: Hashes, wanted: Hashes) -> npt.NDArray[np.bool_]:
    if not len(wanted):
        return np.zeros(len(hashes), bool)
    place = np.minimum(np.searchsorted(wanted, hashes), len(wanted) - 1)
    return np.asarray(wanted[place] == hashes)


def _hash_column(batch: pa.RecordBatch, name: str, salt: np.uint64) -> tuple[Hashes, npt.NDArray[np.intp]]:
    """Hashes of the non-null values of a text column, and the rows they stand in."""
    index = batch.schema.get_field_index(name)
    if index < 0:
        return np.zeros(0, np.uint64), np.zeros(0, np.intp)
    array = batch.column(index)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    rows = np.flatnonzero(np.asarray(array.is_valid()))
    if array.null_count:
        array = array.drop_null()
    return hash_texts(array, salt), rows


def calls_of(batch: pa.RecordBatch) -> list[Call]:
    """A canonical batch as calls."""
    names = batch.schema.names
    columns = [_python(batch.column(i), name) for i, name in enumerate(names)]
    defaults = Call()
    return [
        Call(**{
            name: value if value is not None else getattr(defaults, name)
            for name, value in zip(names, row, strict=True)
        })
        for row in zip(*columns, strict=True)
    ]  # fmt: skip


def _python(array: pa.Array, name: str) -> list[Any]:
    return list((array.cast(pa.int64()) if name == "ts" else array).to_pylist())


_Try = tuple[str, int, bool]
"""An id, the attempt, whether it failed: a failed try is never the same record as a good one."""


def merge_calls(calls: Iterable[Call]) -> list[Call]:
    """One call for each distinct one, in an order that depends only on their content.

    Afterwards, attempts of a request that a later attempt replaced have status `superseded`.
    """
    return [call for call, _ in merge_records(calls)]


def merge_records(calls: Iterable[Call]) -> list[tuple[Call, list[int]]]:
    """Like `merge_calls`, and for each call the places among `calls` of the records that it is made of."""
    known = list(calls)
    # Of several calls that share the one id which a record has, it joins that with the smallest other id.
    response_of: dict[_Try, str] = {}
    call_of: dict[_Try, str] = {}
    for call in known:
        if call.call_id is not None and call.response_id is not None:
            for other, mine, yours in (
                (response_of, call.call_id, call.response_id), (call_of, call.response_id, call.call_id),
            ):  # fmt: skip
                key = _try(call, mine)
                other[key] = min(other.get(key, yours), yours)
    groups: dict[tuple[str, _Try], list[int]] = {}
    alone: list[int] = []
    for place, call in enumerate(known):
        if call.call_id is not None:
            response = call.response_id or response_of.get(_try(call, call.call_id), "")
            groups.setdefault((call.call_id, _try(call, response)), []).append(place)
        elif call.response_id is not None:
            owner = call_of.get(_try(call, call.response_id), "")
            groups.setdefault((owner, _try(call, call.response_id)), []).append(place)
        else:  # a retry that is known by its parent only
            alone.append(place)
    alone.sort(key=lambda place: (_completeness(known[place]), _content(known[place])))
    merged = [(_merge([known[place] for place in groups[key]]), groups[key]) for key in sorted(groups)]
    merged += [(known[place], [place]) for place in alone]
    _mark_superseded([call for call, _ in merged])
    return merged


def _try(call: Call, ident: str) -> _Try:
    return ident, call.attempt or 0, call.status == Status.ERROR


def _completeness(call: Call) -> tuple[Any, ...]:
    """Sorts the most complete record of a call last; ties are to be broken by content alone."""
    counts = [getattr(call, name) for name in COUNTS]
    return (
        call.quality in (Quality.EXACT, Quality.PARTIAL),
        call.final is True,
        sum(counts) - call.reasoning,
        sum(1 for c in counts if c),
        call.reported_picousd is not None,
    )


def _content(call: Call) -> list[tuple[bool, str]]:
    return [(value is not None, str(value)) for value in astuple(call)]


def _merge(records: list[Call]) -> Call:
    if len(records) == 1:
        return records[0]
    if all(record == records[0] for record in records):
        return records[0]
    ranked = _ranked(records)
    best = ranked[0]
    values = list(astuple(best))
    for record in ranked[1:]:
        values = [
            theirs if mine is None else mine for mine, theirs in zip(values, astuple(record), strict=True)
        ]
    whole = Call(**dict(zip(Call.__struct_fields__, values, strict=True)))
    # The prompt's side is taken whole from the record that knows most of it: adding up the largest of
    # each class would count tokens twice that one record splits finer than another.
    source = max(ranked, key=lambda r: (_input_side(r), sum(1 for n in INPUT_SIDE if getattr(r, n))))
    for name in INPUT_SIDE:
        setattr(whole, name, getattr(source, name))
    output = max(ranked, key=lambda r: (sum(getattr(r, name) for name in OUTPUT_SIDE), r.reasoning))
    for name in (*OUTPUT_SIDE, "reasoning"):
        setattr(whole, name, getattr(output, name))
    whole.web_searches = max(r.web_searches for r in ranked)
    whole.asked_bytes = max((r.asked_bytes for r in ranked if r.asked_bytes is not None), default=None)
    known = (r.answered_bytes for r in ranked if r.answered_bytes is not None)
    whole.answered_bytes = max(known, default=None)
    whole.quality, whole.reading, whole.status = best.quality, source.reading, best.status
    whole.ts = min((r.ts for r in ranked if r.ts is not None), default=None)
    return whole


def _ranked(records: list[Call]) -> list[Call]:
    """The records of a call, the most complete first."""
    keys = [_completeness(record) for record in records]
    if len(set(keys)) == len(keys):
        return [records[i] for i in sorted(range(len(keys)), key=keys.__getitem__, reverse=True)]
    return sorted(records, key=lambda record: (_completeness(record), _content(record)), reverse=True)


def _input_side(call: Call) -> int:
    return sum(getattr(call, name) for name in INPUT_SIDE)


def _mark_superseded(calls: list[Call]) -> None:
    last: dict[str, int] = {}
    for call in calls:
        for ident in filter(None, {_own_id(call), _retried_id(call)}):
            last[ident] = max(last.get(ident, 0), call.attempt or 0)
    retried = {_retried_id(call) for call in calls}
    for call in calls:
        family = {_own_id(call), _retried_id(call), *({call.call_id, call.response_id} & retried)}
        newest = max((last[ident] for ident in filter(None, family)), default=0)
        if call.status == Status.OK and (call.attempt or 0) < newest:
            call.status = Status.SUPERSEDED.value


def _own_id(call: Call) -> str | None:
    return call.call_id if call.call_id is not None else call.response_id


def _retried_id(call: Call) -> str | None:
    """The first try (or the try before) of a retry."""
    return call.parent_id if call.attempt else None
