"""Generated logs are the same every time, and hold what is said of them."""

from __future__ import annotations

import gzip
import json

import pytest

from benchmarks.bad_lines import BAD
from benchmarks.drawn import Truth, chunks
from benchmarks.logs import SUFFIXES, Log
from benchmarks.make_data import WRITERS, make
from benchmarks.make_lines import FILE_LINES

ROWS = 1_010
"""Among so many one is logged twice, at most."""


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    return {kind: make(Log(kind, ROWS), folder) for kind in WRITERS}


def content(path):
    """The bytes of a log; of a folder all in the order of its files."""
    return b"".join(p.read_bytes() for p in (sorted(path.iterdir()) if path.is_dir() else [path]))


def records(path):
    return [json.loads(line) for line in content(path).splitlines()]


def test_every_kind_has_a_name_and_a_writer():
    assert list(WRITERS) == list(SUFFIXES)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_log_is_the_same_when_it_is_made_again(kind, logs, tmp_path):
    assert content(make(Log(kind, ROWS), tmp_path)) == content(logs[kind])


def test_a_log_that_is_there_is_not_made_again(tmp_path):
    path = make(Log("lean", 10), tmp_path)
    path.write_bytes(b"")
    assert make(Log("lean", 10), tmp_path).read_bytes() == b""


def test_one_that_was_not_finished_is(tmp_path):
    log = Log("small", 40)
    path = make(log, tmp_path)
    whole = content(path)
    log.truth_path(tmp_path).unlink()
    (path / "00001.jsonl").write_bytes(b"{")
    (path / "left-over.jsonl").write_bytes(b"{}")
    assert content(make(log, tmp_path)) == whole


def test_what_a_log_holds_is_counted_once_per_request(logs):
    last = {record["request_id"]: record for record in records(logs["lean"])}.values()
    truth = json.loads(Log("lean", ROWS).truth_path(logs["lean"].parent).read_bytes())
    assert truth == {
        "requests": len(last),
        "tokens": [
            sum(r["input_tokens"] - r["cached_tokens"] for r in last),
            sum(r["cached_tokens"] for r in last),
            sum(r["output_tokens"] for r in last),
        ],
        "set_aside": {},
    }
    assert ROWS - len(last) <= 1


def test_chunks_add_up():
    both, first = Truth(), Truth()
    tables = list(chunks(30, both))
    assert sum(table.num_rows for table in tables) == 30
    list(chunks(10, first))
    assert (both.requests, first.requests) == (30, 10)


@pytest.mark.parametrize("kind", ["fat", "text", "late"])
def test_other_lines_hold_the_lean_ones(kind, logs):
    lean, others = records(logs["lean"]), records(logs[kind])
    assert [{name: other[name] for name in one} for one, other in zip(lean, others, strict=True)] == lean
    assert all(len(other) > len(one) for one, other in zip(lean[-10:], others[-10:], strict=True))


def test_a_late_field_begins_after_a_tenth(logs):
    assert ["stream" in record for record in records(logs["late"])] == [False] * 101 + [True] * 909


def test_compressed_and_cut_up_logs_hold_the_same_lines(logs):
    lean = content(logs["lean"])
    assert gzip.decompress(content(logs["gz"])) == lean
    assert content(logs["small"]) == lean
    assert len(list(logs["small"].iterdir())) == -(-ROWS // FILE_LINES)


def test_bad_lines_stand_among_the_lean_ones(logs):
    lean, lines = content(logs["lean"]).splitlines(), content(logs["bad"]).splitlines()
    good = set(lean)
    assert [line for line in lines if line in good] == lean
    assert len(lines) == ROWS + ROWS // 100
    truth = json.loads(Log("bad", ROWS).truth_path(logs["bad"].parent).read_bytes())
    assert truth["set_aside"] == {
        "not_json": 3, "not_utf8": 1, "not_integer_usage": 1, "negative_usage": 1, "not_object": 1,
        "fractional_usage": 1, "model_not_text": 1, "unrecognised": 1,
    }  # fmt: skip
    assert len(BAD) == 10
