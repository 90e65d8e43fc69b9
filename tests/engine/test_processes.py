"""Partial ledgers of different processes, which met cards in different orders, add up to the same report."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from costaudit.engine.audit import audit_tape, informed
from costaudit.engine.kernel import Partial, audit_segment
from costaudit.engine.ledger import Cells, CellSum
from costaudit.engine.plan import Plan
from costaudit.engine.told import Told
from costaudit.ingest.files import find_logs
from costaudit.tape import tape as tapes
from costaudit.tape.read import read_tape
from costaudit.tape.segment import Segment
from costaudit.tape.tape import Tape
from tests.engine.audits import plan, random_log, write_jsonl
from tests.often import often


@pytest.fixture
def tape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tape:
    """A tape of many reels."""
    monkeypatch.setattr(tapes, "REEL_ROWS", 40)
    for number in range(6):
        log = random_log(number, size=often(40, 120))
        for record in log:
            record |= {n: f"{number} {record[n]}" for n in ("request_id", "parent_id") if n in record}
        write_jsonl(tmp_path / f"{number}.jsonl", log)
    monkeypatch.setattr("costaudit.ingest.bundle.SMALL_BYTES", 0)
    return read_tape(find_logs([str(tmp_path)])[0], plan().tagger)


def added(parts: Sequence[Partial], chosen: Plan) -> tuple[Cells, Cells, Cells]:
    told, found = Told(), []
    for part in parts:
        told.take(part.told)
    for name in ("cells", "users", "ratios"):
        sums = CellSum()
        for part in parts:
            if getattr(part, name).rows:
                sums.add(getattr(part, name))
        found.append(told.by_number(sums.total(), chosen))
    return found[0], found[1], found[2]


def readable(cells: Cells, chosen: Plan) -> list[object]:
    """Cells without any number of a plan, in a fixed order."""
    told = Told()
    named = told.by_id(cells, chosen)
    keys = {n: named.words(n) if n in named.values else c.tolist() for n, c in named.keys.items()}
    columns = {**keys, **{n: [int(v) for v in c.tolist()] for n, c in named.measures.items()}}
    names = sorted(columns)
    return sorted(repr([(n, columns[n][row]) for n in names]) for row in range(cells.rows))


def audited(task: tuple[bytes, bytes]) -> bytes:
    """What another process does: it has nothing but what it is sent."""
    segment, chosen = (pickle.loads(part) for part in task)  # noqa: S301 - made above
    return pickle.dumps(audit_segment(segment, chosen))


@pytest.mark.parametrize("detail", [False, True])
def test_plans_that_met_other_cards_first_add_up(tape: Tape, detail: bool):
    with tape:
        first = replace(informed(tape, plan()), detail=detail)
        expected = audit_tape(tape, first)
        segments: list[Segment] = [reel.segment for reel in tape.reels()]
        assert len(segments) > 5
        parts = [audit_segment(one, pickle.loads(pickle.dumps(first))) for one in segments[::-1]]  # noqa: S301
        fresh = pickle.loads(pickle.dumps(first))  # noqa: S301
        assert not fresh.prices.cards
        for name, cells in zip(("cells", "users", "ratios"), added(parts, fresh), strict=True):
            assert readable(cells, fresh) == readable(getattr(expected, name), expected.plan)
            assert cells.rows or (detail and name != "cells")


def test_processes_add_up(tape: Tape):
    with tape, ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        chosen = informed(tape, plan())
        expected = audit_tape(tape, chosen)
        tasks = [(pickle.dumps(reel.segment), pickle.dumps(chosen)) for reel in tape.reels()]
        parts = [pickle.loads(part) for part in pool.map(audited, tasks)]  # noqa: S301
        cells, *_ = added(parts, chosen)
        assert readable(cells, chosen) == readable(expected.cells, expected.plan)
