"""Calls of W&B Weave: ops that call a model, and those that sum up others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest.adapters.weave import ADAPTER
from costaudit.ingest.format import Skip
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from tests.engine.audits import audit, write_jsonl
from tests.tape.calls import merge_calls

USAGE = {
    "prompt_tokens": 2000, "completion_tokens": 300, "total_tokens": 2300,
    "prompt_tokens_details": {"cached_tokens": 1920},
}  # fmt: skip
BODY = {
    "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o", "usage": USAGE,
    "choices": [{"finish_reason": "stop"}],
}  # fmt: skip


def op(name: str, output: Any = None, usage: Any = None, **fields: Any) -> dict[str, Any]:
    said = {
        "id": "w1", "project_id": "e/p", "op_name": f"weave:///e/p/op/{name}:abc", "trace_id": "t1",
        "parent_id": None, "started_at": "2026-10-05T10:00:00Z", "ended_at": "2026-10-05T10:00:03Z",
        "inputs": {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi."}]}, "output": output,
        "summary": {"usage": usage or {}, "weave": {"latency_ms": 2500}}, "attributes": {"user_id": "ann"},
    }  # fmt: skip
    return {**said, **fields}


def calls(*records: dict[str, Any]) -> list[Call]:
    assert all(ADAPTER.matches(record) for record in records)
    return settled([call for record in records for call in ADAPTER.calls(record)])


def counts(call: Call) -> tuple[int, ...]:
    return call.input, call.cache_read, call.cache_write_5m, call.output


ONE = {"gpt-4o": {"requests": 1, **USAGE}}


def test_an_op_whose_output_holds_usage_is_a_call():
    (call,) = calls(op("openai.chat.completions.create", BODY, ONE))
    assert counts(call) == (80, 1920, 0, 300)
    assert (call.response_id, call.model, call.prompt, call.user) == ("chatcmpl-1", "gpt-4o", "Hi.", "ann")
    assert (call.session, call.latency_ms, call.final) == ("t1", 2500, True)


def test_ops_around_several_calls_are_sums():
    for usage in ({"gpt-4o": {**USAGE, "requests": 3}}, {**ONE, "gpt-4.1": {"requests": 1, **USAGE}}):
        with pytest.raises(Skip, match="aggregate"):
            ADAPTER.calls(op("agent", "x", usage))
    assert calls(op("retrieve", "x")) == []


def test_an_op_around_one_call_is_that_call(tmp_path: Path):
    """Also over several ops, and whichever is exported first; alone it stands for the call inside of it."""
    outer = op("agent", "x", ONE, id="w0")
    chain = op("langchain.Chain", "x", ONE, id="w1", parent_id="w0")
    inner = op("openai.chat.completions.create", BODY, ONE, id="w2", parent_id="w1")
    for log in ([outer, chain, inner], [inner, chain, outer], [outer]):
        report = audit(write_jsonl(tmp_path / "log.jsonl", log))
        assert report.inputs.requests == 1
        assert (report.spend.tokens.input, report.spend.tokens.output) == (80, 300)
    two = [op("openai.x", BODY, ONE, id=i, parent_id="w0", trace_id=f"t{i}") for i in ("w3", "w4")]
    assert audit(write_jsonl(tmp_path / "log.jsonl", two)).inputs.requests == 1  # one response, twice


def test_a_response_that_an_op_hands_on_is_the_same_call():
    inner, outer = op("openai.chat.completions.create", BODY, ONE), op("ask", BODY, ONE, id="w0")
    assert len(merge_calls(calls(inner, outer))) == 1


def test_where_outputs_were_left_out_the_name_of_the_op_tells():
    usage = {"input_tokens": 80, "output_tokens": 9, "cache_read_input_tokens": 700, "requests": 1}
    (call,) = calls(op("anthropic.Messages.create", None, {"claude-sonnet-4-5": usage}, inputs={}))
    assert (counts(call), call.call_id, call.model) == ((80, 700, 0, 9), "w1", "claude-sonnet-4-5")


def test_a_failed_call_has_no_usage():
    said = '{"type": "RateLimitError", "message": "secret", "traceback": "secret"}'
    (call,) = calls(op("openai.chat.completions.create", None, exception=said))
    assert (call.status, call.error_code, call.quality) == ("error", "RateLimitError", "none")


def test_an_export_in_columns():
    """As a CSV file has it: names of models have dots of their own."""
    record = {
        "id": "w1", "op_name": "weave:///e/p/op/ask:abc", "trace_id": "t1", "parent_id": "",
        "started_at": "2026-10-05T10:00:00Z", "summary.usage.gpt-4.1.requests": "1",
        "summary.usage.gpt-4.1.prompt_tokens": "2000", "summary.usage.gpt-4.1.completion_tokens": "300",
        "summary.usage.gpt-4.1.prompt_tokens_details.cached_tokens": "1920", "output": "text",
        "summary.weave.costs.gpt-4.1.prompt_tokens_total_cost": "0.001", "summary.weave.latency_ms": "900",
    }  # fmt: skip
    (call,) = calls(record)
    assert (counts(call), call.model) == ((80, 1920, 0, 300), "gpt-4.1")
    assert (call.reported_picousd, call.latency_ms) == (1_000_000_000, 900)
    columns = {k: v for k, v in op("x").items() if k not in ("output", "summary", "inputs")}
    columns |= {"output.id": "chatcmpl-1", "output.model": "gpt-4o", "output.object": "chat.completion"}
    columns |= {"output.usage.prompt_tokens": "7", "output.usage.completion_tokens": "5"}
    (call,) = calls(columns)
    assert (counts(call), call.response_id) == ((7, 0, 0, 5), "chatcmpl-1")


def test_costs_of_weave_are_reported():
    costs = {"gpt-4o": {"prompt_tokens_total_cost": 0.0026, "completion_tokens_total_cost": 0.003}}
    (call,) = calls(op("openai.x", BODY, summary={"usage": ONE, "weave": {"costs": costs}}))
    assert call.reported_picousd == 5_600_000_000
