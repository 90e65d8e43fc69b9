"""Events of New Relic's AI monitoring: summaries and embeddings are calls, messages are not."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.ingest.adapters.newrelic import ADAPTER
from costaudit.ingest.pages import page_records
from costaudit.ingest.settle import settled

SUMMARY = {
    "timestamp": 1_791_194_400_000, "id": "n1", "trace_id": "t1", "span_id": "s1", "vendor": "openai",
    "ingest_source": "Node", "request.model": "gpt-4o-mini", "response.model": "gpt-4o-mini-2024-07-18",
    "response.usage.prompt_tokens": 812, "response.usage.completion_tokens": 96,
    "response.usage.total_tokens": 908, "duration": 1532.1, "appName": "shop", "llm.user_id": "ann",
}  # fmt: skip
MESSAGE = {
    "timestamp": 1_791_194_400_000, "id": "n1-0", "trace_id": "t1", "span_id": "s1", "vendor": "openai",
    "ingest_source": "Node", "response.model": "gpt-4o-mini-2024-07-18", "completion_id": "n1", "sequence": 0,
    "role": "user", "content": "secret", "token_count": 812,
}  # fmt: skip


@pytest.mark.parametrize("kind", [{}, {"eventType": "LlmChatCompletionSummary"},
                                  {"type": "LlmChatCompletionSummary"}])  # fmt: skip
def test_a_summary(kind: dict[str, Any]):
    record = {**SUMMARY, **kind}
    assert ADAPTER.matches(record)
    (call,) = settled(ADAPTER.calls(record))
    assert (call.input, call.output, call.latency_ms, call.user) == (812, 96, 1532, "ann")
    assert (call.model, call.provider, call.feature) == ("gpt-4o-mini-2024-07-18", "openai", "shop")
    assert call.quality == "exact"


def test_a_long_input_of_a_host_that_caches_is_partial():
    (call,) = settled(ADAPTER.calls({**SUMMARY, "response.usage.prompt_tokens": 4000}))
    assert call.quality == "partial"


@pytest.mark.parametrize("kind", [{}, {"eventType": "LlmChatCompletionMessage"}])
def test_messages_are_no_calls(kind: dict[str, Any]):
    record = {**MESSAGE, **kind}
    assert ADAPTER.matches(record)
    assert ADAPTER.calls(record) == []


def test_an_embedding_states_its_total():
    (call,) = settled(ADAPTER.calls({
        "type": "LlmEmbedding", "vendor": "openai", "trace_id": "t",
        "request.model": "text-embedding-3-small",
        "response.usage.total_tokens": 40,
    }))  # fmt: skip
    assert (call.input, call.output, call.quality) == (40, 0, "exact")


def test_a_summary_without_counts_is_a_call_without_usage():
    bare = {name: value for name, value in SUMMARY.items() if "usage" not in name}
    (call,) = settled(ADAPTER.calls({**bare, "error": True, "error.code": "429"}))
    assert (call.quality, call.status, call.error_code) == ("none", "error", "429")


def test_answers_of_nrql_hold_lists_of_events_in_lists():
    assert page_records({"results": [{"events": [SUMMARY, MESSAGE]}]}) == [SUMMARY, MESSAGE]
