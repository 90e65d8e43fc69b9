"""Codex CLI's rollout files, of versions that write a call once and of those that write it twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest.adapters.codex import ADAPTER
from costaudit.ingest.adapters.otlp import OTLP
from costaudit.ingest.canonical import calls_of
from costaudit.ingest.files import find_logs
from costaudit.ingest.jsonl import JsonlReader
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from tests.tape.calls import calls_of_run, merge_calls

TIME = "2026-10-05T09:15:04.504Z"


def usage(
    asked: int, cached: int = 0, written: int = 0, answered: int = 0, thought: int = 0
) -> dict[str, int]:
    return {
        "input_tokens": asked,
        "cached_input_tokens": cached,
        "cache_write_input_tokens": written,
        "output_tokens": answered,
        "reasoning_output_tokens": thought,
        "total_tokens": asked + answered,
    }


def line(kind: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": TIME, "type": kind, "payload": payload}


def meta(ident: str = "s-1", **fields: Any) -> dict[str, Any]:
    return line("session_meta", id=ident, cwd="/home/dev/shop", model_provider="openai", **fields)


def turn(model: str, ident: str = "t-1") -> dict[str, Any]:
    return line("turn_context", turn_id=ident, model=model)


def counted(last: dict[str, int] | None, total: dict[str, int] | None = None) -> dict[str, Any]:
    info = None if last is None else {"last_token_usage": last, "total_token_usage": total}
    return line("event_msg", type="token_count", info=info)


def recorded(response: str, last: dict[str, int], turn_id: str = "t-1") -> dict[str, Any]:
    return line("token_usage_record", response_id=response, thread_id="s-1", turn_id=turn_id, usage=last)


def read(*lines: dict[str, Any]) -> list[Call]:
    adapter = ADAPTER.for_one_file()
    assert all(adapter.matches(each) for each in lines)
    return [call for each in lines for call in settled(adapter.calls(each))]


def counts(call: Call) -> tuple[int, ...]:
    return call.input, call.cache_read, call.cache_write_5m, call.output, call.reasoning


def test_input_includes_cached_and_written_tokens():
    (call,) = read(meta(), turn("gpt-5.2-codex"), recorded("resp_1", usage(10000, 8000, 500, 301, 101)))
    assert counts(call) == (1500, 8000, 500, 301, 101)
    assert (call.response_id, call.call_id, call.model) == ("resp_1", None, "gpt-5.2-codex")
    assert (call.session, call.provider, call.tags) == ("s-1", "openai", "project:shop")


def test_a_call_that_is_written_twice_counts_once():
    last, total = usage(100, answered=5), usage(100, answered=5)
    assert len(read(meta(), turn("m"), recorded("resp_1", last), counted(last, total))) == 1


def test_in_old_files_the_running_total_tells_repetitions_from_calls():
    first, second = usage(100, answered=5), usage(200, answered=7)
    both = usage(300, answered=12)
    calls = read(meta(), turn("m"), counted(first, first), counted(first, first), counted(second, both))
    assert [c.input for c in merge_calls(calls)] == [100, 200]


def test_two_sessions_with_the_same_counts_are_two_calls():
    last = usage(100, answered=5)
    calls = read(meta("s-1"), counted(last, last)) + read(meta("s-2"), counted(last, last))
    assert len(merge_calls(calls)) == 2


def rollout(head: dict[str, Any], *calls: tuple[int, int], model: str = "m") -> list[dict[str, Any]]:
    """A file; calls are seconds after nine and input tokens, the n-th answer has n tokens."""
    lines, asked, answered = [head, turn(model)], 0, 0
    for number, (second, tokens) in enumerate(calls, 1):
        asked, answered = asked + tokens, answered + number
        event = counted(usage(tokens, answered=number), usage(asked, answered=answered))
        lines.append(event | {"timestamp": f"2026-10-05T09:{second // 60:02}:{second % 60:02}Z"})
    return lines


def header(ident: str, second: int, forked: str | None = None, **fields: Any) -> dict[str, Any]:
    told = {} if forked is None else {"forked_from_id": forked}
    return meta(ident, **told, **fields) | {"timestamp": f"2026-10-05T09:{second // 60:02}:{second % 60:02}Z"}


P, C, G = header("p", 0), header("c", 120, "p"), header("g", 240, "c")
PARENT = rollout(P, (5, 100), (9, 200))
CHILD = rollout(C, (120, 100), (121, 200), (180, 400))
GRANDCHILD = rollout(G, (241, 100), (241, 200), (242, 400), (300, 800), model="small")


def asked_in(*files: list[dict[str, Any]]) -> list[int]:
    """The input tokens of every call of a run."""
    found = [calls_of_run([read(*lines) for lines in some]) for some in permutations(files)]
    assert all(run == found[0] for run in found)  # whatever the order of the files
    return sorted(call.input for call in found[0])


def test_a_fork_repeats_its_parents_history_without_new_calls():
    assert asked_in(PARENT, CHILD) == [100, 200, 400]
    (call,) = (call for call in calls_of_run([read(*PARENT), read(*CHILD)]) if call.input == 200)
    assert (call.session, call.ts) == ("p", 1791190809_000000)  # the call, not its copy


def test_a_fork_of_a_fork_repeats_both():
    assert asked_in(PARENT, CHILD, GRANDCHILD) == [100, 200, 400, 800]
    with_headers = [*GRANDCHILD[:1], C, P, *GRANDCHILD[1:]]
    assert asked_in(PARENT, [*CHILD[:1], P, *CHILD[1:]], with_headers) == [100, 200, 400, 800]
    models = {call.input: call.model for call in calls_of_run([read(*PARENT), read(*GRANDCHILD)])}
    assert models[800] == "small"


def test_without_the_file_that_was_forked_the_earliest_copy_is_the_call():
    sister = rollout(header("s", 130, "p"), (130, 100), (131, 200), (190, 600))
    assert asked_in(CHILD, sister) == [100, 200, 400, 600]
    assert asked_in(CHILD, GRANDCHILD) == [100, 200, 400, 800]
    assert asked_in(GRANDCHILD) == [100, 200, 400, 800]
    kept = {call.input: call.session for call in calls_of_run([read(*sister), read(*CHILD)])}
    assert kept == {100: "c", 200: "c", 400: "c", 600: "s"}


def test_calls_of_the_same_size_in_sisters_and_in_the_session_that_goes_on_are_calls():
    sister = rollout(header("s", 120, "p"), (120, 100), (121, 200), (190, 400))
    goes_on = rollout(P, (5, 100), (9, 200), (200, 400))
    assert asked_in(PARENT, CHILD, sister) == [100, 200, 400, 400]
    assert asked_in(goes_on, CHILD) == [100, 200, 400, 400]


def test_a_recorded_call_that_was_copied_without_its_turn_has_the_model_of_its_session():
    own = recorded("r-1", usage(100), "t-1")
    parent = [meta("s-1"), turn("large"), own]
    child = [header("c", 3000, "s-1"), turn("small", "t-2"), own | {"timestamp": "2026-10-05T09:50:00Z"}]
    (call,) = calls_of_run([read(*child), read(*parent)])
    assert (call.model, call.session, call.input) == ("large", "s-1", 100)


@pytest.mark.parametrize(
    "fields",
    [
        {"forked_from_id": "p"},
        {"parent_thread_id": "p", "thread_source": "subagent"},
        {"source": {"subagent": {"thread_spawn": {"parent_thread_id": "p", "depth": 1}}}},
    ],
)
def test_who_called_a_subagent_stands_in_its_header_in_several_ways(fields: dict[str, Any]):
    child = rollout(header("c", 120, **fields), (120, 100), (121, 200), (180, 400))
    assert asked_in(PARENT, child) == [100, 200, 400]
    is_subagent = "forked_from_id" not in fields
    assert {call.tags for call in read(*child)} == {"project:shop" + ",subagent" * is_subagent}


def test_sessions_that_say_to_be_forked_from_each_other_lose_nothing():
    first = rollout(header("a", 120, "b"), (120, 100))
    assert asked_in(first, rollout(header("b", 120, "a"), (120, 100))) == [100, 100]


def test_the_model_is_that_of_the_turn():
    calls = read(
        meta(),
        turn("a", "t-1"),
        turn("b", "t-2"),
        recorded("r-1", usage(1), "t-1"),
        recorded("r-2", usage(2), "t-2"),
    )
    assert [c.model for c in calls] == ["a", "b"]
    assert read(meta(), turn("a"), turn("b"), counted(usage(5), usage(5)))[0].model == "b"


def test_files_put_one_after_the_other_are_read_each_by_its_own_header():
    last = usage(100, answered=5)
    calls = read(meta("s-1"), turn("a"), recorded("r-1", last), meta("s-2"), turn("b"), counted(last, last))
    assert [(c.model, c.session) for c in calls] == [("a", "s-1"), ("b", "s-2")]


def test_without_a_last_usage_the_growth_of_the_total_is_the_call():
    totals = [usage(100, answered=5), usage(100, answered=5), usage(300, answered=12), usage(50, answered=1)]
    lines = [line("event_msg", type="token_count", info={"total_token_usage": total}) for total in totals]
    assert [(c.input, c.output) for c in read(meta(), *lines)] == [(100, 5), (200, 7), (50, 1)]


def test_a_record_without_usage_says_nothing():
    empty = usage(0)
    assert read(counted(None), counted(empty, empty), line("event_msg", type="task_started")) == []


def test_a_line_alone_is_read_without_its_model():
    (call,) = settled(ADAPTER.calls(recorded("resp_1", usage(100, 80, 0, 5))))
    assert (call.input, call.cache_read, call.model, call.session) == (20, 80, None, "s-1")


@pytest.mark.parametrize("kind", ["thread.started", "turn.completed", "item.completed"])
def test_the_output_of_codex_exec_is_recognised_and_holds_no_calls(kind: str):
    record = {"type": kind, "usage": usage(130000, 104000, 6500, 613)}
    assert ADAPTER.matches(record)
    assert settled(ADAPTER.calls(record)) == []


def test_a_file_is_one_block_however_small_blocks_are(tmp_path: Path):
    path = tmp_path / "rollout.jsonl"
    lines = [meta(), turn("m"), *(recorded(f"r-{n}", usage(n + 1)) for n in range(100))]
    path.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
    (file,), _ = find_logs([str(path)])
    reader = JsonlReader.open(file, block_bytes=200)
    (block,) = reader.blocks()
    for _ in range(2):  # a second reading gives the same
        calls = calls_of(reader.parse(block).batch)
        assert {c.model for c in calls} == {"m"}
        assert sum(c.input for c in calls) == 5050


def event(**attributes: Any) -> dict[str, Any]:
    common = {"conversation.id": "s-1", "model": "gpt-5.2-codex", "event.timestamp": TIME}
    pairs = [{"key": k, "value": {"stringValue": v}} for k, v in {**common, **attributes}.items()]
    entry = {"timeUnixNano": "0", "observedTimeUnixNano": "1791191709000000000", "attributes": pairs}
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [entry]}]}]}


def test_of_two_events_per_response_the_one_with_counts_is_the_call():
    done = {"event.name": "codex.sse_event", "event.kind": "response.completed"}
    assert settled(OTLP.calls(event(**done))) == []
    numbers = {
        "input_token_count": "20000",
        "output_token_count": "302",
        "cached_token_count": "16000",
        "cache_write_token_count": "1000",
        "reasoning_token_count": "102",
        "tool_token_count": "20302",
    }
    (call,) = settled(OTLP.calls(event(**done, **numbers)))
    assert counts(call) == (3000, 16000, 1000, 302, 102)
    assert (call.ts, call.session) == (1791191704_504000, "s-1")


def test_a_request_that_failed_is_a_failed_call():
    name = {"event.name": "codex.api_request"}
    assert settled(OTLP.calls(event(**name, **{"http.response.status_code": "200"}))) == []
    (call,) = settled(OTLP.calls(event(**name, **{"http.response.status_code": "429"})))
    assert (call.status, call.error_code) == ("error", "429")


Truth = list[tuple[int, ...]]


@pytest.fixture
def answered(logs: Callable[[str], list[dict[str, Any]]]) -> Callable[[str], Truth]:
    """What the scripted server returned: uncached, read, written, output, reasoning."""

    def truth(name: str) -> Truth:
        found = []
        for said in logs(f"cli/{name}.jsonl"):
            cached, written = said["input_tokens_details"].values()
            thought = said["output_tokens_details"]["reasoning_tokens"]
            found.append(
                (said["input_tokens"] - cached - written, cached, written, said["output_tokens"], thought)
            )
        return sorted(found)

    return truth


def test_real_rollouts(
    logs: Callable[[str], list[dict[str, Any]]], answered: Callable[[str], Truth], shared_data: Path
):
    folder = shared_data / "logs"
    calls = []
    for path in sorted(folder.glob("cli/codex/sessions/**/*.jsonl")):
        calls += read(*logs(str(path.relative_to(folder))))
    assert sorted(map(counts, merge_calls(calls))) == answered("truth_codex")
    assert {c.model for c in calls} == {"gpt-5.2-codex"}
    assert read(*logs("cli/codex/exec_json_stdout.jsonl")) == []


def test_the_same_rollouts_as_an_older_version_would_have_written_them(
    logs: Callable[[str], list[dict[str, Any]]], answered: Callable[[str], Truth], shared_data: Path
):
    folder = shared_data / "logs"
    calls = []
    for path in sorted(folder.glob("cli/codex/sessions/**/*.jsonl")):
        lines = logs(str(path.relative_to(folder)))
        calls += read(*(each for each in lines if each["type"] != "token_usage_record"))
    assert sorted(map(counts, merge_calls(calls))) == answered("truth_codex")


def test_real_telemetry(logs: Callable[[str], list[dict[str, Any]]], answered: Callable[[str], Truth]):
    for name, expected in (("logs", answered("truth_codex_otlp")), ("traces", [])):
        records = logs(f"cli/codex_otlp/{name}.jsonl")
        assert all(OTLP.matches(record) for record in records)
        assert sorted(counts(c) for record in records for c in settled(OTLP.calls(record))) == expected
