"""Where answers are written to: what is there already is replaced whole, or left as it was."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import time

import pytest

from tests.catalogue.auditor import Auditor
from tests.catalogue.logs import MANY, lines
from tests.catalogue.test_files import NOBODY, as_nobody

GOOD = lines(MANY)


@as_nobody
def test_a_folder_that_may_not_be_written_to(audit: Auditor):
    out = audit.file("ro/o.json", b"old\n")
    out.parent.chmod(0o555)
    log = audit.file("x.jsonl", GOOD)
    ended = audit.run("analyze", log, "--format", "json", "-o", out, codes=(2,), uid=NOBODY)
    assert "permission" in ended.err.lower()
    assert out.read_bytes() == b"old\n"


def test_a_missing_folder(audit: Auditor):
    ended = audit.run("analyze", audit.file("x.jsonl", GOOD), "-o", audit.place / "no/o.json", codes=(2,))
    assert "no such" in ended.err.lower()


def test_a_folder_in_place_of_the_file(audit: Auditor):
    (audit.place / "o.json").mkdir()
    ended = audit.run("analyze", audit.file("x.jsonl", GOOD), "-o", audit.place / "o.json", codes=(2,))
    assert "director" in ended.err.lower()
    assert audit.names() == ["o.json", "x.jsonl"]


def test_the_log_itself(audit: Auditor):
    log = audit.file("x.jsonl", GOOD)
    audit.run("tag", log, "-o", log, codes=(2,))
    assert log.read_bytes() == GOOD


def test_a_link_is_followed(audit: Auditor):
    target, link = audit.file("real.json", b"old"), audit.place / "o.json"
    link.symlink_to("real.json")
    audit.run("analyze", audit.file("x.jsonl", GOOD), "--format", "json", "-o", link)
    assert link.is_symlink()
    assert target.read_bytes() != b"old"


def test_the_mode_of_the_file_is_kept(audit: Auditor):
    out = audit.file("o.json", b"old")
    out.chmod(0o600)
    audit.run("analyze", audit.file("x.jsonl", GOOD), "--format", "json", "-o", out)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert out.read_bytes() != b"old"


def test_a_device_is_written_to(audit: Auditor):
    device = audit.place / "null"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("NOT ROOT: cannot make a device")
    audit.run("analyze", audit.file("x.jsonl", GOOD), "-o", device, codes=(0, 2))
    assert stat.S_ISCHR(device.lstat().st_mode)


def test_a_fifo_is_written_to(audit: Auditor):
    fifo, log = audit.place / "f", audit.file("x.jsonl", GOOD)
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    got: list[bytes] = []

    def drain() -> None:
        for _ in range(500):
            try:
                got.append(os.read(reader, 1 << 16))
            except BlockingIOError:
                got.append(b"")
            time.sleep(0.01)
            if done.is_set():
                return

    done = threading.Event()
    draining = threading.Thread(target=drain)
    draining.start()
    try:
        ended = audit.run("analyze", log, "-o", fifo, codes=(0, 2), timeout_s=20)
    finally:
        done.set()
        draining.join()
        with contextlib.suppress(BlockingIOError):
            got.append(os.read(reader, 1 << 16))  # what came after the last look
        os.close(reader)
    assert stat.S_ISFIFO(fifo.lstat().st_mode)
    assert ended.code or b"".join(got)
