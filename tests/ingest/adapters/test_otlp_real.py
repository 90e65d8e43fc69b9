"""Spans that three instrumentations wrote of the same recorded responses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from costaudit.ingest.adapters.otlp import OTLP
from costaudit.ingest.adapters.trace_store import calls_among
from costaudit.ingest.settle import settled
from costaudit.schema import INPUT_SIDE
from tests.tape.calls import calls_of_run, merge_calls

FIXED = ("stub", "resp_01".ljust(55, "0"), "resp_02".ljust(55, "0"))


@pytest.mark.parametrize(
    ("file", "spans", "merged"),
    [
        ("otlp/openinference.otlp.jsonl.gz", 2130, 1484 + 6 + 3 + 3),
        ("otlp/openllmetry_2025.otlp.jsonl.gz", 1301, 1096 + 3),
        ("otlp/otelv2_2025.otlp.jsonl.gz", 857, 693 + 2),
    ],
)
def test_real_spans(logs: Callable[[str], list[dict[str, Any]]], file: str, spans: int, merged: int):
    """Each id is a call, but for the fixed ids of test servers (FIXED): there each span is one."""
    assert OTLP.traced is not None
    parts = [settled(OTLP.traced(record)) for record in logs(file)]
    assert sum(len(calls_among(part)) for part in parts) == spans
    assert len(calls_of_run(parts)) == merged


def test_real_spans_agree_with_the_recorded_bodies(logs: Callable[[str], list[dict[str, Any]]]):
    """Every span of a recorded response has that response's tokens, whatever it knows of their split.

    Hidden reasoning (xAI, Gemini) is in the body's total only; instrumentations may leave that out.
    """
    bodies: dict[str, set[tuple[int, int]]] = {}
    for record in logs("exchanges.jsonl.gz"):
        body = record["response"]
        usage = body.get("usage") if isinstance(body, dict) else None
        if isinstance(usage, dict) and body.get("id") and "iterations" not in usage:
            outside = sum(
                usage.get(n) or 0 for n in ("cache_read_input_tokens", "cache_creation_input_tokens")
            )
            asked = usage.get("prompt_tokens", (usage.get("input_tokens") or 0) + outside)
            answered = usage.get("completion_tokens") or usage.get("output_tokens") or 0
            known = bodies.setdefault(body["id"], set())  # more than two: a test server's fixed id
            known |= {(asked, answered), (asked, usage.get("total_tokens", 0) - asked)}
    compared = 0
    for name in ("openinference", "openllmetry_2025", "otelv2_2025"):
        calls = [c for record in logs(f"otlp/{name}.otlp.jsonl.gz") for c in settled(OTLP.calls(record))]
        for call in merge_calls(calls):
            stated = bodies.get(call.response_id or "", set())
            if call.quality != "none" and 0 < len(stated) <= 2 and call.response_id not in FIXED:
                asked = sum(getattr(call, name) for name in INPUT_SIDE)
                assert (asked, call.output + call.output_audio) in stated
                compared += 1
    assert compared > 1000
