"""Records that sum several calls up are not priced as one long prompt."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.engine.audits import audit


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (9, "0.162"),  # 500,000 at 0.3 and 800 at 15 per million
        (1, "0.318"),  # one prompt of 500,000: at 0.6 and 22.5
    ],
)
def test_a_sum_of_short_prompts_has_no_price_for_long_ones(tmp_path: Path, turns: int, expected: str):
    models = {"claude-sonnet-4-5-20250929": {"cacheReadInputTokens": 500_000, "outputTokens": 800}}
    line = {"type": "result", "session_id": "s", "num_turns": turns, "modelUsage": models}
    path = tmp_path / "run.json"
    path.write_text(json.dumps({**line, "timestamp": "2026-01-05T10:00:00Z"}), "utf-8")
    assert audit(path).spend.list_usd == Decimal(expected)
