"""Langfuse observations: which are calls, what their free usage keys mean, what real traces hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from costaudit.ingest.adapters.langfuse import ADAPTER
from costaudit.ingest.format import Skip
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from tests.ingest.adapters.rows import counts, only
from tests.tape.calls import calls_of_run


def observation(**fields: Any) -> dict[str, Any]:
    return {
        "id": "obs-1",
        "traceId": "tr-1",
        "type": "GENERATION",
        "name": "ChatOpenAI",
        "startTime": "2026-10-05T09:15:02.114Z",
        "endTime": "2026-10-05T09:15:04.545Z",
        "parentObservationId": None,
        "level": "DEFAULT",
        "model": "gpt-5-mini",
        "usageDetails": {"input": 288, "output": 58, "total": 346},
        "costDetails": {"total": 0.0004696},
        "totalCost": 0.0004696,
        "latency": 2.431,
        **fields,
    }


def usage(**details: Any) -> Call:
    return only(ADAPTER, observation(usageDetails={k.replace("__", "."): v for k, v in details.items()}))


def test_a_total_above_everything_is_thinking_where_the_model_hides_it():
    told = {"input": 5, "output": 845, "total": 2023}
    call = only(ADAPTER, observation(usageDetails=told, model="gemini-2.5-flash"))
    assert (counts(call), call.quality) == ((5, 0, 0, 0, 2018, 1173), "exact")
    call = only(ADAPTER, observation(usageDetails=told, model="claude-haiku-4-5"))
    assert (counts(call), call.quality, call.reading) == ((5, 0, 0, 0, 845, 0), "ambiguous", "ambiguous")


@pytest.mark.parametrize(
    ("details", "expected", "reading"),
    [
        # Disjoint, as from OpenTelemetry and OpenAI: all keys add up to the total.
        ({"input": 288, "input_cached_tokens": 1024, "output": 58, "output_reasoning_tokens": 128,
          "total": 1498}, (288, 1024, 0, 0, 186, 128), "exclusive"),
        ({"input": 412, "cache_read_input_tokens": 18000, "input_cache_creation_5m": 500,
          "input_cache_creation_1h": 1500, "output": 903, "total": 21315},
         (412, 18000, 500, 1500, 903, 0), "exclusive"),
        # Inclusive: input + output is the total, the other keys are parts of them.
        ({"input": 1312, "prompt_details.cache_read": 1024, "output": 186,
          "completion_details.reasoning": 128, "total": 1498}, (288, 1024, 0, 0, 186, 128), "inclusive"),
        ({"total": 2061, "input": 6, "completion_details.reasoning": 1104, "output": 2055},
         (6, 0, 0, 0, 2055, 1104), "inclusive"),
        # The cache beside the input, reasoning inside the output.
        ({"input": 412, "cache_read_input_tokens": 18000, "output": 903, "output_reasoning": 300,
          "total": 19315}, (412, 18000, 0, 0, 903, 300), "exclusive"),
        # No total: disjoint, but that is a guess.
        ({"input": 2000, "input_cached_tokens": 1024, "output": 58}, (2000, 1024, 0, 0, 58, 0), "ambiguous"),
        ({"input": 10, "input_cached_tokens": 1024, "output": 58}, (10, 1024, 0, 0, 58, 0), "exclusive"),
        # Keys with a price of their own that are no class here still count on their side.
        ({"input": 100, "input_video": 50, "output": 20, "output_text": 5, "total": 175},
         (150, 0, 0, 0, 25, 0), "exclusive"),
    ],
)  # fmt: skip
def test_usage_keys_are_reconciled_with_their_total(
    details: dict[str, int], expected: tuple[int, ...], reading: str
):
    call = only(ADAPTER, observation(usageDetails=details))
    quality = "ambiguous" if reading == "ambiguous" else "exact"
    assert (counts(call), call.reading, call.quality) == (expected, reading, quality)


def test_audio_beside_the_input_and_inside_it():
    call = usage(input=100, input_audio=50, output=20, output_audio=8, total=178)
    assert (call.input, call.input_audio, call.output, call.output_audio) == (100, 50, 20, 8)
    call = usage(input=150, prompt_details__audio=50, output=20, total=170)
    assert (call.input, call.input_audio) == (100, 50)


def test_searches_are_units_and_no_tokens():
    call = usage(input=10, output=5, total=15, web_search_requests=2)
    assert (call.input, call.output, call.web_searches) == (10, 5, 2)


@pytest.mark.parametrize(
    ("details", "quality"),
    [({}, "none"), ({"input": 0, "output": 0, "total": 0}, "none"),
     ({"input": 1988, "total": 1988}, "partial"), ({"total": 500}, "partial"), ({"output": 5}, "partial")],
)  # fmt: skip
def test_generations_that_state_less_than_both_sides(details: dict[str, int], quality: str):
    assert only(ADAPTER, observation(usageDetails=details)).quality == quality


def test_an_embedding_has_no_output_to_miss():
    row = observation(type="EMBEDDING", usageDetails={"input": 70, "total": 70})
    assert (only(ADAPTER, row).input, only(ADAPTER, row).quality) == (70, "exact")


@pytest.mark.parametrize("value", [-1, 1.5, "many", True])
def test_impossible_counts_are_skipped(value: Any):
    with pytest.raises(Skip):
        usage(input=value, output=5)


@pytest.mark.parametrize("kind", ["SPAN", "AGENT", "TOOL", "CHAIN", "EVENT", "RETRIEVER"])
def test_other_observations_are_no_calls(kind: str):
    row = observation(type=kind)
    assert ADAPTER.matches(row)
    assert settled(ADAPTER.calls(row)) == []


def test_a_csv_row_with_json_in_its_cells_reads_the_same():
    row = observation(traceTags=["triage"], traceName="ticket", input={"messages": []}, promptName=None)
    cells = {
        k: json.dumps(v) if isinstance(v, (dict, list)) else "" if v is None else str(v)
        for k, v in row.items()
    }
    assert only(ADAPTER, cells) == only(ADAPTER, row)
    assert (only(ADAPTER, row).tags, only(ADAPTER, row).feature) == ("triage", "ticket")


def test_blob_storage_rows_and_parquet_maps():
    blob = {
        "id": "obs-1",
        "trace_id": "tr-1",
        "type": "GENERATION",
        "name": "ChatOpenAI",
        "start_time": "2026-10-05 09:15:02.114",
        "end_time": "2026-10-05 09:15:04.545",
        "provided_model_name": "gpt-5-mini",
        "usage_details": [("input", 288), ("output", 58), ("total", 346)],
        "total_cost": 0.0004696,
    }
    assert only(ADAPTER, blob) == only(ADAPTER, observation())


def test_older_exports_have_a_usage_object():
    old = observation(usage={"input": 10, "output": 5, "total": 15, "unit": "TOKENS", "inputCost": 0.5})
    del old["usageDetails"]
    assert counts(only(ADAPTER, old)) == (10, 0, 0, 0, 5, 0)
    assert only(ADAPTER, {**old, "usage": {"input": 10, "unit": "CHARACTERS"}}).quality == "none"
    columns = {**old, "usage": None, "promptTokens": 10, "completionTokens": 5, "totalTokens": 15}
    assert counts(only(ADAPTER, columns)) == (10, 0, 0, 0, 5, 0)


def test_a_cost_that_was_sent_wins_over_the_computed_one_and_0_is_an_unknown_model():
    assert only(ADAPTER, observation(providedCostDetails={"total": 0.5})).reported_picousd == 5 * 10**11
    assert only(ADAPTER, observation(providedCostDetails={})).reported_picousd == 469_600_000
    assert only(ADAPTER, observation(totalCost=0, costDetails={})).reported_picousd is None


def test_an_error_keeps_its_code_and_not_its_text():
    failed = observation(level="ERROR", statusMessage="RateLimitError: prompt was ...", usageDetails={})
    call = only(ADAPTER, failed)
    assert (call.status, call.error_code, call.final) == ("error", "RateLimitError", True)


def test_a_trace_gives_its_session_and_user_to_its_calls():
    trace = {"id": "tr-1", "name": "ticket", "sessionId": "s", "userId": "u", "tags": ["a", "b"]}
    whole = {"trace": trace, "observations": [observation(), observation(type="SPAN", id="x")]}
    call = only(ADAPTER, whole)
    assert (call.session, call.user, call.feature, call.tags) == ("s", "u", "ticket", "a,b")
    assert only(ADAPTER, {**trace, "observations": [observation()]}) == call
    assert only(ADAPTER, {"data": [observation()], "meta": {"page": 1}}).session is None


def test_a_generation_around_another_one_is_the_same_call():
    inner = observation(id="in", parentObservationId="out", usageDetails={"input": 163, "output": 20})
    whole = {"trace": {}, "observations": [observation(id="out"), inner]}
    assert [(c.input, c.output) for c in of_run(whole)] == [(163, 20)]
    assert [(c.input, c.output) for c in of_run(inner, observation(id="out"))] == [(163, 20)]


def of_run(*records: dict[str, Any]) -> list[Call]:
    """The calls that some records come to in a run."""
    assert ADAPTER.traced is not None
    return calls_of_run([settled(ADAPTER.traced(record)) for record in records])


def test_provider_and_response_id_of_traced_calls():
    attributes = {"gen_ai.provider.name": "gcp.vertex_ai", "gen_ai.response.id": "W7yu"}
    call = only(ADAPTER, observation(metadata=json.dumps({"attributes": attributes})))
    assert (call.provider, call.response_id) == ("gcp.vertex_ai", "W7yu")
    assert only(ADAPTER, observation(output={"id": "chatcmpl-1"})).response_id == "chatcmpl-1"
    assert only(ADAPTER, observation(output='{"id": "ticket 7"}')).response_id is None


@pytest.mark.parametrize(
    "asked",
    ["Label?", [{"role": "user", "content": "Label?"}], {"messages": [{"role": "user", "content": "Label?"}]},
     [{"role": "user", "parts": [{"type": "text", "content": "Label?"}]}], {"contents": "Label?"},
     '[{"role": "user", "content": "Label?"}]'],
)  # fmt: skip
def test_the_prompt_in_every_form(asked: Any):
    assert only(ADAPTER, observation(input=asked)).prompt == "Label?"


REAL = {
    "agno-2025-06-11": (2, 826, 245),
    "autogen-2025-06-06": (1, 41, 3),
    "beeai-2025-08-01": (5, 5542, 0),
    "claude-agent-2025-12-22": (4, 34, 232),
    "crewai-2025-07-11": (1, 190, 164),
    "csharp-agent-with-gemini-2026-03-09": (3, 8047, 414),
    "google-adk-2025-08-28": (2, 67, 9),
    "google-gemini-2025-08-01": (1, 6, 2055),
}
"""Calls, input and output tokens of the real traces, added up by hand from their innermost generations."""


@pytest.mark.parametrize("name", REAL)
def test_real_traces(logs: Callable[[str], list[dict[str, Any]]], name: str):
    (trace,) = logs(f"langfuse/{name}.trace.json")
    assert ADAPTER.matches(trace)
    calls = of_run(trace)
    assert (len(calls), sum(c.input for c in calls), sum(c.output for c in calls)) == REAL[name]
    assert all(c.model and c.ts and c.call_id and c.latency_ms is not None for c in calls)
