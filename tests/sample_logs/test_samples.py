"""The sample logs are what their script writes, and totals.json is what a plain reading of them gives."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "sample_logs"
TOTALS = Path(__file__).with_name("totals.json")
CHAT, GATEWAY, PLATFORM = "support_chat.jsonl.gz", "litellm_gateway.jsonl.gz", "platform_month.parquet"
CLASSES = ("input", "cache_read", "cache_write_5m", "output", "reasoning")
MTOK = Decimal(1_000_000)

# USD per million tokens in October 2026: input, cache read, cache write 5m, output (reasoning is output)
RATES = {
    "gpt-4o": ("2.5", "1.25", "0", "10"),
    "gpt-5.4": ("2.5", "0.25", "0", "15"),
    "gpt-5.4-mini": ("0.75", "0.075", "0", "4.5"),
    "gpt-6-luna": ("0.1", "0.01", "0", "0.5"),
    "gpt-6.1-sol": ("2", "0.1", "0", "10"),
    "claude-haiku-4-5": ("1", "0.1", "1.25", "5"),
    "claude-sonnet-4-6": ("3", "0.3", "3.75", "15"),
    "claude-opus-4-8": ("5", "0.5", "6.25", "25"),
    "claude-opus-5-5": ("4", "0.2", "5", "20"),
    "gemini-2.5-flash": ("0.3", "0.03", "0", "2.5"),
    "gemini-3.1-pro-preview": ("2", "0.2", "0", "12"),
    "gemini-3.8-flash": ("0.75", "0.075", "0", "3.75"),
    "deepseek-v4-flash off-peak": ("0.15", "0.003", "0", "0.6"),
    "deepseek-v4-flash peak": ("0.3", "0.006", "0", "1.2"),
    "mistral-large-2512": ("0.5", "0.05", "0", "1.5"),
    "mistral-large-4 before 2026-10-20": ("0.68", "0.07", "0", "2.09"),
    "mistral-large-4 from 2026-10-20": ("1.36", "0.14", "0", "4.18"),
    "mistral-large-4 from 2026-10-29": ("0.7", "0.07", "0", "2.1"),
    "gpt-5.4 above 272000": ("5", "0.5", "0", "22.5"),
    "gemini-3.1-pro-preview above 200000": ("4", "0.4", "0", "18"),
}
LITELLM_NAMES = {"openai/gpt-5.4": "gpt-5.4", "anthropic/claude-sonnet-4.6": "claude-sonnet-4-6"}

Tokens = dict[str, int]


def usd(rate: str, tokens: Tokens) -> Decimal:
    billed = ("input", "cache_read", "cache_write_5m", "output")
    prices = map(Decimal, RATES[rate])
    return sum((tokens[c] * p for c, p in zip(billed, prices, strict=True)), Decimal(0)) / MTOK


def rate_key(model: str, prompt: int, at: datetime) -> str:
    if model == "mistral-large-4":
        day = at.day
        return f"{model} " + (
            "before 2026-10-20" if day < 20 else "from 2026-10-20" if day < 29 else "from 2026-10-29"
        )
    if model == "deepseek-v4-flash":
        peak = at.isoweekday() <= 5 and (1 <= at.hour < 4 or 6 <= at.hour < 10)
        return f"{model} " + ("peak" if peak else "off-peak")
    for long_model, edge in (("gpt-5.4", 272_000), ("gemini-3.1-pro-preview", 200_000)):
        if model == long_model and prompt > edge:
            return f"{model} above {edge}"
    return model


def openai_tokens(usage: dict[str, Any]) -> Tokens:
    details = usage["prompt_tokens_details"]
    cached, written = details["cached_tokens"], details.get("cache_creation_tokens", 0)
    return {
        "input": usage["prompt_tokens"] - cached - written,
        "cache_read": cached,
        "cache_write_5m": written,
        "output": usage["completion_tokens"],
        "reasoning": usage["completion_tokens_details"]["reasoning_tokens"],
    }


def total(rows: list[Tokens]) -> Tokens:
    return {c: sum(row[c] for row in rows) for c in CLASSES}


def lines(name: str) -> list[str]:
    return gzip.decompress((FOLDER / name).read_bytes()).decode().splitlines()


@pytest.fixture(scope="module")
def totals() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(TOTALS.read_text())
    return loaded["files"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def gateway_rows() -> list[dict[str, Any]]:
    """SpendLogs rows, each call once, money as written."""
    rows = [json.loads(line, parse_float=Decimal) for line in lines(GATEWAY)]
    return list({row["litellm_call_id"]: row for row in rows}.values())


@pytest.fixture(scope="module")
def flat_rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(FOLDER / PLATFORM).to_pylist()
    for row in rows:
        row["tokens"] = {
            "input": row["input_tokens"] - row["cache_read_tokens"] - row["cache_write_5m_tokens"],
            "cache_read": row["cache_read_tokens"],
            "cache_write_5m": row["cache_write_5m_tokens"],
            "output": row["output_tokens"],
            "reasoning": row["reasoning_tokens"],
        }
        row["list_usd"] = usd(rate_key(row["model"], row["input_tokens"], row["timestamp"]), row["tokens"])
    return rows


def test_the_script_writes_what_is_committed():
    script = FOLDER / "make_sample_logs.py"
    run = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_a_changed_or_missing_file_fails_the_check(tmp_path):
    copy = tmp_path / "sample_logs"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / GATEWAY).write_bytes(gzip.compress("\n".join(lines(GATEWAY)[1:]).encode()))
    (copy / PLATFORM).unlink()
    (tmp_path / "tests" / "sample_logs").mkdir(parents=True)
    shutil.copy(TOTALS, tmp_path / "tests" / "sample_logs")
    shutil.copytree(FOLDER.parent / "docs" / "examples", tmp_path / "docs" / "examples")
    script = copy / "make_sample_logs.py"
    run = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr.splitlines() == [
        f"{GATEWAY}: differs from what the script writes",
        f"{PLATFORM}: missing",
    ]


def test_files_are_small_and_name_no_machine():
    sizes = {path.name: path.stat().st_size for path in FOLDER.iterdir() if path.is_file()}
    assert all(size < 1_200_000 for size in sizes.values()), sizes
    assert sum(sizes.values()) < 3_000_000
    for name in (CHAT, GATEWAY):
        packed = (FOLDER / name).read_bytes()
        assert packed[4:8] == bytes(4), "a time in the gzip header"
        text = gzip.decompress(packed).decode()
        assert not any(word in text for word in ("/work/", "/home/", "/root/", "/Users/"))


def test_support_chat_adds_up_to_the_totals(totals):
    merged: dict[str, Tokens] = {}
    models: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for line in lines(CHAT):
        counts["records"] += 1
        try:
            record = json.loads(line)
        except ValueError:
            counts["broken_lines"] += 1
            continue
        response = record["response"]
        assert record["timestamp"].startswith("2026-10-")
        if "error" in response:
            counts["failures"] += 1
            continue
        tokens = openai_tokens(response["usage"])
        if min(response["usage"]["prompt_tokens"], *tokens.values()) < 0:
            counts["impossible_usage"] += 1
            continue
        assert datetime.fromtimestamp(response["created"], UTC).isoformat()[:19] == record["timestamp"][:19]
        assert tokens["cache_read"] % 128 == 0
        key = response["id"]
        counts["duplicates"] += key in merged
        merged[key] = {c: max(merged.get(key, tokens)[c], tokens[c]) for c in CLASSES}
        models[key] = record["request"]["model"]

    expected = totals[CHAT]
    assert {name: expected[name] for name in counts} == dict(counts)
    assert expected["requests"] == len(merged) + counts["failures"]
    assert expected["tokens"] == total(list(merged.values()))
    assert Decimal(expected["list_usd"]) == sum(usd(models[key], tokens) for key, tokens in merged.items())


def test_most_support_chat_requests_are_easy_ones_on_a_flagship(totals):
    tiers = {name: row["tier_meant"] for name, row in totals[CHAT]["by_feature"].items()}
    easy = requests = 0
    for line in lines(CHAT):
        try:
            request = json.loads(line)["request"]
        except ValueError:
            continue
        requests += 1
        easy += tiers[request["metadata"]["feature"]] < 2 and request["model"] != "gpt-5.4-mini"
    assert 0.5 < easy / requests < 0.7


def test_token_counts_fit_the_text():
    for line in lines(CHAT):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        prompt = record["response"].get("usage", {}).get("prompt_tokens", -1)
        if prompt > 0:
            request = record["request"]
            shown = (request["messages"], request.get("tools", ""), request.get("response_format", ""))
            assert 0.15 < prompt / len(json.dumps(shown)) < 0.3


def test_litellm_rows_add_up_to_the_totals(totals, gateway_rows):
    expected = totals[GATEWAY]
    assert expected["records"] == len(lines(GATEWAY))
    assert expected["requests"] == len(gateway_rows)
    assert expected["duplicates"] == expected["records"] - len(gateway_rows)
    assert expected["failures"] == sum(row["status"] == "failure" for row in gateway_rows)
    assert expected["cache_hits"] == sum(row["cache_hit"] == "True" for row in gateway_rows)
    assert expected["retries"] == sum(row["metadata"]["attempted_retries"] > 0 for row in gateway_rows)
    assert Decimal(expected["reported_usd"]) == sum(Decimal(row["spend"]) for row in gateway_rows)
    used = [row["metadata"]["usage_object"] for row in gateway_rows]
    assert expected["tokens"] == total([openai_tokens(usage) for usage in used if usage])
    for row, usage in zip(gateway_rows, used, strict=True):
        assert row["total_tokens"] == row["prompt_tokens"] + row["completion_tokens"]
        assert usage is None or usage["total_tokens"] == row["total_tokens"]


def test_litellm_spend_is_list_or_list_with_the_markup(totals, gateway_rows):
    listed: dict[str, Decimal] = defaultdict(Decimal)
    absurd = []
    for row in gateway_rows:
        usage = row["metadata"]["usage_object"]
        if row["cache_hit"] == "True" or row["model"] == "acme-ranker-2" or usage is None:
            assert row["spend"] == 0
            continue
        model = LITELLM_NAMES.get(row["model"], row["model"])
        at = datetime.fromisoformat(row["startTime"])
        price = usd(rate_key(model, row["prompt_tokens"], at), openai_tokens(usage))
        listed[row["custom_llm_provider"]] += price
        factor = Decimal("1.055") if row["custom_llm_provider"] == "openrouter" else Decimal(1)
        if row["spend"] != price * factor:
            absurd.append((row["spend"], row["total_tokens"]))
    assert absurd == [(Decimal("412.5"), 900)]
    expected = totals[GATEWAY]
    assert Decimal(expected["list_usd"]) == sum(listed.values())
    for provider, list_usd in listed.items():
        assert Decimal(expected["by_gateway"][provider]["list_usd"]) == list_usd


def test_platform_rows_add_up_to_the_totals(totals, flat_rows):
    expected = totals[PLATFORM]
    assert expected["requests"] == expected["records"] == len(flat_rows)
    assert len({row["request_id"] for row in flat_rows}) == len(flat_rows)
    assert expected["failures"] == sum(row["status"] == "error" for row in flat_rows)
    assert expected["retries"] == sum(row["attempt"] > 0 for row in flat_rows)
    assert expected["tokens"] == total([row["tokens"] for row in flat_rows])
    assert Decimal(expected["list_usd"]) == sum(row["list_usd"] for row in flat_rows)
    for model, listed in expected["by_model"].items():
        assert Decimal(listed["list_usd"]) == sum(r["list_usd"] for r in flat_rows if r["model"] == model)


def test_platform_states_a_cost_on_gateway_rows_only(totals, flat_rows):
    factors = {"openrouter": Decimal("1.055"), "hubgate": Decimal("1.08")}
    reported = Decimal(0)
    for row in flat_rows:
        assert (row["cost_usd"] is None) == (row["gateway"] is None)
        if row["gateway"]:
            cost = Decimal(repr(row["cost_usd"]))
            assert cost == row["list_usd"] * factors[row["gateway"]]
            reported += cost
    assert Decimal(totals[PLATFORM]["reported_usd"]) == reported


def test_platform_shows_what_its_readme_says(flat_rows):
    by_id = {row["request_id"]: row for row in flat_rows}
    again = [row for row in flat_rows if row["parent_id"]]
    assert all(by_id[row["parent_id"]]["timestamp"] < row["timestamp"] for row in again)
    assert any(by_id[row["parent_id"]]["list_usd"] for row in again)
    windows = Counter(rate_key(row["model"], row["input_tokens"], row["timestamp"]) for row in flat_rows)
    assert all(windows[key] > 0 for key in RATES if " " in key)
    assert {row["timestamp"].month for row in flat_rows} == {10}
    nightly = [row for row in flat_rows if row["feature"] == "content_enrichment"]
    assert len(nightly) > 1_500
    assert not any(row["batch"] for row in nightly)


def test_readme_says_that_they_are_synthetic_and_counts_right(totals):
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert "**These logs are synthetic.**" in readme
    for name, sums in totals.items():
        row = next(line for line in readme.splitlines() if line.startswith(f"| `{name}`"))
        assert f"| {sums['records']:,} " in row
        assert f"| {sums['requests']:,} |" in row
