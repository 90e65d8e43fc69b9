"""The requests one by one add up to the audit, and stand in the order of the input."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.engine.audit import audit_tape, informed, judge_tape
from costaudit.errors import InputError
from costaudit.ingest import bundle
from costaudit.ingest.files import find_logs
from costaudit.prices.gateways import load_gateways
from costaudit.questions.audit.build import build_audit
from costaudit.questions.tagging.rows import columns_of
from costaudit.tape import ids, store, tape
from costaudit.tape.read import HowToRead, read_tape
from costaudit.tape.record import Keeps
from costaudit.tape.texts import with_texts
from tests.engine.audits import Record, plan, random_log, read_in_blocks, write_jsonl, write_parquet
from tests.often import repeated

FEW = repeated(3, 30)
Row = dict[str, Any]


def rows_of(*paths: Path, threads: int = 1, **options: Any) -> tuple[list[Row], Any]:
    """Every request as `costaudit tag` writes it, and the audit of the same logs."""
    files, refused = find_logs([str(p) for p in paths])
    chosen, rows = plan(**options), list[Row]()
    how = HowToRead(threads=threads, keeps=Keeps(ids=True, texts=True))
    with read_tape(files, chosen.tagger, how, refused=refused) as tape:
        passed = audit_tape(tape, informed(tape, chosen))
        for some in judge_tape(tape, passed.plan):
            columns = columns_of(some, passed.plan, with_text=True)
            listed = zip(*columns.values(), strict=True)
            rows += [dict(zip(columns, values, strict=True)) for values in listed]
        return rows, build_audit(passed, load_gateways())


def total(rows: list[Row], name: str) -> Decimal:
    return sum((r[name] for r in rows if r[name] is not None), Decimal(0))


def check_sums(rows: list[Row], report: Any) -> None:
    assert len(rows) == report.spend.requests
    assert total(rows, "list_usd") == (report.spend.list_usd or 0)
    assert sum(r["records"] for r in rows) == report.spend.requests + report.inputs.duplicates
    for name in ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning"):
        assert sum(r[name] for r in rows) == getattr(report.spend.tokens, name)
    for tier in report.by_tier:
        of_tier = [r for r in rows if r["tier"] == tier.tier]
        assert (len(of_tier), total(of_tier, "list_usd")) == (tier.requests, tier.list_usd or 0)
    unpriced = sum(1 for r in rows if r["list_usd"] is None)
    assert unpriced == sum(u.requests for u in report.coverage.unpriced)
    assert all((r["list_usd"] is None) == (r["unpriced_reason"] is not None) for r in rows)
    assert all((r["route_usd"] is None) == (r["kept_reason"] is not None) for r in rows)
    assert all(r["route_usd"] < r["list_usd"] for r in rows if r["route_usd"] is not None)


@FEW
@given(st.integers(0, 2**32))
def test_rows_add_up_to_the_audit(tmp_path: Path, seed: int):
    rows, report = rows_of(write_jsonl(tmp_path / "log.jsonl", random_log(seed)))
    assert report.inputs.duplicates > 0
    check_sums(rows, report)


@FEW
@given(st.integers(0, 2**32))
def test_routes_add_up_to_the_drivers_where_nothing_was_billed_below_list(tmp_path: Path, seed: int):
    log = [{k: v for k, v in r.items() if k not in ("cost_usd", "gateway")} for r in random_log(seed)]
    rows, report = rows_of(write_jsonl(tmp_path / "log.jsonl", log))
    moved = [r for r in rows if r["route_usd"] is not None]
    assert moved
    saved = total(moved, "list_usd") - total(moved, "route_usd")
    assert saved == report.drivers.overspecification_usd + report.drivers.lock_in_usd


def test_requests_stand_where_their_first_record_stood(tmp_path: Path):
    usage = {"model": "gpt-4o", "input_tokens": 10, "output_tokens": 1}
    lines: list[Record] = [
        {"call_id": "a", **usage},
        {"call_id": "b", **usage},
        {"call_id": "a", **usage, "output_tokens": 7},
        {"call_id": "c", **usage},
        {"call_id": "d", **usage},
    ]
    first = write_jsonl(tmp_path / "1.jsonl", lines)
    second = write_jsonl(tmp_path / "2.jsonl", [{"call_id": "e", **usage}, lines[3], lines[1]])
    rows, report = rows_of(first, second)
    told = [(r["call_id"], Path(r["source_file"]).name, r["source_line"], r["records"]) for r in rows]
    assert told == [
        ("a", "1.jsonl", 1, 2),
        ("b", "1.jsonl", 2, 2),
        ("c", "1.jsonl", 4, 2),
        ("d", "1.jsonl", 5, 1),
        ("e", "2.jsonl", 1, 1),
    ]
    assert rows[0]["output"] == 7  # the most complete record wins
    check_sums(rows, report)


@pytest.mark.parametrize("at_once", [20, 10**6])
@pytest.mark.parametrize(("block", "threads"), [(300, 1), (2000, 2), (7777, 4)])
def test_blocks_threads_and_parts_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, threads: int, at_once: int
):
    log = random_log(4)
    cut = len(log) // 3
    paths = [
        write_jsonl(tmp_path / "a.jsonl", log[:cut]),
        write_parquet(tmp_path / "b.parquet", log[cut:], 50),
    ]
    expected, report = rows_of(*paths)
    assert max(r["records"] for r in expected) > 1
    check_sums(expected, report)

    read_in_blocks(monkeypatch, block)
    monkeypatch.setattr(tape, "MERGED_AT_ONCE", at_once)
    monkeypatch.setattr(tape, "REEL_ROWS", 30)
    monkeypatch.setattr(store.Store.__init__, "__defaults__", (1000,))
    monkeypatch.setattr(ids.RunIds.__init__, "__defaults__", (50, 100))
    assert rows_of(*paths, threads=threads)[0] == expected


def test_ids_tell_requests_apart_and_do_not_depend_on_the_order(tmp_path: Path):
    log = random_log(8)
    rows, _ = rows_of(write_jsonl(tmp_path / "a.jsonl", log))
    shuffled = random.Random(1).sample(log, len(log))  # noqa: S311 - the same order on every run
    again, _ = rows_of(write_jsonl(tmp_path / "b.jsonl", shuffled))
    ids = [r["id"] for r in rows]
    assert len(set(ids)) == len(ids)
    assert {r["id"]: (r["list_usd"], r["tier"], r["route_model"]) for r in rows} == {
        r["id"]: (r["list_usd"], r["tier"], r["route_model"]) for r in again
    }


def test_a_weak_tag_is_not_acted_on(tmp_path: Path):
    policy = tmp_path / "p.toml"
    policy.write_text(
        'schema = "costaudit/policy@1"\nname = "careful"\nmin_confidence = 100\nstrong_confidence = 100\n'
        '[[tiers]]\ntier = 0\nclasses = ["economy"]\n'
    )
    usage = {"model": "gpt-4o", "input_tokens": 900, "output_tokens": 10, "timestamp": "2026-10-01T00:00:00Z"}
    log = [
        {"request_id": "r1", "tier": 0, **usage},
        {"request_id": "r2", "feature": "extract-keywords", **usage},
    ]
    rows, _ = rows_of(write_jsonl(tmp_path / "log.jsonl", log), policy=str(policy))
    assert [r["tier"] for r in rows] == [0, 0]
    assert rows[0]["kept_reason"] is None
    assert rows[1]["kept_reason"] == "low_confidence"


REAL = (
    "aider/message_send_5522.jsonl",
    "litellm/spend_logs.jsonl.gz",
    "litellm/litellm_spend_logs.parquet",
    "claude_code",
    "examples",
)


@pytest.mark.parametrize("path", REAL)
def test_rows_of_real_logs_add_up(shared_data: Path, path: str):
    rows, report = rows_of(shared_data / "logs" / path, threads=2)
    check_sums(rows, report)


def test_rows_hold_what_the_record_says(tmp_path: Path):
    record = {
        "request_id": "r1", "model": "gpt-4o-2024-08-06", "provider": "openai",
        "timestamp": "2025-03-01T12:00:00.25Z",
        "input_tokens": 1000, "cached_tokens": 400, "output_tokens": 100, "tier": 1, "cost_usd": 0.0031,
    }  # fmt: skip
    (row,), _ = rows_of(write_jsonl(tmp_path / "log.jsonl", [record]))
    # $2.50 for 600, $1.25 for 400 cached, $10 for 100, per million
    assert row["list_usd"] == Decimal("0.0030")
    assert (row["input"], row["cache_read"]) == (600, 400)
    assert (row["tier"], row["tier_confidence"], row["tier_evidence"]) == (1, 100, "explicit")
    assert row["tier_reasons"] == ["tier_tag"]
    assert [i.partition("@")[0] for i in row["rate_ids"]] == [
        f"openai/gpt-4o-2024-08-06/{c}" for c in ("input", "cache_read", "output")
    ]
    assert row["reported_usd"] == Decimal("0.0031")
    assert json.dumps(row["source_line"]) == "1"


@pytest.mark.parametrize("small", [0, 64 << 10])
def test_texts_are_read_again_where_the_log_still_is_what_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int
):
    monkeypatch.setattr(bundle, "SMALL_BYTES", small)
    usage = {"model": "gpt-4o", "input_tokens": 1, "output_tokens": 1}
    logs = [
        [
            {"call_id": f"{name}{n}", "response_id": f"x{n}", "prompt": f"Say {name} {n}", **usage}
            for n in range(5)
        ]
        for name in "ab"
    ]
    logs[1].append({"call_id": "a1", "response_id": "x1", "system": "Be brief.", **usage})
    paths = [write_jsonl(tmp_path / f"{n}.jsonl", log) for n, log in enumerate(logs)]
    files, refused = find_logs([str(p) for p in paths])
    chosen = plan()
    with read_tape(files, chosen.tagger, HowToRead(keeps=Keeps(ids=True)), refused=refused) as read:
        (reel,) = read.reels()
        assert not {"prompt", "system"} & set(reel.batch.schema.names)
        whole = with_texts(reel.batch, read, chosen.tagger)
        assert whole.column("prompt").to_pylist() == [f"Say {name} {n}" for name in "ab" for n in range(5)]
        assert whole.column("system").to_pylist() == [None, "Be brief.", *[None] * 8]
        paths[1].write_bytes(b"".join(paths[1].read_bytes().splitlines(keepends=True)[:-2]))
        with pytest.raises(InputError, match="has changed while it was read"):
            with_texts(reel.batch, read, chosen.tagger)
