"""The same calls give the same report, however they are stored, split, ordered and read."""

from __future__ import annotations

import json
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.ingest import jsonl
from costaudit.render.jsonout import render_json
from tests.engine.audits import Record, audit, random_log, read_in_blocks, same, write_jsonl, write_parquet
from tests.often import repeated

FEW = repeated(2, 30)
SEEDS = st.integers(0, 2**32)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Blocks of so many bytes (JSON lines) and so many rows (Parquet)."""

    return partial(read_in_blocks, monkeypatch)


def arrangements(folder: Path, log: list[Record], seed: int) -> dict[str, list[Path]]:
    """The same log in many forms."""
    chance = random.Random(seed)  # noqa: S311 - the same order on every run
    folder.mkdir(exist_ok=True)
    shuffled = chance.sample(log, len(log))
    cut = len(log) // 3
    forms = {
        "gz": [write_jsonl(folder / "a.jsonl.gz", log)],
        "zst": [write_jsonl(folder / "a.jsonl.zst", log)],
        "shuffled": [write_jsonl(folder / "s.jsonl", shuffled)],
        "parquet": [write_parquet(folder / "a.parquet", log, rows=50)],
        "split": [write_jsonl(folder / "z.jsonl", log[:cut]), write_parquet(folder / "m.parquet", log[cut:])],
    }
    forms["other order"] = [
        write_jsonl(folder / "a1.jsonl", log[cut:]),
        write_jsonl(folder / "a2.jsonl.gz", log[:cut]),
    ]
    crlf = folder / "crlf.jsonl"
    lines = [
        json.dumps(dict(chance.sample(sorted(r.items()), len(r))), indent=None, separators=(", ", " : "))
        for r in log
    ]
    crlf.write_bytes(b"\xef\xbb\xbf" + "\r\n\r\n".join(lines).encode())
    return forms | {"CRLF, BOM, blank lines, spaces, other key order, no last newline": [crlf]}


@FEW
@given(SEEDS)
def test_storage_order_and_split_do_not_matter(tmp_path: Path, seed: int):
    log = random_log(seed)
    expected = same(audit(write_jsonl(tmp_path / "log.jsonl", log)))
    for name, paths in arrangements(tmp_path / "forms", log, seed).items():
        assert same(audit(*paths)) == expected, name


@FEW
@given(SEEDS, st.sampled_from([300, 1000, 7777]), st.sampled_from([1, 2, 4]))
def test_blocks_and_threads_do_not_matter(
    tmp_path: Path, small_blocks: Any, seed: int, size: int, threads: int
):
    log = random_log(seed)
    one = write_jsonl(tmp_path / "log.jsonl", log)
    small_blocks(4 << 20)
    whole = audit(one)
    small_blocks(size)
    assert render_json(audit(one, threads=threads)) == render_json(whole)
    table = write_parquet(tmp_path / "log.parquet", log, rows=33)
    assert same(audit(table, threads=threads)) == same(whole)


@FEW
@given(SEEDS)
def test_the_tables_and_the_records_path_agree(tmp_path: Path, seed: int):
    log = write_jsonl(tmp_path / "log.jsonl", random_log(seed))
    expected = render_json(audit(log))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "flat_layout", lambda *_: None)
        assert render_json(audit(log)) == expected


def test_a_second_run_is_the_same_to_the_byte(tmp_path: Path):
    log = write_jsonl(tmp_path / "log.jsonl", random_log(7))
    assert render_json(audit(log)) == render_json(audit(log))


def test_a_provider_that_turns_up_late_changes_what_came_before(tmp_path: Path, small_blocks: Any):
    """Only once DeepSeek is in use does a later class open for the requests before it."""
    policy = tmp_path / "policy.toml"
    policy.write_text(
        'schema = "costaudit/policy@1"\nname = "late"\n'
        '[[tiers]]\ntier = 0\nclasses = ["flagship", "economy"]\n'
    )
    said = {"timestamp": "2026-10-05T10:00:00Z", "input_tokens": 1000, "output_tokens": 10, "tier": 0}
    early = [
        {"request_id": f"a{n}", "provider": "mistral", "model": "mistral-large-latest", **said}
        for n in range(3)
    ]
    late = [{"request_id": "b", "provider": "deepseek", "model": "deepseek-v4-flash", **said}]
    small_blocks(10)
    one, other = (
        same(audit(write_jsonl(tmp_path / "log.jsonl", log), policy=str(policy)))
        for log in (early + late, late + early)
    )
    assert one == other
    assert one["projection"]["kept"] == {"routed": 3, "not_cheaper": 1}
