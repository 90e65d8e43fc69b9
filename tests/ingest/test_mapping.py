"""Log formats from settings: hand-written cases, refusals, hostile records, and paths."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.errors import ConfigError
from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.adapters.flat_fields import FLAT_FIELDS
from costaudit.ingest.adapters.mapped import TARGETS, mapped_adapter
from costaudit.ingest.format import Adapter, Skip
from costaudit.ingest.mapping import OUTSIDE, WORDS, parse_format, parse_formats
from costaudit.ingest.paths import follow, parse_path, step_text
from costaudit.ingest.quarantine import REASONS
from costaudit.ingest.settle import settled
from costaudit.schema import COUNTS, MAX_COUNT, Call, Status

CASES = tomllib.loads((Path(__file__).parent / "mapping_cases.toml").read_text("utf-8"))["case"]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.just('{"m": "x"}'),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("mntabcu"), inner, max_size=4)
    ),
    max_leaves=12,
)


def adapter_of(table: dict[str, Any], name: str = "mine") -> Adapter:
    return mapped_adapter(parse_format(name, table, "costaudit.toml"))


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_a_record_gives_these_calls(case: dict[str, Any]):
    adapter, record = adapter_of(case["format"]), json.loads(case["record"])
    assert adapter.matches(record) is not case.get("unmatched", False)
    if "skip" in case:
        with pytest.raises(Skip) as caught:
            settled(adapter.calls(record))
        assert caught.value.reason == case["skip"]
    elif "calls" in case:
        assert settled(adapter.calls(record)) == [Call(**call) for call in case["calls"]]


def test_every_field_of_a_flat_record_can_be_filled_under_a_name_without_dots():
    assert set(TARGETS.values()) == {f.target for f in FLAT_FIELDS} - {"cache_read_outside", "write_outside"}
    assert not set(WORDS) & set(TARGETS)
    assert set(OUTSIDE.values()) <= set(TARGETS)


ENOUGH = {"model": "m", "input_tokens": "n"}

WRONG = [
    ({"modle": "m"}, "formats.mine: unknown field 'modle'", "did you mean 'model'"),
    ({**ENOUGH, "color": "c"}, "unknown field 'color'", "docs/formats.md"),
    (
        {"model": 5},
        "formats.mine.model: expected a path, a list of paths or a table, got a whole number",
        None,
    ),
    ({**ENOUGH, "cost_usd": {"pth": "c"}}, "formats.mine.cost_usd: unknown key 'pth'", "did you mean 'path'"),
    (
        {**ENOUGH, "cost_usd": {"path": 5}},
        "formats.mine.cost_usd.path: expected text or a list, got a whole number",
        None,
    ),
    (
        {**ENOUGH, "cost_usd": ["a", 5]},
        "formats.mine.cost_usd.path[1]: expected text, got a whole number",
        None,
    ),
    ({**ENOUGH, "cost_usd": {"path": "c", "unit": "cent"}}, "cost_usd.unit: unknown unit 'cent'", "'cents'"),
    ({**ENOUGH, "latency_ms": {"path": "c", "unit": "h"}}, "unknown unit 'h'", "one of s, ms, us, ns"),
    ({**ENOUGH, "user": {"path": "c", "unit": "s"}}, "user.unit: only cost_usd, timestamp, latency_ms", None),
    ({**ENOUGH, "user": {}}, "formats.mine.user: neither path nor value", None),
    ({**ENOUGH, "user": ""}, "formats.mine.user: '' has an empty step", None),
    ({**ENOUGH, "user": "a..b"}, "formats.mine.user: 'a..b' has an empty step", None),
    ({**ENOUGH, "user": 'a."b'}, "open quote", None),
    ({**ENOUGH, "user": '"a"b'}, "a dot belongs between two steps", None),
    ({**ENOUGH, "user": "a[0]"}, "an index is a step of its own", None),
    ({**ENOUGH, "status": {"path": "c", "map": {"0": []}}}, "formats.mine.status.map", None),
    ({**ENOUGH, "when": 5}, "formats.mine.when: expected a table, got a whole number", None),
    ({**ENOUGH, "when": {"a": {"b": 1}}}, "formats.mine.when[...]: expected", None),
    ({**ENOUGH, "when": []}, "formats.mine.when: names no path", None),
    ({**ENOUGH, "each": ["a"]}, "formats.mine.each: expected text, got a list", None),
    (
        {**ENOUGH, "input_includes_cache": "no"},
        "input_includes_cache: expected true or false, got text",
        None,
    ),
    ({**ENOUGH, "prompt_tokens": "p"}, "input_tokens and prompt_tokens are the same field", None),
    ({**ENOUGH, "cache_read_input_tokens": "c"}, "not a field of a mapping", "input_includes_cache = false"),
    ({"input_tokens": "n"}, "formats.mine: nothing says which model was called", 'model = "…"'),
    ({"model": "m"}, "formats.mine: no token count, time or cost is read", None),
    ({"model": "m", "input_tokens": {"value": 5}}, "no token count, time or cost is read", None),
    ({**ENOUGH, "title": 5}, "formats.mine.title: expected text, got a whole number", None),
    ("m", "formats.mine: expected a table, got text", None),
    ([ENOUGH], "formats.mine: expected a table, got a list", None),
]


@pytest.mark.parametrize(("table", "said", "hint"), WRONG, ids=[said for _, said, _ in WRONG])
def test_a_format_that_is_wrong_is_refused_with_file_and_key(table: Any, said: str, hint: str | None):
    with pytest.raises(ConfigError) as caught:
        parse_format("mine", table, "costaudit.toml")
    assert said in caught.value.message
    assert caught.value.path == "costaudit.toml"
    assert hint is None or hint in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["", "a b", "-x", "x" * 41, "\x1b[31m", "flat", "otlp"])
def test_names_that_are_none_or_taken_are_refused(name: str):
    with pytest.raises(ConfigError):
        parse_formats({name: ENOUGH}, "costaudit.toml")


def test_formats_keep_the_order_of_the_settings():
    found = parse_formats({"b": ENOUGH, "a": {**ENOUGH, "title": "ours"}}, "folder/costaudit.toml")
    assert [(f.name, f.title) for f in found] == [("b", "described in costaudit.toml"), ("a", "ours")]


TABLES = [case["format"] for case in CASES]


@given(
    st.sampled_from(TABLES), st.dictionaries(st.sampled_from(["m", "n", "p", "c", "t", "data", "kind"]), JSON)
)
def test_hostile_records_are_read_or_set_aside(table: dict[str, Any], record: dict[str, Any]):
    adapter = adapter_of(table)
    assert adapter.matches(record) in (True, False)
    calls: list[Call] = []
    reason = None
    try:
        calls = settled(adapter.calls(record))
    except Skip as skip:
        reason = skip.reason
    assert reason in {*REASONS, None}
    for call in calls:
        assert isinstance(call.model, str)
        assert all(0 <= getattr(call, name) <= 4 * MAX_COUNT for name in COUNTS)
        assert call.status in set(Status)


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_any_keys_can_be_written_as_a_path(keys: list[str]):
    record: Any = "found"
    for key in reversed(keys):
        record = {key: record}
    path = parse_path(".".join(step_text(key) for key in keys))
    assert follow(record, path.steps, {}) == "found"


@given(st.text())
def test_any_text_is_a_path_or_is_refused(text: str):
    try:
        path = parse_path(text)
    except ValueError:
        return
    assert path.text == text
    assert follow("a text", path.steps, {}) in (None, "a text")


def test_a_map_of_parquet_is_followed_by_its_keys():
    adapter = adapter_of({"model": "labels.m", "input_tokens": "n"})
    assert settled(adapter.calls({"labels": [("k", "v"), ("m", "gpt-4o")], "n": 3}))[0].model == "gpt-4o"


def test_json_nested_deeper_than_python_can_read_is_no_object():
    adapter = adapter_of({"model": "a.m", "input_tokens": "n"})
    assert not adapter.matches({"a": '{"a":' * 100_000, "n": 3})


def test_no_built_in_format_has_a_name_that_a_mapping_could_not_have():
    for adapter in ADAPTERS:
        with pytest.raises(ConfigError, match="built in"):
            parse_formats({adapter.name: ENOUGH}, "f")
