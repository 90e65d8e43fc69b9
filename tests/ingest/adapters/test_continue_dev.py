"""Continue's development data."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.ingest.adapters.continue_dev import ADAPTER
from costaudit.ingest.settle import settled

EVENT: dict[str, Any] = {
    "eventName": "tokensGenerated", "schema": "0.2.0", "timestamp": "2026-01-05T10:00:00Z", "userId": "u",
    "model": "claude-sonnet-4-5", "provider": "anthropic", "promptTokens": 900, "generatedTokens": 40,
}  # fmt: skip
ROW = {"id": 1, "model": "gpt-4o", "provider": "openai", "tokens_generated": 40, "tokens_prompt": 900}


@pytest.mark.parametrize("record", [EVENT, ROW, {k: v for k, v in EVENT.items() if k != "eventName"}])
def test_counts_of_its_own_tokenizer_are_estimates(record: dict[str, Any]):
    assert ADAPTER.matches(record)
    (call,) = settled(ADAPTER.calls(record))
    assert (call.input, call.output, call.quality, call.feature) == (900, 40, "estimated", "continue")


def test_somebody_elses_counts_are_not_taken():
    assert not ADAPTER.matches({"model": "m", "provider": "p", "promptTokens": 9, "completionTokens": 1})
