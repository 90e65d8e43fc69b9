"""Logs of two arms: gpt-4o at $2.50 in and $10 out per 1M tokens, gpt-4o-mini at $0.15 and $0.60."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def call(number: int, day: int, *, model: str = "gpt-4o", **more: Any) -> dict[str, Any]:
    return {
        "timestamp": f"2025-03-{day:02}T12:00:00Z",
        "request_id": f"r{number}",
        "provider": "openai",
        "model": model,
        "input_tokens": 1000,
        "output_tokens": 100,
        "feature": "faq",
        "latency_ms": 1000,
        **more,
    }


def write_log(path: Path, calls: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(c) + "\n" for c in calls), "utf-8")
    return path


def varied(days: int, per_day: int, **more: Any) -> list[dict[str, Any]]:
    """Calls of different sizes on consecutive days, the same for the same arguments."""
    return [
        call(
            number,
            1 + number // per_day,
            input_tokens=200 + 37 * (number * number % 101),
            output_tokens=20 + 3 * (number * 7 % 89),
            latency_ms=400 + 13 * (number * 31 % 97),
            **more,
        )
        for number in range(days * per_day)
    ]
