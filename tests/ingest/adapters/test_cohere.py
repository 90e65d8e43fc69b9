"""Cohere's bodies, alone, in exchanges and as streams."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.adapters.cohere import ADAPTER
from costaudit.ingest.detect import matching
from costaudit.ingest.settle import settled
from costaudit.schema import Call

CHAT: dict[str, Any] = {
    "id": "c-1",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "…"}]},
    "usage": {
        "billed_units": {"input_tokens": 5, "output_tokens": 418},
        "tokens": {"input_tokens": 71, "output_tokens": 420},
        "cached_tokens": 64,
    },
}
RERANK: dict[str, Any] = {
    "id": "rr-1",
    "results": [{"index": 0, "relevance_score": 0.9}],
    "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 3}},
}


def only(record: dict[str, Any]) -> Call:
    adapter = matching(record, ADAPTERS)
    assert adapter is not None
    (call,) = settled(adapter.calls(record))
    return call


def test_what_is_billed_is_not_what_the_model_has_read():
    call = only({**CHAT, "model": "command-a-03-2025", "timestamp": "2025-11-01T10:00:00Z"})
    assert (call.input, call.cache_read, call.output, call.quality) == (5, 0, 418, "exact")
    assert (call.provider, call.model, call.response_id) == ("cohere", "command-a-03-2025", "c-1")
    assert call.ts is not None


def test_what_is_billed_is_read_wherever_it_stands():
    usage = {"billed_units": {"input_tokens": 5, "output_tokens": 418}, "tokens": {"input_tokens": 71}}
    call = only({"timestamp": "2025-11-01T10:00:00Z", "model": "command-a-03-2025", "usage": usage})
    assert (call.input, call.output) == (5, 418)


def test_a_free_model_bills_nothing_and_counts_its_tokens():
    call = only({**CHAT, "usage": {"tokens": {"input_tokens": 71, "output_tokens": 420}}})
    assert (call.input, call.output) == (71, 420)


def test_a_rerank_is_billed_by_search_units():
    request = {"model": "rerank-v3.5", "query": "…", "documents": ["…"]}
    call = only({"timestamp": "2025-11-01T10:00:00Z", "request": request, "response": RERANK})
    assert (call.web_searches, call.input, call.quality, call.model) == (3, 0, "exact", "rerank-v3.5")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {
                "response_id": "r",
                "text": "…",
                "meta": {"billed_units": {"input_tokens": 9, "output_tokens": 2}},
            },
            (9, 2),
        ),
        ({"id": "e", "embeddings": {"float": []}, "meta": {"billed_units": {"input_tokens": 9}}}, (9, 0)),
        ({"id": "g", "generations": [], "meta": {"billed_units": {"output_tokens": 2}}}, (0, 2)),
    ],
)
def test_bodies_of_the_first_version_and_embeddings(body: dict[str, Any], expected: tuple[int, int]):
    assert ADAPTER.matches(body)
    call = only(body)
    assert (call.input, call.output) == expected


def test_a_classification_has_no_tokens():
    body = {"id": "x", "classifications": [], "meta": {"billed_units": {"classifications": 4}}}
    assert only(body).quality == "none"


def test_a_stream_ends_with_its_usage():
    events = [
        {"type": "message-start", "id": "c-1", "delta": {"message": {"role": "assistant"}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "…"}}}},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": CHAT["usage"]}},
    ]
    request = {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "…"}]}
    call = only({"request": request, "response": events})
    assert (call.input, call.output, call.response_id, call.provider) == (5, 418, "c-1", "cohere")


def test_who_serves_the_model_is_told_by_the_host():
    request = {"model": "command-a-03-2025", "messages": []}
    call = only({"host": "x.services.ai.azure.com", "request": request, "response": CHAT})
    assert call.provider != "cohere"
