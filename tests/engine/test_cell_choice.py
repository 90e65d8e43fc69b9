"""Routes on a saved ledger: those of the logs where the ledger can say so, and refused where it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from costaudit.errors import InputError
from tests.engine.audits import Record, audit_pass, plan, random_log, write_jsonl
from tests.engine.ledgers import ledger_pass, rows_of, save_ledger
from tests.often import often

HEAD = 'schema = "costaudit/policy@1"\nname = "mine"\n'

ORDERED = (
    HEAD
    + """
[[tiers]]
tier = 0
candidates = ["openai/gpt-4o-mini"]
[[tiers]]
tier = 1
candidates = ["openai/gpt-4.1-mini", "openai/gpt-4o-mini"]
choice = "ordered"
verification = { multiple = "0.25", on = "routed" }
retry_rate = "0.02"
[[tiers]]
tier = 2
candidates = ["openai/gpt-4.1"]
success_rate = "0.9"
[[tiers]]
tier = 3
keep = true
verification = "0.5"
"""
)


def policy_file(folder: Path, text: str) -> str:
    (folder / "policy.toml").write_text(text, encoding="utf-8")
    return str(folder / "policy.toml")


def record(number: int, **fields: Any) -> Record:
    return {
        "timestamp": f"2026-03-{1 + number % 28:02}T10:00:00Z",
        "request_id": f"r{number}", "provider": "openai",
        "model": "gpt-4o-2024-08-06", "tier": number % 4, "input_tokens": 1000 + 7 * number,
        "cached_tokens": 100 * (number % 3), "output_tokens": 50 + number,
        "feature": ["/a", "/b"][number % 2],
        **fields,
    }  # fmt: skip


def agree(folder: Path, records: list[Record], policy: str, made_with: str | None = None) -> None:
    """The ledger under a policy has the cells of the logs under it."""
    log = write_jsonl(folder / "log.jsonl", records)
    ledger = save_ledger(folder / "l.parquet", log, under=plan(policy=made_with))
    found = ledger_pass(ledger, under=plan(policy=policy))
    assert found.unrouted is None
    assert rows_of(found.passed) == rows_of(audit_pass(log, policy=policy))


def test_a_policy_by_tier_is_answered_as_the_logs_answer_it(tmp_path: Path):
    agree(tmp_path, [record(n) for n in range(200)], policy_file(tmp_path, ORDERED))


def test_sizes_and_abilities_decide_as_for_single_requests(tmp_path: Path):
    odd: list[Record] = [
        {"input_tokens": 900_000}, {"output_tokens": 20_000}, {"response_format": "json_schema"},
        {"model": "o3"}, {"status": "error"}, {"model": "acme-9"}, {"service_tier": "batch"},
        {"model": "text-embedding-3-small"}, {"timestamp": None},
    ]  # fmt: skip
    records = [record(n, **odd[n % len(odd)]) for n in range(180)]
    agree(tmp_path, records, policy_file(tmp_path, ORDERED))


RULES = (
    HEAD
    + """
[never]
features = ["/chat*"]
[[residency]]
features = ["code-review"]
providers = ["mistral"]
[[rules]]
features = ["/summ*"]
candidates = ["openai/gpt-4o-mini"]
[[tiers]]
tier = 0
candidates = ["openai/gpt-5-nano"]
"""
)


def test_rules_residency_and_never_go_by_names_that_a_ledger_has(tmp_path: Path):
    features = ["/chat", "/summarize", "code-review", None]
    records = [record(n, feature=features[n % 4]) for n in range(160)]
    agree(tmp_path, records, policy_file(tmp_path, RULES))


def test_a_cell_of_one_request_is_decided_by_its_own_tokens(tmp_path: Path):
    """Of two models one is cheaper to read, the other to write; where a sum is one request's it decides."""
    two = HEAD + '[[tiers]]\ntier = 0\ncandidates = ["mistral/mistral-small-latest", "openai/gpt-5-mini"]\n'
    few = [record(n, tier=0, timestamp=f"2026-03-{n + 1:02}T00:00:00Z") for n in range(28)]
    for n, one in enumerate(few):
        one["output_tokens"] = 10 if n % 2 else 4000
    agree(tmp_path, few, policy_file(tmp_path, two))


def test_what_depends_on_single_requests_is_refused_and_counted(tmp_path: Path):
    """deepseek-chat reads dearer than gpt-5-mini and writes cheaper: twenty requests in a cell, no answer."""
    two = HEAD + '[[tiers]]\ntier = 0\ncandidates = ["openai/gpt-5-mini", "deepseek/deepseek-chat"]\n'
    day = {"tier": 0, "timestamp": "2026-03-01T00:00:00Z", "feature": "/a", "cached_tokens": 0}
    records = [record(n, output_tokens=3 if n % 2 else 4000, **day) for n in range(20)]
    ledger = save_ledger(tmp_path / "l.parquet", write_jsonl(tmp_path / "log.jsonl", records))
    found = ledger_pass(ledger, under=plan(policy=policy_file(tmp_path, two)))
    assert found.unrouted is not None
    assert found.unrouted.message.startswith(
        "where 20 of 20 requests go under policy mine depends on the tokens"
    )
    assert "costaudit ledger" in (found.unrouted.hint or "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[never]\nusers = ["ann"]\n', "for users"),
        ('[[tiers]]\ntier = 0\ncandidates = ["openai/gpt-4o-mini"]\nshare = "0.5"\n', "for a share"),
    ],
)
def test_what_no_ledger_holds_is_refused(tmp_path: Path, text: str, said: str):
    ledger = save_ledger(
        tmp_path / "l.parquet", write_jsonl(tmp_path / "log.jsonl", [record(n) for n in range(9)])
    )
    found = ledger_pass(ledger, under=plan(policy=policy_file(tmp_path, HEAD + text)))
    assert found.unrouted is not None
    assert said in found.unrouted.message


@pytest.mark.parametrize("seed", range(often(2, 12)))
@pytest.mark.parametrize("policy", ["default", "documents", "same-provider", "cheapest-adequate", "ordered"])
def test_a_ledger_gives_the_answer_of_its_logs_or_none(tmp_path: Path, seed: int, policy: str):
    """Made under another policy, of a log of all kinds of requests, most of them alone in their cell."""
    source = policy_file(tmp_path, ORDERED) if policy == "ordered" else policy
    log = write_jsonl(tmp_path / "log.jsonl", random_log(seed, size=200))
    ledger = save_ledger(tmp_path / "l.parquet", log, under=plan(policy="conservative"))
    try:
        found = ledger_pass(ledger, under=plan(policy=source), goes_by_reported=False)
    except InputError as error:
        if "confidence" not in error.message:
            raise
        return
    if found.unrouted is None:
        assert rows_of(found.passed) == rows_of(audit_pass(log, policy=source))
    else:
        assert "depends on the tokens of each" in found.unrouted.message
