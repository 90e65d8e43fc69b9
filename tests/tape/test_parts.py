"""More repeated calls than are held in memory at once are merged in parts, to the same report."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from costaudit.tape import tape
from costaudit.tape.ids import parts_of
from tests.engine.audits import Record, audit, random_log, read_in_blocks, same, write_jsonl
from tests.often import often


def linked_log(seed: int) -> list[Record]:
    """Calls told by a gateway (both ids), a client (call id) and a provider (response id), and retries."""
    chance = random.Random(seed)  # noqa: S311 - the same log on every run
    log = random_log(seed, size=often(50, 150))
    for number in range(60):
        counts = {"model": "gpt-4o", "input_tokens": 100 + number, "output_tokens": 7}
        gateway = {"call_id": f"call-{number}", "response_id": f"resp-{number}", **counts}
        tellers = [
            gateway,
            {"call_id": f"call-{number}", **counts},
            {"response_id": f"resp-{number}", **counts},
        ]
        log += chance.sample(tellers, chance.randrange(1, 4))
        log += [
            {"call_id": f"call-{number}-{n}", "parent_id": f"call-{number}", "attempt": n, **counts}
            for n in range(1, chance.randrange(1, 4))
        ]
    chance.shuffle(log)
    return log


@pytest.mark.parametrize("at_once", [5, 60])
@pytest.mark.parametrize("block_bytes", [3000, 1 << 20])
def test_calls_merged_in_parts_give_the_same_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int, block_bytes: int
):
    log = linked_log(at_once)
    cut = len(log) // 2
    paths = [write_jsonl(tmp_path / "a.jsonl", log[:cut]), write_jsonl(tmp_path / "b.jsonl", log[cut:])]
    expected = audit(*paths)
    assert expected.inputs.duplicates > 60
    read_in_blocks(monkeypatch, block_bytes)
    monkeypatch.setattr(tape, "MERGED_AT_ONCE", at_once)
    assert same(audit(*paths)) == same(expected)


def test_linked_ids_stay_in_one_part_and_every_id_is_in_exactly_one():
    chain = np.array([[n, n + 7] for n in range(0, 700, 7)])
    back = np.array([[999, 1], [1, 500], [500, 998]])
    part_of = parts_of(1000, [chain, back], 5)
    assert len(set(part_of[range(0, 707, 7)].tolist())) == 1
    assert len(set(part_of[[999, 1, 500, 998]].tolist())) == 1
    assert np.bincount(part_of).min() > 100
