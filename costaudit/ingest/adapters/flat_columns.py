"""Flat records as whole columns: the same mapping as `flat`, for a block at a time.

Nothing is decided here that cannot be decided for a whole column. Rows with an impossible count, a cost
beyond a float's pico-dollars or without a call are left out and named: they are read record by record. A
column of an unknown type gives None, and the whole block is read that way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from costaudit.ingest.adapters.flat import (
    COUNTS,
    READS,
    WRITES_OF_ANY_AGE,
    meaning_of,
    placed,
    status_of,
)
from costaudit.ingest.adapters.flat_fields import FLAT_FIELDS, Path
from costaudit.ingest.adapters.flat_layout import FlatLayout
from costaudit.ingest.adapters.hosts import Served, served
from costaudit.ingest.adapters.spelled import same_as
from costaudit.ingest.asked import asked_texts, asked_turns
from costaudit.ingest.currency import is_foreign
from costaudit.ingest.fields import START_US
from costaudit.ingest.quality import lowered
from costaudit.ingest.settle import (
    QUALITIES,
    READINGS,
    StatedBlock,
    draws,
    draws_only,
    settle,
    thinks_unsaid,
    writes_nothing,
)
from costaudit.ingest.unused import Unused, numbers_in
from costaudit.ingest.usage import CLOCK_FROM
from costaudit.schema import ASKED, CANONICAL
from costaudit.times import END_US

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class FlatRows(msgspec.Struct, frozen=True):
    """What a table came to."""

    batch: pa.RecordBatch
    """The calls of all other rows, in canonical columns."""
    doubtful: npt.NDArray[np.intp]
    """Rows that are to be read record by record, in order."""
    unused: Unused
    """Numbers of the other rows that nobody reads."""


def flat_batch(
    table: pa.Table,
    layout: FlatLayout,
    doubtful: Mask | None = None,
    elsewhere: Iterable[str] | None = None,
) -> FlatRows | None:
    """The calls of a table with the layout's columns; None when it needs reading by record.

    `doubtful` rows are known to need it already, and so are those without a value for a target that
    is stated `elsewhere`: by default as the layout says.
    """
    columns = _Columns(table, layout)
    for target in layout.elsewhere if elsewhere is None else elsewhere:
        columns.doubt(~columns.has(*same_as(target)))
    if doubtful is not None:
        columns.doubt(doubtful)
    out: dict[str, pa.Array] = {}
    try:
        columns.doubt_what_is_no_call()
        _identity(columns, out)
        _status(columns, out)
        _request(columns, out)
        _cost(columns, out)
        for name in ("provider", "gateway", "region", "speed", "feature", "user", "session", "user_tier"):
            out[name] = columns.text(name)
        _place(columns, out)
        for name in ("attempt", "latency_ms"):
            out[name] = columns.integer(name)
        out["ts"] = columns.time("ts")
        out["stream"] = columns.first("stream")
        _model_and_tier(columns, out)
        _usage(columns, out)
    except _ReadByRecordError:
        return None
    batch = _as_batch(out, columns.rows)
    rows = np.flatnonzero(columns.doubtful)
    kept = pa.array(~columns.doubtful) if len(rows) else None
    batch = batch if kept is None else batch.filter(kept)
    unused, partial = _unused(table, layout.unused, kept)
    return FlatRows(batch if partial is None else lowered(batch, partial), rows, unused)


def _unused(table: pa.Table, paths: Sequence[Path], kept: pa.Array | None) -> tuple[Unused, Mask | None]:
    """The sums of columns that nobody reads, over the rows that are kept, and which of these have some."""
    unused, partial = Unused(), None
    for path in paths:
        column = _descend(table, path)
        where, total = numbers_in(column if kept is None else column.filter(kept))
        if where.any():
            unused.add(".".join(path), total, int(np.count_nonzero(where)))
            partial = where if partial is None else partial | where
    return unused, partial


class _ReadByRecordError(Exception):
    """The block holds something that only the record-by-record reading can name."""


class _Columns:
    """Access to a table's columns by target, coalesced over the paths that the file uses."""

    def __init__(self, table: pa.Table, layout: FlatLayout) -> None:
        self.rows = table.num_rows
        self.doubtful = np.zeros(table.num_rows, bool)
        """Rows that are to be read record by record."""
        self._by_target: dict[str, list[pa.Array]] = {}
        for field in FLAT_FIELDS:
            for path in field.paths:
                if path in layout.types:
                    array = _descend(table, path)
                    if array.null_count < len(array):
                        self._by_target.setdefault(field.target, []).append(array)

    def all(self, target: str) -> list[pa.Array]:
        return self._by_target.get(target, [])

    def first(self, target: str) -> pa.Array | None:
        arrays = self.all(target)
        if not arrays:
            return None
        return arrays[0] if len(arrays) == 1 else pc.coalesce(*arrays)

    def doubt(self, rows: Mask) -> None:
        """Leave rows to be read record by record."""
        self.doubtful |= rows

    def doubt_what_is_no_call(self) -> None:
        """Every row with a model and a usage is a call of this format, whatever else it has."""
        self.doubt(~self.has("model_served", "model_requested"))
        self.doubt(~self.has("prompt_tokens", "completion_tokens"))

    def has(self, *targets: str) -> Mask:
        """Rows with a value in one of the columns."""
        arrays = [array for target in targets for array in self.all(target)]
        if any(array.null_count == 0 for array in arrays):
            return np.ones(self.rows, bool)
        has = np.zeros(self.rows, bool)
        for array in arrays:
            has |= np.asarray(array.is_valid())
        return has

    def count(self, target: str) -> Ints | None:
        """Counts with -1 for absent; None when the whole column is absent."""
        array = self.first(target)
        if array is None:
            return None
        if not pa.types.is_integer(array.type):
            raise _ReadByRecordError
        bounds = pc.min_max(array)
        if bounds["min"].as_py() >= 0 and bounds["max"].as_py() < CLOCK_FROM:
            return _ints(array, -1)
        counts, absent = _ints(array, -1), np.asarray(array.is_null())
        odd = ~absent & ((counts < 0) | (counts >= CLOCK_FROM))
        self.doubt(odd)
        return np.where(odd, -1, counts)

    def integer(self, target: str) -> pa.Array | None:
        array = self.first(target)
        if array is None:
            return None
        if not pa.types.is_integer(array.type):
            raise _ReadByRecordError
        fits = pc.and_(pc.greater_equal(array, 0), pc.less_equal(array, 2**31 - 1))
        return array if pc.all(fits).as_py() in (True, None) else pc.if_else(fits, array, None)

    def text(self, target: str) -> pa.Array | None:
        arrays = [_text(a) for a in self.all(target)]
        if not arrays:
            return None
        return arrays[0] if len(arrays) == 1 else _coalesce(*arrays)

    def model(self, target: str) -> pa.Array | None:
        """Names of models without the blanks around them."""
        arrays = [_text(_trimmed(a)) for a in self.all(target)]
        if not arrays:
            return None
        return arrays[0] if len(arrays) == 1 else _coalesce(*arrays)

    def time(self, target: str) -> pa.Array | None:
        arrays = [_time(a, self) for a in self.all(target)]
        if not arrays:
            return None
        return arrays[0] if len(arrays) == 1 else pc.coalesce(*arrays)


