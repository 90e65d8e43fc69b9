"""What is no regular file, what may not be read, what loops, and what changes while it is read."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.catalogue.auditor import Auditor, set_aside
from tests.catalogue.cases import TRUST
from tests.catalogue.logs import MANY, line, lines

GOOD = lines(MANY)
NOBODY = 65534
as_nobody = pytest.mark.skipif(os.getuid() != 0, reason="NOT ROOT: cannot run a command as somebody else")


# --- what is no regular file ---------------------------------------------------------------------


def test_a_fifo_that_nobody_writes_to(audit: Auditor):
    os.mkfifo(audit.place / "f.jsonl")
    audit.refused(audit.place / "f.jsonl", said=("FIFO", "pipe", "regular", "seek"), timeout_s=20)


def test_a_fifo_with_a_writer_is_read_wholly_or_refused(audit: Auditor):
    fifo = audit.place / "f.jsonl"
    os.mkfifo(fifo)
    ready = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)  # lets the writer open it whether it is read or not
    writer = threading.Thread(target=lambda: os.write(ready, lines(20)), daemon=True)
    writer.start()
    try:
        report = audit.analyzed(fifo, codes=(0, 2), timeout_s=20, meanwhile=lambda _: os.close(ready))
    finally:
        writer.join()
    assert not report or report["spend"]["requests"] == 20


def put_fifo(folder: Path) -> None:
    os.mkfifo(folder / "f.jsonl")


def put_socket(folder: Path) -> None:
    was = Path.cwd()
    os.chdir(folder)  # the name of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind("s.jsonl")
    finally:
        os.chdir(was)


def put_loops(folder: Path) -> None:
    (folder / "l.jsonl").symlink_to("l.jsonl")
    (folder / "up").symlink_to(f"../{folder.name}")


@pytest.mark.parametrize("put", [put_fifo, put_socket, put_loops])
def test_the_logs_of_a_folder_are_read_beside_it(audit: Auditor, put: Callable[[Path], None]):
    put(audit.file("d/a.jsonl", GOOD).parent)
    audit.plain(audit.place / "d", requests=MANY, timeout_s=20)


def test_dev_zero(audit: Auditor):
    audit.refused("/dev/zero", said=("binary", "empty", "regular"), timeout_s=20)


def test_dev_null(audit: Auditor):
    audit.refused(os.devnull, said=("empty",))


def test_dev_stdin_of_a_file(audit: Auditor):
    audit.plain("/dev/stdin", streams={0: audit.file("x.jsonl", GOOD)}, requests=MANY)


def test_links_in_a_circle(audit: Auditor):
    (audit.place / "a.jsonl").symlink_to("b.jsonl")
    (audit.place / "b.jsonl").symlink_to("a.jsonl")
    audit.refused(audit.place / "a.jsonl", said=("symbolic", "no such file", "loop", "levels"))


def test_a_link_to_nowhere_in_a_folder_is_told(audit: Auditor):
    folder = audit.file("d/a.jsonl", GOOD).parent
    (folder / "l.jsonl").symlink_to("gone.jsonl")
    assert set_aside(audit.plain(folder, requests=MANY))


def test_a_pattern_through_a_circle_of_links(audit: Auditor):
    folder = audit.file("d/a.jsonl", GOOD).parent
    (folder / "up").symlink_to("../d")
    audit.plain(f"{folder}/**/*.jsonl", requests=MANY)


@pytest.mark.parametrize("named", ["d", "d/x.jsonl"])
def test_a_folder_named_like_a_log(audit: Auditor, named: str):
    audit.file("d/x.jsonl/a.jsonl", GOOD)
    audit.plain(audit.place / named, requests=MANY)


# --- what may not be read ------------------------------------------------------------------------


@as_nobody
def test_a_log_that_may_not_be_read(audit: Auditor):
    log = audit.file("x.jsonl", GOOD)
    log.chmod(0)
    audit.refused(log, said=("permission",), uid=NOBODY)


@as_nobody
def test_a_log_of_a_folder_that_may_not_be_read(audit: Auditor):
    audit.file("d/a.jsonl", GOOD)
    audit.file("d/b.jsonl", GOOD).chmod(0)
    audit.plain(audit.place / "d", requests=MANY, skipped={"unreadable_file": 1}, uid=NOBODY)


@as_nobody
def test_a_folder_in_a_folder_that_may_not_be_read(audit: Auditor):
    audit.file("d/a.jsonl", GOOD)
    audit.file("d/sub/b.jsonl", lines(5, 9000)).parent.chmod(0)
    ended = audit.run("analyze", audit.place / "d", "--format", "json", uid=NOBODY)
    report = json.loads(ended.out)
    assert report["spend"]["requests"] == MANY
    assert set_aside(report) or "sub" in ended.err


# --- what changes while it is read ---------------------------------------------------------------


@contextmanager
def growing(log: Path, *, in_pieces: bool) -> Iterator[None]:
    """Write to a log all the time, whole lines or also parts of lines."""
    stop = threading.Event()

    def write() -> None:
        number = 30_000
        with log.open("ab", buffering=0) as out:
            while not stop.wait(0.001):
                block = lines(50, number)
                end = len(block) - 7 if in_pieces else len(block)
                out.write(block[:end])
                stop.wait(0.001)
                out.write(block[end:])
                number += 50

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()


@TRUST
def test_a_log_that_grows_while_it_is_read(audit: Auditor):
    log = audit.file("x.jsonl", lines(30_000))
    with growing(log, in_pieces=True):
        report = audit.analyzed(log)
    requests = report["spend"]["requests"]
    assert requests >= 30_000
    assert report["spend"]["tokens"]["input"] == 10 * requests
    assert sum(set_aside(report).values()) <= 1


@TRUST
def test_a_log_that_grows_while_it_is_tagged(audit: Auditor):
    log, out = audit.file("x.jsonl", lines(30_000)), audit.place / "t.jsonl"
    with growing(log, in_pieces=False):
        audit.run("tag", log, "-o", out)
    ids = [json.loads(row)["response_id"] for row in out.read_bytes().splitlines()]
    assert len(ids) == len(set(ids)) >= 30_000


def once_opened(log: Path, then: Callable[[], None], after_s: float) -> Callable[[int], None]:
    """Do something soon after a process has opened a log."""

    def watch(child: int) -> None:
        handles = Path(f"/proc/{child}/fd")
        for _ in range(5000):
            if not handles.exists() or log in _opened(handles):
                break
            time.sleep(0.001)
        time.sleep(after_s)
        then()

    return watch


def _opened(handles: Path) -> list[Path]:
    found = []
    for handle in handles.iterdir():
        try:
            found.append(handle.readlink())
        except OSError:  # it has just been closed
            continue
    return found


@TRUST
def test_a_log_that_is_removed_between_the_two_readings_of_tag(audit: Auditor):
    log, out = audit.file("d/x.jsonl", lines(120_000)), audit.place / "t.jsonl"
    audit.file("d/a.jsonl", lines(5, 900_000))
    remove = once_opened(log, log.unlink, 0.05)
    ended = audit.run("tag", log.parent, "-o", out, codes=(0, 2), meanwhile=remove)
    if ended.code == 0:
        assert out.read_bytes().count(b"\n") == 120_005
    else:
        assert "x.jsonl" in ended.err
        assert not out.exists()


@TRUST
def test_a_log_that_is_truncated_while_it_is_read(audit: Auditor):
    log = audit.file("x.jsonl", lines(120_000))
    cut = once_opened(log, lambda: os.truncate(log, 1000), 0.03)
    audit.run("analyze", log, "--format", "json", codes=(0, 2), meanwhile=cut)


@TRUST
def test_a_parquet_file_that_is_truncated_while_it_is_read(audit: Auditor):
    count, log = 2_000_000, audit.place / "x.parquet"
    held = {
        "model": pa.array(["gpt-4o"]).take(pa.array([0] * count)),
        "request_id": pa.array([f"r{number}" for number in range(count)]),
        "input_tokens": pa.array([10] * count),
        "output_tokens": pa.array([1] * count),
    }
    pq.write_table(pa.table(held), log, row_group_size=100_000)
    cut = once_opened(log, lambda: os.truncate(log, 1000), 0.1)
    audit.run("analyze", log, "--format", "json", codes=(0, 2), meanwhile=cut)


# --- many files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [200, pytest.param(20_000, marks=TRUST)])
def test_more_files_than_may_be_open(audit: Auditor, count: int):
    (audit.place / "d").mkdir()
    for number in range(count):
        (audit.place / "d" / f"{number}.jsonl").write_bytes(line(number))
    audit.plain(audit.place / "d", requests=count, skipped={}, limits={"NOFILE": 64})


# --- names ---------------------------------------------------------------------------------------

NAMES = {
    "newline": b"a\nb.jsonl",
    "ANSI": b"a\x1b[31mb\x1b]0;x\x07.jsonl",
    "not UTF-8": b"caf\xe9\xff.jsonl",
    "bidi": "a\u202egnp.jsonl".encode(),
    "quotes and dollar": b"a'\"$(id)`id`.jsonl",
    "leading dash": b"-rf.jsonl",
    "glob characters": b"a[1]*?.jsonl",
    "rich markup": b"[red]x[/red].jsonl",
    "percent and hash": b"a%20#?.jsonl",
    "255 bytes": b"a" * 249 + b".jsonl",
    "colon": b"s3:x.jsonl",
    "workflow command": b"::error::x.jsonl",
    "pipe and html": b"a|<img src=x>.jsonl",
    "formula": b"=1+1.jsonl",
}
QUICK = {
    "analyze": ["analyze", "FOLDER", "-v"],
    "formats test": ["formats", "test", "FILE"],
}
COMMANDS = QUICK | {
    "analyze one": ["analyze", "FILE"],
    "analyze json": ["analyze", "FOLDER", "--format", "json", "-v"],
    "analyze csv": ["analyze", "FOLDER", "--format", "csv", "-v"],
    "analyze markdown": ["analyze", "FOLDER", "--format", "markdown", "-v"],
    "tag jsonl": ["tag", "FOLDER", "-o", "t.jsonl"],
    "tag csv": ["tag", "FOLDER", "-o", "t.csv"],
    "tag parquet": ["tag", "FOLDER", "-o", "t.parquet"],
    "ledger": ["ledger", "FILE", "-o", "l.parquet"],
}


@pytest.mark.parametrize(
    "command", [pytest.param(command, marks=() if command in QUICK else TRUST) for command in COMMANDS]
)
@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_of_a_file(audit: Auditor, name: str, command: str):
    folder = audit.place / "d"
    log = os.fsencode(folder) + b"/" + NAMES[name]
    os.makedirs(os.path.dirname(log))  # noqa: PTH103, PTH120 - a path cannot be bytes
    with open(log, "wb") as out:  # noqa: PTH123 - a path cannot be bytes
        out.write(lines(5) + b"broken\n")
    places = {"FILE": log, "FOLDER": folder}
    ended = audit.run(*(places.get(word, word) for word in COMMANDS[command]))
    told = ended.text + ended.err
    assert not {"\x1b", "\x07", "\u202e"} & set(told)
    assert "\nb.jsonl" not in told
    if command == "analyze json":
        assert json.loads(ended.out)["spend"]["requests"] == 5
