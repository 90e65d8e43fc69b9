"""Spans of Sentry: attributes in `data`, a transaction around its spans, a table of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.audits import audit, write_jsonl

USAGE = {
    "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 2006, "gen_ai.usage.output_tokens": 300,
    "gen_ai.usage.input_tokens.cached": 1920, "gen_ai.usage.output_tokens.reasoning": 200,
}  # fmt: skip


def span(op: str, ident: str, parent: str) -> dict[str, Any]:
    return {
        "trace_id": "t1", "span_id": ident, "parent_span_id": parent, "op": f"gen_ai.{op}",
        "start_timestamp": 1_762_250_401.0, "timestamp": 1_762_250_404.0,
        "data": {"gen_ai.operation.name": op, **USAGE},
    }  # fmt: skip


SPANS = [span("invoke_agent", "a1", "a0"), span("chat", "a2", "a1")]
ROOT = {"trace_id": "t1", "span_id": "a0", "op": "http.server", "data": {}}
TRANSACTION = {
    "event_id": "e", "type": "transaction", "contexts": {"trace": ROOT}, "spans": SPANS,
    "start_timestamp": 1_762_250_400.0, "timestamp": 1_762_250_405.0,
}  # fmt: skip
ROW = {"id": "a2", "span.op": "gen_ai.chat", "timestamp": "2025-11-04T10:00:01Z", "trace": "t1", **USAGE}


@pytest.mark.parametrize("records", [SPANS, [TRANSACTION], [ROW]], ids=["spans", "transaction", "table"])
def test_the_call_inside_of_an_agent_counts_once(tmp_path: Path, records: list[dict[str, Any]]):
    report = audit(write_jsonl(tmp_path / "log.jsonl", records))
    tokens = report.spend.tokens
    assert (report.inputs.requests, tokens.input, tokens.cache_read, tokens.output) == (1, 86, 1920, 300)
