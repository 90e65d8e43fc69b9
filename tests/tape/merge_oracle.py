"""Which records are the same call, in plain Python: what the columnar merge is held against."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from msgspec.structs import astuple

from costaudit.schema import COUNTS, INPUT_SIDE, Call, Quality, Status
from costaudit.tape.record import hashes_of
from costaudit.tokens import OUTPUT_SIDE


def _hash(ident: str) -> int:
    return hashes_of([ident])[0]


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
                other[key] = min(other.get(key, yours), yours, key=_hash)
    groups: dict[tuple[Any, ...], list[int]] = {}
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
    nameless = _nameless(known, list(groups.values()))
    for key, places in list(groups.items()):
        for place in [p for p in places if p in nameless]:  # what is the same in everything is one
            groups[key].remove(place)
            groups.setdefault((*key, str(_content(known[place]))), []).append(place)
    alone.sort(key=lambda place: (_completeness(known[place]), _content(known[place])))
    merged = [(_merge([known[p] for p in groups[key]]), groups[key]) for key in sorted(groups) if groups[key]]
    merged += [(known[place], [place]) for place in alone]
    _mark_superseded([call for call, places in merged if places[0] not in nameless])
    return merged


def _nameless(known: list[Call], groups: list[list[int]]) -> set[int]:
    """The places of calls that have no id but such as are used again for other calls."""
    lost: set[tuple[str, str | None]] = set()
    for places in groups:
        calls = [known[place] for place in places]
        if any(_contradict(a, b) for a, b in itertools.combinations(calls, 2)):
            lost |= {("response", call.response_id) for call in calls}
        named = [call for call in calls if call.call_id is not None]
        if any(_contradict(a, b) for a, b in itertools.combinations(named, 2)):
            lost |= {("call", call.call_id) for call in named}
    lost -= {("response", None)}
    return {
        place
        for places in groups
        for place in places
        if all(
            ident is None or (name, ident) in lost
            for name, ident in (("call", known[place].call_id), ("response", known[place].response_id))
        )
    }


def _contradict(one: Call, other: Call) -> bool:
    """Whether two records cannot be of one call (see `costaudit.tape.reuse`)."""
    first, then = sorted((one, other), key=lambda call: call.ts or 0)
    for call in (one, other):
        counted = call.quality in (Quality.EXACT, Quality.PARTIAL) and _input_side(call) + _output_side(call)
        if not counted or call.status != Status.OK or call.final is False:
            return False
    if _kind_of_log(one) != _kind_of_log(other):
        return False
    asked, answered = _input_side(one) != _input_side(other), _output_side(one) != _output_side(other)
    finished = all(call.final or call.latency_ms is not None for call in (one, other))
    ended = all(call.final or call.latency_ms is not None or _output_side(call) for call in (one, other))
    if asked and one.session and other.session and one.session != other.session:
        return True
    if one.ts is None or other.ts is None:
        return one.ts is other.ts and asked and answered and finished
    later_us = (then.ts or 0) - (first.ts or 0) - 1000 * (first.latency_ms or 0)
    models = one.model and other.model and one.model != other.model
    prompts = one.prompt and other.prompt and one.prompt != other.prompt
    if later_us > 10 * 60 * 1_000_000 and (asked or answered or models or prompts):
        return True
    return asked and ended and later_us > 0


def _kind_of_log(call: Call) -> tuple[Any, ...]:
    told = (call.ts, call.final, call.latency_ms, call.reported_picousd, call.user, call.session)
    known = tuple(value is not None for value in (*told, call.call_id, call.response_id))
    return call.gateway, call.provider, call.quality, known


def _output_side(call: Call) -> int:
    return sum(getattr(call, name) for name in OUTPUT_SIDE)


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
