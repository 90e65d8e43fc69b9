"""OpenAI chat bodies, and the dialects of the hosts that speak the same language."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.ingest.adapters.openai_chat import ADAPTER, KNOWN
from costaudit.ingest.format import Skip
from costaudit.ingest.settle import settled
from costaudit.schema import Call


def chat(usage: dict[str, Any] | None, **fields: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1791191702,
        "model": "gpt-5-mini-2025-08-07",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "x"}}],
        "usage": usage,
        "service_tier": "default",
        **fields,
    }


def only(record: dict[str, Any]) -> Call:
    assert ADAPTER.matches(record)
    (call,) = settled(ADAPTER.calls(record))
    return call


def test_cached_tokens_are_taken_out_of_the_prompt_and_reasoning_stays_in_the_output():
    call = only(
        chat(
            {
                "prompt_tokens": 1312,
                "completion_tokens": 186,
                "total_tokens": 1498,
                "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 128},
            }
        )
    )
    assert (call.input, call.cache_read, call.output, call.reasoning) == (288, 1024, 186, 128)
    assert (call.ts, call.response_id, call.final) == (1791191702_000000, "chatcmpl-1", True)
    assert (call.model, call.service_tier, call.provider) == ("gpt-5-mini-2025-08-07", "default", None)


@pytest.mark.parametrize(
    "cached",
    [
        {"prompt_tokens_details": {"cached_tokens": 32}},  # OpenAI
        {"prompt_token_details": {"cached_tokens": 32}},  # Writer
        {"prompt_cache_hit_tokens": 32, "prompt_cache_miss_tokens": 32},  # DeepSeek
        {"num_cached_tokens": 32},  # Mistral
        {"cached_tokens": 32},  # Together
        {"prompt_tokens_details": {"cached_tokens": 0}, "num_cached_tokens": 32},
    ],
)
def test_every_name_of_the_cached_count_is_known(cached: dict[str, Any]):
    call = only(chat({"prompt_tokens": 64, "completion_tokens": 6, "total_tokens": 70, **cached}))
    assert (call.input, call.cache_read, call.output) == (32, 32, 6)


@pytest.mark.parametrize(
    "details",
    [
        {"cache_write_tokens": 4012},
        {
            "cache_write_tokens": 4012,
            "cache_write_tokens_details": {"ttl_30m_tokens": 4000, "ttl_12h_tokens": 12},
        },
        {"cache_write_tokens_details": {"ttl_30m_tokens": 4000, "ttl_12h_tokens": 12}},
    ],
)
def test_openai_cache_writes_of_every_ttl_are_in_the_five_minute_class(details: dict[str, Any]):
    usage = {
        "prompt_tokens": 4020,
        "completion_tokens": 4,
        "total_tokens": 4024,
        "prompt_tokens_details": details,
    }
    call = only(chat(usage))
    assert (call.input, call.cache_write_5m, call.cache_write_1h, call.output) == (8, 4012, 0, 4)


@pytest.mark.parametrize(
    "written",
    [
        {"prompt_tokens_details": {"cached_tokens": 9, "cache_creation_input_tokens": 40}},  # any-llm
        {  # Alibaba: what was written, and again by lifetime
            "prompt_tokens_details": {
                "cached_tokens": 9,
                "cache_creation_input_tokens": 40,
                "cache_creation": {"ephemeral_5m_input_tokens": 40},
                "cache_type": "ephemeral",
            }
        },
        {"prompt_tokens_details": {"cached_tokens": 9}, "cache_creation_input_tokens": 40},  # LiteLLM
        {"prompt_tokens_details": {"cached_tokens": 9}, "cache_creation_tokens": 40},
        {"cache_read_input_tokens": 9, "cache_creation": {"ephemeral_5m_input_tokens": 40}},
        {"prompt_tokens_details": {"cache_read_input_tokens": 9, "cache_write_tokens": 40}},
        {"cached_tokens": 9, "cache_write_tokens_details": {"ttl_30m_tokens": 30, "ttl_12h_tokens": 10}},
    ],
)
def test_what_was_written_is_read_wherever_it_stands(written: dict[str, Any]):
    call = only(chat({"prompt_tokens": 64, "completion_tokens": 6, "total_tokens": 70, **written}))
    assert (call.input, call.cache_read, call.cache_write_5m, call.output) == (15, 9, 40, 6)


OF_THE_CACHE = sorted(name for name in KNOWN if "cache" in name and "miss" not in name)


@pytest.mark.parametrize("name", OF_THE_CACHE)
def test_each_name_of_the_cache_is_read_among_the_details_and_beside_the_sums(name: str):
    plain = {"prompt_tokens": 64, "completion_tokens": 6, "total_tokens": 70}
    for found in ({name: 7}, {"prompt_tokens_details": {name: 7}}):
        call = only(chat({**plain, **found}))
        assert (call.input, call.cache_read + call.cache_write_5m, call.output) == (57, 7, 6), found


def test_fireworks_states_what_was_cached_beside_its_usage():
    usage = {"prompt_tokens": 44_341, "completion_tokens": 100, "total_tokens": 44_441}
    performance = {"prompt-tokens": "44341", "cached-prompt-tokens": "41518"}
    call = only(chat(usage, perf_metrics=performance))
    assert (call.input, call.cache_read, call.output) == (2823, 41_518, 100)
    told = {**usage, "prompt_tokens_details": {"cached_tokens": 41_000}}
    assert only(chat(told, perf_metrics=performance)).cache_read == 41_000


def test_rows_of_bifrost_keep_the_object_of_a_body_and_call_its_usage_otherwise():
    usage = {
        "prompt_tokens": 1200, "completion_tokens": 80, "total_tokens": 1280,
        "prompt_tokens_details": {"cached_read_tokens": 1024, "cached_write_tokens": 100},
    }  # fmt: skip
    call = only({**chat(None), "token_usage": usage})
    assert (call.input, call.cache_read, call.cache_write_5m, call.output) == (76, 1024, 100, 80)


@pytest.mark.parametrize("finish", ["stop", None])
def test_moonshot_states_usage_in_the_last_choice(finish: str | None):
    usage = {"prompt_tokens": 1336, "completion_tokens": 31, "total_tokens": 1367, "cached_tokens": 1280}
    choices = [{"index": 0, "delta": {}, "finish_reason": finish, "usage": usage}]
    chunk = {"id": "c", "object": "chat.completion.chunk", "model": "kimi-k2", "choices": choices}
    call = only(chunk)
    assert (call.input, call.cache_read, call.output) == (56, 1280, 31)
    # Of several choices the last that has one; usage beside the choices comes first.
    two = [{**choices[0], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}, *choices, {"index": 2}]
    assert only({**chunk, "choices": two}).output == 31
    assert only({**chunk, "usage": {"prompt_tokens": 5, "completion_tokens": 2}}).output == 2


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        ({"cost_in_usd_ticks": 2709000}, 270_900_000),  # $0.0002709
        ({"cost_in_usd_ticks": "2709000"}, 270_900_000),
        ({"cost_in_usd_ticks": 2709000, "cost": 0.5}, 500_000_000_000),  # a gateway's own
        ({"cost_in_usd_ticks": 0}, 0),
        ({"cost_in_usd_ticks": -5}, None),
        ({"cost_in_usd_ticks": 10**30}, None),
        ({"cost_in_usd_ticks": "9" * 5000}, None),
    ],
)
def test_xai_states_its_cost_in_ticks(cost: dict[str, Any], expected: int | None):
    call = only(chat({"prompt_tokens": 198, "completion_tokens": 90, **cost}, model="grok-4"))
    assert call.reported_picousd == expected


def test_audio_has_classes_of_its_own_on_both_sides():
    call = only(
        chat(
            {
                "prompt_tokens": 100,
                "completion_tokens": 50,
                "total_tokens": 150,
                "prompt_tokens_details": {"audio_tokens": 60},
                "completion_tokens_details": {"audio_tokens": 40},
            }
        )
    )
    assert (call.input, call.input_audio, call.output, call.output_audio) == (40, 60, 10, 40)


def test_xai_reasoning_is_outside_the_completion_with_and_without_a_total():
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "completion_tokens_details": {"reasoning_tokens": 100},
    }
    assert only(chat({**usage, "total_tokens": 115})).output == 105
    assert only(chat({**usage, "total_tokens": 115}, model="grok-4")).output == 105
    small = {**usage, "completion_tokens_details": {"reasoning_tokens": 3}}
    assert only(chat(small, model="grok-4")).output == 8
    assert only(chat(small)).output == 5


def test_gemini_thinking_that_only_the_total_shows_is_output():
    usage = {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109}
    call = only(chat(usage, model="gemini-2.5-pro"))
    assert (call.input, call.output, call.reasoning, call.quality) == (35, 74, 62, "exact")


@pytest.mark.parametrize(
    ("model", "total"),
    [("claude-opus-4-5", 109), ("gpt-5-mini", 109), ("gemini-2.5-pro", 35 + 12 + 131_073), (None, 10**6)],
)
def test_what_nobody_can_explain_of_a_total_is_no_output(model: str | None, total: int):
    call = only(chat({"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": total}, model=model))
    assert (call.input, call.output, call.reasoning) == (35, 12, 0)
    assert (call.quality, call.reading) == ("ambiguous", "ambiguous")


def test_openrouter_states_upstream_cost_and_searches():
    usage = {
        "prompt_tokens": 8174,
        "completion_tokens": 30,
        "total_tokens": 8204,
        "cost": 0.0133176,
        "is_byok": False,
        "cost_details": {"upstream_inference_cost": 0.0133176},
        "server_tool_use_details": {"web_search_requests": 1},
    }
    call = only(chat(usage, id="gen-1", provider="OpenAI", model="openai/gpt-4.1-mini"))
    assert (call.provider, call.gateway, call.model) == ("OpenAI", "openrouter", "openai/gpt-4.1-mini")
    assert (call.reported_picousd, call.web_searches) == (13_317_600_000, 1)


def test_with_a_key_of_ones_own_fee_and_upstream_cost_are_both_paid():
    usage: dict[str, Any] = {"prompt_tokens": 10, "completion_tokens": 5, "cost": 0.0001, "is_byok": True}
    usage["cost_details"] = {"upstream_inference_cost": 0.002}
    assert only(chat(usage, id="gen-1", provider="OpenAI")).reported_picousd == 2_100_000_000


def test_a_cost_of_nothing_is_zero_and_no_cost_is_none():
    assert only(chat({"prompt_tokens": 1, "completion_tokens": 1, "cost": 0})).reported_picousd == 0
    assert only(chat({"prompt_tokens": 1, "completion_tokens": 1})).reported_picousd is None


def test_perplexity_states_its_cost_as_an_object():
    usage = {
        "prompt_tokens": 1,
        "completion_tokens": 1,
        "cost": {"input_tokens_cost": 1, "total_cost": 0.005},
    }
    assert only(chat(usage)).reported_picousd == 5_000_000_000


def test_text_completions_of_both_spellings_are_calls():
    usage = {"prompt_tokens": 1116, "completion_tokens": 400, "total_tokens": 1516}
    for kind in ("text_completion", "text.completion"):
        assert only(chat(usage, object=kind)).input == 1116


def test_embeddings_are_input_only_and_exact():
    body = {"object": "list", "data": [], "model": "text-embedding-3-small"}
    call = only({**body, "usage": {"prompt_tokens": 8, "total_tokens": 8}})
    assert (call.input, call.output, call.quality, call.ts) == (8, 0, "exact", None)
    assert only({**body, "usage": {"total_tokens": 3}}).input == 3  # Voyage


def test_a_list_of_stored_completions_is_as_many_calls():
    usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    stored = chat(usage, metadata={"feature": "ticket-triage"}, request_id="req_1")
    page = {"object": "list", "data": [stored, {**stored, "id": "chatcmpl-2"}], "has_more": False}
    assert ADAPTER.matches(page)
    calls = settled(ADAPTER.calls(page))
    assert [(c.response_id, c.input, c.feature) for c in calls] == [
        ("chatcmpl-1", 7, "ticket-triage"),
        ("chatcmpl-2", 7, "ticket-triage"),
    ]


def test_other_lists_are_not_this_format():
    assert not ADAPTER.matches({"object": "list", "data": [{"object": "model", "id": "gpt-4o"}]})


def chunk(usage: dict[str, Any] | None = None, *, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    choices = [] if usage else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return chat(usage, object="chat.completion.chunk", choices=choices)


def test_of_a_stream_logged_in_chunks_the_ends_and_the_usage_are_records_of_one_call():
    chunks = [
        chunk(role="assistant", content=""),
        chunk(content="bil"),
        chunk(content="ling"),
        chunk(finish="stop"),
        chunk({"prompt_tokens": 53, "completion_tokens": 15, "total_tokens": 68}),
    ]
    calls = [call for c in chunks for call in settled(ADAPTER.calls(c))]
    assert {c.response_id for c in calls} == {"chatcmpl-1"}
    assert [(c.quality, c.final, c.input) for c in calls] == [
        ("none", False, 0),
        ("none", True, 0),
        ("exact", None, 53),
    ]


def test_a_chunk_without_id_and_usage_could_not_be_joined_and_is_no_call():
    assert settled(ADAPTER.calls({**chunk(role="assistant"), "id": ""})) == []


def test_older_groq_streams_hide_their_usage():
    last = {**chunk(finish="stop"), "x_groq": {"usage": {"prompt_tokens": 21, "completion_tokens": 988}}}
    last["usage"] = None
    assert only(last).output == 988


def test_a_run_counts_when_it_has_ended():
    usage = {"prompt_tokens": 300, "completion_tokens": 20, "total_tokens": 320}
    run = {"id": "run_1", "object": "thread.run", "created_at": 1717841556, "model": "gpt-4-1106-preview"}
    assert only({**run, "usage": usage}).input == 300
    assert settled(ADAPTER.calls({**run, "usage": None})) == []


def test_a_completion_without_usage_is_a_call_without_numbers():
    call = only(chat(None))
    assert (call.quality, call.input, call.output, call.status) == ("none", 0, 0, "ok")


def test_a_body_with_an_error_instead_of_usage_failed():
    body = chat(None, error={"code": 502, "message": "upstream"}, choices=[])
    assert (only(body).status, only(body).error_code) == ("error", "502")


@pytest.mark.parametrize(
    ("usage", "reason"),
    [
        ({"prompt_tokens": -1, "completion_tokens": 1}, "negative_usage"),
        ({"prompt_tokens": 1.5, "completion_tokens": 1}, "fractional_usage"),
        ({"prompt_tokens": "many", "completion_tokens": 1}, "not_integer_usage"),
        ({"prompt_tokens": True, "completion_tokens": 1}, "not_integer_usage"),
        ({"prompt_tokens": 10**11 + 1, "completion_tokens": 1}, "usage_too_large"),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": -9}}, "negative_usage"),
    ],
)
def test_impossible_usage_is_skipped_with_its_reason(usage: dict[str, Any], reason: str):
    with pytest.raises(Skip) as skip:
        settled(ADAPTER.calls(chat(usage)))
    assert skip.value.reason == reason


def test_an_object_for_a_model_is_skipped():
    with pytest.raises(Skip) as skip:
        settled(ADAPTER.calls(chat({"prompt_tokens": 1}, model={"name": "gpt"})))
    assert skip.value.reason == "model_not_text"


@pytest.mark.parametrize(
    ("model", "usage", "mode"),
    [
        ("sonar", {"search_context_size": "high"}, "search-high"),
        ("sonar", {"search_context_size": "low"}, None),
        ("qwen-plus", {"completion_tokens_details": {"reasoning_tokens": 4}}, "thinking"),
        ("qwen-plus", {"completion_tokens_details": {"reasoning_tokens": 0}}, None),
        ("gpt-5-mini", {"completion_tokens_details": {"reasoning_tokens": 4}}, None),
    ],
)
def test_the_mode_that_a_price_goes_by(model: str, usage: dict[str, Any], mode: str | None):
    assert only(chat({"prompt_tokens": 10, "completion_tokens": 5, **usage}, model=model)).speed == mode
