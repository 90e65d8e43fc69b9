"""Chats of Open WebUI, exported and in its database."""

from __future__ import annotations

import json
from typing import Any

from costaudit.ingest.adapters.open_webui import ADAPTER
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from tests.tape.calls import merge_calls

OPENAI = {
    "prompt_tokens": 2006,
    "completion_tokens": 300,
    "total_tokens": 2306,
    "prompt_tokens_details": {"cached_tokens": 1920},
    "input_tokens": 2006,
    "output_tokens": 300,
}
OLLAMA = {"response_token/s": 123.97, "total_duration": 2418639251, "prompt_eval_count": 11, "eval_count": 14}
ANSWER = "b3f1c1de-0000-4000-8000-000000000002"


def message(**fields: Any) -> dict[str, Any]:
    return {
        "id": ANSWER, "parentId": "q", "role": "assistant", "content": "secret", "model": "gpt-4o",
        "timestamp": 1_762_250_401, "done": True, "usage": OPENAI, **fields,
    }  # fmt: skip


def chat(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    asked = {"id": "q", "role": "user", "content": "…"}
    history = {m["id"]: m for m in (asked, *messages)}
    inner = {
        "models": ["gpt-4o"],
        "history": {"currentId": ANSWER, "messages": history},
        "messages": [asked, *messages],
    }
    return {"id": "c1", "user_id": "u1", "title": "secret", "chat": inner, **fields}


def calls(record: dict[str, Any]) -> list[Call]:
    assert ADAPTER.matches(record)
    return settled(ADAPTER.calls(record))


def test_every_answer_counts_once():
    (call,) = calls(chat(message()))
    assert (call.input, call.cache_read, call.output, call.quality) == (86, 1920, 300, "exact")
    assert (call.session, call.user, call.feature, call.model) == ("c1", "u1", "open-webui", "gpt-4o")
    assert (call.response_id, call.ts, call.provider) == (ANSWER, 1_762_250_401_000_000, None)


def test_answers_of_all_branches_and_models_count():
    found = calls(chat(message(), message(id="m3", model="gpt-4o-mini"), message(id="m4", done=False)))
    assert sorted(call.model or "" for call in found) == ["gpt-4o", "gpt-4o-mini"]


def test_a_copy_of_a_chat_and_its_rows_are_the_same_answers():
    row = {
        **message(),
        "id": f"c1-{ANSWER}",
        "chat_id": "c1",
        "user_id": "u1",
        "model_id": "gpt-4o",
        "done": 1,
    }
    row |= {"created_at": row.pop("timestamp"), "usage": json.dumps(OPENAI)}
    del row["model"]
    stored = {**chat(message()), "chat": json.dumps(chat(message())["chat"])}
    found = [*calls(chat(message())), *calls(chat(message(), id="c2")), *calls(row), *calls(stored)]
    assert [(c.input, c.output) for c in merge_calls(found)] == [(86, 300)]


def test_short_ids_are_those_of_their_chat():
    found = [*calls(chat(message(id="m2"))), *calls(chat(message(id="m2"), id="c2"))]
    assert len(merge_calls(found)) == 2


def test_ollama_counts_in_its_own_words():
    (call,) = calls(chat(message(usage=OLLAMA, model="gemma3:4b")))
    assert (call.input, call.output, call.provider) == (11, 14, "ollama")
    (older,) = calls(chat(message(usage=None, info=OLLAMA)))
    assert (older.input, older.output) == (11, 14)


def test_an_answer_without_usage_and_one_that_failed():
    (silent,) = calls(chat(message(usage=None)))
    assert (silent.quality, silent.answered_bytes) == ("none", 6)
    (failed,) = calls(chat(message(usage=None, content="", error={"content": "a secret text"})))
    assert (failed.status, failed.error_code) == ("error", None)


def test_somebody_elses_message_is_not_taken():
    assert not ADAPTER.matches({"id": "1", "chat_id": "c", "role": "assistant", "input_tokens": 9})
