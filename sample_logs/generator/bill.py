"""The usage that Anthropic would bill for a sample log, as its Console exports it, with two gaps."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from typing import Final

COLUMNS: Final = (
    "usage_date_utc", "model_version", "api_key", "workspace", "usage_type", "context_window",
    "usage_input_tokens_no_cache", "usage_input_tokens_cache_write_5m", "usage_input_tokens_cache_write_1h",
    "usage_input_tokens_cache_read", "usage_output_tokens", "web_search_count", "inference_geo", "speed",
)  # fmt: skip

MODELS: Final = {"claude-haiku-4-5": "claude-haiku-4-5-20251001", "claude-opus-4-8": "claude-opus-4-8"}
"""What the gateway calls at Anthropic itself, and how a bill names it."""

EVALS: Final = (
    ("2026-10-05", 61_200, 18_400),
    ("2026-10-12", 60_900, 18_150),
    ("2026-10-19", 64_300, 19_020),
)
"""Days on which an evaluation ran with a key of its own, past the gateway: input and output."""
EVALS_MODEL: Final = "claude-sonnet-4-6"

BYPASS: Final = ("2026-10-14", "claude-opus-4-8", 212_000, 48_500)
"""The outage in the flaky week: a service called Anthropic directly for some hours."""


def anthropic_csv(days: Mapping[tuple[str, str], Counter[str]]) -> bytes:
    """The export: the log's own usage, and what went past the gateway."""
    rows = [
        _row(day, MODELS[model], "gateway", used) for (day, model), used in days.items() if model in MODELS
    ]
    rows += [_row(d, EVALS_MODEL, "evals", Counter(input=i, output=o)) for d, i, o in EVALS]
    day, model, prompt, answer = BYPASS
    rows.append(_row(day, MODELS[model], "checkout-direct", Counter(input=prompt, output=answer)))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(sorted(rows))
    return out.getvalue().encode()


def _row(day: str, model: str, key: str, used: Counter[str]) -> tuple[str | int, ...]:
    return (
        day, model, key, "Default", "standard", "≤ 200k", used["input"], used["cache_write_5m"], 0,
        used["cache_read"], used["output"], 0, "global", "",
    )  # fmt: skip
