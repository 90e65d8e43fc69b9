"""Saved ledgers: one pass over the logs as a small Parquet file, and such files read again.

The columns are described in docs/ledger.md. A file says what is needed to price its requests again, under any
book, and what the policy of its making chose for them. The same logs give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from costaudit import __version__
from costaudit.engine.audit import Pass
from costaudit.engine.bands import LENGTH_EDGES, OUTPUT_EDGES
from costaudit.engine.choose import KEPT, LACKS
from costaudit.engine.detail import CLASSES, confidence_edges
from costaudit.engine.kernel import BELOW_LIST, IMPLAUSIBLE, NO_REPORT, REPORTED
from costaudit.engine.ledger import MEASURES, NO_PERIOD, WORD_KEYS, Cells
from costaudit.engine.ledger_facts import KEY, SCHEMA, Edges, InputFacts, LedgerFacts, SavedOffer, origin_of
from costaudit.errors import InputError
from costaudit.ingest.logfile import Container, LogFile
from costaudit.money import exact
from costaudit.routing.contexts import NOT_ACTED_ON
from costaudit.routing.offers import CAUSES, NO_ROUTE, NONE
from costaudit.schema import UNTAGGED
from costaudit.tiers.evidence import Evidence

STATED: Final = ("none", "zero", "cost", "large", "impossible")
"""By code of `detail.STATES_…`."""

REPORTED_AS: Final = {
    NO_REPORT: "none", REPORTED: "believed", IMPLAUSIBLE: "set_aside", BELOW_LIST: "below_list"
}  # fmt: skip


class SavedLedger(msgspec.Struct, frozen=True):
    """A saved ledger, read again."""

    file: str
    """As the user named it."""
    size: int
    facts: LedgerFacts
    cells: Cells
    """NUMBER_KEYS but for band, WORD_KEYS and DETAIL_KEYS; cards and routes are words, as in the file."""


def facts_of(passed: Pass) -> LedgerFacts:
    """What the ledger of a pass with `Plan.detail` says of itself."""
    plan = passed.plan
    used = sorted(
        {int(code) for code in passed.cells.keys["card"].tolist() if code >= 0} - {plan.prices.free_card}
    )
    cards = [plan.prices.cards[code] for code in used]
    return LedgerFacts(
        schema=SCHEMA,
        version=__version__,
        origin=origin_of(plan),
        resolution=plan.resolution,
        edges=Edges(
            context=plan.prices.book.context_edges,
            length=LENGTH_EDGES,
            output=OUTPUT_EDGES,
            confidence=confidence_edges(plan.policy),
        ),
        first_us=passed.first_ts,
        last_us=passed.last_ts,
        inputs=InputFacts(
            files=passed.found.files,
            bytes=passed.found.bytes,
            records=passed.found.records,
            requests=passed.requests,
            duplicates=passed.duplicates,
            ignored=passed.found.ignored,
            skipped=dict(sorted(passed.found.quarantine.counts.items())),
            formats=dict(sorted(passed.found.formats.items())),
            guesses=tuple(passed.found.guesses),
        ),
        providers=tuple(sorted(plan.providers_used)),
        estimate=plan.estimate,
        sessions=passed.sessions,
        rates={
            card.id: {name: Decimal(exact(card.rates[name].usd)) for name in sorted(card.rates)}
            for card in sorted(cards, key=lambda c: c.id)
        },
        offers=tuple({one.id: one for one in sorted(_offers(passed).values(), key=_ident)}.values()),
    )


def _ident(offer: SavedOffer) -> str:
    return offer.id


def _offers(passed: Pass) -> dict[int, SavedOffer]:
    """The offers that the cells of a pass took, by their number in the plan."""
    plan, keys = passed.plan, passed.cells.keys
    used = {int(code) for key in _ROUTES for code in np.unique(keys[key]).tolist()} - {NO_ROUTE}
    told = {}
    for code in used:
        offer = plan.offering.offers[code]
        parts = {name: tuple(getattr(offer.expected, name)) for name in CAUSES}
        fallback = None if offer.fallback == NONE else plan.prices.cards[offer.fallback].id
        told[code] = SavedOffer(
            id=plan.prices.cards[offer.card].id,
            card=plan.prices.cards[offer.card].id,
            fallback=fallback,
            parts={name: part for name, part in parts.items() if any(part)},
            fixed_checks=offer.expected.fixed_checks,
            own_share=offer.expected.own_share,
        )
    distinct = {msgspec.json.encode(one): one.card for one in told.values()}
    ranked = {card: sorted(text for text, of in distinct.items() if of == card) for card in distinct.values()}
    found = {}
    for code, one in told.items():
        place = ranked[one.card].index(msgspec.json.encode(one))
        ident = f"{one.card} #{place + 1}" if place else one.card
        found[code] = msgspec.structs.replace(one, id=ident)
    return found


_SIZES: Final = {"context": "context_over", "length": "length_over", "output_band": "output_over"}
"""Keys of sizes with their columns: the lower edge of the band, -1 below all edges."""

_PLAIN: Final = {
    "from_s": pa.int32(), "until_s": pa.int32(), "tier": pa.int8(), "confidence": pa.int8(),
    "number": pa.int8(), "classes": pa.int16(), "needs": pa.int8(),
}  # fmt: skip
_CODED: Final[dict[str, Mapping[int, str]]] = {
    "evidence": {kind.value: kind.name.lower() for kind in Evidence},
    "stated": dict(enumerate(STATED)),
    "reported": REPORTED_AS,
    "kept": dict(enumerate(KEPT)),
    "lacks": dict(enumerate(LACKS)),
}
_CARDS: Final = ("card", "verify")
_ROUTES: Final = ("route_same", "route_any")
_ABSENT: Final = {"tier": UNTAGGED, "number": NOT_ACTED_ON}
"""Numbers that stand for nothing, which is null in the file."""
_ORDER: Final = (
    *WORD_KEYS, "tier", "confidence", "evidence", "number", "kept", "lacks", "verify", "route_any",
    "route_same", "card", "context_over", "unbilled", "needs", "stated", "reported", "classes", "length_over",
    "output_over", "period", "from_s", "until_s",
)  # fmt: skip
"""Rows are sorted by these columns in this order: what changes least stands first, which compresses best."""

MONEY: Final = pa.decimal128(38, 12)
"""Dollars to the pico-dollar."""


def table_of(passed: Pass) -> pa.Table:
    """The cells of a pass with `Plan.detail` as the table that is saved."""
    cells, facts = passed.cells, facts_of(passed)
    columns = {name: _words(cells, name) for name in WORD_KEYS}
    columns |= {name: pa.array(cells.keys[name], kind) for name, kind in _PLAIN.items()}
    for name, absent in _ABSENT.items():
        columns[name] = pa.array(cells.keys[name], _PLAIN[name], mask=cells.keys[name] == absent)
    columns["unbilled"] = pa.array(cells.keys["unbilled"] == 1)
    columns["period"] = _periods(cells, facts.resolution)
    for key, name in _SIZES.items():
        edges = getattr(facts.edges, name.removesuffix("_over"))
        columns[name] = pa.array(np.array((-1, *edges), np.int64)[cells.keys[key]])
    for key, told in _CODED.items():
        columns[key] = _coded(cells.keys[key].tolist(), told)
    ids = {code: card.id for code, card in enumerate(passed.plan.prices.cards)}
    free = passed.plan.prices.free_card
    for key in _CARDS:
        columns[key] = _coded([NONE if c == free else c for c in cells.keys[key].tolist()], ids)
    routes = {code: offer.id for code, offer in _offers(passed).items()}
    columns |= {key: _coded(cells.keys[key].tolist(), routes) for key in _ROUTES}
    measures = {name: pa.array(cells.measures[name].astype(np.int64)) for name in MEASURES[:-1]}
    reported = [int(value) for value in cells.measures["reported_picousd"].tolist()]
    measures["reported_usd"] = _dollars(reported)
    table = pa.table({**{name: columns[name] for name in _ORDER}, **measures})
    plain = pa.table(
        {n: c.cast(pa.string()) if pa.types.is_dictionary(c.type) else c for n, c in columns.items()}
    )
    order = pc.sort_indices(plain, sort_keys=[(name, "ascending") for name in _ORDER])
    return table.take(order)


def _words(cells: Cells, name: str) -> pa.DictionaryArray:
    values = cells.values[name]
    known = [word for word in values if word is not None]
    place = np.array([known.index(w) if w is not None else -1 for w in values], np.int32)
    codes = place[cells.keys[name]]
    return pa.DictionaryArray.from_arrays(
        pa.array(codes, pa.int32(), mask=codes < 0), pa.array(known, pa.string())
    )


def _coded(codes: list[int], told: Mapping[int, str]) -> pa.DictionaryArray:
    """Codes as words; those that are not told are null."""
    words = sorted({told[code] for code in codes if code in told})
    place = {code: words.index(word) for code, word in told.items() if word in set(words)}
    return pa.DictionaryArray.from_arrays(
        pa.array([place.get(code) for code in codes], pa.int32()), pa.array(words, pa.string())
    )


def _periods(cells: Cells, resolution: str) -> pa.Array:
    periods = cells.keys["period"]
    unknown = periods == NO_PERIOD
    if resolution == "day":
        return pa.array(periods.astype(np.int32), pa.int32(), mask=unknown).cast(pa.date32())
    seconds = periods.astype(np.int64) * 3600
    return pa.array(seconds, pa.int64(), mask=unknown).cast(pa.timestamp("s", "UTC"))


def _dollars(picousd: list[int]) -> pa.Array:
    """Pico-dollars as decimals, without a detour over text: 16 bytes each."""
    raw = b"".join(value.to_bytes(16, "little", signed=True) for value in picousd)
    return pa.Array.from_buffers(MONEY, len(picousd), [None, pa.py_buffer(raw)])


def write_ledger(passed: Pass, stream: IO[bytes]) -> None:
    """Write the ledger of a pass with `Plan.detail`."""
    table = table_of(passed)
    facts = msgspec.json.encode(facts_of(passed), order="sorted")
    table = table.replace_schema_metadata({KEY: facts})
    counts = MEASURES[:-1]
    import pyarrow.parquet as pq  # noqa: PLC0415 - start-up: most logs are no Parquet

    pq.write_table(
        table,
        stream,
        version="2.6",
        row_group_size=max(table.num_rows, 1),
        compression="zstd",
        compression_level=19,
        use_dictionary=[name for name in table.column_names if name not in counts],
        column_encoding=dict.fromkeys(counts, "BYTE_STREAM_SPLIT"),
        write_statistics=False,
    )


def ledger_facts(file: LogFile) -> LedgerFacts | None:
    """What a file says of itself as a ledger; None for any other file.

    Raises InputError for a ledger of another schema, or one that is damaged.
    """
    if file.container is not Container.PARQUET:
        return None
    import pyarrow.parquet as pq  # noqa: PLC0415 - start-up: most logs are no Parquet

    try:
        with file.open() as stream:
            told = (pq.read_metadata(stream).metadata or {}).get(KEY)
    except (pa.ArrowException, OSError):
        return None  # whoever reads it as a log says what is wrong with it
    if told is None:
        return None
    try:
        schema = msgspec.json.decode(told, type=dict).get("schema")
        if schema != SCHEMA:
            raise InputError(
                f"a ledger of the schema {schema!r}", path=file.name, hint=f"{SCHEMA} is read here"
            )
        return msgspec.json.decode(told, type=LedgerFacts)
    except msgspec.MsgspecError as error:
        raise _damaged(file, str(error)) from error


def read_ledger(file: LogFile, facts: LedgerFacts) -> SavedLedger:
    """A saved ledger with its cells; raises InputError when it is damaged."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - start-up

    words = (*WORD_KEYS, *_CODED, *_CARDS, *_ROUTES)
    try:
        with file.open() as stream:
            table = pq.read_table(stream, read_dictionary=list(words)).combine_chunks()
    except (pa.ArrowException, OSError) as error:
        raise _damaged(file, str(error).splitlines()[0]) from error
    missing = [name for name in (*_ORDER, *MEASURES[:-1], "reported_usd") if name not in table.column_names]
    if missing:
        raise _damaged(file, f"it has no column {missing[0]}")
    try:
        cells = _cells(table, facts)
    except (KeyError, ValueError, TypeError, AttributeError, pa.ArrowException) as error:
        raise _damaged(file, f"an impossible value: {error}") from error
    if int(cells.measures["requests"].sum()) != facts.inputs.requests:
        raise _damaged(file, "its rows do not add up to its requests")
    return SavedLedger(file.name, file.size, facts, cells)


