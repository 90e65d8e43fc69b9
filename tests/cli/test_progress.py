"""How far a reading is: on a terminal, by bytes; nothing anywhere else."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from costaudit.ingest.meter import METER, Meter
from costaudit.ingest.sniff import sniff
from costaudit.ingest.streams import text_blocks
from tests.engine.audits import random_log, write_jsonl, write_parquet

pty = pytest.importorskip("pty", reason="NO TERMINALS HERE: pty is for systems like Unix")

COMMAND = (sys.executable, "-m", "costaudit", "analyze")


def on_terminal(folder: Path, *argv: str, **env: str) -> str:
    """What a command writes to a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    plain = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR")}
    with subprocess.Popen(
        [*COMMAND, *argv], cwd=folder, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs,
        env=plain | {"TERM": "xterm", "COLUMNS": "100"} | env,
    ) as process:  # fmt: skip
        os.close(theirs)
        seen = b""
        while True:
            try:
                more = os.read(ours, 1 << 16)
            except OSError:  # the other end is closed
                break
            if not more:
                break
            seen += more
        assert process.wait(60) == 0
    os.close(ours)
    return seen.decode()


@pytest.mark.parametrize("name", ["log.jsonl", "log.parquet"])
def test_a_terminal_sees_bytes_and_records(tmp_path: Path, name: str):
    log = random_log(1, size=50)
    write_jsonl(tmp_path / "log.jsonl", log)
    write_parquet(tmp_path / "log.parquet", log)
    seen = on_terminal(tmp_path, name, "--format", "json")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
    assert "reading" in plain
    assert "100%" in plain
    assert f"{len(log):,} records" in plain
    assert seen.rstrip().endswith("\x1b[2K") or "\x1b[?25h" in seen  # gone, and the cursor is back


@pytest.mark.parametrize(
    ("argv", "env"), [(("--quiet",), {}), ((), {"TERM": "dumb"}), ((), {"CI": "true"})], ids=str
)
def test_who_wants_none_gets_none(tmp_path: Path, argv: tuple[str, ...], env: dict[str, str]):
    write_jsonl(tmp_path / "log.jsonl", random_log(1, size=9))
    assert on_terminal(tmp_path, "log.jsonl", *argv, **env) == ""


def test_all_bytes_of_a_file_count_once(tmp_path: Path):
    path = write_jsonl(tmp_path / "log.jsonl", random_log(1, size=50))
    file, before = sniff("log.jsonl", path), METER.taken
    read = sum(len(block.data) for block in text_blocks(file, block_bytes=500))
    assert METER.taken - before == read == path.stat().st_size


def test_a_counted_stream_is_the_stream():
    meter = Meter()
    stream = meter.counting(io.BytesIO(b"abcdef"))
    assert (stream.read(2), stream.tell(), stream.seek(4), stream.read()) == (b"ab", 2, 4, b"ef")
    assert meter.taken == 4
    assert (stream.readable(), stream.seekable()) == (True, True)
    stream.close()
    assert stream.closed
