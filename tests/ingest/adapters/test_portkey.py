"""Portkey's log export."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.ingest.adapters.portkey import ADAPTER
from costaudit.schema import Call
from tests.ingest.adapters.rows import counts, only


def row(**fields: Any) -> dict[str, Any]:
    return {
        "id": "pk-1",
        "trace_id": "tr-1",
        "created_at": "2026-10-05T09:16:40.500Z",
        "ai_org": "anthropic",
        "ai_model": "claude-sonnet-4-5-20250929",
        "req_units": 412,
        "res_units": 903,
        "total_units": 1315,
        "cost": 2.7681,
        "cost_currency": "USD",
        "response_time": 9870,
        "response_status_code": 200,
        "metadata": {"_user": "u-42", "team": "legal"},
        **fields,
    }


def call(**fields: Any) -> Call:
    return only(ADAPTER, row(**fields))


def test_the_cost_is_in_cents():
    assert call().reported_picousd == call(cost="2.7681").reported_picousd == 27_681_000_000
    assert call(cost=2.7681, cost_currency="EUR").reported_picousd is None


def test_the_response_tells_the_split_that_the_units_do_not():
    usage = {
        "prompt_tokens": 412,
        "completion_tokens": 903,
        "total_tokens": 21315,
        "prompt_tokens_details": {"cached_tokens": 18000},
        "cache_read_input_tokens": 18000,
        "cache_creation_input_tokens": 2000,
    }
    assert counts(call(response={"usage": usage})) == (412, 18000, 2000, 0, 903, 0)
    assert call(response={"usage": usage}).quality == "exact"
    unsaid = {k: v for k, v in usage.items() if not k.startswith("cache_")}
    assert call(response={"usage": unsaid}).quality == "partial"
    assert (call().input, call().quality) == (412, "partial")


def test_any_column_may_be_missing():
    bare = {"ai_model": "gpt-5-mini", "response_status_code": "200", "req_units": "5"}
    found = only(ADAPTER, bare)
    assert (found.model, found.input, found.quality, found.ts) == ("gpt-5-mini", 5, "partial", None)
    assert not ADAPTER.matches({"ai_model": "gpt-5-mini", "id": "x"})


def test_who_and_what_for():
    found = call(prompt_slug="review", request={"model": "claude-sonnet-4-5", "stream": True})
    assert (found.user, found.session, found.feature, found.tags) == ("u-42", "tr-1", "review", "team:legal")
    assert (found.model_requested, found.stream, found.gateway) == ("claude-sonnet-4-5", True, "portkey")


@pytest.mark.parametrize("created", ["Mon Oct 05 2026 11:16:40 GMT+0200 (Central European Summer Time)"])
def test_a_javascript_date(created: str):
    assert call(created_at=created).ts == 1791191800_000000
    assert call(created_at="Mon Oct 55").ts is None


def test_outcomes():
    none = {"req_units": 0, "res_units": 0, "total_units": 0}
    failed = call(response_status_code=429, response={"error": {"code": "rate_limit"}}, **none)
    assert (failed.status, failed.error_code, failed.quality) == ("error", "rate_limit", "none")
    assert call(cache_status="SEMANTIC_HIT").status == "cache_hit"
    assert call(cache_status="MISS").status == "ok"
