"""Too few handles, threads, bytes of memory and of disk: a line that says so, and nothing half done."""

from __future__ import annotations

import gzip
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogue.auditor import Auditor, report_of
from tests.catalogue.cases import TRUST, named
from tests.catalogue.logs import MANY, line, lines
from tests.catalogue.test_files import NOBODY, as_nobody
from tests.catalogue.test_parquet import columns, written

GOOD = lines(MANY)


@pytest.mark.parametrize("handles", [12, 20, 32])
def test_few_handles(audit: Auditor, handles: int):
    audit.file("d/a.jsonl", GOOD)
    audit.file("d/b.jsonl.gz", gzip.compress(lines(5, 5000)))
    report = audit.analyzed(audit.place / "d", codes=(0, 2), limits={"NOFILE": handles})
    assert not report or report["spend"]["requests"] == MANY + 5


@pytest.mark.parametrize("megabytes", [20, *(pytest.param(size, marks=TRUST) for size in (60, 150)), 300])
def test_little_memory(audit: Auditor, megabytes: int):
    log = audit.file("x.jsonl", lines(60_000))
    ended = audit.run(
        "analyze", log, "--format", "json", codes=(0, 2), more_memory=megabytes << 20, memory_mb=2000
    )
    if ended.code == 0:
        assert report_of(ended)["spend"]["requests"] == 60_000
    else:
        assert "memory" in ended.err.lower()


def test_many_threads(audit: Auditor):
    report = audit.analyzed(audit.file("x.jsonl", GOOD), "--threads", "100000", codes=(0, 2))
    assert not report or report["spend"]["requests"] == MANY


@as_nobody
def test_no_more_threads(audit: Auditor):
    log = audit.file("x.jsonl", lines(20_000))
    argv = ["analyze", log, "--format", "json", "--threads", "4"]
    ended = audit.run(*argv, codes=(0, 2), limits={"NPROC": 1}, uid=NOBODY - 1)
    if ended.code == 0:
        assert report_of(ended)["spend"]["requests"] == 20_000
    else:
        assert "thread" in ended.err


def test_a_limit_on_the_size_of_files(audit: Auditor):
    log, old = audit.file("x.jsonl", lines(5000)), audit.file("t.jsonl", b"old\n")
    audit.run("tag", log, "-o", old, codes=(2,), limits={"FSIZE": 100_000})
    assert old.read_bytes() == b"old\n"
    assert audit.names() == ["t.jsonl", "x.jsonl"]


# --- full disks ----------------------------------------------------------------------------------


@pytest.fixture
def disk(audit: Auditor) -> Iterator[Path]:
    """A disk of one megabyte."""
    place = audit.place / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0777", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("NOT ROOT: cannot mount a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


WRITERS = {
    "analyze json": ["analyze", "--format", "json", "-o", "o.json"],
    "tag jsonl": ["tag", "-o", "o.jsonl"],
    "tag csv": ["tag", "-o", "o.csv"],
    "tag parquet": ["tag", "-o", "o.parquet"],
    "tag jsonl.gz": ["tag", "-o", "o.jsonl.gz"],
    "ledger": ["ledger", "-o", "o.parquet"],
    "label": ["label", "-o", "o.csv"],
}


@named(WRITERS)
def test_a_full_disk_leaves_the_old_file(audit: Auditor, disk: Path, case: list[str]):
    command, *options, name = case
    out = disk / name
    out.write_bytes(b"old\n")
    (disk / "fill").write_bytes(b"x" * ((1 << 20) - 8192))
    log = audit.file("x.jsonl", b"".join(line(number, user=f"u{number}") for number in range(3000)))
    ended = audit.run(command, log, *options, out, codes=(2,) if command == "tag" else (0, 2))
    if ended.code:
        assert "space" in ended.err
        assert out.read_bytes() == b"old\n"
    assert {path.name for path in disk.iterdir()} == {"fill", name}


def test_a_full_disk_for_the_copy_of_standard_input(audit: Auditor, disk: Path):
    log = audit.file("x.jsonl", lines(30_000))
    ended = audit.run("analyze", "-", streams={0: log}, env={"TMPDIR": str(disk)}, codes=(2,))
    assert "space" in ended.err
    assert not list(disk.iterdir())


def test_a_full_disk_for_a_packed_parquet_file(audit: Auditor, disk: Path):
    users = [os.urandom(10_000).hex() for _ in range(300)]
    log = written(audit.place, columns(user=users), compression="none")
    packed = audit.file("x.parquet.gz", gzip.compress(log.read_bytes(), 1))
    ended = audit.run("analyze", packed, env={"TMPDIR": str(disk)}, codes=(2,))
    assert "space" in ended.err


def test_no_folder_for_temporary_files(audit: Auditor):
    given = {0: audit.file("x.jsonl", GOOD)}, {"TMPDIR": "/nonexistent"}
    report = audit.analyzed("-", streams=given[0], env=given[1], codes=(0, 2))
    assert not report or report["spend"]["requests"] == MANY
