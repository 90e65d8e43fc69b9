"""Packed logs: members and frames, damage, bombs, and what is packed otherwise."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import zstandard

from tests.catalogue.auditor import Auditor, set_aside
from tests.catalogue.cases import TRUST, Log, Refused, named
from tests.catalogue.logs import MANY, csv_rows, line, lines

GOOD = lines(MANY)
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
"""A frame of zstd that holds no data."""
SEEDED = random.Random(7)  # noqa: S311 - the same bytes in every run
NAMED_MEMBER = b"\x1f\x8b\x08\x18" + b"\0" * 6 + b"../../etc/passwd\0comment\0" + gzip.compress(GOOD)[10:]


def zst(data: bytes, **how: bool) -> bytes:
    """One frame of zstd."""
    return zstandard.ZstdCompressor(**how).compress(data)


READ = {
    "gzip": Log(gzip.compress(GOOD), MANY, name="x.jsonl.gz"),
    "gzip under a plain name": Log(gzip.compress(GOOD), MANY),
    "plain under .gz": Log(GOOD, MANY, name="x.jsonl.gz"),
    "zst under .gz": Log(zst(GOOD), MANY, name="x.jsonl.gz"),
    "two gzip members": Log(
        gzip.compress(lines(100)) + gzip.compress(lines(100, 100)), 200, name="x.jsonl.gz"
    ),
    "1,000 gzip members of a line": Log(
        lambda: b"".join(gzip.compress(line(number)) for number in range(1000)), 1000, name="x.jsonl.gz"
    ),
    "a line over two gzip members": Log(
        gzip.compress(GOOD[:1003]) + gzip.compress(GOOD[1003:]), MANY, name="x.jsonl.gz"
    ),
    "gzip member of nothing between": Log(
        gzip.compress(lines(5)) + gzip.compress(b"") + gzip.compress(lines(5, 5)), 10, name="x.jsonl.gz"
    ),
    "gzip with NUL padding": Log(gzip.compress(GOOD) + b"\0" * 1000, MANY, name="x.jsonl.gz"),
    "gzip header with name and comment": Log(NAMED_MEMBER, MANY, name="x.jsonl.gz"),
    "gzip of CSV": Log(
        gzip.compress(csv_rows(["gpt-4o,10,1"] * MANY, "model,input_tokens,output_tokens")),
        MANY,
        name="x.csv.gz",
    ),
    "zst frames": Log(zst(lines(100)) + zst(lines(100, 100)), 200, name="x.jsonl.zst"),
    "zst skippable frame first": Log(SKIPPABLE + zst(GOOD), MANY, name="x.jsonl.zst"),
    "zst skippable frame between": Log(zst(lines(5)) + SKIPPABLE + zst(lines(5, 5)), 10, name="x.jsonl.zst"),
    "zst without content size": Log(zst(GOOD, write_content_size=False), MANY, name="x.jsonl.zst"),
    "zst with checksum": Log(zst(GOOD, write_checksum=True), MANY, name="x.jsonl.zst"),
}


@named(READ)
def test_packed_logs_are_read(audit: Auditor, case: Log):
    audit.plain(audit.file(case.name, case.data), requests=case.requests, skipped=case.skipped)


@pytest.mark.parametrize("pack", [gzip.compress, zst])
def test_garbage_after_the_end_is_told(audit: Auditor, pack: Callable[[bytes], bytes]):
    log = audit.file("x.jsonl.gz", pack(GOOD) + b"garbage after the end")
    assert set_aside(audit.plain(log, requests=MANY))


@cache
def noisy() -> bytes:
    """3,000 lines that do not pack well."""
    chance = random.Random(7)  # noqa: S311 - the same bytes in every run
    return b"".join(line(number, user=chance.randbytes(20).hex()) for number in range(3000))


def cut(pack: Callable[[bytes], bytes], share: float) -> bytes:
    """The first part of a packed log."""
    whole = pack(noisy())
    return whole[: int(len(whole) * share)]


def flipped() -> bytes:
    """A gzip member with one wrong byte in its middle."""
    data = bytearray(gzip.compress(noisy()))
    data[len(data) // 2] ^= 0xFF
    return bytes(data)


DAMAGED: dict[str, Callable[[], bytes]] = {
    "gzip cut at 5%": lambda: cut(gzip.compress, 0.05),
    "gzip cut at 50%": lambda: cut(gzip.compress, 0.5),
    "gzip cut at 99.9%": lambda: cut(gzip.compress, 0.999),
    "zst cut at 5%": lambda: cut(zst, 0.05),
    "zst cut at 50%": lambda: cut(zst, 0.5),
    "zst cut at 99.9%": lambda: cut(zst, 0.999),
    "gzip without its last byte": lambda: gzip.compress(noisy())[:-1],
    "gzip with a wrong CRC": lambda: gzip.compress(noisy())[:-8] + b"\1\2\3\4" + gzip.compress(noisy())[-4:],
    "zst with a wrong checksum": lambda: zst(noisy(), write_checksum=True)[:-4] + b"\1\2\3\4",
    "gzip with a flipped byte": flipped,
}


@named(DAMAGED, slow=("gzip cut at 5%", "gzip cut at 99.9%", "zst cut at 5%", "zst cut at 99.9%"))
def test_damage_is_told_and_the_rest_is_read(audit: Auditor, case: Callable[[], bytes]):
    good = audit.file("good.jsonl", lines(5, 100_000))
    report = audit.counted(audit.file("x.jsonl.gz", case), good)
    assert set(set_aside(report)) & {"truncated_file", "unreadable_file"}
    requests = report["spend"]["requests"]
    assert 5 <= requests <= 3005
    assert report["spend"]["tokens"]["input"] == 10 * requests


def with_dictionary() -> bytes:
    """A frame that cannot be read without the dictionary it was made with."""
    learned = zstandard.train_dictionary(4096, [line(number) for number in range(4000)])
    return zstandard.ZstdCompressor(dict_data=learned).compress(lines(5))


def tarred() -> bytes:
    """An archive of a log."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as writer:
        entry = tarfile.TarInfo("a.jsonl")
        entry.size = len(GOOD)
        writer.addfile(entry, io.BytesIO(GOOD))
    return archive.getvalue()


