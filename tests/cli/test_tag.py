"""`costaudit tag`: three formats with the same rows, nothing private unasked, and explanations."""

from __future__ import annotations

import csv
import gzip
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from costaudit.schema import CANONICAL
from tests.engine.audits import random_log, write_jsonl

PRIVATE = (
    "Prove step by step that the SECRETWORD theorem holds for all primes, then write Python code for it."
)
HOSTILE = "=cmd|' /C calc'!A0"
ADDED = (
    "tier", "tier_reasons", "tier_confidence", "rate_ids", "list_usd", "route_provider", "route_model",
    "route_usd",
)  # fmt: skip


@pytest.fixture
def log(tmp_path: Path) -> Path:
    usage = {"model": "gpt-4o-2024-08-06", "provider": "openai", "timestamp": "2026-10-01T08:00:00Z"}
    twice = {
        "request_id": "a2",
        "feature": "intent-detection",
        "input_tokens": 300,
        "output_tokens": 4,
        **usage,
    }
    hostile = {"request_id": "a3", "user": HOSTILE, "model": "acme\u202e-9"}
    return write_jsonl(
        tmp_path / "log.jsonl",
        [
            {"request_id": "a1", "prompt": PRIVATE, "input_tokens": 1200, "output_tokens": 800, **usage},
            twice,
            twice,
            {"input_tokens": 5, "output_tokens": 1, **hostile},
            {"request_id": "a4", "feature": "chat", "system": "SECRETSYSTEM", "input_tokens": 9_000,
             "cached_tokens": 8_000, "output_tokens": 20, **usage},
        ],
    )  # fmt: skip


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_rows_go_to_stdout_as_json_lines(run, log):
    got = run("tag", log)
    rows = lines(got.out)
    assert (got.code, [r["response_id"] for r in rows]) == (0, ["a1", "a2", "a3", "a4"])
    names = [n for n in CANONICAL.names if n not in ("prompt", "system")]
    assert list(rows[0])[: len(names)] == names
    assert set(ADDED) <= set(rows[0])
    # $2.50 × 1,000 + $1.25 × 8,000 + $10 × 20, per million
    assert (rows[3]["input"], rows[3]["cache_read"], rows[3]["list_usd"]) == (1000, 8000, "0.0127")
    assert (rows[1]["records"], rows[1]["source_line"]) == (2, 2)
    assert (rows[2]["list_usd"], rows[2]["unpriced_reason"]) == (None, "unknown_model")
    assert "\u202e" not in got.out  # written as an escape: harmless in a terminal, the same when decoded
    assert rows[2]["model"] == "acme\u202e-9"


def test_text_is_written_only_where_it_is_asked_for(run, log, tmp_path):
    for name in ("t.jsonl", "t.csv", "t.parquet", "t.jsonl.gz"):
        run("tag", log, "-o", tmp_path / name)
        raw = (tmp_path / name).read_bytes()
        raw = gzip.decompress(raw) if name.endswith(".gz") else raw
        assert b"SECRET" not in raw, name
    rows = lines(run("tag", log, "--with-text").out)
    assert (rows[0]["prompt"], rows[3]["system"]) == (PRIVATE, "SECRETSYSTEM")


