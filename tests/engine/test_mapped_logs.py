"""A log under other names, with a mapping that says which, comes to the same report as the flat log."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.errors import InputError
from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.adapters.mapped import mapped_adapter
from costaudit.ingest.files import find_logs
from costaudit.ingest.format import Adapter
from costaudit.ingest.mapping import parse_format
from costaudit.prices.gateways import load_gateways
from costaudit.questions.audit.build import build_audit
from costaudit.questions.audit.result import Audit
from tests.engine.audits import Record, audit, audit_files, plan, random_log, same, write_jsonl, write_parquet
from tests.often import repeated

FEW = repeated(3, 40)

PATHS = {
    "timestamp": "head.at",
    "request_id": "head.id",
    "parent_id": 'head."retry.of"',
    "attempt": "head.try",
    "provider": "body.vendor.name",
    "model": "body.m",
    "gateway": "body.via",
    "input_tokens": "body.counts.0",
    "output_tokens": "body.counts.1",
    "cached_tokens": "body.hit",
    "cache_write_5m_tokens": "body.stored",
    "reasoning_tokens": "body.thought",
    "service_tier": "body.lane",
    "feature": "body.labels.job",
    "user": "body.labels.who",
    "tier": "body.labels.rank",
    "status": "outcome",
    "response_format": "body.shape",
}
FORMAT: dict[str, Any] = {
    **PATHS,
    "cost_usd": {"path": "milli", "unit": "milli_usd"},
    "latency_ms": {"path": "micros", "unit": "us"},
    "status": {"path": "outcome", "map": {"good": "ok", "bad": "error"}},
}


def renamed(record: Record, *, as_text: bool) -> Record:
    """The record as FORMAT describes it; with `body` as an object, or as JSON text."""
    counts = [record["input_tokens"], record["output_tokens"]]
    out: Record = {"head": {}, "body": {"vendor": {}, "labels": {}, "counts": counts}}
    names = {"retry.of": "parent_id", "at": "timestamp", "id": "request_id", "try": "attempt"}
    out["head"] = {key: record.get(name) for key, name in names.items()}
    for name, path in PATHS.items():
        keys = path.split(".")
        if keys[0] == "body" and keys[1] != "counts":
            place = out["body"]
            for key in keys[1:-1]:
                place = place[key]
            place[keys[-1]] = record.get(name)
    out["outcome"] = {"ok": "good", "error": "bad"}.get(record.get("status", ""), record.get("status"))
    if "cost_usd" in record:
        out["milli"] = str(Decimal(repr(record["cost_usd"])) * 1000)
    if "latency_ms" in record:
        out["micros"] = record["latency_ms"] * 1000
    if as_text:
        out["body"] = json.dumps(out["body"])
    return out


def mapped(**table: Any) -> tuple[Adapter, ...]:
    return (mapped_adapter(parse_format("mine", {**FORMAT, **table}, "costaudit.toml")), *ADAPTERS)


def audited(*paths: Path, adapters: tuple[Adapter, ...], **options: Any) -> Audit:
    files, refused = find_logs([str(p) for p in paths])
    passed = audit_files(files, plan(), adapters=adapters, refused=refused, **options)
    return build_audit(passed, load_gateways())


@pytest.mark.parametrize("as_text", [False, True], ids=["objects", "JSON text"])
@given(seed=st.integers(0, 2**32))
@FEW
def test_a_renamed_log_gives_the_same_report(tmp_path: Path, seed: int, as_text: bool):
    log = random_log(seed)
    expected = same(audit(write_jsonl(tmp_path / "flat.jsonl", log)), ignore=["formats"])
    other = [renamed(record, as_text=as_text) for record in log]
    for path in (
        write_jsonl(tmp_path / "mine.jsonl.gz", other),
        write_parquet(tmp_path / "mine.parquet", other, rows=50),
    ):
        report = audited(path, adapters=mapped(), threads=2)
        assert report.inputs.formats == {"mine": len(log)}
        assert same(report, ignore=["formats"]) == expected


def test_calls_in_a_list_give_the_report_of_single_records(tmp_path: Path):
    log = list({record["request_id"]: record for record in random_log(7)}.values())
    single = audit(write_jsonl(tmp_path / "flat.jsonl", log))
    assert single.inputs.requests == len(log)
    lists = [{"calls": log[n : n + 9], "job": n} for n in range(0, len(log), 9)]
    table = {name: name for record in log for name in record}
    own = mapped_adapter(parse_format("mine", {**table, "each": "calls"}, "f"))
    report = audited(write_jsonl(tmp_path / "lists.jsonl", lists), adapters=(own, *ADAPTERS))
    assert report.inputs.records == len(lists)
    ignore = ["formats", "records"]
    assert same(report, ignore=ignore) == same(single, ignore=ignore)


def test_own_formats_come_before_the_built_in_ones(tmp_path: Path):
    record = {"model": "gpt-4o", "input_tokens": 10, "output_tokens": 5, "true_model": "gpt-4o-mini"}
    path = write_jsonl(tmp_path / "log.jsonl", [record] * 3)
    table = {"model": "true_model", "input_tokens": "input_tokens"}
    own = mapped_adapter(parse_format("mine", table, "f"))
    assert audited(path, adapters=(own, *ADAPTERS)).inputs.formats == {"mine": 3}
    assert audited(path, adapters=ADAPTERS).inputs.formats == {"flat": 3}
    assert audited(path, adapters=(own, *ADAPTERS), forced=ADAPTERS[-1]).inputs.formats == {"flat": 3}


def test_records_of_other_formats_beside_an_own_one_are_read_too(tmp_path: Path):
    flat = {"model": "gpt-4o", "input_tokens": 10, "output_tokens": 5}
    mine = renamed({"model": "gpt-4o", "input_tokens": 10, "output_tokens": 5}, as_text=True)
    path = write_jsonl(tmp_path / "log.jsonl", [flat, mine, flat, {"a": 1}, mine, mine])
    report = audited(path, adapters=mapped())
    assert report.inputs.formats == {"flat": 2, "mine": 3}
    assert [(s.reason, s.count) for s in report.inputs.skipped] == [("unrecognised", 1)]
    assert report.spend.tokens.input == 50


def test_where_nothing_is_read_the_nearest_format_and_what_it_lacks_are_named(tmp_path: Path):
    path = write_jsonl(
        tmp_path / "log.jsonl", [{"m": "x", "input_tokens": 5, "model": None, "output_tokens": 1}] * 3
    )
    with pytest.raises(InputError) as caught:
        audited(path, adapters=ADAPTERS)
    assert "the nearest format is flat: the record lacks model" in (caught.value.hint or "")
    assert f"costaudit formats test {path}" in (caught.value.hint or "")
    strange = write_parquet(tmp_path / "log.parquet", [{"a": 1}] * 3)
    with pytest.raises(InputError, match="no known format comes near"):
        audited(strange, adapters=ADAPTERS)
    half = write_jsonl(tmp_path / "half.jsonl", [{"head": {"at": 5}, "body": {"m": "gpt-4o"}}])
    table = {"model": "body.m", "input_tokens": "body.n"}
    own = mapped_adapter(parse_format("mine", table, "f"))
    with pytest.raises(InputError, match=r"the nearest format is mine: the record lacks body\.n"):
        audited(half, adapters=(own, *ADAPTERS))


def test_a_mapping_of_a_real_log_comes_to_what_its_built_in_format_does(shared_data: Path):
    path = shared_data / "logs" / "aider" / "message_send_5522.jsonl"
    table = {
        "when": {"event": "message_send"},
        "timestamp": "time",
        "model": "properties.main_model",
        "input_tokens": "properties.prompt_tokens",
        "output_tokens": "properties.completion_tokens",
        "total_tokens": "properties.total_tokens",
        "cost_usd": "properties.cost",
        "user": "user_id",
    }
    own = mapped_adapter(parse_format("mine", table, "f"))
    built_in, mine = audit(path), audited(path, adapters=(own, *ADAPTERS))
    assert (built_in.inputs.formats, mine.inputs.formats) == ({"aider": 5522}, {"mine": 5522})
    assert mine.spend == built_in.spend
