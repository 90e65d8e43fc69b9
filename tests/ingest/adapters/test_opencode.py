"""opencode's messages: files, rows of its database, exports, and the events of a run."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest.adapters.opencode import ADAPTER
from costaudit.ingest.settle import settled
from costaudit.ingest.sniff import sniff
from costaudit.ingest.sqlite import SqliteReader
from costaudit.schema import Call
from tests.tape.calls import merge_calls


def message(**fields: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "sessionID": "ses_1",
        "role": "assistant",
        "time": {"created": 1_770_000_001_000, "completed": 1_770_000_004_000},
        "modelID": "gpt-5.2",
        "providerID": "openai",
        "mode": "build",
        "path": {"cwd": "/home/dev/shop", "root": "/home/dev/shop"},
        "cost": 0.00161,
        "tokens": {
            "input": 100, "output": 50, "reasoning": 30, "total": 2_220,
            "cache": {"read": 2_000, "write": 40},
        },
        "finish": "stop",
        **fields,
    }  # fmt: skip


def only(record: dict[str, Any]) -> Call:
    assert ADAPTER.matches(record)
    (call,) = settled(ADAPTER.calls(record))
    return call


def counts(call: Call) -> tuple[int, ...]:
    return call.input, call.cache_read, call.cache_write_5m, call.output, call.reasoning


def row(said: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A row of the database: the message without what stands in columns."""
    inside = {k: v for k, v in said.items() if k not in ("id", "sessionID")}
    base = {"id": said["id"], "session_id": said["sessionID"], "time_created": said["time"]["created"]}
    return {**base, "time_updated": 0, "data": json.dumps(inside), **fields}


def test_every_class_stands_apart():
    call = only(message())
    assert counts(call) == (100, 2_000, 40, 80, 30)  # 100 + 2,000 + 40 + 50 + 30 = 2,220
    assert (call.quality, call.reading, call.final) == ("exact", "exclusive", True)
    assert (call.provider, call.model, call.reported_picousd) == ("openai", "gpt-5.2", 1_610_000_000)
    assert (call.session, call.feature, call.ts) == ("ses_1", "opencode", 1_770_000_001_000_000)
    assert call.tags == "agent:build,project:shop"


def test_a_total_tells_that_reasoning_is_inside_of_output():
    tokens = {"input": 100, "output": 50, "reasoning": 30, "total": 150, "cache": {"read": 0, "write": 0}}
    assert counts(only(message(tokens=tokens))) == (100, 0, 0, 50, 30)


def test_reasoning_without_a_total_is_read_as_beside_output_and_said_to_be_ambiguous():
    tokens = {"input": 100, "output": 50, "reasoning": 30, "cache": {"read": 0, "write": 0}}
    call = only(message(tokens=tokens))
    assert (call.output, call.reading) == (80, "ambiguous")
    assert only(message(tokens={**tokens, "reasoning": 0})).reading == "exclusive"


@pytest.mark.parametrize(
    ("named", "provider", "gateway"),
    [
        ("anthropic", "anthropic", None),
        ("openrouter", "openrouter", "openrouter"),
        ("github-copilot", None, "github-copilot"),
    ],
)
def test_who_answered(named: str, provider: str | None, gateway: str | None):
    call = only(message(providerID=named))
    assert (call.provider, call.gateway) == (provider, gateway)


def test_a_plan_states_no_cost():
    assert only(message(cost=0)).reported_picousd is None


def test_a_fork_is_the_same_call_and_another_message_is_not():
    fork = message(id="msg_9", sessionID="ses_2", parentID="msg_8")
    later = message(id="msg_2", time={"created": 1_770_000_005_000, "completed": 1_770_000_009_000})
    calls = [call for record in (message(), fork, later) for call in settled(ADAPTER.calls(record))]
    assert len(merge_calls(calls)) == 2


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("MessageAbortedError", "cancelled", "MessageAbortedError"), ("APIError", "error", "429")],
)
def test_what_became_of_a_message_that_ended_in_an_error(name: str, status: str, code: str):
    data = {"message": "a secret text"} | ({"statusCode": 429} if name == "APIError" else {})
    zeros = {"input": 0, "output": 0, "reasoning": 0, "cache": {"read": 0, "write": 0}}
    call = only(message(tokens=zeros, cost=0, error={"name": name, "data": data}))
    assert (call.status, call.error_code, call.quality) == (status, code, "none")


