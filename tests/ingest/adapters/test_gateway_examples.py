"""The four true calls in the format of every gateway and tracer, and no other format taking them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.fields import picousd, timestamp_us
from costaudit.ingest.format import Skip
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from tests.ingest.adapters.rows import Rows, counts, read_rows

Truth = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """One file of examples, and how much of the truth its records can state."""

    file: str
    name: str
    letters: str
    split: str = "whole"
    """What is told apart: everything ("whole"), all but cache writes ("reads"), reasoning alone
    ("reasoning"), nothing ("sums"), or the uncached input and visible output alone ("visible")."""
    stated: str = "ts latency cost"
    """Facts that the records hold."""
    quality: str = "exact"
    """Quality of call B, which read and wrote the cache."""
    gateway: str | None = None


WHO = "ts latency cost user feature"
TEXT = "system prompt"
EXAMPLES = [
    Example("helicone_export.jsonl", "helicone", "CABD", "whole", f"{WHO} session {TEXT} attempt requested",
            gateway="helicone"),
    Example("helicone_export.csv", "helicone", "CABD", "visible", f"{WHO} session {TEXT} attempt requested",
            "partial", "helicone"),
    Example("helicone_hql_request_response_rmt.jsonl", "helicone", "CABD", "whole", WHO, gateway="helicone"),
    Example("langfuse_batch_export.jsonl", "langfuse", "CABD", "whole", f"{WHO} error {TEXT}"),
    Example("langfuse_batch_export.json", "langfuse", "CABD", "whole", f"{WHO} error {TEXT}"),
    Example("langfuse_batch_export.csv", "langfuse", "CABD", "whole", f"{WHO} error {TEXT}"),
    Example("langfuse_blob_storage_observations.jsonl", "langfuse", "CABD", "whole",
            f"ts latency cost feature error {TEXT}"),
    Example("portkey_log_export.jsonl", "portkey", "CABD", "reads", f"{WHO} error {TEXT} requested",
            "partial", "portkey"),
    Example("langsmith_runs.jsonl", "langsmith", "CABD", "whole", f"{WHO} session error {TEXT}"),
    Example("openrouter_activity.csv", "openrouter", "ABD", "reads", WHO, "partial", "openrouter"),
    Example("openrouter_generation.json", "openrouter", "ABD", "reads", "ts latency cost user", "partial",
            "openrouter"),
    Example("cloudflare_ai_gateway_logs_rest.json", "cloudflare", "CABD", "sums", WHO, "partial",
            "cloudflare"),
    Example("kong_http_log.jsonl", "kong", "CABD", "sums", f"{WHO} requested", "partial", "kong"),
    Example("envoy_ai_gateway_access_log.jsonl", "envoy", "CABD", "reasoning", "ts latency session requested",
            "partial", "envoy"),
    Example("vercel_ai_gateway_generation.jsonl", "vercel-gateway", "ABD", gateway="vercel"),
    Example("mlflow_trace.jsonl", "mlflow", "A", "no reasoning", f"ts latency user session feature {TEXT}"),
    Example("azure_apim_gateway_llm_log.jsonl", "azure-apim", "A", "sums", "", "partial"),
    Example("llm_logs.db", "llm", "A", "whole", f"ts latency session {TEXT}"),
]  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.file)
def test_the_true_calls(shared_data: Path, truth: Truth, example: Example):
    calls = read(read_rows(shared_data / "logs" / "examples" / example.file), example.name)
    assert len(calls) == len(example.letters)
    for call, letter in zip(calls, example.letters, strict=True):
        true = truth[letter]
        assert counts(call) == expected(true, example.split)
        assert_facts(call, true, example)
        if letter == "B":
            assert call.quality == example.quality
        if letter == "C":
            assert (call.status, call.quality) == ("error", "none")


def read(rows: Rows, name: str) -> list[Call]:
    """The calls of the rows, all of which the named adapter must be the first to recognise."""
    calls = []
    for row in rows:
        adapter = next(a for a in ADAPTERS if a.matches(row))
        assert adapter.name == name
        calls += settled(adapter.calls(row))
    return calls


def expected(true: Truth, split: str) -> tuple[int, int, int, int, int, int]:
    read, reasoning, output = true["cache_read"], true["reasoning"] or 0, true["output"]
    short, hour = true["cache_write_5m"], true["cache_write_1h"]
    plain = true["input_uncached"]
    match split:
        case "reads":
            return plain + short + hour, read, 0, 0, output, reasoning
        case "reasoning":
            return plain + read + short + hour, 0, 0, 0, output, reasoning
        case "sums":
            return plain + read + short + hour, 0, 0, 0, output, 0
        case "visible":
            return plain, 0, 0, 0, output - reasoning, 0
        case "no reasoning":
            return plain, read, short, hour, output, 0
    return plain, read, short, hour, output, reasoning


def assert_facts(call: Call, true: Truth, example: Example) -> None:
    model = (true["response_model"] or true["model"], true["model"])
    assert (call.model or "").rpartition("/")[2] in model
    assert call.gateway == example.gateway
    assert call.provider is None or call.provider.lower() in (true["provider"], "azure")
    facts = {
        "ts": (call.ts, timestamp_us(true["ts"])),
        "latency": (call.latency_ms, true["latency_ms"]),
        "cost": (call.reported_picousd, picousd(true["cost"])),
        "user": (call.user, true["user"]),
        "feature": (call.feature, true["feature"]),
        "session": (call.session, true["session"]),
        "system": (call.system, true["system"]),
        "prompt": (call.prompt, true["prompt"]),
        "attempt": (call.attempt, true["attempt"]),
        "requested": (call.model_requested, true["model"]),
        "error": (call.error_code, true["error"]),
    }
    for name in example.stated.split():
        assert facts[name][0] == facts[name][1], name


@pytest.mark.parametrize(
    ("file", "name", "word"),
    [
        ("azure_openai_diagnostics_RequestResponse.jsonl", "azure-apim", "API Management"),
        ("cloudflare_logpush_ai_gateway_events.jsonl", "cloudflare", "decrypt"),
    ],
)
def test_logs_without_tokens_are_refused_with_what_to_do(shared_data: Path, file: str, name: str, word: str):
    for row in read_rows(shared_data / "logs" / "examples" / file):
        adapter = next(a for a in ADAPTERS if a.matches(row))
        assert adapter.name == name
        with pytest.raises(Skip) as refused:
            settled(adapter.calls(row))
        assert refused.value.reason == "no_usage_in_log"
        assert word in refused.value.detail


OURS = {example.name for example in EXAMPLES}
ALSO_OURS = ("azure_openai_diagnostics", "cloudflare_logpush")


def test_no_format_takes_the_records_of_another(shared_data: Path):
    owner = {example.file: example.name for example in EXAMPLES}
    files = sorted((shared_data / "logs" / "examples").glob("*"))
    for path in files:
        if path.name == "truth.json":
            continue
        for row in read_rows(path):
            takers = {a.name for a in ADAPTERS if a.matches(row)} & OURS
            if path.name in owner:
                assert takers == {owner[path.name]}, path.name
            elif not path.name.startswith(ALSO_OURS):
                assert not takers, path.name
