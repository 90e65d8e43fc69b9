"""Gemini CLI without its screen: the sums of a run by model."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.ingest.adapters.gemini_run import ADAPTER
from costaudit.ingest.settle import settled

TOKENS = {"prompt": 24_939, "candidates": 20, "total": 25_113, "cached": 21_263, "thoughts": 154, "tool": 0}
API = {"totalRequests": 2, "totalErrors": 0, "totalLatencyMs": 5_053}


def run(**models: dict[str, Any]) -> dict[str, Any]:
    return {"session_id": "s1", "response": "…", "stats": {"models": models, "tools": {"totalCalls": 1}}}


def test_a_run_is_a_call_for_each_model():
    record = run(pro={"api": API, "tokens": TOKENS}, idle={"api": {}, "tokens": {}})
    assert ADAPTER.matches(record)
    (call,) = settled(ADAPTER.calls(record))
    assert (call.input, call.cache_read, call.output, call.reasoning) == (3_676, 21_263, 174, 154)
    assert (call.provider, call.model, call.session, call.feature) == (None, "pro", "s1", "gemini-cli")


@pytest.mark.parametrize(("prompt", "longest"), [(400_000, 200_000), (400_001, None)])
def test_a_sum_is_no_long_prompt_unless_its_prompts_were_longer(prompt: int, longest: int | None):
    tokens = {**TOKENS, "prompt": prompt, "total": prompt + 174}
    (call,) = settled(ADAPTER.calls(run(pro={"api": API, "tokens": tokens})))
    assert call.longest_prompt == longest


def test_a_stream_states_thoughts_in_its_total_alone():
    name = "gemini-2.5-pro"
    counts = {
        "total_tokens": 25_113,
        "input_tokens": 24_939,
        "output_tokens": 20,
        "cached": 21_263,
        "input": 3_676,
    }
    result = {"type": "result", "timestamp": "2026-01-05T10:00:00Z", "stats": {"models": {name: counts}}}
    (call,) = settled(ADAPTER.calls(result))
    assert (call.input, call.cache_read, call.output, call.reasoning) == (3_676, 21_263, 174, 154)
    assert call.provider == "google"


@pytest.mark.parametrize(
    "line",
    [
        {"type": "init", "timestamp": "t", "session_id": "s", "model": "m"},
        {"type": "message", "timestamp": "t", "role": "assistant", "content": "…", "delta": True},
        {"type": "tool_use", "timestamp": "t", "tool_name": "ls", "tool_id": "1", "parameters": {}},
    ],
)
def test_other_lines_are_no_calls(line: dict[str, Any]):
    assert ADAPTER.matches(line)
    assert ADAPTER.calls(line) == []


def test_somebody_elses_message_is_not_taken():
    assert not ADAPTER.matches({"type": "message", "timestamp": "t", "role": "assistant", "usage": {}})
