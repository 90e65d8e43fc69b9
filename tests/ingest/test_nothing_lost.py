"""Whatever is put into a file: calls + set aside + ignored = the records that a plain splitter counts."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.bundle import bundles_of
from costaudit.ingest.canonical import chained
from costaudit.ingest.files import find_logs
from costaudit.ingest.reader import open_some

SIZES = (1, 7, 60, 900)
SKIPPABLE = b"\x53\x2a\x4d\x18\x05\x00\x00\x00noise"
BOM = codecs.BOM_UTF8


def record(r: random.Random) -> dict[str, Any]:
    """A record that is counted, or one that is set aside for what it says."""
    said: dict[str, Any] = {
        "timestamp": f"2026-10-{r.randrange(1, 29):02d}T09:00:00Z",
        "request_id": f"r{r.randrange(10**12)}",
        "model": r.choice(["gpt-4o", "claude-sonnet-4-5"]),
        "input_tokens": r.randrange(2000),
        "output_tokens": r.randrange(200),
        "feature": r.choice(["chat", "Größe", "日本語", "a, b", 'say "hi"', "tab\tand\\backslash"]),
    }
    odd: dict[str, Any] = r.choice([{}] * 9 + [{"input_tokens": -1}, {"input_tokens": 10**15}, {"model": ""}])
    return said | odd


def line(r: random.Random) -> str:
    """A line of JSON as most are, or one that is none."""
    bad = [
        "null",
        "[]",
        "17",
        '"text"',
        '{"model": "gpt-4o", "input',
        "garbage, more",
        "{'a': 1}",
        '{"a": 1}',
        "[1, {",
    ]
    if r.random() < 0.1:
        return r.choice(bad)
    return json.dumps(record(r), ensure_ascii=r.random() < 0.5)


def lines(r: random.Random, size: int) -> list[str]:
    """Lines of which at least one is a call."""
    return [
        *(line(r) for _ in range(size)),
        json.dumps({"model": "gpt-4o", "input_tokens": 5, "output_tokens": 1}),
    ]


@dataclass(frozen=True)
class Written:
    """A file, and how many records are in it."""

    data: bytes
    records: int
    name: str = "log"


Kind = Callable[[random.Random, int], Written]


def of_lines(pack: Callable[[str], bytes], end: str = "\n", *, last: bool = True) -> Kind:
    """JSON lines as bytes: counted by what is not blank between the line ends."""

    def write(r: random.Random, size: int) -> Written:
        text = end.join(lines(r, size)) + (end if last else "")
        return Written(pack(text), sum(1 for part in text.split(end) if part.strip()))

    return write


def utf8(text: str) -> bytes:
    return text.encode()


def members(text: str) -> bytes:
    """Three gzip members, cut in the middle of lines."""
    data = text.encode()
    third = len(data) // 3
    return b"".join(
        gzip.compress(part) for part in (data[:third], data[third : 2 * third], data[2 * third :])
    )


def frames(text: str) -> bytes:
    """zstd frames between others that hold no data."""
    data = text.encode()
    half = len(data) // 2
    parts = [
        SKIPPABLE,
        zstandard.compress(data[:half]),
        SKIPPABLE,
        zstandard.compress(data[half:]),
        SKIPPABLE,
    ]
    return b"".join(parts)


def scattered(r: random.Random, size: int) -> Written:
    """Blank lines, byte order marks and record separators where they do no harm."""
    found = lines(r, size)
    around = [b"", b"", b"\n \t\n", b"\x1e", BOM, b"\r\n\r\n"]
    return Written(b"".join(r.choice(around) + text.encode() + b"\n" for text in found), len(found))


def glued(r: random.Random, size: int) -> Written:
    """Several objects in one line, as writers leave them that do not take turns."""
    found = [json.dumps(record(r)) for _ in range(size + 1)]
    return Written("".join(x + r.choice(["\n", "", " "]) for x in found).encode(), len(found))


def of_values(dump: Callable[[list[dict[str, Any]]], str]) -> Kind:
    """JSON that does not keep to lines."""

    def write(r: random.Random, size: int) -> Written:
        found = [
            *(record(r) for _ in range(size)),
            {"model": "gpt-4o", "input_tokens": 5, "output_tokens": 1},
        ]
        return Written(dump(found).encode(), len(found))

    return write


def odd_start(first: str, records: int) -> Kind:
    """JSON lines after a line that is something else."""

    def write(r: random.Random, size: int) -> Written:
        found = [*(json.dumps(record(r)) for _ in range(size + 3))]
        return Written("\n".join([first, *found, ""]).encode(), len(found) + records)

    return write


def of_rows(
    delimiter: str = ",",
    end: str = "\n",
    before: str = "",
    pack: Callable[[str], bytes] = utf8,
    *,
    texts: bool = True,
) -> Kind:
    """A table, in which some rows have a field too few or too many: counted by the csv module."""

    def write(r: random.Random, size: int) -> Written:
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
        names = ["timestamp", "request_id", "model", "input_tokens", "output_tokens", "feature"]
        writer.writerow(names)
        for _ in range(size):
            row = [str(value) for value in record(r).values()]
            row[-1] = r.choice([row[-1], "over\nlines\n", 'a "quote"']) if texts else "chat"
            writer.writerow(r.choice([row] * 12 + [row[:-1], [*row, "more"], row[:2]]))
        writer.writerow(["2026-10-05T09:00:00Z", "last", "gpt-4o", "5", "1", "chat"])
        written = out.getvalue()
        counted = (
            sum(1 for row in csv.reader(io.StringIO(written, newline=""), delimiter=delimiter) if row) - 1
        )
        return Written(pack(before + written), counted)

    return write


def of_parquet(pack: Callable[[bytes], bytes] = bytes, **options: Any) -> Kind:
    def write(r: random.Random, size: int) -> Written:
        table = pa.Table.from_pylist(
            [record(r) for _ in range(size)] + [{"model": "gpt-4o", "input_tokens": 1}]
        )
        out = io.BytesIO()
        pq.write_table(table, out, **options)
        return Written(pack(out.getvalue()), table.num_rows)

    return write


def database(r: random.Random, size: int) -> Written:
    found = [record(r) for _ in range(size)] + [record(r) | {"model": "gpt-4o", "input_tokens": 1}]
    base = sqlite3.connect(":memory:")
    base.execute(f"CREATE TABLE calls ({', '.join(found[0])})")
    marks = ",".join("?" * len(found[0]))
    base.executemany(f"INSERT INTO calls VALUES ({marks})", [[*x.values()] for x in found])  # noqa: S608 - of marks
    base.commit()
    return Written(base.serialize(), len(found))


KINDS: dict[str, Kind] = {
    "lines": of_lines(utf8),
    "lines without the last line end": of_lines(utf8, last=False),
    "windows lines": of_lines(utf8, "\r\n"),
    "carriage returns": of_lines(utf8, "\r"),
    "byte order mark": of_lines(lambda text: BOM + text.encode()),
    "gzip": of_lines(lambda text: gzip.compress(text.encode())),
    "gzip members": of_lines(members),
    "gzip with padding": of_lines(lambda text: gzip.compress(text.encode()) + b"\0" * 700),
    "zstd": of_lines(lambda text: zstandard.compress(text.encode())),
    "zstd frames": of_lines(frames),
    "utf-16 with a mark": of_lines(lambda text: text.encode("utf-16")),
    "utf-16 little": of_lines(lambda text: f'{{"model": "x"}}\n{text}'.encode("utf-16-le")),
    "utf-16 big, gzip": of_lines(lambda text: gzip.compress(codecs.BOM_UTF16_BE + text.encode("utf-16-be"))),
    "utf-32": of_lines(lambda text: text.encode("utf-32")),
    "scattered blanks and marks": scattered,
    "glued objects": glued,
    "array": of_values(json.dumps),
    "array over lines": of_values(lambda found: json.dumps(found, indent=2)),
    "arrays after each other": of_values(
        lambda found: "\n".join(json.dumps(found[at : at + 5], indent=1) for at in range(0, len(found), 5))
    ),
    "documents": of_values(lambda found: "\n".join(json.dumps(x, indent=1) for x in found)),
    "array, then documents": of_values(
        lambda found: (
            json.dumps(found[: len(found) // 2], indent=1)
            + "".join(json.dumps(x, indent=1) for x in found[len(found) // 2 :])
        )
    ),
    "page": of_values(lambda found: json.dumps({"data": found, "next": None}, indent=1)),
    "array as a line, then lines": odd_start(
        '[{"model": "gpt-4o", "input_tokens": 1, "output_tokens": 1}]', 1
    ),
    "empty array first": odd_start("[]", 1),
    "bracket first": odd_start("[", 0),
    "null first": odd_start("null", 1),
    "broken document first": odd_start('[{"a":', 1),
    "empty array over lines first": odd_start("[\n]", 0),
    "csv": of_rows(),
    "semicolons, windows lines": of_rows(";", "\r\n"),
    "tabs": of_rows("\t"),
    "csv with carriage returns": of_rows(end="\r", texts=False),
    "csv with a header that ends otherwise": lambda r, size: Written(
        (w := of_rows(texts=False)(r, size)).data.replace(b"\n", b"\r", 1), w.records
    ),
    "records with commas behind": of_lines(lambda text: text.replace("}\n", "},\n").encode()),
    "csv after a comment": of_rows(before="# exported\n\n"),
    "csv that tells Excel": of_rows(";", before="sep=;\n"),
    "csv, utf-16": of_rows(pack=lambda text: text.encode("utf-16")),
    "csv, gzip": of_rows(pack=lambda text: gzip.compress(text.encode())),
    "parquet": of_parquet(),
    "parquet in small row groups": of_parquet(row_group_size=3),
    "parquet, gzip": of_parquet(gzip.compress),
    "sqlite": database,
    "sqlite, zstd": lambda r, size: Written(zstandard.compress((w := database(r, size)).data), w.records),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_record_is_a_call_or_set_aside_or_ignored(tmp_path: Path, kind: str):
    for size in SIZES:
        written = KINDS[kind](random.Random(f"{kind} {size}"), size)  # noqa: S311 - files drawn with a fixed seed
        path = tmp_path / f"log{size}"
        path.write_bytes(written.data)
        files, refused = find_logs([str(path)])
        assert not refused
        readers = [open_some(some, None, ADAPTERS) for some in bundles_of(files)]
        whole = chained([reader.parse(block) for reader in readers for block in reader.blocks()])
        assert whole.batch.num_rows == len(whole.lines) > 0
        assert whole.batch.num_rows + whole.quarantine.total + whole.ignored == whole.records
        extra = 1 if kind == "utf-16 little" else 0  # the line that it begins with
        assert whole.records == written.records + extra, whole.quarantine
