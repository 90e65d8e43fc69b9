"""The shared examples state the same four calls in every format: each adapter returns the true values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.fields import timestamp_us
from costaudit.ingest.settle import settled
from costaudit.schema import Call

Truth = dict[str, Any]
Examples = Callable[[str], list[dict[str, Any]]]


def read(records: list[dict[str, Any]], name: str) -> list[Call]:
    """The calls of the records, read by the first adapter that matches, which must be `name`."""
    calls = []
    for record in records:
        adapter = next(a for a in ADAPTERS if a.matches(record))
        assert adapter.name == name
        calls += settled(adapter.calls(record))
    return calls


def assert_usage(call: Call, true: Truth) -> None:
    counts = (call.input, call.cache_read, call.cache_write_5m, call.cache_write_1h, call.output)
    names = ("input_uncached", "cache_read", "cache_write_5m", "cache_write_1h", "output")
    assert counts == tuple(true[name] for name in names)
    assert call.reasoning == (true["reasoning"] or 0)


@pytest.mark.parametrize(
    ("file", "name", "letters"),
    [
        ("openai_chat_completions_responses.jsonl", "openai-chat", "A"),
        ("openai_stored_completions_list.json", "openai-chat", "A"),
        ("openai_responses_api.jsonl", "openai-responses", "A"),
        ("openai_request_response_pairs.jsonl", "http-exchange", "AC"),
        ("openai_batch_output.jsonl", "openai-batch", "AC"),
        ("anthropic_messages_responses.jsonl", "anthropic-messages", "B"),
        ("litellm_spend_logs.jsonl", "litellm-spend", "CABD"),
        ("litellm_standard_logging_payload.jsonl", "litellm-payload", "CABD"),
    ],
)
def test_usage_model_and_status(examples: Examples, truth: Truth, file: str, name: str, letters: str):
    calls = read(examples(file), name)
    assert len(calls) == len(letters)
    for call, letter in zip(calls, letters, strict=True):
        true = truth[letter]
        assert_usage(call, true)
        assert call.status == ("error" if true["error"] else "ok")
        served = None if name == "openai-batch" and true["error"] else true["response_model"] or true["model"]
        assert call.model == served


@pytest.mark.parametrize("file", ["litellm_spend_logs.jsonl", "litellm_standard_logging_payload.jsonl"])
def test_everything_else_that_litellm_states(examples: Examples, truth: Truth, file: str):
    name = "litellm-spend" if "spend" in file else "litellm-payload"
    for call, letter in zip(read(examples(file), name), "CABD", strict=True):
        true = truth[letter]
        assert call.ts == timestamp_us(true["ts"])
        assert (call.latency_ms, call.user, call.session) == (
            true["latency_ms"],
            true["user"],
            true["session"],
        )
        assert (call.feature, call.response_id) == (true["feature"], true["rid"])
        assert call.reported_picousd == round(true["cost"] * 10**12)
        assert call.provider == {"google": "gemini"}.get(true["provider"], true["provider"])
        assert call.error_code == (None if true["status"] == 200 else str(true["status"]))
        if name == "litellm-payload":
            assert (call.system, call.prompt) == (true["system"], true["prompt"])
        else:
            assert call.attempt == true["attempt"]


def test_openai_bodies_state_second_tier_and_id(examples: Examples, truth: Truth):
    for file, name in (
        ("openai_chat_completions_responses.jsonl", "openai-chat"),
        ("openai_request_response_pairs.jsonl", "http-exchange"),
    ):
        call = read(examples(file), name)[0]
        assert call.ts is not None
        assert call.ts // 10**6 == (timestamp_us(truth["A"]["ts"]) or 0) // 10**6
        assert (call.service_tier, call.response_id, call.final) == ("default", truth["A"]["rid"], True)


def test_pairs_tell_the_prompt_also_of_the_failed_call(examples: Examples, truth: Truth):
    first, failed = read(examples("openai_request_response_pairs.jsonl"), "http-exchange")
    for call, letter in ((first, "A"), (failed, "C")):
        assert (call.system, call.prompt) == (truth[letter]["system"], truth[letter]["prompt"])
        assert call.model_requested == truth[letter]["model"]
    assert failed.error_code == truth["C"]["error"]


def test_batch_lines_carry_their_custom_ids_and_tier(examples: Examples, truth: Truth):
    calls = read(examples("openai_batch_output.jsonl"), "openai-batch")
    assert [(c.call_id, c.service_tier) for c in calls] == [("ticket-1", "batch"), ("ticket-2", "batch")]
    results = read(examples("anthropic_batch_results.jsonl"), "anthropic-batch")
    assert_usage(results[0], truth["B"])
    assert [(c.call_id, c.status, c.error_code, c.service_tier) for c in results] == [
        ("contract-1", "ok", None, "batch"),
        ("contract-2", "error", "invalid_request_error", "batch"),
        ("contract-3", "error", "expired", "batch"),
    ]


def test_iterations_of_the_example_message(examples: Examples, truth: Truth):
    compaction, advisor, message = read(examples("anthropic_message_iterations.jsonl"), "anthropic-messages")
    assert_usage(message, truth["B"])
    assert (compaction.input, compaction.output) == (55000, 130)
    assert (advisor.input, advisor.output, advisor.model) == (2500, 40, "claude-opus-4-8")
    assert [c.call_id for c in (compaction, advisor, message)] == [
        f"{truth['B']['rid']}#{n}" for n in range(3)
    ]