def _coalesce(*arrays: pa.Array) -> pa.Array:
    return pc.coalesce(*[a.dictionary_decode() if pa.types.is_dictionary(a.type) else a for a in arrays])


def _descend(table: pa.Table, path: Path) -> pa.Array:
    column = table.column(path[0])
    array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array if len(path) == 1 else pc.struct_field(array, list(path[1:]))


def _ints(array: pa.Array, absent: int) -> Ints:
    filled = pc.fill_null(array, absent) if array.null_count else array
    return np.asarray(filled.to_numpy(zero_copy_only=False), dtype=np.int64)


def _text(array: pa.Array) -> pa.Array:
    """Text with empty strings as absent; integers as their digits."""
    if pa.types.is_dictionary(array.type):
        words = _text(array.dictionary)
        return (
            pa.DictionaryArray.from_arrays(array.indices, words)
            if words.null_count == 0
            else _text(array.dictionary_decode())
        )
    if pa.types.is_integer(array.type):
        return array.cast(pa.string())
    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        raise _ReadByRecordError
    empty = pc.equal(array, "")
    return pc.if_else(empty, None, array) if pc.any(empty).as_py() else array


def _trimmed(array: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        return pa.DictionaryArray.from_arrays(array.indices, _trimmed(array.dictionary))
    if pa.types.is_integer(array.type):
        raise _ReadByRecordError  # a number is no model
    return pc.utf8_trim_whitespace(array)


_EPOCH_STEPS = ((10**11, 10**6, 1), (10**14, 10**3, 1), (10**17, 1, 1), (2**63 - 1, 1, 10**3))


_EXACT = 2**53
"""Whole numbers beyond this are not exact in a float."""


def _time(array: pa.Array, columns: _Columns) -> pa.Array:
    """Times in microseconds UTC; epoch numbers in s, ms, us or ns by their size."""
    kind = CANONICAL.field("ts").type
    if pa.types.is_timestamp(array.type):
        us = array.cast(pa.timestamp("us", tz=array.type.tz), safe=False).cast(pa.int64())
        bounds = pc.min_max(us)
        if bounds["min"].as_py() >= START_US and bounds["max"].as_py() < END_US:
            return us.cast(kind)
        return pc.if_else(pc.and_(pc.greater_equal(us, START_US), pc.less(us, END_US)), us, None).cast(kind)
    if pa.types.is_float64(array.type):
        return _time_of_floats(array, columns)
    if not pa.types.is_int64(array.type):
        raise _ReadByRecordError
    values, valid = _ints(array, 0), np.asarray(array.is_valid())
    out, rest = np.zeros(len(values), np.int64), values > 0
    for limit, times, per in _EPOCH_STEPS:
        take = rest & (values < limit)
        out[take] = values[take] * times // per
        rest &= ~take
    return pa.array(out, mask=~valid | (out < START_US) | (out >= END_US)).cast(kind)


def _time_of_floats(array: pa.Array, columns: _Columns) -> pa.Array:
    values = np.asarray(array.fill_null(0.0).to_numpy(zero_copy_only=False), np.float64)
    columns.doubt(np.abs(values) >= _EXACT)
    values = np.where(np.isfinite(values) & (values > 0) & (values < _EXACT), values, 0.0)
    scale = np.select(
        [values < limit for limit, _, _ in _EPOCH_STEPS], [times for _, times, _ in _EPOCH_STEPS], 1
    )
    out = np.rint(values * scale).astype(np.int64)
    return pa.array(out, mask=(out < START_US) | (out >= END_US)).cast(CANONICAL.field("ts").type)


def _identity(columns: _Columns, out: dict[str, pa.Array]) -> None:
    response, request = columns.text("response_id"), columns.text("request_id")
    call = columns.text("call_id")
    out["parent_id"] = columns.text("parent_id")
    if response is None or request is None:
        out["call_id"], out["response_id"] = call, response if response is not None else request
        return
    own = pc.if_else(response.is_valid(), request, None)
    out["call_id"] = own if call is None else pc.coalesce(call, own)
    out["response_id"] = pc.coalesce(response, request)


def _model_and_tier(columns: _Columns, out: dict[str, pa.Array]) -> None:
    requested, served = columns.model("model_requested"), columns.model("model_served")
    out["model_requested"] = requested
    if served is None or requested is None:
        out["model"] = requested if served is None else served
    else:
        out["model"] = _coalesce(served, requested)
    if out["model"] is not None and pa.types.is_string(out["model"].type):
        out["model"] = out["model"].dictionary_encode()  # once, for all who group by it
    tier = columns.integer("tier_tag")
    if tier is not None:
        out["tier_tag"] = pc.if_else(pc.less_equal(tier, 3), tier, None).cast(pa.int8())
    service, batch = columns.text("service_tier"), columns.first("batch")
    if batch is not None:
        fallback = pa.nulls(columns.rows, pa.string()) if service is None else _coalesce(service)
        service = pc.if_else(pc.fill_null(batch, False), "batch", fallback)
    out["service_tier"] = service


def _usage(columns: _Columns, out: dict[str, pa.Array]) -> None:
    block = _stated(columns)
    models, words = _encoded(out.get("model"), columns.rows)
    if "total" in block.counts:
        block.may_think = _thinking(models, words, columns, out)
    for name, test in (("draws", draws), ("draws_only", draws_only), ("writes_nothing", writes_nothing)):
        verdicts = [test(word) for word in words]
        if any(verdicts):
            setattr(block, name, np.array(verdicts, bool)[models])
    settled = settle(block)
    for name, values in settled.counts.items():
        out[name] = pa.array(values)
    searches = columns.count("web_searches")
    if searches is not None and (searches > 0).any():
        out["web_searches"] = pa.array(np.maximum(searches, 0))
    out["quality"] = _words(settled.quality, QUALITIES)
    out["reading"] = _words(settled.reading, READINGS)


_SAME: Final = tuple(c for c in COUNTS if c not in {*READS, *WRITES_OF_ANY_AGE, "web_searches"})
"""Targets that are counts of `Stated`, by another name at most."""

_NAMED: Final = {"prompt_tokens": "prompt", "completion_tokens": "completion"}


def _stated(columns: _Columns) -> StatedBlock:
    """The raw counts, as `flat` takes them from one record."""
    found = {_NAMED.get(target, target): columns.count(target) for target in _SAME}
    found["cache_read"], read_outside = _prefer(*map(columns.count, READS))
    found["written"], written_outside = _prefer(*map(columns.count, WRITES_OF_ANY_AGE))
    short = found["write_5m"]
    if found["written"] is not None and short is not None:
        found["written"] = np.where(short >= 0, -1, found["written"])
    outside = read_outside | written_outside
    meanings = [meaning_of(outside=False), meaning_of(outside=True)]
    return StatedBlock(
        columns.rows,
        {name: column for name, column in found.items() if column is not None},
        *(
            np.where(outside, getattr(meanings[1], name), getattr(meanings[0], name))
            for name in ("cache", "reasoning", "media")
        ),
    )


def _thinking(models: Ints, words: Sequence[str | None], columns: _Columns, out: dict[str, pa.Array]) -> Mask:
    """Rows of models that may think without stating how much."""
    providers, provider_words = _encoded(out.get("provider"), columns.rows)
    verdicts = [[thinks_unsaid(provider, model) for model in words] for provider in provider_words]
    return np.array(verdicts, bool)[providers, models]


def _prefer(first: Ints | None, second: Ints | None) -> tuple[Ints | None, Mask | np.bool_]:
    """The first count where it is stated, else the second; and where the second was stated at all."""
    if second is None:
        return first, np.False_
    return second if first is None else np.where(first >= 0, first, second), second >= 0


def _words(codes: npt.NDArray[Any], words: Sequence[str]) -> pa.Array | None:
    """A dictionary column of words; None when every row has the first, the default."""
    if not codes.any():
        return None
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int8)), pa.array([str(w) for w in words]))