def _damaged(file: LogFile, why: str) -> InputError:
    return InputError(f"the ledger is damaged: {why}", path=file.name, hint="make it again: costaudit ledger")


def _cells(table: pa.Table, facts: LedgerFacts) -> Cells:
    keys: dict[str, npt.NDArray[np.int32]] = {}
    values: dict[str, tuple[str | None, ...]] = {}
    for name in (*WORD_KEYS, *_CARDS, *_ROUTES):
        keys[name], values[name] = _codes(table.column(name))
    for name in _PLAIN:
        keys[name] = pc.fill_null(table.column(name), _ABSENT.get(name, 0)).to_numpy().astype(np.int32)
    keys["unbilled"] = table.column("unbilled").to_numpy().astype(np.int32)
    keys["period"] = _period_codes(table.column("period"), facts.resolution)
    for key, name in _SIZES.items():
        edges = np.array((-1, *getattr(facts.edges, name.removesuffix("_over"))), np.int64)
        lower = table.column(name).to_numpy()
        if not np.isin(lower, edges).all():
            raise ValueError(f"{name} is no edge")
        keys[key] = np.searchsorted(edges, lower).astype(np.int32)
    for key, told in _CODED.items():
        codes, named = _codes(table.column(key))
        code_of = {word: code for code, word in told.items()}
        keys[key] = np.array([code_of[word] for word in named if word is not None], np.int32)[codes]
    _refuse_impossible(keys, facts)
    counted = {name: table.column(name) for name in MEASURES[:-1]}
    if any(column.null_count for column in counted.values()):
        raise ValueError("no count")
    measures: dict[str, Any] = {name: column.to_numpy().astype(np.int64) for name, column in counted.items()}
    if min(int(column.min(initial=0)) for column in measures.values()) < 0:
        raise ValueError("a count below 0")
    measures["reported_picousd"] = _picousd(table.column("reported_usd").combine_chunks())
    return Cells(keys, values, measures)