REFUSED = {
    "gzip of gzip": Refused(gzip.compress(gzip.compress(GOOD)), ("gzip", "binary", "compressed twice")),
    "zip": Refused(b"PK\x03\x04" + b"x" * 100, ("zip",)),
    "bzip2": Refused(bz2.compress(GOOD), ("bzip2",)),
    "xz": Refused(lzma.compress(GOOD), ("xz",)),
    "lz4 frame": Refused(
        b"\x04\x22\x4d\x18\x60\x40\x82" + SEEDED.randbytes(500), ("lz4", "binary", "no request", "not valid")
    ),
    "7z": Refused(b"7z\xbc\xaf\x27\x1c" + b"\0" * 100, ("7z", "binary")),
    "compress (.Z)": Refused(
        b"\x1f\x9d" + SEEDED.randbytes(300), ("binary", "no request", "not valid", "UTF")
    ),
    "zst that wants a dictionary": Refused(with_dictionary, ("dictionary", "decompress")),
    "tar.gz of logs": Refused(tarred, ("tar", "binary"), "x.tar.gz"),
}


@named(REFUSED)
def test_what_is_packed_otherwise_is_refused(audit: Auditor, case: Refused):
    audit.refused(audit.file(case.name, case.data), said=case.said)


# Bombs: a few kilobytes that unpack to hundreds of megabytes.

GIGABYTE = 1 << 30
TOO_LONG = ("no request", "64 MB", "longer", "not valid")
BOMB_MB = 900


def bomb(place: Path, unit: bytes, size: int, head: bytes = b"") -> Path:
    """A packed file of `head` and then one unit again and again; its name says how it is packed."""
    block = unit * ((1 << 20) // len(unit))
    with place.open("wb") as raw:
        if place.suffix == ".gz":
            stream = gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=6)
        else:
            stream = zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False)
        with stream:
            stream.write(head)
            for _ in range(size // len(block)):
                stream.write(block)
    return place


@TRUST
@pytest.mark.parametrize(
    ("name", "unit", "size"),
    [
        pytest.param("x.jsonl.gz", b"a", GIGABYTE, id="gzip of one line"),
        pytest.param("x.json.gz", b"[", 300 << 20, id="gzip of brackets"),
        pytest.param("x.jsonl.zst", b"a", 2 * GIGABYTE, id="zst of one line"),
    ],
)
def test_a_bomb_is_refused(audit: Auditor, name: str, unit: bytes, size: int):
    audit.refused(bomb(audit.place / name, unit, size), said=TOO_LONG, memory_mb=BOMB_MB)


TABLE = csv_rows(["gpt-4o,10,1"] * 5, "model,input_tokens,output_tokens")


@TRUST
@pytest.mark.parametrize(
    ("name", "unit", "size", "head"),
    [
        pytest.param("x.jsonl.gz", b"a", GIGABYTE, lines(5) + b'{"model":"', id="gzip of a text in JSON"),
        pytest.param("x.csv.gz", b"a", GIGABYTE, TABLE, id="gzip of CSV without line ends"),
        pytest.param("x.csv.gz", b"a\n", 200 << 20, TABLE + b'"', id="gzip of an open quote in CSV"),
        pytest.param("x.jsonl.zst", b" ", GIGABYTE, lines(5), id="zst of blanks"),
        pytest.param("x.jsonl.zst", b"\n", GIGABYTE // 2, lines(5), id="zst of line ends"),
    ],
)
def test_what_stands_before_a_bomb_is_read(audit: Auditor, name: str, unit: bytes, size: int, head: bytes):
    audit.plain(bomb(audit.place / name, unit, size, head), requests=5, memory_mb=BOMB_MB)


@TRUST
def test_a_good_file_beside_a_bomb_is_read(audit: Auditor):
    packed = bomb(audit.place / "x.jsonl.gz", b"a", GIGABYTE)
    audit.plain(packed, audit.file("good.jsonl", GOOD), requests=MANY, memory_mb=BOMB_MB)


def test_a_window_of_2_gb(audit: Auditor):
    wide = zstandard.ZstdCompressionParameters(window_log=31, enable_ldm=False)
    log = audit.place / "x.jsonl.zst"
    with log.open("wb") as raw, zstandard.ZstdCompressor(compression_params=wide).stream_writer(raw) as out:
        out.write(GOOD)
    report = audit.analyzed(log, codes=(0, 2), memory_mb=BOMB_MB)
    assert not report or report["spend"]["requests"] == MANY
