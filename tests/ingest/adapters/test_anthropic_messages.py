"""Anthropic Messages bodies: cache counts beside the input, iterations beside the top level."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.ingest.adapters.anthropic_messages import ADAPTER
from costaudit.ingest.settle import settled
from costaudit.schema import Call


def message(usage: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": [],
        "stop_reason": "end_turn",
        "usage": usage,
        **fields,
    }


def only(usage: dict[str, Any], **fields: Any) -> Call:
    record = message(usage, **fields)
    assert ADAPTER.matches(record)
    (call,) = settled(ADAPTER.calls(record))
    return call


def test_cache_counts_stand_beside_the_input():
    call = only(
        {
            "input_tokens": 412,
            "cache_creation_input_tokens": 2000,
            "cache_read_input_tokens": 18000,
            "cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 1500},
            "output_tokens": 903,
            "output_tokens_details": {"thinking_tokens": 300},
            "service_tier": "standard",
        }
    )
    assert (call.input, call.cache_read, call.cache_write_5m, call.cache_write_1h) == (412, 18000, 500, 1500)
    assert (call.output, call.reasoning, call.reading) == (903, 300, "exclusive")
    assert (call.provider, call.service_tier, call.final, call.ts) == ("anthropic", "standard", True, None)


def test_a_write_without_its_ttl_is_a_five_minute_write():
    call = only({"input_tokens": 3, "cache_creation_input_tokens": 2000, "output_tokens": 1})
    assert (call.cache_write_5m, call.cache_write_1h) == (2000, 0)


def test_a_split_that_is_smaller_than_the_sum_leaves_five_minute_writes():
    split = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 300}
    call = only(
        {"input_tokens": 3, "cache_creation_input_tokens": 2000, "cache_creation": split, "output_tokens": 1}
    )
    assert (call.cache_write_5m, call.cache_write_1h) == (1700, 300)


def test_searches_place_and_speed_are_kept():
    usage = {"input_tokens": 1, "output_tokens": 1, "server_tool_use": {"web_search_requests": 5}}
    call = only({**usage, "inference_geo": "us", "speed": "fast", "service_tier": "batch"})
    assert (call.web_searches, call.region, call.speed, call.service_tier) == (5, "us", "fast", "batch")
    assert only({**usage, "inference_geo": "not_available"}).region is None


@pytest.mark.parametrize(
    ("message_id", "provider"),
    [("msg_01", "anthropic"), ("msg_bdrk_01", "bedrock"), ("msg_vrtx_01", "vertex"), (None, "anthropic")],
)
def test_the_id_tells_who_served_the_message(message_id: str | None, provider: str):
    assert only({"input_tokens": 1, "output_tokens": 1}, id=message_id).provider == provider


def iteration(kind: str, tokens: int, output: int, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "input_tokens": tokens, "output_tokens": output, **fields}


def test_iterations_are_calls_of_their_own_and_the_top_level_is_not_counted_again():
    calls = settled(
        ADAPTER.calls(
            message(
                {
                    "input_tokens": 2390,
                    "output_tokens": 121,
                    "output_tokens_details": {"thinking_tokens": 28},
                    "server_tool_use": {"web_search_requests": 1},
                    "iterations": [
                        iteration("message", 1128, 110),
                        iteration("advisor_message", 2518, 22, model="claude-opus-4-8"),
                        iteration("message", 1262, 11),
                    ],
                }
            )
        )
    )
    assert [(c.call_id, c.model, c.input, c.output, c.reasoning, c.web_searches) for c in calls] == [
        ("msg_01#0", "claude-sonnet-4-5-20250929", 1128, 110, 28, 0),
        ("msg_01#1", "claude-opus-4-8", 2518, 22, 0, 0),
        ("msg_01#2", "claude-sonnet-4-5-20250929", 1262, 11, 0, 1),
    ]
    assert {c.response_id for c in calls} == {"msg_01"}


def test_a_compaction_is_billed_on_top_of_the_message():
    written = {"cache_creation_input_tokens": 55096}
    calls = settled(
        ADAPTER.calls(
            message(
                {
                    "input_tokens": 229,
                    "output_tokens": 5,
                    "iterations": [
                        iteration("compaction", 100, 131, **written),
                        iteration("message", 229, 5),
                    ],
                }
            )
        )
    )
    assert [(c.input, c.cache_write_5m, c.output) for c in calls] == [(100, 55096, 131), (229, 0, 5)]


def test_iterations_without_a_message_come_on_top_of_the_top_level():
    iterations = [iteration("compaction", 100, 1), iteration("compaction", 200, 2)]
    calls = settled(
        ADAPTER.calls(message({"input_tokens": 30, "output_tokens": 3, "iterations": iterations}))
    )
    assert [c.input for c in calls] == [100, 200, 30]


def test_a_single_iteration_is_the_message_itself():
    usage = {"input_tokens": 136, "output_tokens": 16}
    call = only({**usage, "iterations": [iteration("message", 136, 16)]})
    assert (call.call_id, call.input, call.output) == (None, 136, 16)


def test_a_message_that_has_not_stopped_states_a_placeholder():
    call = only({"input_tokens": 9, "output_tokens": 2}, stop_reason=None)
    assert (call.final, call.quality) == (False, "partial")


def test_a_lean_log_without_a_stop_reason_is_believed():
    record = message({"input_tokens": 9, "output_tokens": 2})
    del record["stop_reason"]
    (call,) = settled(ADAPTER.calls(record))
    assert (call.final, call.quality) == (None, "exact")


def test_other_things_called_message_are_not_this_format():
    assert not ADAPTER.matches({"type": "message", "message": {"role": "user"}})
