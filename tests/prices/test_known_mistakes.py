"""Mistakes that public price tables have shipped, put into ours with the figures that they had."""

from __future__ import annotations

import pytest

from costaudit.prices.book import shipped_directory
from costaudit.prices.check import judge_tables
from tests.prices.mutations.shelf import take


@pytest.mark.parametrize(
    ("provider", "model", "prices", "code"),
    [
        # Langfuse shipped Gemini 2.0 Flash a thousand times too high on 2025-02-06 (langfuse#5420)
        ("google", "gemini-2.0-flash-001", {"input": "37.5", "output": "150"}, "CA306"),
        # models.dev, 2025-06-17 to 06-23: read and write of Claude Sonnet 4 swapped
        ("anthropic", "claude-sonnet-4-20250514", {"cache_read": "3.75", "cache_write_5m": "0.3"}, "CA301"),
        ("anthropic", "claude-sonnet-4-20250514", {"cache_read": "3.75", "cache_write_5m": "0.3"}, "CA308"),
        # models.dev: Opus 4 with a read for a write, Opus 4.5 with the cache prices of Opus 4.1 for two days
        ("anthropic", "claude-opus-4-20250514", {"cache_write_5m": "1.5"}, "CA308"),
        ("anthropic", "claude-opus-4-5-20251101", {"cache_read": "1.5", "cache_write_5m": "18.75"}, "CA308"),
        # models.dev: cached input of gpt-3.5-turbo at 2.5 times input, for ten months; ours has no such row
        ("openai", "gpt-5-nano-2025-08-07", {"cache_read": "0.125"}, "CA301"),
        # models.dev published Kimi K2.5 and GLM 5 at 0 on their launch days
        ("moonshot", "kimi-k2.5", {"input": "0", "output": "0"}, "CA305"),
        # litellm 1.85 to 1.103: output of Gemini 1.5 Flash at 0
        ("google", "gemini-1.5-flash-001", {"output": "0"}, "CA314"),
        # litellm: Qwen3-235B on Together with output at 6.00 instead of 0.60 for a year
        ("together", "Qwen/Qwen3-235B-A22B-Instruct-2507-tput", {"output": "6"}, "CA307"),
        # litellm: an hour of cache of Claude 3.5 Haiku at 7.5 times input
        ("anthropic", "claude-3-5-haiku-20241022", {"cache_write_1h": "6"}, "CA308"),
        # truefoundry/models PR 765: batch of o3 at the full price
        ("openai", "o3-2025-04-16", {"input [tier=batch]": "2", "output [tier=batch]": "8"}, "CA309"),
    ],
)
def test_a_mistake_of_a_public_table_is_found_in_ours(
    provider: str, model: str, prices: dict[str, str], code: str
):
    shelf = take(shipped_directory(), provider).copy()
    wanted = {name.rstrip("]").partition(" [")[::2]: usd for name, usd in prices.items()}
    changed = 0
    for row in shelf.prices:
        usd = wanted.get((row["class"], row["when"]))
        if row["model"] == model and usd is not None and row["usd"]:
            row["usd"], row["note"] = usd, ""
            changed += 1
    assert changed >= len(prices), "the table has no such rows"
    found = judge_tables(shelf.held()).violations
    assert code in {v.code for v in found if v.subject.startswith(f"{provider}/{model}/")}
