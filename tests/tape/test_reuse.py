"""Ids that are used again for other calls join nothing, whatever the order of lines, files and blocks."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from costaudit.schema import Call
from costaudit.tape import tape
from costaudit.tape.reuse import MOST_OF_ONE, contradicting
from tests.engine.audits import Record, audit, read_in_blocks, write_jsonl
from tests.tape.calls import merge_calls, record_of
from tests.tape.test_merge import merged

NOON = 1_790_000_000_000_000
MINUTE = 60_000_000


def call(**said: Any) -> Call:
    fields: dict[str, Any] = {"model": "gpt-4o", "response_id": "x", "input": 100, "output": 50, "ts": NOON}
    return Call(**fields | said)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"ts": NOON + 90 * MINUTE, "input": 300}),
        ({}, {"ts": NOON + 11 * MINUTE, "output": 51}),
        ({}, {"ts": NOON + 11 * MINUTE, "model": "gpt-4.1"}),
        ({"prompt": "p"}, {"ts": NOON + 11 * MINUTE, "prompt": "q"}),
        ({"session": "a", "ts": None}, {"session": "b", "input": 300, "ts": None}),
        ({}, {"input": 300, "ts": NOON + 1}),
        ({"output": 0, "final": True}, {"output": 0, "final": True, "input": 300, "ts": NOON + 1}),
        ({"final": True}, {"final": True, "input": 300, "ts": NOON + 1}),
        ({"latency_ms": 2000}, {"latency_ms": 10, "input": 300, "ts": NOON + 2_000_001}),
        ({"final": True, "ts": None}, {"final": True, "ts": None, "input": 10, "output": 900}),
    ],
)
def test_records_that_contradict_each_other_and_are_apart_are_two_calls(
    one: dict[str, Any], other: dict[str, Any]
):
    assert len(merged(call(**one), call(**other))) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"final": False, "output": 1}, {"ts": NOON + 90 * MINUTE}),  # begun and finished
        ({"quality": "none", "input": 0, "output": 0}, {"ts": NOON + 90 * MINUTE}),
        ({"gateway": "litellm", "input": 90}, {"ts": NOON + 90 * MINUTE}),  # a row and the body behind it
        (
            {"user": "ann", "input": 9},
            {"final": True, "ts": NOON + 90 * MINUTE},
        ),  # an application's line, too
        ({"output": 0}, {"output": 0, "input": 300, "ts": NOON + MINUTE}),  # nothing says that either ended
        ({"model": "openai/gpt-4o"}, {"model": "gpt-4o-2024-08-06", "ts": NOON + 90 * MINUTE}),
        ({"cache_read": 60, "input": 40}, {"ts": NOON + 90 * MINUTE}),  # split finer
        ({"output": 1}, {"ts": NOON + 10 * MINUTE}),
        ({"latency_ms": 2000}, {"latency_ms": 10, "input": 300, "ts": NOON + 2_000_000}),  # one in the other
        ({"session": "a"}, {"session": "b"}),
    ],
)
def test_what_may_be_of_one_call_is_one(one: dict[str, Any], other: dict[str, Any]):
    assert len(merged(call(**one), call(**other))) == 1


def test_all_records_of_a_reused_id_stand_for_themselves_and_repeats_count_once():
    again = call(ts=NOON + 1, input=100)
    late = call(ts=NOON + 60 * MINUTE, input=300)
    failed = [call(ts=NOON + n, status="error", input=0, output=0, attempt=1) for n in range(3)]
    found = merge_calls([call(), again, late, call(), late, *failed])
    assert [c.input for c in found].count(100) == 2
    assert [(c.status, c.ts) for c in found].count(("error", NOON)) == 1
    assert len(found) == 3 + 3
    assert "superseded" not in {c.status for c in found}


def test_a_call_id_holds_where_the_response_id_does_not():
    named = [call(call_id=f"c{n}", ts=NOON + n * 60 * MINUTE, input=100 + n) for n in range(3)]
    ends = [call(call_id=f"c{n}", ts=NOON + n * 60 * MINUTE, user="ann", input=100 + n) for n in range(3)]
    bodies = [call(ts=NOON + n * 60 * MINUTE, input=200 + n) for n in range(2)]
    found = merge_calls([*named, *ends, *bodies])
    assert sorted((c.call_id or "", c.input, c.user or "") for c in found) == [
        ("", 200, ""), ("", 201, ""), ("c0", 100, "ann"), ("c1", 101, "ann"), ("c2", 102, "ann"),
    ]  # fmt: skip


def test_comparing_takes_no_square_of_the_records():
    size = 200_000
    calls = record_of([call(output=n % 7 + 1, ts=NOON + n) for n in range(1000)])
    many = calls.take(np.arange(size) % 1000)
    assert not contradicting(many, np.zeros(size, np.int64), np.ones(size, bool)).any()


def proxy_log(seed: int) -> list[Record]:
    """What a server of 5 ids answers over a day, the rows of a gateway with ids of its own, and streams."""
    chance = random.Random(seed)  # noqa: S311 - the same log on every run
    log = [
        {
            "response_id": f"chatcmpl-{chance.randrange(5)}", "model": "gpt-4o", "input_tokens": 10 + n % 50,
            "output_tokens": n % 9, "timestamp": f"2026-10-05T{n % 24:02d}:{n % 60:02d}:00Z",
        }
        for n in range(120)
    ]  # fmt: skip
    log += chance.sample(log, 30)
    rows = [{"model": "gpt-4o", "input_tokens": n, "output_tokens": 7} for n in range(1, 30)]
    log += [{"call_id": f"call-{n}", "response_id": "chatcmpl-0", **row} for n, row in enumerate(rows)]
    log += [{"call_id": f"call-{n}", **row} for n, row in enumerate(rows)]
    log += [{"response_id": f"own-{n}", **row, "output_tokens": 1} for n, row in enumerate(rows)]
    log += [{"response_id": f"own-{n}", **row} for n, row in enumerate(rows)]
    chance.shuffle(log)
    return log


@pytest.mark.parametrize(("at_once", "of_one"), [(300_000, MOST_OF_ONE), (20, MOST_OF_ONE), (20, 25)])
@pytest.mark.parametrize("seed", [1, 2])
def test_no_order_of_lines_files_and_blocks_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int, of_one: int, seed: int
):
    log = proxy_log(seed)
    whole = write_jsonl(tmp_path / "whole.jsonl", log)
    expected = audit(whole)
    assert expected.inputs.requests == 120 + 29 + 29
    assert [f.evidence["ids"] for f in expected.findings if f.code == "CA-D2"] == [5]
    random.Random(seed).shuffle(log)  # noqa: S311 - as above
    cut = len(log) // 3
    parts = [write_jsonl(tmp_path / "a.jsonl", log[:cut]), write_jsonl(tmp_path / "b.jsonl", log[cut:])]
    read_in_blocks(monkeypatch, 3000)
    monkeypatch.setattr(tape, "MERGED_AT_ONCE", at_once)
    monkeypatch.setattr(tape, "MOST_OF_ONE", of_one)
    for paths in (parts, parts[::-1]):
        found = audit(*paths)
        assert found.spend == expected.spend
        assert (found.inputs.requests, found.inputs.duplicates) == (178, expected.inputs.duplicates)
        assert [f.evidence for f in found.findings] == [f.evidence for f in expected.findings]
