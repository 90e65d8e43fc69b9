"""Flat records under other names are the same calls, whoever has written them and into what container."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from costaudit.ingest.adapters import flat
from costaudit.ingest.adapters.spelled import spelled, stated_elsewhere
from costaudit.ingest.canonical import calls_of
from costaudit.ingest.csv_reader import CsvReader
from costaudit.ingest.format import Skip
from costaudit.ingest.jsonl import JsonlReader
from costaudit.ingest.parquet import ParquetReader
from costaudit.ingest.settle import settled
from costaudit.ingest.sniff import sniff
from costaudit.schema import Call, Quality, Reading
from tests.ingest.compiled import reading

Record = dict[str, Any]
Counts = dict[str, int]
GPT, CLAUDE, GEMINI = "gpt-4o-2024-08-06", "claude-sonnet-4-5", "gemini-2.5-pro"


def call_of(record: Record) -> Call:
    assert flat.ADAPTER.matches(record)
    (call,) = settled(flat.ADAPTER.calls(record))
    return call


def counts_of(call: Call) -> Counts:
    names = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning",
             "input_audio", "output_audio", "cache_read_audio", "output_image", "web_searches")  # fmt: skip
    return {name: getattr(call, name) for name in names if getattr(call, name)}


CACHED = {"input": 86, "cache_read": 1920, "output": 300}
SHAPES: dict[str, tuple[str, Record, Counts]] = {
    "AI SDK 4": (GPT, {"usage": {"promptTokens": 7, "completionTokens": 3, "totalTokens": 10}},
                 {"input": 7, "output": 3}),
    "AI SDK 5": (GPT, {"usage": {"inputTokens": 2006, "outputTokens": 300, "totalTokens": 2306,
                                 "reasoningTokens": 100, "cachedInputTokens": 1920}},
                 {**CACHED, "reasoning": 100}),
    "AI SDK 6": (CLAUDE, {"usage": {
        "inputTokens": 6000, "outputTokens": 60, "totalTokens": 6060, "cachedInputTokens": 4000,
        "inputTokenDetails": {"noCacheTokens": 500, "cacheReadTokens": 4000, "cacheWriteTokens": 1500},
        "outputTokenDetails": {"textTokens": 50, "reasoningTokens": 10}}},
                 {"input": 500, "cache_read": 4000, "cache_write_5m": 1500, "output": 60, "reasoning": 10}),
    "AI SDK 5, Anthropic's writes": (CLAUDE, {
        "usage": {"inputTokens": 5, "outputTokens": 60, "totalTokens": 65, "cachedInputTokens": 4},
        "providerMetadata": {"anthropic": {"cacheCreationInputTokens": 1500}}},
                 {"input": 5, "cache_read": 4, "cache_write_5m": 1500, "output": 60}),
    "AI SDK's result": (GPT, {"usage": {"inputTokens": 7, "outputTokens": 3}, "finishReason": "stop",
                              "response": {"id": "r1", "timestamp": "2026-10-05T09:00:00Z"}},
                        {"input": 7, "output": 3}),
    "LangChain": (CLAUDE, {"usage_metadata": {
        "input_tokens": 14000, "output_tokens": 100, "total_tokens": 14100,
        "input_token_details": {"cache_read": 13000, "cache_creation": 900, "audio": 0}}},
                  {"input": 100, "cache_read": 13000, "cache_write_5m": 900, "output": 100}),
    "google-genai": (GEMINI, {"usage_metadata": {
        "prompt_token_count": 100, "candidates_token_count": 20, "thoughts_token_count": 30,
        "cached_content_token_count": 40, "tool_use_prompt_token_count": 9, "total_token_count": 159,
        "prompt_tokens_details": [{"modality": "MediaModality.AUDIO", "token_count": 11}]}},
                     {"input": 58, "cache_read": 40, "input_audio": 11, "output": 50, "reasoning": 30}),
    "Converse": (CLAUDE, {"usage": {
        "inputTokens": 10, "outputTokens": 5, "totalTokens": 1515, "cacheReadInputTokens": 1000,
        "cacheWriteInputTokens": 500}},
                 {"input": 10, "cache_read": 1000, "cache_write_5m": 500, "output": 5}),
    "Anthropic in Java": (CLAUDE, {"usage": {
        "inputTokens": 10, "outputTokens": 5, "cacheReadInputTokens": 8, "cacheCreationInputTokens": 6}},
                 {"input": 10, "cache_read": 8, "cache_write_5m": 6, "output": 5}),
    "LangChain4j, Anthropic": (CLAUDE, {"tokenUsage": {
        "inputTokenCount": 5000, "outputTokenCount": 60, "totalTokenCount": 5060,
        "cacheCreationInputTokens": 0, "cacheReadInputTokens": 2000}},
                               {"input": 5000, "cache_read": 2000, "output": 60}),
    "a library's own sum": (CLAUDE, {"promptTokens": 5000, "completionTokens": 60, "totalTokens": 5060,
                                     "cacheWriteInputTokens": 2000},
                            {"input": 5000, "cache_write_5m": 2000, "output": 60}),
    "LiteLLM's whole prompt": (CLAUDE, {"usage": {
        "prompt_tokens": 5000, "completion_tokens": 60, "total_tokens": 5060,
        "cache_read_input_tokens": 2000}},
                               {"input": 3000, "cache_read": 2000, "output": 60}),
    "google-genai, parts of the cache": (GEMINI, {"usage_metadata": {
        "prompt_token_count": 100, "candidates_token_count": 20, "total_token_count": 120,
        "cached_content_token_count": None,
        "cache_tokens_details": [{"modality": "TEXT", "token_count": 30},
                                 {"modality": "VIDEO", "token_count": 10}]}},
                                         {"input": 60, "cache_read": 40, "output": 20}),
    "Microsoft's": (GPT, {"Usage": {"InputTokenCount": 2006, "OutputTokenCount": 300, "TotalTokenCount": 2306,
                                    "InputTokenDetails": {"CachedTokenCount": 1920}}}, CACHED),
    "Spring AI": (GPT, {"usage": {"promptTokens": 7, "generationTokens": 3, "totalTokens": 10}},
                  {"input": 7, "output": 3}),
    "pydantic-ai": (GPT, {"usage": {"requests": 1, "request_tokens": 2006, "response_tokens": 300,
                                    "details": {"cached_tokens": 1920}}}, CACHED),
    "LlamaIndex": (GPT, {"prompt_llm_token_count": 7, "completion_llm_token_count": 3},
                   {"input": 7, "output": 3}),
    "tokens by side": (GPT, {"tokens": {"input": 2006, "output": 300, "cacheRead": 1920}}, CACHED),
    "in and out": (GPT, {"tokens_in": 7, "tokensOut": "3"}, {"input": 7, "output": 3}),
    "what is fresh": (GPT, {"uncached_input_tokens": 86, "cached_tokens": 1920, "output_tokens": 300},
                      CACHED),
    "usage as JSON": (GPT, {"usage": json.dumps({"prompt_tokens": 2006, "completion_tokens": 300,
                                                 "prompt_tokens_details": {"cached_tokens": 1920}})}, CACHED),
    "usage as Python prints it": (GPT, {"usage": str({
        "prompt_tokens": 2006, "completion_tokens": 300, "prompt_tokens_details": {"cached_tokens": 1920},
    })}, CACHED),
    "Replicate": (GPT, {"metrics": {"input_token_count": 7, "output_token_count": 3, "predict_time": 1.2,
                                    "tokens_per_second": 41.5}}, {"input": 7, "output": 3}),
    "Pipecat": (CLAUDE, {"processor": "AnthropicLLMService#0", "value": {
        "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150, "cache_read_input_tokens": 2000,
        "cache_creation_input_tokens": 0, "reasoning_tokens": None}},
                {"input": 100, "cache_read": 2000, "output": 50}),
    "Koog": (GPT, {"metaInfo": {"inputTokensCount": 7, "outputTokensCount": 3, "totalTokensCount": 10}},
             {"input": 7, "output": 3}),
    "CrewAI": (GPT, {"usage_metrics": {
        "total_tokens": 2306, "prompt_tokens": 2006, "cached_prompt_tokens": 1920, "completion_tokens": 300,
        "successful_requests": 1}}, CACHED),
    "LobeChat": (GPT, {"metadata": {"usage": {
        "inputTextTokens": 2006, "inputCachedTokens": 1920, "inputCacheMissTokens": 86,
        "outputTextTokens": 300,
        "totalInputTokens": 2006, "totalOutputTokens": 300, "totalTokens": 2306}}}, CACHED),
    "searches": (GPT, {"usage": {"inputTokens": 7, "outputTokens": 3,
                                 "serverToolUse": {"webSearchRequests": 2}}},
                 {"input": 7, "output": 3, "web_searches": 2}),
    "beside known names": (GPT, {"input_tokens": 2006, "output_tokens": 300, "usage": {"cachedTokens": 1920}},
                           CACHED),
}  # fmt: skip

UNSURE = ("LangChain4j, Anthropic", "a library's own sum")
"""Where names say that the cache stands beside the input, and the total is one without it."""


@pytest.mark.parametrize("shape", SHAPES)
def test_usage_is_read_as_libraries_hand_it_out(shape: str):
    model, record, expected = SHAPES[shape]
    call = call_of({"timestamp": "2026-10-05T09:00:00Z", "model": model, **record})
    assert counts_of(call) == expected
    quality = Quality.AMBIGUOUS if shape in UNSURE else Quality.EXACT
    assert (call.quality, call.ts is not None) == (quality, True)


def jsonl(records: list[Record], folder: Path, *, padded: int = 0) -> list[Call]:
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in records), "utf-8")
    reader = JsonlReader.open(sniff("log.jsonl", path))
    (block,) = reader.blocks()
    return calls_of(reader.parse(block).batch)[: len(records) - padded]


def table(records: list[Record], folder: Path) -> list[Call]:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(records[0]))
    writer.writeheader()
    writer.writerows({k: json.dumps(v) if isinstance(v, dict) else v for k, v in r.items()} for r in records)
    path = folder / "log.csv"
    path.write_text(out.getvalue(), "utf-8")
    reader = CsvReader.open(sniff("log.csv", path))
    (block,) = reader.blocks()
    return calls_of(reader.parse(block).batch)


def parquet(records: list[Record], folder: Path) -> list[Call]:
    path = folder / "log.parquet"
    pq.write_table(pa.Table.from_pylist(records), path)
    reader = ParquetReader.open(sniff("log.parquet", path))
    (block,) = reader.blocks()
    return calls_of(reader.parse(block).batch)


@pytest.mark.parametrize("read", [jsonl, table, parquet])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_container_changes_nothing(shape: str, read: Callable[..., list[Call]], tmp_path: Path):
    model, record, expected = SHAPES[shape]
    records = [{"timestamp": "2026-10-05T09:00:00Z", "model": model, **record}] * 3
    assert [counts_of(call) for call in read(records, tmp_path)] == [expected] * 3


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_few_records_among_many_of_the_usual_names(shape: str, tmp_path: Path, compiled: bool):
    """Whole blocks are read by columns; what stands in another place is noticed."""
    model, record, expected = SHAPES[shape]
    usual = {"timestamp": "2026-10-05T09:00:00Z", "model": "m", "input_tokens": 5, "output_tokens": 1}
    records = [{"timestamp": usual["timestamp"], "model": model, **record}, *[usual] * 500]
    with reading(compiled=compiled):
        first, *rest = jsonl([*records[1:], records[0]], tmp_path)[::-1]
    assert counts_of(first) == expected
    assert {(call.input, call.output) for call in rest} == {(5, 1)}


HEADERS = {
    "Timestamp": "ts", "Request Time": "ts", "CREATED_AT": "ts", "eventTime": "ts",
    "Model": "model_requested", "response_usage": "usage", "token_count": "total",
    "Model ID": "model_requested", "modelName": "model_requested", "Prompt Tokens": "prompt_tokens",
    "INPUT_TOKENS": "prompt_tokens", "nb tokens out": "completion_tokens", "Cached Tokens": "cache_read",
    "Cost (USD)": "cost", "totalCostUsd": "cost", "User ID": "user", "sessionId": "session",
    "Latency (ms)": "latency_ms", "Total Tokens": "total", "tokenUsage": "usage", "num_requests": "sum",
    "Provider Name": "provider", "currencyCode": "currency",
}  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
def test_what_a_header_says(header: str):
    assert spelled(header) == HEADERS[header]


@pytest.mark.parametrize(
    "header",
    ["Cost (EUR)", "cost_cents", "cost_per_token", "Input Cost", "max_output_tokens", "tokens_per_second",
     "session_input_tokens", "response_time", "model_version_hash", "seed", "note", "prompt_characters"],
)  # fmt: skip
def test_names_about_something_else_say_nothing(header: str):
    assert spelled(header) is None


def test_nobody_can_tell_where_the_cached_tokens_of_a_claude_model_stand_in_ai_sdk_5():
    usage = {"inputTokens": 1000, "outputTokens": 10, "totalTokens": 1010, "cachedInputTokens": 400}
    call = call_of({"model": CLAUDE, "usage": usage})
    assert counts_of(call) == {"input": 1000, "cache_read": 400, "output": 10}
    assert call.reading == Reading.AMBIGUOUS
    certain = call_of({"model": CLAUDE, "usage": {**usage, "cachedInputTokens": 4000}})
    assert certain.reading == Reading.EXCLUSIVE


@pytest.mark.parametrize(
    "more", [{"requests": 3}, {"num_requests": 3}, {"usage": {"requests": 2}}, {"Total Calls": "12"}]
)
def test_the_sum_of_several_requests_is_no_call(more: Record):
    record = {"model": GPT, "input_tokens": 5, "output_tokens": 1, **more}
    assert flat.ADAPTER.matches(record)
    with pytest.raises(Skip) as told:
        flat.ADAPTER.calls(record)
    assert told.value.reason == "aggregate"


RUN = {"model": "gpt-5-mini", "model_provider": "OpenAI", "session_id": "s1", "id": "run-1", "cost": 0.5}


@pytest.mark.parametrize(
    "record",
    [
        {  # Agno: a run with its messages
            "metrics": {"input_tokens": 3000, "output_tokens": 200, "cache_read_tokens": 1024},
            "messages": [
                {"role": "user", "content": "x"},
                {"role": "assistant", "metrics": {"input_tokens": 1400, "output_tokens": 80}},
                {"role": "tool", "content": "x"},
                {"role": "assistant", "metrics": {"input_tokens": 1600, "output_tokens": 120,
                                                  "cache_read_tokens": 1024}},
            ],
        },
        {  # OpenAI's Agents SDK
            "usage": {
                "requests": 2, "input_tokens": 3000, "output_tokens": 200, "total_tokens": 3200,
                "input_tokens_details": {"cached_tokens": 1024},
                "request_usage_entries": [
                    {"input_tokens": 1400, "output_tokens": 80, "total_tokens": 1480},
                    {"input_tokens": 1600, "output_tokens": 120, "total_tokens": 1720,
                     "input_tokens_details": {"cached_tokens": 1024}},
                ],
            },
        },
    ],
)  # fmt: skip
def test_requests_that_a_record_lists_count_each_for_itself(record: Record):
    calls = settled(flat.ADAPTER.calls({"timestamp": "2026-10-05T09:00:00Z", **RUN, **record}))
    assert [counts_of(call) for call in calls] == [
        {"input": 1400, "output": 80},
        {"input": 576, "cache_read": 1024, "output": 120},
    ]
    # What holds for the run holds for each; its id and its cost are those of all of them.
    assert {(c.model, c.session, c.response_id, c.reported_picousd) for c in calls} == {
        ("gpt-5-mini", "s1", None, None)
    }


@pytest.mark.parametrize(
    "more",
    [
        {"session_usage": {"input_tokens": 7, "output_tokens": 3}},
        {"metrics_total": {"input_tokens": 7, "output_tokens": 3}},
        {"first": {"input_tokens": 7, "output_tokens": 3}, "second": {"input_tokens": 9, "output_tokens": 3}},
        {"limits": {"input_tokens": 7, "output_tokens": 3}},
        {"value": {"input": 7, "output": 3}},
    ],
)
def test_objects_about_many_requests_or_none_are_not_taken_for_counts(more: Record):
    (call,) = settled(flat.ADAPTER.calls({"timestamp": "2026-10-05T09:00:00Z", "model": "gpt-4o", **more}))
    assert counts_of(call) == {}


@pytest.mark.parametrize(
    "named",
    [{"model": {"id": "gpt-4o", "name": "GPT-4o"}}, {"modelMetadata": {"id": "gpt-4o", "name": "GPT-4o"}},
     {"model": {"provider": "openai", "name": "gpt-4o"}}, {"model_info": {"model": "gpt-4o"}}],
)  # fmt: skip
def test_an_object_about_the_model_names_it(named: Record):
    call = call_of({"timestamp": "2026-10-05T09:00:00Z", "input_tokens": 7, "output_tokens": 3, **named})
    assert (call.model, call.input) == ("gpt-4o", 7)


def test_dify_prices_tokens_and_names_plugins():
    call = call_of({
        "created_at": 1791194400, "model_provider": "langgenius/openai/openai", "model_name": "gpt-4o-mini",
        "usage": {"prompt_tokens": 375, "prompt_unit_price": "0.15", "prompt_price_unit": "0.000001",
                  "prompt_price": "0.0000563", "completion_tokens": 50, "total_tokens": 425,
                  "total_price": "0.0000863", "currency": "USD"},
    })  # fmt: skip
    assert (call.input, call.output, call.provider, call.reported_picousd) == (375, 50, "openai", 86_300_000)


def test_what_is_stated_under_a_known_name_is_never_overruled():
    call = call_of({"model": GPT, "input_tokens": 5, "promptTokens": 7, "output_tokens": 1, "Cost": 3})
    assert (call.input, call.reported_picousd) == (5, 3 * 10**12)
    call, *_ = flat.ADAPTER.calls({"model": GPT, "input_tokens": 5, "promptTokens": 7, "output_tokens": 1})
    assert call.stated is not None
    assert call.stated.unused == {"promptTokens": Decimal(7)}


def test_what_no_word_explains_is_told_by_its_path():
    usage = {"inputTokens": 5, "outputTokens": 1, "videoTokens": 4, "extra": {"cache_tokens": 2}}
    (call,) = flat.ADAPTER.calls({"model": GPT, "tokenUsage": usage})
    assert call.stated is not None
    assert call.stated.unused == {
        "tokenUsage.videoTokens": Decimal(4),
        "tokenUsage.extra.cache_tokens": Decimal(2),
    }


@pytest.mark.parametrize(
    "record",
    [{"Model": "Golf", "Date": "2020-01-01"}, {"model": GPT, "maxTokens": 5}, {"Model": "Golf", "Price": 5},
     {"usage": {"inputTokens": 5}}, {"model": 7, "tokens": []}],
)  # fmt: skip
def test_a_record_without_a_model_or_a_count_is_no_call(record: Record):
    assert not flat.ADAPTER.matches(record)


def test_targets_that_stand_elsewhere():
    assert stated_elsewhere([("input_tokens",), ("usage", "prompt_tokens"), ("note",)]) == frozenset()
    assert stated_elsewhere([("promptTokens",), ("usage", "cachedTokens")]) == {"prompt_tokens", "cache_read"}
    assert stated_elsewhere([("requests",)]) is None
    assert stated_elsewhere([("metadata", "promptTokens")]) == frozenset()
