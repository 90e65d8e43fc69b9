"""Votes of fingerprints reach every request, however the log is cut, kept or read again."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest import jsonl
from costaudit.tape import store
from costaudit.tiers.rules import load_rules
from costaudit.tiers.tagger import Tagger
from costaudit.tiers.votes import BallotBox
from tests.engine.audits import audit, read_in_blocks, same, write_jsonl

TASKS = {
    "t-1": ("Classify the sentiment of this review as positive or negative: {}", 90),
    "t-2": ("Implement a Python function that {} and prove its complexity step by step.", 60),
    "t-3": ("Summarize the following article in two sentences: {}", 60),
    "mixed": ("{}", 60),
}
TEXTS = (
    "The doctor gave my son the wrong dose and my lawyer says we should sue.",
    "Great food, kind staff, cold soup.",
    "merges two sorted lists",
    "Write a SQL query that joins orders with customers and ranks them by revenue.",
    "thanks!",
)


def log_of(seed: int = 1) -> list[dict[str, Any]]:
    chance = random.Random(seed)  # noqa: S311 - the same log on every run
    log = []
    for feature, (template, size) in TASKS.items():
        log += [
            {
                "timestamp": f"2026-10-{1 + number % 28:02}T10:00:00Z",
                "request_id": f"{feature}-{number}",
                "provider": "openai",
                "model": "gpt-5.4",
                "endpoint": feature,
                "input_tokens": chance.randrange(50, 900),
                "output_tokens": chance.randrange(300),
                "messages": [{"role": "user", "content": template.format(chance.choice(TEXTS))}],
            }
            for number in range(size)
        ]
    chance.shuffle(log)
    return log


def tiers(path: Path) -> dict[int | None, int]:
    return {row.tier: row.requests for row in audit(path).by_tier}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return same(audit(write_jsonl(tmp_path_factory.mktemp("voting") / "log.jsonl", log_of())))


@pytest.mark.parametrize("block_bytes", [3000, 1 << 20])
@pytest.mark.parametrize("held", [0, 20_000, 1 << 28])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_report_does_not_depend_on_blocks_or_on_what_is_kept(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    expected: dict[str, Any],
    block_bytes: int,
    held: int,
    threads: int,
):
    path = write_jsonl(tmp_path / "log.jsonl", log_of())
    monkeypatch.setattr(store.Store.__init__, "__defaults__", (held,))
    read_in_blocks(monkeypatch, block_bytes)
    assert same(audit(path, threads=threads)) == expected


def test_a_log_given_twice_votes_once(tmp_path: Path):
    first = write_jsonl(tmp_path / "a.jsonl", log_of())
    second = write_jsonl(tmp_path / "b.jsonl", log_of())
    second.write_bytes(second.read_bytes() + b"\n")  # the same records in other bytes
    ignored = ("records", "duplicates", "formats")
    assert same(audit(first, second), ignore=ignored) == same(audit(first), ignore=ignored)


def test_the_ledger_holds_the_voted_tags(tmp_path: Path):
    """Counted again without the ledger: the tags of all rows at once, after one vote over all of them."""
    log = log_of()
    path = write_jsonl(tmp_path / "log.jsonl", log)
    (batch,) = [jsonl.JsonlReader.open(f).parse(b).batch for f, b in _blocks(path)]
    tagger = Tagger(load_rules())
    judged = tagger.judge(batch)
    ballots = judged.ballots()
    assert ballots is not None
    box = BallotBox()
    box.add(ballots)
    tags = tagger.with_votes(box.count()).settle(judged)
    found: dict[int | None, int] = {}
    for tier in tags.tier.tolist():
        found[None if tier < 0 else tier] = found.get(None if tier < 0 else tier, 0) + 1
    assert tiers(path) == found
    assert (tags.tier != judged.tags.tier).any()


def _blocks(path: Path) -> list[tuple[Any, Any]]:
    from costaudit.ingest.files import find_logs  # noqa: PLC0415 - only here

    (file,) = find_logs([str(path)])[0]
    return [(file, block) for block in jsonl.JsonlReader.open(file).blocks()]
