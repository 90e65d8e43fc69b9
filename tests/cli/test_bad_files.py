"""Files that are no logs: exit 2 and one line that says why; good records beside them still count."""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

GOOD = (
    b'{"model": "gpt-4o", "timestamp": "2026-10-05T09:00:00Z", "request_id": "r%d",'
    b' "input_tokens": 10, "output_tokens": 1}\n'
)


def lines(count: int, start: int = 0) -> bytes:
    return b"".join(GOOD % n for n in range(start, start + count))


def parquet(count: int) -> bytes:
    sink = io.BytesIO()
    rows = [json.loads(line) for line in lines(count).splitlines()]
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def archive() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as file:
        file.writestr("log.jsonl", lines(3))
    return sink.getvalue()


CANNOT = {
    "empty": (b"", "the file is empty"),
    "blank": (b"\n \n\t\n", "no request"),
    "garbage": (bytes(range(1, 256)) * 40, "no request could be read"),
    "binary": (b"\x01\x00\x02" * 500, "binary file"),
    "prose": (b"Dear all,\nthese are no logs.\n" * 50, "not valid JSON"),
    "png": (b"\x89PNG\r\n\x1a\n" + b"\x01" * 200, "PNG image"),
    "zip": (archive(), "zip archive"),
    "pdf": (b"%PDF-1.7\n", "PDF"),
    "broken sqlite": (b"SQLite format 3\x00" + b"\x00" * 100, "SQLite"),
    "array of numbers": (b"[1, 2]", "not an object"),
    "numbers": (b"1\n2\n3\n", "not an object"),
    "no model": (b'{"input_tokens": 1, "output_tokens": 2}\n' * 5, "model"),
    "other objects": (b'{"a": 1}\n' * 5, "no known log format"),
    "truncated parquet": (parquet(100)[:-100], "truncated"),
    "only magic": (b"PAR1", "truncated"),
    "broken parquet": (b"PAR1" + b"\xff" * 500 + b"\x10\x00\x00\x00PAR1", "cannot be read"),
    "gz of nothing": (gzip.compress(b""), "empty once decompressed"),
    "gz magic only": (b"\x1f\x8b", "cannot be decompressed"),
    "zst magic only": (b"\x28\xb5\x2f\xfd\x01", "cannot be decompressed"),
    "gz of broken parquet": (gzip.compress(b"PAR1" + b"\xff" * 500), "footer is missing"),
    "all bad usage": (
        b'{"model": "m", "input_tokens": -1, "output_tokens": 2}\n' * 5,
        "token count is negative",
    ),
}


def one_line(err: str, name: str) -> str:
    assert err.count("\n") == 1, err
    assert err.startswith("costaudit: ")
    assert "Traceback" not in err
    assert name in err
    return err


@pytest.mark.parametrize("case", CANNOT)
@pytest.mark.parametrize("name", ["log.jsonl", "log.parquet"])
def test_one_line_and_exit_2(run: Callable[..., Any], tmp_path: Path, case: str, name: str):
    data, said = CANNOT[case]
    path = tmp_path / name
    path.write_bytes(data)
    found = run("analyze", path)
    assert (found.code, found.out) == (2, "")
    assert said in one_line(found.err, str(path))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: p / "missing.jsonl", "no such file"),
        (lambda p: p, "holds no logs"),
        (lambda p: f"{p}/*.jsonl", "no file matches"),
    ],
    ids=["missing", "empty directory", "glob"],
)
def test_nothing_there(
    run: Callable[..., Any], tmp_path: Path, make: Callable[[Path], Path | str], said: str
):
    found = run("analyze", make(tmp_path))
    assert (found.code, found.out) == (2, "")
    assert said in one_line(found.err, str(tmp_path))


def test_a_misspelt_name_gets_a_suggestion(run: Callable[..., Any], tmp_path: Path):
    (tmp_path / "requests.jsonl").write_bytes(lines(1))
    assert "did you mean 'requests.jsonl'?" in run("analyze", tmp_path / "request.jsonl").err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(run: Callable[..., Any], tmp_path: Path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(lines(1))
    path.chmod(0)
    found = run("analyze", path)
    assert found.code == 2
    assert "Permission denied" in one_line(found.err, str(path))


def counted(run: Callable[..., Any], *paths: Path) -> tuple[int, dict[str, int], str]:
    found = run("analyze", *paths, "--format", "json")
    assert found.code == 0, found.err
    inputs = json.loads(found.out)["inputs"]
    return inputs["requests"], {s["reason"]: s["count"] for s in inputs["skipped"]}, found.err


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gz", "zst"])
@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_what_came_before_the_break_of_a_compressed_file_counts(
    run: Callable[..., Any], tmp_path: Path, pack: Callable[[bytes], bytes], cut: float
):
    rows = (
        {"model": "gpt-4o", "request_id": os.urandom(30).hex(), "input_tokens": 1, "output_tokens": 1}
        for _ in range(20_000)
    )
    noise = "".join(json.dumps(row) + "\n" for row in rows).encode()
    data = pack(noise)
    broken, other = tmp_path / "broken.jsonl", tmp_path / "good.jsonl"
    broken.write_bytes(data[: int(len(data) * cut)])
    other.write_bytes(lines(5))
    requests, skipped, err = counted(run, broken, other)
    assert skipped == {"truncated_file": 1}
    assert 20_000 * (cut - 0.1) < requests - 5 < 20_000
    assert "truncated_file" in err


def test_a_file_that_is_no_log_is_left_out_and_named(run: Callable[..., Any], tmp_path: Path):
    (tmp_path / "a.jsonl").write_bytes(lines(4))
    (tmp_path / "b.jsonl").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\x01" * 200)
    (tmp_path / "c.parquet").write_bytes(parquet(50)[:-50])
    requests, skipped, err = counted(run, tmp_path)
    assert (requests, skipped) == (4, {"unreadable_file": 2})
    assert "b.jsonl" in err
    assert "c.parquet" in err


def test_members_of_a_gzip_file_are_read_one_after_the_other(run: Callable[..., Any], tmp_path: Path):
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(gzip.compress(lines(3)) + gzip.compress(lines(2, 3)) + b"\x00" * 512)
    assert counted(run, path)[:2] == (5, {})
    path.write_bytes(zstandard.compress(lines(3)) + zstandard.compress(lines(2, 3)))
    assert counted(run, path)[:2] == (5, {})
