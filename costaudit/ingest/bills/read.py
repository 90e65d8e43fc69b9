"""Reading one file of a bill: JSON pages or a CSV export, plain, .gz or .zst."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec

from costaudit.errors import InputError, did_you_mean, shown
from costaudit.ingest.bills import FORMATS, format_of
from costaudit.ingest.bills.line import BillFormat, BillPlace, DaySpan, ReadBill, Row
from costaudit.ingest.bills.values import span_of
from costaudit.ingest.format import Skip
from costaudit.ingest.logfile import Compression, Container, LogFile
from costaudit.ingest.quarantine import REASONS, Place
from costaudit.ingest.streams import text_blocks
from costaudit.outputs import reads

MOST_BYTES: Final = 256 << 20
"""A larger file is no bill: a year of minutes by model and key has less."""

EMPTY_OPENAI: Final = frozenset({"start_time", "end_time", "start_time_iso", "end_time_iso"})
"""The only columns that an OpenAI export without any usage has."""

_OTHERS: Final = {
    b"PK\x03\x04": "a zip archive or spreadsheet", b"%PDF": "a PDF document", b"PAR1": "a Parquet file",
    b"SQLite format 3\x00": "an SQLite database", b"\xd0\xcf\x11\xe0": "an old spreadsheet",
}  # fmt: skip
_DOCS: Final = "docs/bills.md says where to get each export"


def load_bill(name: str) -> ReadBill:
    """One file of a bill; raises InputError where it cannot be read or is no known export.

    Rows that cannot be counted are in the bill's quarantine.
    """
    data = _content(name)
    text = data.decode("utf-8-sig", errors="surrogateescape")
    bill = ReadBill(shown(name), [], {}, (), hashlib.sha256(data).hexdigest())
    start = text.lstrip()[:1]
    if not start:
        raise InputError("the file is empty", path=name)
    used = _read_pages(bill, text) if start in "{[" else _read_table(bill, text)
    if not bill.lines:
        _nothing_read(bill)
    bill.formats = tuple(sorted(used))
    return bill


def _content(name: str) -> bytes:
    """The uncompressed bytes of a file; raises InputError for what cannot be a bill."""
    path = Path(name)
    reads(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(4096)
    except OSError as error:
        hint = None
        if isinstance(error, FileNotFoundError) and path.parent.is_dir():
            hint = did_you_mean(path.name, (p.name for p in path.parent.iterdir()))
        raise InputError(f"the bill cannot be read: {error.strerror}", path=name, hint=hint) from error
    for magic, what in _OTHERS.items():
        if head.startswith(magic):
            hint = "unpack it first" if magic.startswith(b"PK") else _DOCS
            raise InputError(f"this is {what}, not a bill", path=name, hint=hint)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError("the file is UTF-16", path=name, hint="convert it: iconv -f UTF-16 -t UTF-8")
    packed = next((c for magic, c in _PACKED.items() if head.startswith(magic)), Compression.NONE)
    return _unpacked(LogFile(name, path, Container.JSONL, packed, size))


_PACKED: Final = {b"\x1f\x8b": Compression.GZIP, b"\x28\xb5\x2f\xfd": Compression.ZSTD}


def _unpacked(file: LogFile) -> bytes:
    pieces, held = [], 0
    for block in text_blocks(file):
        if block.trouble is not None:
            raise InputError(f"the bill cannot be read: {REASONS[block.trouble]}", path=file.name)
        held += len(block.data)
        if held > MOST_BYTES:
            raise InputError("the file is larger than any bill", path=file.name, hint=_DOCS)
        pieces.append(block.data)
    data = b"".join(pieces)
    if b"\x00" in data[:4096]:
        raise InputError("a binary file of unknown kind", path=file.name, hint=_DOCS)
    return data


# CSV


def _read_table(bill: ReadBill, text: str) -> set[str]:
    header_line = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=header_line.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header = next((r for r in rows if any(cell.strip() for cell in r)), [])
        names = [name.strip().lower() for name in header]
        known = _format_of_columns(names, bill.file)
        for cells in rows:
            if any(cell.strip() for cell in cells):
                _read_cells(bill, known, names, cells, rows.line_num)
    except csv.Error as error:
        raise InputError(f"the CSV cannot be read: {error}", path=bill.file, line=rows.line_num) from error
    return {known.name}


def _read_cells(
    bill: ReadBill, known: BillFormat, names: Sequence[str], cells: Sequence[str], line: int
) -> None:
    where = Place(bill.file, line, None)
    if len(cells) > len(names):
        bill.quarantine.add("wrong_columns", Place(bill.file, line, None, f"{len(cells)} cells"))
    elif any("\udc80" <= char <= "\udcff" for cell in cells for char in cell):
        bill.quarantine.add("not_utf8", where)
    else:
        row = dict(zip(names, cells, strict=False))
        _add_row(bill, known, row, where)


def _format_of_columns(names: Sequence[str], file: str) -> BillFormat:
    if set(names) <= EMPTY_OPENAI and "start_time" in names:
        raise InputError(
            "this OpenAI export is empty: it has only the columns of times, because nothing was used",
            path=file,
            hint="export a period and project with usage",
        )
    header = dict.fromkeys(names, "")
    known = format_of(header)
    if known is None:
        known = max((f for f in FORMATS if f.columns), key=lambda f: len(set(f.columns) & header.keys()))
        missing = [c for c in known.columns if c not in header]
        if len(missing) * 3 >= len(known.columns):
            raise InputError("the columns are of no known bill", path=file, hint=_DOCS)
    missing = [c for c in known.columns if c not in header]
    timed = {"start_time", "start_time_iso", "usage_date_utc", "utc_date"}
    if not missing and timed.isdisjoint(header):
        missing = ["utc_date or start_time_iso"]
    if missing:
        raise InputError(
            f"looks like {known.title}, but has no column {', '.join(missing)}", path=file, hint=_DOCS
        )
    return known


# JSON


class _Bucket(msgspec.Struct, frozen=True):
    """One bucket of a page, where it stands, and its results."""

    times: Mapping[str, Any]
    results: Sequence[Any]
    line: int
    name: str


_TIMES: Final = ("start_time", "end_time", "starting_at", "ending_at", "start_time_iso", "end_time_iso")


def _read_pages(bill: ReadBill, text: str) -> set[str]:
    used: set[str] = set()
    empty: list[DaySpan] = []
    for bucket in _buckets(bill, text):
        for number, result in enumerate(bucket.results):
            name = f"{bucket.name}.results[{number}]"
            where = Place(bill.file, bucket.line, None, name)
            if not isinstance(result, dict):
                bill.quarantine.add("not_object", where)
                continue
            known = format_of(result)
            if known is None:
                bill.quarantine.add("not_a_bill", where)
                continue
            used.add(known.name)
            _add_row(bill, known, {**result, **bucket.times}, where)
        if not bucket.results:  # a statement too: that nothing was used
            _add_span(empty, bill, bucket)
    for spans in bill.spans.values():
        spans.extend(empty)
    return used


def _add_span(spans: list[DaySpan], bill: ReadBill, bucket: _Bucket) -> None:
    try:
        spans.append(span_of(bucket.times))
    except Skip as skip:
        bill.quarantine.add(skip.reason, Place(bill.file, bucket.line, None, bucket.name))


def _buckets(bill: ReadBill, text: str) -> Iterator[_Bucket]:
    for document, line in _documents(text, bill.file):
        for number, page in enumerate(document if isinstance(document, list) else [document]):
            prefix = f"[{number}]" if isinstance(document, list) else ""
            if not isinstance(page, dict):
                bill.quarantine.add("not_object", Place(bill.file, line, None, prefix))
                continue
            bill.incomplete = page.get("has_more") is True if "has_more" in page else bill.incomplete
            inner = page.get("data")
            held = inner if isinstance(inner, list) else [page]
            for place, bucket in enumerate(held):
                name = f"{prefix}.data[{place}]".lstrip(".") if isinstance(inner, list) else prefix
                if isinstance(bucket, dict) and isinstance(bucket.get("results"), list):
                    times = {n: bucket[n] for n in _TIMES if n in bucket}
                    yield _Bucket(times, bucket["results"], line, name)
                elif isinstance(bucket, dict) and format_of(bucket) is not None:  # results taken out
                    yield _Bucket({n: bucket[n] for n in _TIMES if n in bucket}, [bucket], line, name)
                else:
                    bill.quarantine.add("not_a_bill", Place(bill.file, line, None, name))


def _documents(text: str, file: str) -> Iterator[tuple[Any, int]]:
    """The JSON documents of a file, one after the other, each with the line on which it begins."""
    decoder = json.JSONDecoder(parse_float=Decimal, parse_int=_integer, parse_constant=_no_constant)
    at, line, counted = 0, 1, 0
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too
        if at == len(text):
            return
        line, counted = line + text.count("\n", counted, at), at
        try:
            document, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise InputError(f"not valid JSON: {error.msg}", path=file, line=error.lineno) from error
        except (RecursionError, ValueError) as error:
            raise InputError("not valid JSON", path=file, line=line) from error
        yield document, line


_SPACE: Final = re.compile(r"[\s,]*")


def _integer(digits: str) -> int | Decimal:
    """Whole numbers of any length: Python refuses to make an int of more than 4,300 digits."""
    return int(digits) if len(digits) < 40 else Decimal(digits)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


# Both


def _add_row(bill: ReadBill, known: BillFormat, row: Row, where: Place) -> None:
    try:
        span = span_of(row)
        line = known.line(row, BillPlace(bill.file, span))
    except Skip as skip:
        detail = ": ".join(part for part in (where.detail, skip.detail) if part)
        bill.quarantine.add(skip.reason, Place(where.file, where.line, None, detail))
        return
    except InputError as error:
        error.line = error.line or where.line or None
        raise
    bill.spans.setdefault((known.provider, known.kind), []).append(span)
    if line is not None:
        bill.lines.append(line)


def _nothing_read(bill: ReadBill) -> NoReturn:
    bad = bill.quarantine
    if bad.counts:
        reason = max(bad.counts, key=lambda r: (bad.counts[r], r))
        place = bad.places[reason][0]
        told = f"{REASONS[reason]}{': ' if place.detail else ''}{place.detail}"
        raise InputError(
            f"no line of the bill could be read; {told}",
            path=bill.file,
            line=place.line or None,
            hint=_DOCS,
        )
    raise InputError("the bill is empty: no usage and no cost in its period", path=bill.file, hint=_DOCS)
