"""OpenAI Responses bodies."""

from __future__ import annotations

from typing import Any

from costaudit.ingest.adapters.openai_responses import ADAPTER
from costaudit.ingest.settle import settled
from costaudit.schema import Call

USAGE = {
    "input_tokens": 1312,
    "input_tokens_details": {"cached_tokens": 1024, "cache_write_tokens": 88},
    "output_tokens": 186,
    "output_tokens_details": {"reasoning_tokens": 128},
    "total_tokens": 1498,
}


def only(**fields: Any) -> Call:
    record = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1791191702,
        "status": "completed",
        "model": "gpt-5-mini-2025-08-07",
        "output": [],
        "usage": USAGE,
        "service_tier": "flex",
        **fields,
    }
    assert ADAPTER.matches(record)
    (call,) = settled(ADAPTER.calls(record))
    return call


def test_cached_and_written_tokens_are_taken_out_of_the_input():
    call = only()
    assert (call.input, call.cache_read, call.cache_write_5m) == (200, 1024, 88)
    assert (call.output, call.reasoning, call.service_tier) == (186, 128, "flex")
    assert (call.response_id, call.ts, call.final) == ("resp_1", 1791191702_000000, True)


def test_the_body_tells_what_was_asked_but_its_model_is_the_served_one():
    call = only(
        instructions="You triage tickets.",
        metadata={"feature": "ticket-triage"},
        safety_identifier="u-17",
        tools=[{"type": "web_search"}],
        max_output_tokens=500,
        text={"format": {"type": "json_schema"}},
    )
    assert (call.model, call.model_requested) == ("gpt-5-mini-2025-08-07", None)
    assert (call.system, call.feature, call.user) == ("You triage tickets.", "ticket-triage", "u-17")
    assert (call.has_tools, call.max_tokens, call.response_format) == (True, 500, "json_schema")


def test_a_queued_response_is_not_final_and_has_no_numbers():
    call = only(status="queued", usage=None)
    assert (call.final, call.quality, call.status) == (False, "none", "ok")


def test_an_incomplete_response_ended_and_is_billed():
    call = only(status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    assert (call.final, call.status, call.output) == (True, "ok", 186)


def test_a_failed_response_is_an_error_and_a_cancelled_one_cancelled():
    failed = only(status="failed", usage=None, error={"code": "server_error", "message": "x"})
    assert (failed.status, failed.error_code, failed.final) == ("error", "server_error", True)
    assert only(status="cancelled", usage=None).status == "cancelled"


def test_searches_are_billed_and_opening_a_found_page_is_not():
    def item(action: dict[str, str]) -> dict[str, Any]:
        return {"type": "web_search_call", "status": "completed", "action": action}

    output = [item({"type": "search"}), item({"type": "open_page"}), item({}), {"type": "message"}]
    assert only(output=output).web_searches == 2


def test_compaction_is_a_call_though_it_names_no_model():
    record = {"id": "resp_2", "object": "response.compaction", "created_at": 1775143627, "usage": USAGE}
    (call,) = settled(ADAPTER.calls(record))
    assert (call.model, call.input, call.output, call.final) == (None, 200, 186, True)
