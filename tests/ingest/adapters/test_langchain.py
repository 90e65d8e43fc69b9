"""LangChain's messages: answers are calls, in each of the shapes in which its own functions write them."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.ingest.adapters import ADAPTERS, langchain
from costaudit.ingest.detect import matching
from costaudit.ingest.settle import settled
from costaudit.schema import Call

USAGE = {
    "input_tokens": 2006, "output_tokens": 300, "total_tokens": 2306,
    "input_token_details": {"audio": 0, "cache_read": 1920}, "output_token_details": {"reasoning": 120},
}  # fmt: skip
ABOUT = {
    "token_usage": {"prompt_tokens": 2006, "completion_tokens": 300, "total_tokens": 2306},
    "model_provider": "openai", "model_name": "gpt-4o-2024-08-06", "id": "chatcmpl-1",
    "finish_reason": "stop",
}  # fmt: skip
ANSWER = {
    "content": "Hello", "additional_kwargs": {}, "response_metadata": ABOUT, "type": "ai", "id": "run-1",
    "tool_calls": [{"name": "f", "args": {}}], "usage_metadata": USAGE,
}  # fmt: skip
DUMPS: dict[str, dict[str, Any]] = {
    "messages_to_dict": {"type": "ai", "data": ANSWER},
    "model_dump": ANSWER,
    "dumpd": {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "AIMessage"],
              "kwargs": ANSWER},
    "a chunk": {"type": "constructor", "id": ["x", "AIMessageChunk"], "kwargs": ANSWER},
}  # fmt: skip


def call_of(record: dict[str, Any]) -> Call:
    assert matching(record, ADAPTERS) is langchain.ADAPTER
    (call,) = settled(langchain.ADAPTER.calls(record))
    return call


@pytest.mark.parametrize("dump", DUMPS)
def test_an_answer_is_a_call(dump: str):
    call = call_of(DUMPS[dump])
    assert (call.input, call.cache_read, call.output, call.reasoning) == (86, 1920, 300, 120)
    assert (call.model, call.provider, call.response_id) == ("gpt-4o-2024-08-06", "openai", "chatcmpl-1")
    assert (call.call_id, call.final, call.has_tools) == ("run-1", True, True)
    assert call.prompt is None


def test_what_stands_beside_the_message_is_taken():
    call = call_of({**DUMPS["messages_to_dict"], "timestamp": "2026-10-05T09:00:00Z", "user_id": "u"})
    assert (call.ts is not None, call.user) == (True, "u")


@pytest.mark.parametrize(
    "usage",
    [
        {"token_usage": {"prompt_tokens": 2006, "completion_tokens": 300,
                         "prompt_tokens_details": {"cached_tokens": 1920}}},
        {"tokenUsage": {"promptTokens": 2006, "completionTokens": 300, "cachedTokens": 1920}},
        {"usage": {"input_tokens": 86, "output_tokens": 300, "cache_read_input_tokens": 1920}},
    ],
)  # fmt: skip
def test_an_older_answer_has_its_usage_in_the_providers_own_words(usage: dict[str, Any]):
    answer = {k: v for k, v in ANSWER.items() if k != "usage_metadata"}
    call = call_of({**answer, "response_metadata": {"model_name": "gpt-4o", **usage}})
    assert (call.input, call.cache_read, call.output) == (86, 1920, 300)


def test_anthropics_counts_are_whole_where_langchain_states_them():
    about = {
        "model_name": "claude-sonnet-4-5", "model_provider": "anthropic",
        "usage": {"input_tokens": 100, "cache_read_input_tokens": 13000, "output_tokens": 50},
    }  # fmt: skip
    usage = {"input_tokens": 13100, "output_tokens": 50, "total_tokens": 13150,
             "input_token_details": {"cache_read": 13000}}  # fmt: skip
    call = call_of({**ANSWER, "response_metadata": about, "usage_metadata": usage})
    assert (call.input, call.cache_read, call.output) == (100, 13000, 50)


@pytest.mark.parametrize("kind", ["human", "system", "tool"])
def test_other_messages_are_no_calls(kind: str):
    message = {"type": kind, "content": "x", "additional_kwargs": {}, "response_metadata": {}, "id": "1"}
    for record in (message, {"type": kind, "data": message}):
        assert matching(record, ADAPTERS) is langchain.ADAPTER
        assert langchain.ADAPTER.calls(record) == []


def test_an_answer_without_usage_is_a_call_that_states_none():
    call = call_of({**ANSWER, "usage_metadata": None, "response_metadata": {"model_name": "gpt-4o"}})
    assert (call.model, call.input, call.quality) == ("gpt-4o", 0, "none")