def _refuse_impossible(keys: Mapping[str, npt.NDArray[np.int32]], facts: LedgerFacts) -> None:
    """Raises ValueError for numbers that no pass writes."""
    day = 86_400 if facts.resolution == "day" else 3_600
    start, end = keys["from_s"], keys["until_s"]
    possible = {
        "tier": np.isin(keys["tier"], range(UNTAGGED, 4)),
        "confidence": np.isin(keys["confidence"], (0, *facts.edges.confidence)),
        "from_s": (start >= 0) & (start <= end) & (end <= day),
        "classes": (keys["classes"] >= 0) & (keys["classes"] < 1 << len(CLASSES)),
        "edges": np.array([edge in range(1, 101) for edge in facts.edges.confidence]),
    }
    for name, fine in possible.items():
        if not fine.all():
            raise ValueError(name)


def _picousd(dollars: pa.Array) -> npt.NDArray[Any]:
    """Dollars as integer pico-dollars: where all fit, as 16-byte integers without a detour over decimals."""
    if dollars.type == MONEY and not dollars.null_count:
        raw = np.frombuffer(dollars.buffers()[1], "<i8").reshape(-1, 2)
        lower, upper = raw[dollars.offset : dollars.offset + len(dollars)].T
        if ((upper == 0) & (lower >= 0)).all():
            return np.asarray(lower.astype(object))
    return np.array([int(value.scaleb(12)) for value in dollars.to_pylist()], dtype=object)


def _codes(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int32], tuple[str | None, ...]]:
    array = column.combine_chunks()
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    known = encoded.dictionary.to_pylist()
    codes = pc.fill_null(encoded.indices.cast(pa.int32()), len(known))
    return codes.to_numpy().astype(np.int32), (*known, None)


def _period_codes(column: pa.ChunkedArray, resolution: str) -> npt.NDArray[np.int32]:
    if resolution == "day":
        periods = column.cast(pa.int32())
    else:
        periods = pc.divide(column.cast(pa.timestamp("s", "UTC")).cast(pa.int64()), 3600)
    return np.asarray(pc.fill_null(periods, NO_PERIOD).to_numpy(), np.int32)