def test_a_row_of_either_table_is_its_message():
    newer = {
        "id": "msg_1",
        "sessionID": "ses_1",
        **{k: message()[k] for k in ("time", "tokens", "cost", "finish")},
    }
    newer |= {"agent": "build", "model": {"id": "gpt-5.2", "providerID": "openai"}}
    old, new, file = only(row(message())), only(row(newer, type="assistant", seq=4)), only(message())
    assert counts(old) == counts(new) == counts(file)
    assert (new.model, new.provider, new.tags) == ("gpt-5.2", "openai", "agent:build")
    assert len(merge_calls([old, new, file])) == 1


def test_exports_and_pages_hold_messages():
    page = {"info": message(), "parts": [{"type": "text", "text": "…"}]}
    export = {"info": {"id": "ses_1", "directory": "/x"}, "messages": [page, {"info": message(role="user")}]}
    assert counts(only(page)) == counts(only(export)) == counts(only(message()))


def test_a_step_of_a_run_is_a_call_without_a_model():
    part = {"type": "step-finish", "messageID": "msg_1", **{k: message()[k] for k in ("tokens", "cost")}}
    event = {"type": "step_finish", "timestamp": 1_770_000_004_000, "sessionID": "ses_1", "part": part}
    call = only(event)
    assert counts(call) == (100, 2_000, 40, 80, 30)
    assert (call.model, call.response_id, call.reported_picousd) == (None, "msg_1", 1_610_000_000)
    assert ADAPTER.calls({**event, "type": "text", "part": {"type": "text", "text": "…"}}) == []


@pytest.mark.parametrize(
    "record",
    [
        message(role="user"),
        {"id": "prt_1", "sessionID": "s", "messageID": "m", "type": "step-finish", "tokens": {"input": 9}},
        row({"id": "prt_1", "sessionID": "s", "time": {"created": 1}, "type": "text"}, message_id="m"),
        {"id": "ses_1", "projectID": "p", "directory": "/x", "title": "t", "time": {"created": 1}},
        {"id": "ses_1", "project_id": "p", "directory": "/x", "tokens_input": 9, "time_created": 1},
        {"id": "p", "worktree": "/x", "vcs": "git", "time": {"created": 1}},
        {"content": "do it", "status": "done", "priority": "high", "id": "1"},
        {"file": "a.py", "before": "", "after": "x", "additions": 1, "deletions": 0},
    ],
)
def test_what_is_kept_beside_answers_is_recognised_and_is_no_call(record: dict[str, Any]):
    assert ADAPTER.matches(record)
    assert ADAPTER.calls(record) == []


def test_the_database_is_read_without_counting_its_sums(tmp_path: Path):
    with sqlite3.connect(tmp_path / "opencode.db") as database:
        database.execute("CREATE TABLE session (id, project_id, directory, tokens_input, cost, time_created)")
        database.execute("INSERT INTO session VALUES ('ses_1', 'p', '/x', 100, 0.00161, 1)")
        for table, key in (("message", ""), ("part", ", message_id")):
            database.execute(f"CREATE TABLE {table} (id, session_id, time_created, time_updated, data{key})")
        for said in (message(), message(id="msg_0", role="user")):
            database.execute("INSERT INTO message VALUES (?, ?, ?, ?, ?)", tuple(row(said).values()))
        part = row({"id": "prt_1", "sessionID": "s", "time": {"created": 1}, "type": "step-finish"})
        database.execute("INSERT INTO part VALUES (?, ?, ?, ?, ?, 'msg_1')", tuple(part.values()))
    database.close()
    reader = SqliteReader.open(sniff("opencode.db", tmp_path / "opencode.db"))
    parsed = [reader.parse(block) for block in reader.blocks()]
    assert sum(part.batch.num_rows for part in parsed) == 1
    assert sum(part.ignored for part in parsed) == 3
    assert not any(part.quarantine.total for part in parsed)
