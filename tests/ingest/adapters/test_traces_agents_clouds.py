"""Traces, coding agents and clouds: the shared examples give the true values, foreign records are left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.detect import matching
from costaudit.ingest.fields import timestamp_us
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from tests.tape.calls import merge_calls

JsonObject = dict[str, Any]

EXAMPLES = {
    "otlp_genai_semconv.jsonl": ("otlp", "CABD"),
    "otlp_openinference.jsonl": ("otlp", "CABD"),
    "otlp_openllmetry_legacy.jsonl": ("otlp", "ABD"),
    "otlp_logs_claude_code_api_request.jsonl": ("otlp", "B"),
    "claude_code_session.jsonl": ("claude-code", "B"),
    "codex_rollout_new.jsonl": ("codex", "A"),
    "codex_rollout_old.jsonl": ("codex", "A"),
    "gemini_cli_session.jsonl": ("gemini-cli", "D"),
    "gemini_generate_content_responses.jsonl": ("gemini", "D"),
    "vertex_bigquery_request_response_log.jsonl": ("vertex-log", "D"),
    "bedrock_model_invocation_log.jsonl": ("bedrock-invocation", "B"),
}
NO_REASONING = ("otlp_openllmetry_legacy.jsonl",)
"""Its conventions had no name for reasoning."""

AGENTS = ("claude-code", "codex", "gemini-cli")
"""Their files hold what one developer did: no feature, user or prompt of the example."""

OWN = {
    "otlp",
    "otel-span",
    "claude-code",
    "codex",
    "gemini-cli",
    "gemini-cli-telemetry",
    "gemini",
    "gemini-interactions",
    "vertex-log",
    "bedrock-invocation",
    "bedrock",
    "cloud-exchange",
}


def read(records: list[JsonObject], name: str) -> list[Call]:
    """The calls of a file, in the order of their time, read as the file's reader does it."""
    adapter = next(a for a in ADAPTERS if a.name == name).for_one_file()
    calls: list[Call] = []
    for record in records:
        found = matching(record)
        assert found is not None
        assert found.name == name
        calls += settled(adapter.calls(record))
    return sorted(merge_calls(calls), key=lambda call: call.ts or 0)


@pytest.mark.parametrize("file", EXAMPLES)
def test_every_example_gives_the_true_values(
    examples: Callable[[str], list[JsonObject]], truth: JsonObject, file: str
):
    name, letters = EXAMPLES[file]
    calls = [call for call in read(examples(file), name) if call.response_id != "msg_sub"]
    assert len(calls) == len(letters)
    for call, letter in zip(calls, letters, strict=True):
        true = truth[letter]
        counts = (call.input, call.cache_read, call.cache_write_5m, call.cache_write_1h, call.output)
        names = ("input_uncached", "cache_read", "cache_write_5m", "cache_write_1h", "output")
        assert counts == tuple(true[n] for n in names)
        assert call.reasoning == (0 if file in NO_REASONING else true["reasoning"] or 0)
        assert call.status == ("error" if true["error"] else "ok")
        served = (true["response_model"], true["model"])
        assert call.model in served or call.model == f"us.anthropic.{served[0]}-v1:0"
        if name not in AGENTS:  # a CLI's file has the time at which the answer was there
            assert abs((call.ts or 0) - (timestamp_us(true["ts"]) or 0)) < 10**6
            assert call.latency_ms == (None if name == "gemini" else true["latency_ms"])
        if true["cost"] and call.reported_picousd is not None:
            assert call.reported_picousd == round(true["cost"] * 10**12)


@pytest.mark.parametrize("file", [f for f, (name, _) in EXAMPLES.items() if name in ("otlp", "vertex-log")])
def test_examples_of_servers_tell_for_whom_and_what_for(
    examples: Callable[[str], list[JsonObject]], truth: JsonObject, file: str
):
    name, letters = EXAMPLES[file]
    for call, letter in zip(read(examples(file), name), letters, strict=True):
        true = truth[letter]
        assert call.user == true["user"]
        if call.feature != "claude-code":
            assert (call.feature, call.prompt) == (true["feature"], true["prompt"])
        assert call.session == (None if name == "vertex-log" else true["session"])


def test_the_sub_agents_call_in_the_example(examples: Callable[[str], list[JsonObject]]):
    calls = read(examples("claude_code_session.jsonl"), "claude-code")
    (sub,) = [call for call in calls if call.response_id == "msg_sub"]
    assert (sub.input, sub.cache_read, sub.output, sub.session) == (10, 900, 25, "sess-bbb")


def test_examples_of_other_formats_are_not_taken(
    shared_data: Path, examples: Callable[[str], list[JsonObject]]
):
    for path in sorted((shared_data / "logs" / "examples").glob("*.json*")):
        expected = {EXAMPLES[path.name][0]} if path.name in EXAMPLES else set()
        for record in examples(path.name):
            found = {a.name for a in ADAPTERS if a.matches(record)}
            assert found & OWN == expected
            if expected:
                assert found - OWN <= {"flat"}
