"""Results of promptfoo and logs of Inspect AI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest.adapters.inspect_log import ADAPTER as INSPECT
from costaudit.ingest.adapters.promptfoo import ADAPTER as PROMPTFOO
from costaudit.ingest.format import Adapter, Skip
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from tests.engine.audits import audit


def calls(adapter: Adapter, record: dict[str, Any]) -> list[Call]:
    assert adapter.matches(record)
    return settled(adapter.calls(record))


def counts(call: Call) -> tuple[int, ...]:
    return call.input, call.cache_read, call.cache_write_5m, call.output


USED = {"total": 23, "prompt": 20, "completion": 3, "numRequests": 1}


def result(provider: str = "openai:chat:gpt-4o", usage: Any = USED, **response: Any) -> dict[str, Any]:
    return {
        "id": f"r-{provider}", "promptIdx": 0, "testIdx": 1, "provider": {"id": provider, "label": ""},
        "prompt": {"raw": '[{"role": "user", "content": "Hi."}]', "label": "p"}, "vars": {}, "success": True,
        "latencyMs": 700, "cost": 0.0001, "failureReason": 0,
        "response": {"output": "secret", "tokenUsage": usage, "cost": 0.0001, **response},
    }  # fmt: skip


def evaluation(*results: dict[str, Any]) -> dict[str, Any]:
    inner = {
        "version": 3, "timestamp": "2026-10-05T10:00:00.000Z", "prompts": [], "results": [*results],
        "stats": {"successes": 1, "tokenUsage": {"total": 99, "prompt": 90, "completion": 9}},
    }  # fmt: skip
    return {"evalId": "eval-1", "results": inner, "config": {}, "shareableUrl": None}


def test_every_result_is_a_call_at_the_time_of_the_evaluation():
    (call,) = calls(PROMPTFOO, evaluation(result()))
    assert (counts(call), call.quality, call.reported_picousd) == ((20, 0, 0, 3), "exact", 100_000_000)
    assert (call.provider, call.model, call.prompt) == ("openai", "gpt-4o", "Hi.")
    assert (call.ts, call.latency_ms, call.call_id) == (
        1_791_194_400_000_000, 700, "eval-1:r-openai:chat:gpt-4o",
    )  # fmt: skip
    assert "secret" not in str(call)


def test_what_came_from_the_cache_cost_nothing():
    for record in (
        result(usage={"cached": 23, "total": 23}, cached=True),
        result(usage={"cached": 23, "total": 23}),
    ):
        (call,) = calls(PROMPTFOO, record)
        assert (call.status, counts(call), call.reported_picousd) == ("cache_hit", (0, 0, 0, 0), 0)


def test_sums_of_several_requests_are_no_calls_with_numbers():
    several = result(usage=USED | {"numRequests": 4})
    with pytest.raises(Skip, match="aggregate"):
        PROMPTFOO.calls(several)
    assert [c.quality for c in calls(PROMPTFOO, evaluation(result(), several))] == ["exact", "none"]


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ("openai:gpt-4o", ("openai", "gpt-4o")),
        ("anthropic:messages:claude-sonnet-4-5", ("anthropic", "claude-sonnet-4-5")),
        ("bedrock:us.amazon.nova-lite-v1:0", ("bedrock", "us.amazon.nova-lite-v1:0")),
        ("openrouter:meta-llama/llama-3.1-8b", ("openrouter", "meta-llama/llama-3.1-8b")),
        ("file://provider.py", (None, None)),
        ("https://example.com/chat", (None, None)),
        ("echo", (None, None)),
    ],
)
def test_providers(provider: str, expected: tuple[str | None, str | None]):
    (call,) = calls(PROMPTFOO, result(provider))
    assert (call.provider, call.model) == expected


def test_cached_tokens_of_claude_are_missing_unless_details_tell():
    (call,) = calls(PROMPTFOO, result("anthropic:messages:claude-sonnet-4-5"))
    assert call.quality == "partial"
    details = {"completionDetails": {"cacheReadInputTokens": 500, "cacheCreationInputTokens": 7}}
    (call,) = calls(PROMPTFOO, result("anthropic:messages:claude-sonnet-4-5", USED | details))
    assert (counts(call), call.quality) == ((20, 500, 7, 3), "exact")


def test_what_graders_used_is_told_and_a_failure_is_one():
    graded = result() | {"gradingResult": {"pass": True, "tokensUsed": {"total": 55}}}
    (call,) = PROMPTFOO.calls(graded)
    assert call.stated is not None
    assert call.stated.unused == {"gradingResult.tokensUsed.total": 55}
    (call,) = calls(PROMPTFOO, result(usage={}, error="secret") | {"failureReason": 2})
    assert (call.status, call.quality) == ("error", "none")


USAGE = {
    "input_tokens": 100, "output_tokens": 300, "total_tokens": 2300, "input_tokens_cache_read": 1900,
    "reasoning_tokens": 200,
}  # fmt: skip


def event(usage: Any = USAGE, model: str = "openai/gpt-4o", **fields: Any) -> dict[str, Any]:
    said = {
        "event": "model", "model": model, "timestamp": "2026-10-05T10:00:00+00:00", "tools": [],
        "input": [{"role": "user", "content": "Hi."}], "uuid": f"e-{model}",
        "output": {"model": "gpt-4o-2024-08-06", "choices": [], "usage": usage, "time": 1.5},
    }  # fmt: skip
    return {**said, **fields}


def log(*events: dict[str, Any]) -> dict[str, Any]:
    sample = {"id": 1, "epoch": 1, "events": [{"event": "sample_init"}, *events], "model_usage": {"m": USAGE}}
    return {
        "version": 2, "status": "success", "eval": {"task": "math", "model": "openai/gpt-4o", "eval_id": "E"},
        "stats": {"model_usage": {"openai/gpt-4o": USAGE}}, "samples": [sample],
    }  # fmt: skip


def test_every_model_event_is_a_call_and_sums_are_none(tmp_path: Path):
    (call,) = calls(INSPECT, log(event(role="grader")))
    assert (counts(call), call.reasoning, call.reading) == ((100, 1900, 0, 300), 200, "exclusive")
    assert (call.provider, call.model, call.model_requested) == ("openai", "gpt-4o-2024-08-06", "gpt-4o")
    assert (call.feature, call.session, call.tags) == ("math", "E:1:1", "role:grader")
    with pytest.raises(Skip, match="aggregate"):
        INSPECT.calls(log())
    file = tmp_path / "log.json"
    file.write_text(json.dumps(log(event()), indent=1))
    assert audit(file).inputs.requests == 1


def test_earlier_versions_left_the_cached_tokens_in():
    early = {
        "input_tokens": 2000,
        "output_tokens": 300,
        "total_tokens": 2300,
        "input_tokens_cache_read": 1900,
    }
    (call,) = calls(INSPECT, log(event(early)))
    assert (counts(call), call.reading) == ((100, 1900, 0, 300), "inclusive")


def test_the_answer_of_the_provider_counts_and_joins_other_logs():
    body = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "content": [],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 10, "output_tokens": 3, "cache_creation": {"ephemeral_1h_input_tokens": 5}},
    }  # fmt: skip
    (call,) = calls(INSPECT, log(event(model="anthropic/claude-sonnet-4-5", call={"response": body})))
    assert (call.response_id, call.call_id, call.input, call.cache_write_1h) == ("msg_1", None, 10, 5)


def test_answers_out_of_the_cache_and_pending_events():
    (call,) = calls(INSPECT, log(event(cache="read"), event(pending=True)))
    assert (call.status, counts(call), call.reported_picousd) == ("cache_hit", (0, 0, 0, 0), 0)


def test_hosts_in_the_names_of_models():
    names = ("anthropic/bedrock/claude-x", "openrouter/google/gemini-x", "grok/grok-4", "mockllm")
    found = calls(INSPECT, log(*(event(model=name) for name in names)))
    assert [(c.provider, c.gateway) for c in found] == [
        ("bedrock", None), ("google", "openrouter"), ("xai", None), (None, None),
    ]  # fmt: skip
