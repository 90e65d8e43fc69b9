"""Cursor's usage events: rows of its dashboard and events of its Admin API."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.ingest.adapters.cursor import ADAPTER
from costaudit.ingest.settle import settled
from costaudit.schema import Call


def row(written: str = "340", fresh: str = "1200", total: str = "54440", **fields: str) -> dict[str, Any]:
    return {
        "Date": "2026-08-10T09:00:00.000Z",
        "Kind": "Usage-based",
        "Model": "claude-4.5-sonnet",
        "Max Mode": "No",
        "Input (w/ Cache Write)": written,
        "Input (w/o Cache Write)": fresh,
        "Cache Read": "52000",
        "Output Tokens": "900",
        "Total Tokens": total,
        "Cost": "0.03",
        **fields,
    }


def event(**fields: Any) -> dict[str, Any]:
    tokens = {"inputTokens": 1200, "outputTokens": 900, "cacheReadTokens": 52_000, "cacheWriteTokens": 340}
    return {
        "timestamp": "1786352400000",
        "model": "gpt-5.2",
        "kind": "Usage-based",
        "maxMode": False,
        "tokenUsage": {**tokens, "totalCents": 3.1},
        "userEmail": "a@b.example",
        **fields,
    }


def only(record: dict[str, Any]) -> Call:
    assert ADAPTER.matches(record)
    (call,) = settled(ADAPTER.calls(record))
    return call


def counts(call: Call) -> tuple[int, ...]:
    return call.input, call.cache_read, call.cache_write_5m, call.output


def test_the_columns_of_a_row_are_apart():
    call = only(row())
    assert counts(call) == (1200, 52_000, 340, 900)  # their sum is the total, 54,440
    assert (call.quality, call.reading, call.reported_picousd) == ("exact", "exclusive", 30_000_000_000)
    assert (call.gateway, call.feature, call.tags) == ("cursor", "cursor", "kind:usage-based")
    assert call.longest_prompt == 200_000
    assert only(row(**{"Max Mode": "Yes"})).longest_prompt is None


def test_a_total_tells_that_one_input_holds_the_other():
    assert counts(only(row(written="1540", total="54440"))) == (1200, 52_000, 340, 900)


def test_a_total_that_fits_nothing_is_told():
    assert only(row(total="60000")).reading == "ambiguous"


def test_thousands_have_commas():
    call = only(row(fresh="1,200", total="54,440", Cost="$1,234.50"))
    assert (call.input, call.reported_picousd) == (1200, 1_234_500_000_000_000)


@pytest.mark.parametrize("cost", ["Included", "Free", "-", "0", ""])
def test_what_a_plan_includes_has_no_cost(cost: str):
    assert only(row(Cost=cost)).reported_picousd is None


def test_the_cost_to_you_comes_before_the_cost():
    assert only(row(**{"Cost to you": "0.01"})).reported_picousd == 10_000_000_000
    assert only(row(**{"Cost to you": "Included"})).reported_picousd == 30_000_000_000


@pytest.mark.parametrize(
    ("kind", "status"),
    [("Errored, No Charge", "error"), ("Aborted, Not Charged", "cancelled"), ("Included", "ok")],
)
def test_what_became_of_an_event(kind: str, status: str):
    zeros = row("0", "0", "0", **{"Kind": kind, "Cache Read": "0", "Output Tokens": "0", "Cost": "-"})
    assert (only(zeros).status, only(zeros).quality) == (status, "none")


@pytest.mark.parametrize(
    ("name", "model", "tier", "speed"),
    [
        ("claude-4.5-sonnet-thinking", "claude-sonnet-4.5", None, None),
        ("claude-4.6-opus-high-thinking-fast", "claude-opus-4.6", None, "fast"),
        ("claude-3.5-sonnet", "claude-3.5-sonnet", None, None),
        ("gpt-5.2-codex-xhigh", "gpt-5.2-codex", None, None),
        ("gpt-5-high-fast", "gpt-5", "priority", None),
        ("gpt-5.1-codex-max", "gpt-5.1-codex-max", None, None),
        ("auto", "auto", None, None),
    ],
)
def test_names_of_models_are_those_of_their_vendors(
    name: str, model: str, tier: str | None, speed: str | None
):
    call = only(row(Model=name))
    assert (call.model, call.model_requested, call.service_tier, call.speed) == (model, name, tier, speed)


def test_events_of_the_api_state_cents():
    call = only(event())
    assert (counts(call), call.reported_picousd) == ((1200, 52_000, 340, 900), 31_000_000_000)
    assert (call.ts, call.user) == (1_786_352_400_000_000, "a@b.example")
    assert only(event(chargedCents=4)).reported_picousd == 40_000_000_000
    page = {"totalUsageEventsCount": 2, "usageEvents": [event(), event()]}
    assert ADAPTER.matches(page)
    assert len(ADAPTER.calls(page)) == 2
