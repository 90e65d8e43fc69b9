"""The rows of a log with tier, price and route: what `costaudit tag` writes, in three formats.

A pure function turns requests into columns of plain values; a writer per format puts them on a stream. All
formats hold the same columns in the same order. Money is exact.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import IO, Any, Final, Protocol

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from costaudit.engine.audit import Requests
from costaudit.engine.plan import Plan
from costaudit.engine.rows import ROUTE_DIGITS, UNIT_DIGITS, JudgedRows
from costaudit.ingest.canonical import completed
from costaudit.ingest.request_id import request_ids
from costaudit.money import EXACT, exact
from costaudit.prices.cards import Card
from costaudit.prices.numbered import MEASURE, PRICED
from costaudit.render.csvout import cell
from costaudit.render.jsontext import harmless
from costaudit.schema import CANONICAL, UNTAGGED
from costaudit.tape.record import FILE, LINE
from costaudit.tiers.evidence import Evidence

TEXTS: Final = ("prompt", "system")
"""Private columns: written only where they are asked for."""

_TEXT: Final = pa.string()
_LIST: Final = pa.list_(pa.string())
_USD: Final = pa.decimal128(38, UNIT_DIGITS)
_EXPECTED_USD: Final = pa.decimal128(38, ROUTE_DIGITS)

ADDED: Final[Mapping[str, Any]] = {
    "tier": pa.int8(),
    "tier_reasons": _LIST,
    "tier_confidence": pa.int8(),
    "tier_evidence": _TEXT,
    "rate_ids": _LIST,
    "list_usd": _USD,
    "unpriced_reason": _TEXT,
    "route_provider": _TEXT,
    "route_model": _TEXT,
    "route_usd": _EXPECTED_USD,
    "kept_reason": _TEXT,
    "reported_usd": _USD,
    "id": _TEXT,
    "source_file": _TEXT,
    "source_line": pa.int64(),
    "records": pa.int64(),
}
"""The columns beside the canonical ones, with their types in Parquet."""


def schema_of(*, with_text: bool) -> pa.Schema:
    """The columns of a tagged log as an Arrow schema."""
    kept = [field for field in CANONICAL if with_text or field.name not in TEXTS]
    return pa.schema([*kept, *(pa.field(name, kind) for name, kind in ADDED.items())])


def columns_of(requests: Requests, plan: Plan, *, with_text: bool) -> dict[str, list[Any]]:
    """Every column of some requests as plain values: money as Decimal, `ts` in microseconds."""
    judged, policy = requests.judged, plan.policy
    reel = requests.reel.batch
    whole = completed(requests.batch)
    columns = {
        name: (whole.column(name).cast(pa.int64()) if name == "ts" else whole.column(name)).to_pylist()
        for name in whole.schema.names
        if with_text or name not in TEXTS
    }
    tagged = (judged.tags.tier != UNTAGGED).tolist()
    moves = judged.moves(policy).tolist()
    route = [
        plan.offering.offered(offer) if m else None
        for offer, m in zip(judged.route.any.tolist(), moves, strict=True)
    ]
    route_units = judged.route_units(plan, judged.route.any).tolist()
    priced = (judged.card >= 0).tolist()
    return columns | {
        "tier": _where(tagged, judged.tags.tier.tolist()),
        "tier_reasons": tier_reasons(judged, plan),
        "tier_confidence": _where(tagged, judged.tags.confidence.tolist()),
        "tier_evidence": _where(tagged, [Evidence(e).name.lower() for e in judged.tags.evidence.tolist()]),
        "rate_ids": rate_ids(judged, plan),
        "list_usd": [
            usd_of(u) if p else None for u, p in zip(judged.list_units.tolist(), priced, strict=True)
        ],
        "unpriced_reason": [None if c >= 0 else plan.prices.reasons[-1 - c] for c in judged.card.tolist()],
        "route_provider": [None if card is None else card.provider for card in route],
        "route_model": [None if card is None else card.model for card in route],
        "route_usd": [
            Decimal(u).scaleb(-ROUTE_DIGITS, EXACT) if m else None
            for u, m in zip(route_units, moves, strict=True)
        ],
        "kept_reason": judged.stays(policy),
        "reported_usd": [None if p is None else usd_of(p * 1000) for p in columns["reported_picousd"]],
        "id": request_ids(requests.batch),
        "source_file": reel.column(FILE).to_pylist(),
        "source_line": reel.column(LINE).to_pylist(),
        "records": requests.reel.records.tolist(),
    }


def usd_of(units: int) -> Decimal:
    """Exact dollars of an amount in 1e-15 USD."""
    return Decimal(units).scaleb(-UNIT_DIGITS, EXACT)


def tier_reasons(judged: JudgedRows, plan: Plan) -> list[list[str]]:
    """The rules that decided each tier; none for an untagged request."""
    names = plan.tagger.rule_names
    return [[] if rule < 0 else [names[rule]] for rule in judged.tags.rule.tolist()]


def rate_ids(judged: JudgedRows, plan: Plan) -> list[list[str]]:
    """The rates that priced each call, in the order of the price classes."""
    classes = _classes(judged)
    used = np.zeros(len(judged.card), np.int64)
    for place, name in enumerate(classes):
        used |= _units_of(judged, name).astype(bool).astype(np.int64) << place
    known: dict[tuple[int, int], list[str]] = {}
    found: list[list[str]] = []
    for card, mask in zip(judged.card.tolist(), used.tolist(), strict=True):
        if card < 0:
            found.append([])
            continue
        if (card, mask) not in known:
            some = (name for place, name in enumerate(classes) if mask >> place & 1)
            known[card, mask] = ids_of(plan.prices.cards[card], some)
        found.append(known[card, mask])
    return found


def ids_of(card: Card, classes: Any) -> list[str]:
    """The distinct ids of the rates of some price classes of a card."""
    return list(dict.fromkeys(card.rates[name].rate_id for name in classes if name in card.rates))


def _classes(judged: JudgedRows) -> list[str]:
    return [name for name in PRICED if name == "request" or judged.counts[MEASURE[name]] is not None]


def _units_of(judged: JudgedRows, name: str) -> Any:
    if name == "request":
        return np.ones(len(judged.card), np.int64)
    return judged.counts[MEASURE[name]]


def _where(mask: Sequence[bool], values: Sequence[Any]) -> list[Any]:
    return [value if shown else None for shown, value in zip(mask, values, strict=True)]


# Writers


class RowWriter(Protocol):
    """Puts columns of rows on a stream."""

    def write(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Some rows."""

    def close(self) -> None:
        """No more rows follow."""