def _status(columns: _Columns, out: dict[str, pa.Array]) -> None:
    status, error = columns.text("status"), columns.text("error")
    if status is None and error is None:
        return
    status_codes, status_words = _encoded(status, columns.rows)
    error_codes, error_words = _encoded(error, columns.rows)
    pairs = status_codes * len(error_words) + error_codes
    distinct, inverse = _distinct(pairs, len(status_words) * len(error_words))
    verdicts = [
        status_of(status_words[k // len(error_words)], error_words[k % len(error_words)]) for k in distinct
    ]
    indices = pa.array(inverse.astype(np.int32))
    out["status"] = pa.DictionaryArray.from_arrays(indices, pa.array([v[0] for v in verdicts]))
    codes = pa.array([v[1] for v in verdicts], type=pa.string())
    out["error_code"] = codes.take(indices) if codes.null_count < len(codes) else None


def _distinct(codes: Ints, size: int) -> tuple[Ints, Ints]:
    """`np.unique` with its inverse, for codes below a size that is mostly small: without sorting."""
    if size > 4 * len(codes):
        distinct, inverse = np.unique(codes, return_inverse=True)
        return distinct, inverse
    distinct = np.flatnonzero(np.bincount(codes, minlength=size))
    number = np.zeros(size, np.int64)
    number[distinct] = np.arange(len(distinct))
    return distinct, number[codes]


def _encoded(array: pa.Array | None, rows: int) -> tuple[Ints, list[str | None]]:
    if array is None:
        return np.zeros(rows, np.int64), [None]
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    words = encoded.dictionary.to_pylist()
    return _ints(encoded.indices.cast(pa.int64()), len(words)), [*words, None]


def _conversation(columns: _Columns, out: dict[str, pa.Array]) -> None:
    """Prompt, system text, turns and tools, and the text of all of them together."""
    messages, system, tools = columns.first("messages"), columns.text("system"), columns.first("tools")
    if messages is not None:
        _messages(messages, columns, out)
        out[ASKED.name] = asked_turns(messages, system)
    for name, text in (("prompt", columns.text("prompt")), ("system", system)):
        if text is not None:
            out[name] = text if out.get(name) is None else _coalesce(out[name], text)
    asked = asked_texts(out.get("system"), out.get("prompt"))
    if asked is not None and messages is not None:
        unknown = pc.greater(out["turns"].fill_null(0), 1)  # what stood between the two
        asked = _coalesce(out[ASKED.name], pc.if_else(unknown, pa.scalar(None, pa.string()), asked))
    if asked is not None:
        out[ASKED.name] = asked
    if tools is None:
        return
    some = pc.greater(pc.list_value_length(tools), 0)
    out["has_tools"] = some
    if messages is not None:  # their text is a part of what was sent, and not among the columns
        columns.doubt(_mask(some))


def _request(columns: _Columns, out: dict[str, pa.Array]) -> None:
    _conversation(columns, out)
    tags = columns.first("tags")
    if tags is not None:
        if pa.types.is_list(tags.type):
            joined = pc.binary_join(tags, ",")
            columns.doubt(np.asarray(pc.and_(tags.is_valid(), joined.is_null())))  # a null among them
            tags = joined
        out["tags"] = _text(tags)
    out["response_format"] = columns.text("response_format")
    out["max_tokens"] = columns.integer("max_tokens")
    finish = columns.text("finish")
    if finish is not None:
        out["final"] = pc.if_else(finish.is_valid(), True, None)


def _messages(messages: pa.Array, columns: _Columns, out: dict[str, pa.Array]) -> None:
    """Last user and first system turn that have text, and the turns, from list<struct<role, content>>."""
    flat = messages.flatten()
    role, content = pc.struct_field(flat, "role"), pc.struct_field(flat, "content")
    if role.null_count:  # no message, or an item that is no turn
        odd = np.zeros(columns.rows, bool)
        odd[pc.list_parent_indices(messages).filter(role.is_null()).to_numpy()] = True
        columns.doubt(odd)
    lengths = _ints(pc.list_value_length(messages), 0)
    starts = np.concatenate(([0], np.cumsum(lengths)))[:-1]
    places = np.arange(len(flat), dtype=np.int64)
    system = _mask(pc.or_(pc.equal(role, "system"), pc.equal(role, "developer")))
    has_text = _mask(pc.not_equal(content, ""))
    user = _mask(pc.equal(role, "user")) & has_text
    rows = np.flatnonzero(lengths > 0)
    last_user = np.full(len(messages), -1, np.int64)
    first_system = np.full(len(messages), -1, np.int64)
    turns = np.zeros(len(messages), np.int32)
    if len(rows):
        last_user[rows] = np.maximum.reduceat(np.where(user, places, -1), starts[rows])
        nearest = np.minimum.reduceat(np.where(system & has_text, places, len(flat)), starts[rows])
        first_system[rows] = np.where(nearest < len(flat), nearest, -1)
        turns[rows] = np.add.reduceat(~system, starts[rows], dtype=np.int32)
    out["prompt"] = _pick(content, last_user)
    out["system"] = _pick(content, first_system)
    out["turns"] = pa.array(turns, mask=lengths == 0)
    out["has_images"] = pa.array(np.zeros(len(messages), bool), mask=lengths == 0)


def _mask(values: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.fill_null(values, False), dtype=bool)


def _pick(values: pa.Array, places: Ints) -> pa.Array:
    return values.take(pa.array(places, mask=places < 0))


def _cost(columns: _Columns, out: dict[str, pa.Array]) -> None:
    cost = columns.first("cost")
    if cost is None:
        return
    if not (pa.types.is_floating(cost.type) or pa.types.is_integer(cost.type)):
        raise _ReadByRecordError
    usd = np.asarray(cost.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    columns.doubt(_foreign(columns))
    columns.doubt(usd >= 1024)  # beyond a float's exact pico-dollars
    believable = np.isfinite(usd) & (usd > -1) & (usd < 1024)
    picousd = np.rint(np.where(believable, usd, -1.0) * 1e12).astype(np.int64)
    out["reported_picousd"] = pa.array(picousd, mask=picousd < 0)


def _foreign(columns: _Columns) -> Mask:
    """Rows that state another currency than the dollar."""
    codes, words = _encoded(columns.text("currency"), columns.rows)
    return np.array([is_foreign(word) for word in words], bool)[codes]


def _place(columns: _Columns, out: dict[str, pa.Array]) -> None:
    """Provider and region by the host, as `placed` has it for each combination of the three."""
    host = columns.text("host")
    if host is None:
        return
    hosts, host_words = _encoded(host, columns.rows)
    known = [n for n, word in enumerate(host_words) if served(word) != Served()]
    if not np.isin(hosts, known).any():
        return
    sides = {name: _encoded(out.get(name), columns.rows) for name in ("provider", "region")}
    (providers, provider_words), (regions, region_words) = sides["provider"], sides["region"]
    codes = (providers * len(region_words) + regions) * len(host_words) + hosts
    distinct, inverse = np.unique(codes, return_inverse=True)
    found = []
    for code in distinct.tolist():
        rest, at = divmod(code, len(host_words))
        provider, region = divmod(rest, len(region_words))
        found.append(placed(provider_words[provider], region_words[region], host_words[at]))
    for place, name in enumerate(("provider", "region")):
        words = pa.array([pair[place] for pair in found], pa.string())
        out[name] = words.take(pa.array(inverse))


_REPEATED = frozenset(
    {
        "provider",
        "model",
        "gateway",
        "status",
        "service_tier",
        "region",
        "speed",
        "feature",
        "user",
        "user_tier",
    }
)
"""Text columns whose values come again and again."""


def _as_batch(out: dict[str, pa.Array], rows: int) -> pa.RecordBatch:
    fields, arrays = [], []
    for column in (*CANONICAL, ASKED):
        array = out.get(column.name)
        if array is None or array.null_count == len(array):
            continue
        if column.name in _REPEATED and pa.types.is_string(array.type):
            array = array.dictionary_encode()  # once, for all who group by it
        if pa.types.is_dictionary(array.type) or pa.types.is_large_string(array.type):
            kind = array.type
        else:
            kind, array = column.type, array.cast(column.type)
        fields.append(pa.field(column.name, kind))
        arrays.append(array)
    if not fields:
        return pa.RecordBatch.from_arrays([pa.repeat("ok", rows)], names=["status"])
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
