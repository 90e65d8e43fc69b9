"""Which keys made what, found by changing them; the nearest format, and first mappings."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.ingest.adapters import ADAPTERS, flat
from costaudit.ingest.adapters.mapped import mapped_adapter
from costaudit.ingest.detect import matching
from costaudit.ingest.format import Record, Skip
from costaudit.ingest.mapping import parse_format
from costaudit.ingest.nearest import nearest_format
from costaudit.ingest.settle import settled
from costaudit.ingest.starter import starter_mapping
from costaudit.ingest.trace import KeyTrace, trace_record
from costaudit.schema import Call

FLAT: dict[str, Any] = {
    "ts": "2025-06-01T09:15:02Z",
    "model": "gpt-4o",
    "input_tokens": 100,
    "output_tokens": 20,
    "usage": {"prompt_tokens": 7},
    "status": "ok",
    "error": None,
    "metadata": {"feature": "chat", "trace": "t-1"},
    "messages": [{"role": "user", "content": "hi", "name": "n"}],
    "host": "h-1",
    "big": {"a": [1, 2, {"b": None}], "c": {}},
}


def read_flat(record: Record) -> list[Call]:
    if not flat.matches(record):
        raise Skip("unrecognised")
    return settled(flat.calls(record))


def test_each_field_names_the_keys_that_it_comes_from():
    trace = trace_record(FLAT, read_flat)
    for name, keys in {
        "ts": ["ts"],
        "model": ["model"],
        "input": ["input_tokens"],
        "output": ["output_tokens"],
        "status": ["status", "error"],
        "feature": ["metadata.feature"],
        "prompt": ["messages[].role", "messages[].content"],
    }.items():
        assert trace.fields[name] == keys, name


def test_what_made_no_difference_is_named_with_its_type():
    assert trace_record(FLAT, read_flat).unused == {
        "usage.prompt_tokens": "number",  # input_tokens is preferred
        "metadata.trace": "string",
        "messages[].name": "string",
        "host": "string",
        "big.a[]": "number",
        "big.a[].b": "null",
        "big.c": "object",
    }


def test_json_in_a_string_is_traced_to_its_keys():
    table = {"model": "p.m", "input_tokens": "p.u.n"}
    adapter = mapped_adapter(parse_format("mine", table, "f"))
    record = {"p": json.dumps({"m": "x", "u": {"n": 3, "o": 4}, "a.b": 1})}
    trace = trace_record(record, lambda r: settled(adapter.calls(r)))
    assert trace.fields["model"] == ["p.m"]
    assert trace.fields["input"] == ["p.u.n"]
    assert trace.unused == {"p.u.o": "number", 'p."a.b"': "number"}


def test_attributes_of_otlp_are_named_by_their_key_and_other_keys_are_not_shown():
    record = {
        "attributes": [{"key": "gen_ai.system", "value": {"stringValue": "x"}}],
        "secrets": [{"key": "CANARY", "value": "v"}],
    }
    assert set(trace_record(record, lambda _: []).unused) == {
        "attributes[gen_ai.system]",
        "secrets[].key",
        "secrets[].value",
    }


def test_large_records_are_examined_in_part_and_that_is_said():
    record = {**FLAT, "list": list(range(1000)), "wide": {f"k{n}": n for n in range(3000)}}
    trace = trace_record(record, read_flat)
    assert trace.fields["model"] == ["model"]
    assert trace.unexamined > 900
    deep: Any = 1
    for _ in range(400):
        deep = {"d": deep}
    assert trace_record({**FLAT, "deep": deep}, read_flat).fields["model"] == ["model"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just('{"a": [1]}'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([*FLAT, "usage", "cost", "object", "id", "choices"]) | st.text(max_size=6)


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_no_record_breaks_a_trace_a_guess_or_the_nearest_format(extra: dict[str, Any]):
    record = {**FLAT, **extra}
    adapter = matching(record, ADAPTERS)
    trace = KeyTrace() if adapter is None else trace_record(record, adapter.calls)
    assert not set(trace.unused) & {key for keys in trace.fields.values() for key in keys}
    assert nearest_format(record).name in {a.name for a in ADAPTERS}
    starter = starter_mapping(record)
    assert starter is not None
    tomllib.loads(starter)


UNKNOWN: dict[str, Any] = {
    "eventTime": 1760000000123,
    "data": {
        "modelName": "gpt-4o",
        "usage": {"promptTokens": 100, "completionTokens": 20, "cachedPromptTokensRead": 40},
        "total_cost_cents": 0.15,
        "duration_seconds": 1.25,
    },
    "user.id": "u-1",
    "question": "CANARY",
}


def test_a_first_mapping_is_guessed_and_reads_the_record():
    starter = starter_mapping(UNKNOWN)
    assert starter is not None
    assert "CANARY" not in starter
    table = tomllib.loads(starter)["formats"]["mine"]
    assert table == {
        "timestamp": "eventTime",
        "model": "data.modelName",
        "cache_read_tokens": "data.usage.cachedPromptTokensRead",
        "input_tokens": "data.usage.promptTokens",
        "output_tokens": "data.usage.completionTokens",
        "latency_ms": {"path": "data.duration_seconds", "unit": "s"},
        "user": '"user.id"',
    }
    (call,) = settled(mapped_adapter(parse_format("mine", table, "f")).calls(UNKNOWN))
    assert (call.model, call.input, call.cache_read, call.output) == ("gpt-4o", 60, 40, 20)
    assert call.latency_ms == 1250
    assert "# not taken: data.total_cost_cents: nothing says in which currency it is" in starter


def test_nothing_is_guessed_where_no_key_looks_like_anything():
    assert starter_mapping({"a": 1, "b": [1, 2]}) is None
    assert starter_mapping({"model\x1b[31m": "x", "m" * 100: "y"}) is None


@pytest.mark.parametrize(
    ("record", "name", "missing"),
    [
        ({"model": "x"}, "flat", ("input_tokens", "output_tokens")),
        ({"id": "x", "type": "y"}, "gemini-cli", ("timestamp", "tokens")),
        ({"output": 1}, "flat", ("model", "input_tokens", "output_tokens")),  # a quarter is not near
        ({"model": "x", "completion_tokens": 3}, "flat", ("input_tokens",)),
        ({"custom_id": "c", "input": {}}, "openai-batch", ("response",)),
        ({"call_type": "x", "spend": 3}, "litellm-spend", ("request_id",)),
        ({}, "flat", ("model", "input_tokens", "output_tokens")),
    ],
)
def test_the_nearest_format_and_what_is_missing(record: Record, name: str, missing: tuple[str, ...]):
    nearest = nearest_format(record)
    assert (nearest.name, nearest.missing) == (name, missing)
