"""Estimated counts: only when asked for, only where counts are missing, and marked in every total."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from costaudit.ingest.estimate import BAND, ESTIMATOR
from costaudit.ingest.files import find_logs
from costaudit.ingest.text_size import text_sizes
from costaudit.prices.gateways import load_gateways
from costaudit.questions.audit.build import build_audit
from costaudit.questions.audit.result import Audit
from tests.engine.audits import audit_files, plan, write_jsonl


def audited(path: Path, *, estimate: bool) -> Audit:
    files, _ = find_logs([str(path)])
    whole = replace(plan(), estimate=estimate)
    return build_audit(audit_files(files, whole, threads=1), load_gateways())


def body(asked: str, answered: str, usage: dict[str, int] | None = None) -> dict[str, Any]:
    """An exchange with a model of 2.50 and 10 dollars per million tokens."""
    answer: dict[str, Any] = {
        "id": f"chatcmpl-{len(asked)}-{len(answered)}",
        "object": "chat.completion",
        "created": 1760000000,
        "model": "gpt-4o-2024-08-06",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": answered}, "finish_reason": "stop"}
        ],
    }
    if usage:
        answer["usage"] = usage
    asks = {"model": "gpt-4o-2024-08-06", "messages": [{"role": "user", "content": asked}]}
    return {"host": "api.openai.com", "request": asks, "response": answer}


COUNTED = body("c" * 1000, "d" * 99, {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18})


def test_an_estimate_is_asked_for_and_marked(tmp_path: Path):
    path = write_jsonl(tmp_path / "log.jsonl", [body("a" * 4001, "b" * 400), COUNTED])
    plain = audited(path, estimate=False)
    assert plain.coverage.usage == {"exact": 1, "none": 1}
    assert plain.coverage.unpriced[0].reason == "no_usage"
    assert plain.spend.estimated is None
    report = audited(path, estimate=True)
    # 4,001 bytes are 1,001 tokens at 2.50, 400 bytes are 100 tokens at 10 dollars per million.
    cost = (1001 * Decimal("2.5") + 100 * 10) / 10**6
    assert report.coverage.usage == {"estimated": 1, "exact": 1}
    part = report.spend.estimated
    assert part is not None
    assert (part.estimator, part.requests, part.tokens) == (ESTIMATOR, 1, 1101)
    assert part.list_usd == part.billed_usd == cost
    assert (part.low_usd, part.high_usd) == (cost * BAND[0] / 10, cost * BAND[1] / 10)
    assert report.spend.list_usd == cost + (11 * Decimal("2.5") + 7 * 10) / 10**6
    for rows in (report.by_tier, report.by_model, report.by_feature, report.by_day):
        assert sum(row.estimated_usd or 0 for row in rows) == cost
    assert not [f for f in report.findings if f.code == "CA-U1"]


@pytest.mark.parametrize(
    ("record", "quality"),
    [
        (COUNTED, "exact"),
        ({**body("a" * 400, ""), "response": {"error": {"code": "429"}}, "status": 429}, "none"),
        ({"host": "api.openai.com", "request": body("a", "b")["request"], "response": None}, "none"),
    ],
    ids=["counted", "failed", "answer not kept"],
)
def test_what_is_counted_failed_or_not_there_is_not_estimated(
    tmp_path: Path, record: dict[str, Any], quality: str
):
    report = audited(write_jsonl(tmp_path / "log.jsonl", [record]), estimate=True)
    assert report.coverage.usage == {quality: 1}
    assert report.spend.estimated is None


def test_a_stated_cost_goes_before_an_estimate(tmp_path: Path):
    record = {
        "timestamp": "2026-10-01T00:00:00Z",
        "model": "gpt-4o-2024-08-06",
        "prompt": "a" * 4000,
        "output": "b" * 400,
        "cost_usd": 0.5,
    }
    report = audited(write_jsonl(tmp_path / "log.jsonl", [record]), estimate=True)
    assert report.spend.billed_usd == Decimal("0.5")
    assert report.spend.estimated is not None
    assert report.spend.estimated.billed_usd == 0
    assert report.by_model[0].estimated_usd is None


def transcript(number: int, text: str, *, stop: str | None) -> dict[str, Any]:
    usage = {"input_tokens": 10, "output_tokens": 2, "cache_read_input_tokens": 0}
    usage |= {"cache_creation_input_tokens": 0}
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929",
        "content": [{"type": "text", "text": text}], "stop_reason": stop, "usage": usage,
    }  # fmt: skip
    return {
        "type": "assistant", "uuid": f"u-{number}", "parentUuid": None, "sessionId": "s-1",
        "requestId": "req_1", "timestamp": "2026-10-05T09:16:40.500Z", "message": message,
    }  # fmt: skip


def test_placeholder_outputs_of_claude_code_are_measured_over_their_blocks(tmp_path: Path):
    records = [transcript(i, "x" * 400, stop=None) for i in range(3)]
    path = write_jsonl(tmp_path / "a.jsonl", [*records, records[1]])  # a line that is repeated counts once
    assert audited(path, estimate=False).spend.tokens.output == 2
    report = audited(path, estimate=True)
    assert report.coverage.usage == {"estimated": 1}
    assert (report.spend.tokens.input, report.spend.tokens.output) == (10, 300)


def test_a_final_count_goes_before_an_estimate(tmp_path: Path):
    records = [transcript(0, "x" * 4000, stop=None), transcript(1, "y", stop="end_turn")]
    report = audited(write_jsonl(tmp_path / "a.jsonl", records), estimate=True)
    assert report.coverage.usage == {"exact": 1}
    assert report.spend.tokens.output == 2


def test_sizes_of_text_on_both_sides():
    chat = {"messages": [{"role": "system", "content": "äö"}, {"role": "user", "content": [{"text": "hi"}]}]}
    assert text_sizes({"request": chat, "response": "fine"}) == (6, 4)
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    size = len(json.dumps([tool], separators=(",", ":")))
    assert text_sizes({"request": {**chat, "tools": [tool]}}) == (6 + size, None)
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 5000}}
    assert text_sizes({"messages": [{"role": "user", "content": [picture, {"text": "see"}]}]}) == (3, None)
    assert text_sizes({"model": "gpt-4o", "id": "x" * 50}) == (None, None)