def told(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(value)
    return "" if value is None else str(value)


def test_all_formats_hold_the_same_rows(run, tmp_path):
    source = write_jsonl(tmp_path / "log.jsonl", random_log(11))
    for name in ("t.jsonl", "t.jsonl.gz", "t.csv", "t.csv.gz", "t.parquet"):
        assert run("tag", source, "-o", tmp_path / name).code == 0
    plain = (tmp_path / "t.jsonl").read_text()
    assert run("tag", source).out == plain
    assert gzip.decompress((tmp_path / "t.jsonl.gz").read_bytes()).decode() == plain
    rows = lines(plain)
    text = (tmp_path / "t.csv").read_bytes().decode()
    assert gzip.decompress((tmp_path / "t.csv.gz").read_bytes()).decode() == text
    for row, cells in zip(rows, csv.DictReader(io.StringIO(text)), strict=True):
        assert {n: told(v) for n, v in row.items()} == {n: v.removeprefix("'") for n, v in cells.items()}
    table = pq.read_table(tmp_path / "t.parquet")
    assert str(table.schema.field("list_usd").type) == "decimal128(38, 15)"
    assert str(table.schema.field("ts").type) == "timestamp[us, tz=UTC]"
    for row, other in zip(rows, table.drop_columns(["ts"]).to_pylist(), strict=True):
        for name, value in other.items():
            if isinstance(value, Decimal):
                assert Decimal(row[name]) == value
            else:
                assert row[name] == value, name


def test_the_same_bytes_every_time_and_for_any_threads(run, tmp_path):
    source = write_jsonl(tmp_path / "log.jsonl", random_log(12))
    for name in ("t.jsonl.gz", "t.parquet"):
        outcomes = set()
        for threads in (1, 2, 4):
            run("tag", source, "-o", tmp_path / name, "--threads", threads)
            outcomes.add((tmp_path / name).read_bytes())
        assert len(outcomes) == 1, name


def test_a_csv_cell_is_never_a_formula(run, log, tmp_path):
    run("tag", log, "-o", tmp_path / "t.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "t.csv").read_bytes().decode())))
    assert rows[2]["user"] == "'" + HOSTILE
    assert "\u202e" not in (tmp_path / "t.csv").read_text()


def test_another_ending_is_refused_before_anything_is_read(run, tmp_path):
    got = run("tag", tmp_path / "absent.jsonl", "-o", tmp_path / "t.xlsx")
    assert got.code == 2
    assert "no format has the ending of this file (one of .jsonl, .csv, .parquet" in got.err


def test_a_failure_leaves_the_file_as_it_was(run, tmp_path):
    target = tmp_path / "t.jsonl"
    target.write_text("before")
    (tmp_path / "bad.jsonl").write_text("not json\n")
    assert run("tag", tmp_path / "bad.jsonl", "-o", target).code == 2
    assert target.read_text() == "before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.jsonl", "t.jsonl"]


def test_standard_input_can_be_tagged(run, log, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(log.read_bytes())))
    assert [r["source_file"] for r in lines(run("tag", "-").out)] == ["-"] * 4


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("ident", ["a1", "a2", "a3"])
def test_an_explanation_for_the_eye(run, log, snapshot, columns, ident, monkeypatch):
    monkeypatch.chdir(log.parent)
    got = run("tag", log.name, "--explain", ident, columns=columns)
    assert max(map(len, got.out.splitlines())) <= columns
    assert got.out == snapshot


def test_an_explanation_as_json(run, log):
    got = json.loads(run("tag", log, "--explain", "a1", "--format", "json").out)
    (request,) = got["requests"]
    assert (got["schema"], request["tier"]["tier"]) == ("costaudit/explain@1", 2)
    assert sum(Decimal(line["usd"]) for line in request["price"]["lines"]) == Decimal("0.011")
    assert request["price"]["list_usd"] == "0.011"
    assert {r["evidence"] for r in request["reasons"]} >= {"text"}
    assert any(r["signal"] for r in request["reasons"])  # asked for by id: words of the prompt may be shown
    assert request["call"]["prompt_characters"] == len(PRIVATE)
    assert "prompt" not in request["call"]
    own = json.loads(run("tag", log, "--explain", request["id"], "--format", "json", "--with-text").out)
    assert own["requests"][0]["call"]["prompt"] == PRIVATE


def test_an_unknown_id_is_exit_2(run, log):
    got = run("tag", log, "--explain", "nope")
    assert (got.code, got.out) == (2, "")
    assert "no request has the id 'nope'" in got.err


@pytest.mark.parametrize("name", ["t.jsonl", "t.csv.gz", "t.parquet"])
def test_rows_can_be_read_again_and_come_to_the_same(run, tmp_path, name):
    source = write_jsonl(tmp_path / "log.jsonl", random_log(13))
    run("tag", source, "-o", tmp_path / name)
    first, again = (
        json.loads(run("analyze", path, "--format", "json").out) for path in (source, tmp_path / name)
    )
    assert again["inputs"]["formats"] == {"tagged": first["spend"]["requests"]}
    assert again["inputs"]["duplicates"] == 0
    for part in ("spend", "by_user", "markup"):
        assert again[part] == first[part], part
    for part in ("by_model", "by_feature", "by_day"):  # after_usd: tiers are explicit now, and none is weak
        for one, other in zip(first[part], again[part], strict=True):
            assert one | {"after_usd": None} == other | {"after_usd": None}
    sums = [[(t["tier"], t["requests"], t["list_usd"]) for t in r["by_tier"]] for r in (first, again)]
    assert sums[0] == sums[1]


def test_a_tier_that_was_changed_by_hand_counts(run, log, tmp_path):
    rows = lines(run("tag", log).out)
    rows[1]["tier"] = 3
    changed = write_jsonl(tmp_path / "changed.jsonl", rows)
    row = lines(run("tag", changed).out)[1]
    assert (row["tier"], row["tier_evidence"], row["kept_reason"]) == (3, "explicit", "tier_keeps")


def test_a_broken_row_is_set_aside_by_its_line(run, log, tmp_path):
    rows = lines(run("tag", log).out)
    rows[0]["status"], rows[1]["output"] = "odd", -4
    got = run("tag", write_jsonl(tmp_path / "changed.jsonl", rows))
    assert len(lines(got.out)) == 2
    assert "1 × unrecognised set aside, first at" in got.err
    assert "1 × negative_usage set aside, first at" in got.err
