"""kill -9 at any moment of any writer: the old or the new file is whole; the next run leaves no litter."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.warm import Warm

KILLS = int(os.environ.get("COSTAUDIT_KILLS", "3"))
"""Of each writer; `make trust` tries 40."""

OLD = b"the old content\n"
CALL = {"model": "gpt-4o", "input_tokens": 10, "output_tokens": 1, "prompt": "Summarize this text, please"}
NAMED = "import costaudit.drafts as d; d.unnamed = lambda *_: None"
"""What a system without unnamed files does."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that takes some time."""
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    days = (f"2026-10-{1 + n % 28:02d}T09:00:00Z" for n in range(4_000))
    path.write_text(
        "".join(
            json.dumps(
                {**CALL, "timestamp": day, "request_id": f"r{n}", "feature": f"f{n % 9}", "user": f"u{n}"}
            )
            + "\n"
            for n, day in enumerate(days)
        ),
        "utf-8",
    )
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def tables(data: bytes) -> object:
    return pq.read_table(io.BytesIO(data))


def rows(data: bytes) -> object:
    return list(csv.reader(io.StringIO(data.decode("utf-8")), strict=True))


WRITERS: dict[str, tuple[str, str, Callable[[bytes], object]]] = {
    "analyze": ("analyze LOG --format json -o OUT", "out.json", json.loads),
    "simulate": ("simulate LOG --format json -o OUT", "out.json", json.loads),
    "fallback": ("fallback LOG --format json -o OUT", "out.json", json.loads),
    "tag as JSON lines": ("tag LOG -o OUT", "out.jsonl", lambda data: [*map(json.loads, data.splitlines())]),
    "tag as CSV": ("tag LOG -o OUT", "out.csv", rows),
    "tag as Parquet": ("tag LOG -o OUT", "out.parquet", tables),
    "tag, packed": ("tag LOG -o OUT", "out.jsonl.gz", gzip.decompress),
    "ledger": ("ledger LOG -o OUT", "out.parquet", tables),
    "label": ("label LOG -o OUT", "out.csv", rows),
    "label --read": ("label LOG --read SAMPLE --format json -o OUT", "out.json", json.loads),
    "label --save": ("label LOG --read SAMPLE --save OUT", "out.toml", bytes.decode),
    "config init": ("config init LOG --force -d FOLDER", "costaudit.toml", bytes.decode),
    "check --report": ("pricing check --report json:OUT -o /dev/null", "out.json", json.loads),
    "policy export": ("policy export --to litellm -o OUT", "out.yaml", bytes.decode),
    "shadow plan": ("shadow plan LOG --format json -o OUT", "out.json", json.loads),
}  # fmt: skip


@pytest.fixture(scope="module")
def sample(warm: Warm, log: Path) -> Path:
    """Labels of the log."""
    path = log.parent / "sample.csv"
    assert warm("label", log, "-o", path).code == 0
    drawn = list(csv.DictReader(io.StringIO(path.read_text("utf-8"), newline="")))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, drawn[0])
    writer.writeheader()
    writer.writerows({**row, "label": str(n % 2)} for n, row in enumerate(drawn))
    path.write_text(out.getvalue(), "utf-8")
    return path


@pytest.mark.parametrize("before", ["", NAMED], ids=["unnamed drafts", "named drafts"])
@pytest.mark.parametrize("writer", WRITERS)
def test_the_old_file_or_the_new_one_is_whole(
    warm: Warm, log: Path, sample: Path, tmp_path: Path, writer: str, before: str
):
    command, name, whole = WRITERS[writer]
    out, tmp = tmp_path / "there" / name, tmp_path / "tmp"
    out.parent.mkdir()
    tmp.mkdir()
    places = {"LOG": log, "OUT": out, "SAMPLE": sample, "FOLDER": out.parent}
    argv = [str(places.get(word, word)).replace("json:OUT", f"json:{out}") for word in command.split()]
    env = {"TMPDIR": str(tmp)}

    def write(meanwhile: Callable[[int], None] | None = None) -> int:
        return warm(*argv, cwd=log.parent, env=env, before=before, meanwhile=meanwhile).code

    start = time.monotonic()
    out.write_bytes(OLD)
    assert write() == 0
    full, new = time.monotonic() - start, out.read_bytes()
    whole(new)
    there, chance = names(out.parent), random.Random(writer)  # noqa: S311 - the same moments each time
    for kill in range(KILLS):
        out.write_bytes(OLD)
        wait = full * (kill + chance.random()) / KILLS

        def hit(pid: int, wait: float = wait) -> None:
            time.sleep(wait)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

        assert write(hit) in (0, -signal.SIGKILL)
        assert out.read_bytes() in (OLD, new)
    assert write() == 0
    assert out.read_bytes() == new
    assert names(out.parent) == there
    assert names(tmp) == []


@pytest.mark.parametrize("before", ["", NAMED], ids=["unnamed copies", "named copies"])
def test_no_copy_of_what_was_read_stays(warm: Warm, log: Path, tmp_path: Path, before: str):
    (tmp_path / "tmp").mkdir()
    packed = tmp_path / "log.sqlite.gz"
    packed.write_bytes(gzip.compress(sqlite_of(log, tmp_path / "log.sqlite")))
    for argv, stdin in ((["analyze", "-"], log), (["analyze", str(packed)], os.devnull)):
        start = time.monotonic()
        assert warm(*argv, streams={0: stdin}, before=before).code == 0
        full, chance = time.monotonic() - start, random.Random(1)  # noqa: S311 - as above
        for _ in range(KILLS):

            def hit(pid: int, wait: float = full * chance.random()) -> None:
                time.sleep(wait)
                left = list((tmp_path / "tmp").iterdir())
                assert all(path.stat().st_mode & 0o077 == 0 for path in left)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

            env = {"TMPDIR": str(tmp_path / "tmp")}
            warm(*argv, streams={0: stdin}, env=env, before=before, meanwhile=hit)
        assert warm("analyze", log, "-q", env=env, before=before).code == 0
        assert names(tmp_path / "tmp") == []


def sqlite_of(log: Path, path: Path) -> bytes:
    with contextlib.closing(sqlite3.connect(path)) as database:
        calls = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
        database.execute(f"CREATE TABLE calls ({', '.join(calls[0])})")
        rows = [tuple(call.values()) for call in calls]
        database.executemany(f"INSERT INTO calls VALUES ({', '.join('?' * len(calls[0]))})", rows)  # noqa: S608
        database.commit()
    return path.read_bytes()
