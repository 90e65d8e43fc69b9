"""Ollama's own bodies, alone, in exchanges and as streams."""

from __future__ import annotations

import json
from typing import Any

import pytest

from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.adapters.ollama import ADAPTER
from costaudit.ingest.detect import matching
from costaudit.ingest.settle import settled
from costaudit.schema import Call

BODY: dict[str, Any] = {
    "model": "llama3.1:8b",
    "created_at": "2025-11-01T10:00:05.000000Z",
    "message": {"role": "assistant", "content": "…"},
    "done_reason": "stop",
    "done": True,
    "total_duration": 5_000_000_000,
    "load_duration": 2_000_000,
    "prompt_eval_count": 26,
    "prompt_eval_duration": 383_000_000,
    "eval_count": 298,
    "eval_duration": 4_700_000_000,
}
CHUNK = {k: BODY[k] for k in ("model", "created_at", "message")} | {"done": False}


def only(record: dict[str, Any]) -> Call:
    adapter = matching(record, ADAPTERS)
    assert adapter is not None
    (call,) = settled(adapter.calls(record))
    return call


def test_counts_and_times():
    call = only(BODY)
    assert (call.input, call.output, call.quality, call.final) == (26, 298, "exact", True)
    assert (call.provider, call.model, call.latency_ms) == ("ollama", "llama3.1:8b", 5_000)
    assert call.ts == 1_761_991_200_000_000  # 10:00:05 less five seconds


def test_a_prompt_that_the_server_still_held_is_not_counted():
    call = only({k: v for k, v in BODY.items() if k != "prompt_eval_count"})
    assert (call.input, call.output, call.quality) == (0, 298, "partial")


def test_its_counts_are_read_in_records_of_ones_own():
    call = only(
        {"timestamp": "2025-11-01T10:00:00Z", "model": "m", "prompt_eval_count": 26, "eval_count": 298}
    )
    assert (call.input, call.output, call.ts) == (26, 298, 1_761_991_200_000_000)
    assert not ADAPTER.matches({"model": "m", "prompt_tokens": 26, "eval_count": 298})


def test_embeddings_write_nothing():
    call = only(
        {"model": "all-minilm", "embeddings": [[0.1]], "total_duration": 14_000_000, "prompt_eval_count": 8}
    )
    assert (call.input, call.output, call.quality) == (8, 0, "exact")


def test_only_the_last_line_of_a_stream_is_a_call():
    assert ADAPTER.matches(CHUNK)
    assert ADAPTER.calls(CHUNK) == []


@pytest.mark.parametrize(
    "response",
    [
        BODY,
        json.dumps(BODY),
        [CHUNK, CHUNK, BODY],
        {"_ndjson": [CHUNK, BODY]},
        "\n".join(json.dumps(line) for line in (CHUNK, CHUNK, BODY)),
    ],
)
def test_exchanges_hold_bodies_and_streams(response: Any):
    request = {"model": "llama3.1:8b", "messages": [{"role": "user", "content": "…"}]}
    call = only({"request": request, "response": response, "user": "u"})
    assert (call.input, call.output, call.user) == (26, 298, "u")


def test_what_stands_beside_a_body_is_read():
    assert only({**BODY, "feature": "search", "user": "u"}).feature == "search"