class JsonLines:
    """One JSON object per request; absent values are null, money is an exact decimal string."""

    def __init__(self, stream: IO[bytes], *, with_text: bool) -> None:
        self._stream, self._names = stream, schema_of(with_text=with_text).names

    def write(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Some rows."""
        encode = msgspec.json.Encoder().encode
        rows = zip(*(_told(name, columns[name]) for name in self._names), strict=True)
        lines = [encode(dict(zip(self._names, row, strict=True))) for row in rows]
        self._stream.write(harmless(b"\n".join([*lines, b""]).decode()).encode())

    def close(self) -> None:
        """No more rows follow."""


class CsvRows:
    """One line per request under a header; absent values are empty, lists are joined by a space."""

    def __init__(self, stream: IO[bytes], *, with_text: bool) -> None:
        self._stream, self._names = stream, schema_of(with_text=with_text).names
        self._rows([self._names])

    def write(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Some rows."""
        self._rows(zip(*(map(_csv_cell, _told(name, columns[name])) for name in self._names), strict=True))

    def close(self) -> None:
        """No more rows follow."""

    def _rows(self, rows: Any) -> None:
        out = io.StringIO()
        csv.writer(out).writerows(rows)
        self._stream.write(out.getvalue().encode())


class ParquetRows:
    """Typed columns: money as decimal128(38, 15), `ts` as a timestamp in UTC, lists as lists."""

    def __init__(self, stream: IO[bytes], *, with_text: bool) -> None:
        self._schema = schema_of(with_text=with_text)
        self._writer = pq.ParquetWriter(stream, self._schema, compression="zstd")

    def write(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Some rows."""
        arrays = [pa.array(columns[field.name], field.type) for field in self._schema]
        self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        """No more rows follow."""
        self._writer.close()


class Gzipped:
    """Any of the text formats, compressed; the bytes depend on the rows alone."""

    def __init__(self, stream: IO[bytes], inner: Callable[..., RowWriter], *, with_text: bool) -> None:
        self._gzip = gzip.GzipFile(filename="", mode="wb", fileobj=stream, compresslevel=6, mtime=0)
        self._inner = inner(self._gzip, with_text=with_text)

    def write(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Some rows."""
        self._inner.write(columns)

    def close(self) -> None:
        """No more rows follow."""
        self._inner.close()
        self._gzip.close()


def _gzipped(inner: Callable[..., RowWriter]) -> Callable[..., RowWriter]:
    return lambda stream, *, with_text: Gzipped(stream, inner, with_text=with_text)


WRITERS: Final[Mapping[str, Callable[..., RowWriter]]] = {
    ".jsonl": JsonLines,
    ".csv": CsvRows,
    ".parquet": ParquetRows,
    ".jsonl.gz": _gzipped(JsonLines),
    ".csv.gz": _gzipped(CsvRows),
}
"""What the ending of a file name stands for."""


def _told(name: str, values: Sequence[Any]) -> Sequence[Any]:
    """Values as text formats show them."""
    if name == "ts":
        return [None if us is None else moment(us) for us in values]
    if name.endswith("_usd"):
        return [None if amount is None else exact(amount) for amount in values]
    return values


def moment(us: int) -> str:
    """Microseconds since 1970 as RFC 3339 in UTC, with as many decimals as there are."""
    whole, rest = divmod(us, 1_000_000)
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{rest:06d}".rstrip("0") if rest else "") + "Z"


def _csv_cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return cell(" ".join(value) if isinstance(value, list) else value)
