"""Counts under names that no format knows: taken for what their words say, where nothing else states them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.ingest.by_words import take_by_words, target_of
from costaudit.stated import Stated
from tests.ingest.adapters.test_otlp import CHAT, only
from tests.ingest.test_unused import jsonl

SPELLINGS = {
    "cache_read": [("cache", "read", "input", "tokens"), ("cached", "tokens"),
                   ("prompt", "cache", "hit", "tokens"), ("cached", "content", "token", "count"),
                   ("tokens", "read", "from", "cache")],
    "written": [("cache", "write", "input", "tokens"), ("cache", "creation", "tokens"), ("cache", "writes"),
                ("cache", "created", "tokens")],
    "write_1h": [("cache", "creation", "1h", "tokens"), ("ephemeral", "1h", "cache", "write", "tokens")],
    "write_5m": [("cache", "write", "5m", "input", "tokens")],
    "prompt": [("prompt", "tokens"), ("num", "input", "tokens"), ("tokens", "in"),
               ("input", "token", "count")],
    "completion": [("completion", "tokens"), ("tokens", "out"), ("candidates", "token", "count")],
    "total": [("tokens",), ("total", "token", "count"), ("tokens", "used")],
    "fresh": [("uncached", "input", "tokens"), ("non", "cached", "prompt", "tokens")],
    "web_searches": [("web", "search", "requests"), ("server", "tool", "use", "web", "search", "requests")],
    "input_audio": [("input", "audio", "tokens"), ("prompt", "tokens", "details", "audio", "tokens")],
    "cache_read_audio": [("cached", "audio", "tokens")],
    "output_image": [("completion", "image", "tokens")],
    "reasoning": [("thinking", "tokens"), ("output", "reasoning", "tokens"), ("tokens", "thoughts")],
}  # fmt: skip
"""Names by their words, from libraries and made up in their manner."""
JOINS = {
    "snake": "_".join,
    "kebab": "-".join,
    "dots": ".".join,
    "spaces": " ".join,
    "UPPER": lambda words: "_".join(words).upper(),
    "Title": lambda words: " ".join(w.capitalize() for w in words),
    "Pascal": lambda words: "".join(w.capitalize() for w in words),
    "camel": lambda words: words[0] + "".join(w.capitalize() for w in words[1:]),
}


@pytest.mark.parametrize("join", JOINS)
@pytest.mark.parametrize(("target", "words"), [(t, w) for t, all_ in SPELLINGS.items() for w in all_])
def test_a_name_means_the_same_however_it_is_spelled(target: str, words: tuple[str, ...], join: str):
    assert target_of(JOINS[join](words)) == target


@pytest.mark.parametrize(
    "name",
    [
        "cache_cost", "cached_price_usd", "cache_hit_ratio", "cacheHitRate", "cache_miss_tokens", "cache_ttl",
        "thinking_budget", "max_thinking_tokens", "reasoning", "cache",
        "cache_savings", "image_tokens", "cached_tokens_limit", "cache_hits", "cached", "",
        "reasoning_effort", "Input (w/ Cache Write)", "input tokens without cache reads",
        "session_input_tokens", "audio_seconds_input", "tokens_per_second", "prompt_and_completion_tokens",
        "cache_read_tool_tokens",
    ],
)  # fmt: skip
def test_names_about_something_else_are_left(name: str):
    assert target_of(name) is None


@given(
    st.dictionaries(
        st.sampled_from(["cached_tokens", "cacheReads", "thinkingTokens", "cache writes", "cost"]),
        st.decimals(0, 10**12, places=1), max_size=5,
    ),
    st.sampled_from([None, 5]), st.sampled_from([None, 7]),
)  # fmt: skip
def test_what_is_stated_is_never_overruled_and_nothing_is_lost(
    unused: dict[str, Decimal], cached: int | None, written: int | None
):
    stated = Stated(prompt=10, completion=1, cache_read=cached, write_5m=written, unused=dict(unused) or None)
    take_by_words(stated)
    assert cached is None or stated.cache_read == cached
    assert stated.write_5m == written
    assert written is None or stated.written is None
    left = stated.unused or {}
    for name, value in unused.items():
        target = target_of(name)
        assert name in left or (target is not None and value <= getattr(stated, target))


@pytest.mark.parametrize("join", JOINS)
def test_of_one_count_under_two_names_the_larger_holds_once(join: str):
    names = [JOINS[join](words) for words in SPELLINGS["cache_read"][:2]]
    stated = Stated(prompt=100, completion=1, unused={names[0]: Decimal(40), names[1]: Decimal(30)})
    take_by_words(stated)
    assert (stated.cache_read, stated.unused) == (40, None)


def _chat(**usage: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_760_000_000, "model": "gpt-4o",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "x"}}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050, **usage},
    }  # fmt: skip


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("join", JOINS)
def test_a_body_with_another_name_for_cached_tokens_is_priced_by_it(tmp_path: Path, join: str, nested: bool):
    name = JOINS[join](("cache", "read", "input", "tokens"))
    usage = {"details": {name: 600}} if nested else {name: 600}
    _, read = jsonl([_chat(**usage)], tmp_path)
    (call,) = read.batch.to_pylist()
    assert (call["input"], call["cache_read"], call["output"]) == (400, 600, 50)
    assert not read.unused.sums


@pytest.mark.parametrize("name", ["gen_ai.usage.cached_prompt_reads", "gen_ai.usage.cacheReadTokens"])
def test_a_span_with_another_name_for_cached_tokens(name: str):
    call = only(**CHAT | {name: 1000})
    assert (call.input, call.cache_read, call.output) == (312, 1000, 186)


def test_counts_that_a_span_keeps_in_its_metadata():
    call = only(**CHAT | {"metadata": json.dumps({"gen_ai.usage.cache_read_input_tokens": 1000})})
    assert (call.input, call.cache_read) == (312, 1000)
