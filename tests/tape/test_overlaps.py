"""Requests without an id that are alike in two files are told, and counted as they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest import bundle
from tests.engine.audits import audit, write_jsonl, write_parquet

SAID = {"model": "gpt-4o", "output_tokens": 1, "feature": "chat"}


def call(n: int, **more: Any) -> dict[str, Any]:
    return SAID | {"timestamp": f"2026-10-05T09:{n // 60:02d}:{n % 60:02d}Z", "input_tokens": 10 + n} | more


def told(*paths: Path) -> list[tuple[str, str, int]]:
    """The overlaps that a report tells, by the names of the files."""
    report = audit(*paths)
    evidence = [f.evidence for f in report.findings if f.code == "CA-D1"]
    assert len(evidence) <= 1
    found = [
        (Path(e["file"]).name, Path(e["other"]).name, e["requests"]) for x in evidence for e in x["files"]
    ]
    assert sum(requests for _, _, requests in found) == sum(x["requests"] for x in evidence)
    return found


@pytest.mark.parametrize("small", [0, 64 << 10])
def test_a_part_of_a_log_copied_elsewhere_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int
):
    monkeypatch.setattr(bundle, "SMALL_BYTES", small)
    log = [call(n) for n in range(50)]
    whole = write_jsonl(tmp_path / "a.jsonl", log)
    part = write_jsonl(tmp_path / "b.jsonl", [*log[30:40], call(99)])
    other = write_jsonl(tmp_path / "c.jsonl", [call(n, user="x") for n in range(50)])
    assert told(whole, part, other) == [("a.jsonl", "b.jsonl", 10)]
    assert audit(whole, part, other).inputs.requests == 50 + 11 + 50


def test_another_container_does_not_hide_it(tmp_path: Path):
    log = [call(n) for n in range(5)]
    assert told(write_jsonl(tmp_path / "a.jsonl", log), write_parquet(tmp_path / "b.parquet", log)) == [
        ("a.jsonl", "b.parquet", 5)
    ]


def test_requests_with_an_id_or_without_a_time_are_not_compared(tmp_path: Path):
    with_ids = [call(n, request_id=f"r{n}") for n in range(5)]
    undated = [{k: v for k, v in call(n).items() if k != "timestamp"} for n in range(5)]
    for log in (with_ids, undated):
        one = write_jsonl(tmp_path / "a.jsonl", log)
        two = write_jsonl(tmp_path / "b.jsonl", [*log, call(9)])
        assert told(one, two) == []


def test_a_few_alike_among_many_are_taken_for_chance(tmp_path: Path):
    one = write_jsonl(tmp_path / "a.jsonl", [call(n) for n in range(100)])
    two = write_jsonl(tmp_path / "b.jsonl", [call(n) for n in range(98, 198)])
    assert told(one, two) == []
