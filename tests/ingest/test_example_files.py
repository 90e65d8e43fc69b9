"""Every shared example is read as the file that it is, in its container, and comes to the true calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from costaudit.errors import InputError
from tests.engine.audits import audit

SPLIT, NO_SPLIT, NO_WRITES, NO_CACHE, NO_REASONING = (
    "split",
    "no split",
    "no writes",
    "no cache",
    "no thoughts",
)
"""What a format states of the tokens: all classes; one input count; no writes apart from input; nothing of
the cache; no reasoning."""

FILES: dict[str, tuple[str, str]] = {
    "anthropic_batch_results.jsonl": ("B", SPLIT),
    "anthropic_messages_responses.jsonl": ("B", SPLIT),
    "azure_apim_gateway_llm_log.jsonl": ("A", NO_SPLIT),
    "bedrock_model_invocation_log.jsonl": ("B", SPLIT),
    "cloudflare_ai_gateway_logs_rest.json": ("ABCD", NO_SPLIT),
    "codex_rollout_new.jsonl": ("A", SPLIT),
    "codex_rollout_old.jsonl": ("A", SPLIT),
    "envoy_ai_gateway_access_log.jsonl": ("ABCD", NO_SPLIT),
    "gemini_cli_session.jsonl": ("D", SPLIT),
    "gemini_generate_content_responses.jsonl": ("D", SPLIT),
    "helicone_export.csv": ("ABCD", NO_CACHE),
    "helicone_export.jsonl": ("ABCD", SPLIT),
    "helicone_hql_request_response_rmt.jsonl": ("ABCD", SPLIT),
    "kong_http_log.jsonl": ("ABCD", NO_SPLIT),
    "langfuse_batch_export.csv": ("ABCD", SPLIT),
    "langfuse_batch_export.json": ("ABCD", SPLIT),
    "langfuse_batch_export.jsonl": ("ABCD", SPLIT),
    "langfuse_blob_storage_observations.jsonl": ("ABCD", SPLIT),
    "langsmith_runs.jsonl": ("ABCD", SPLIT),
    "litellm_spend_logs.jsonl": ("ABCD", SPLIT),
    "litellm_standard_logging_payload.jsonl": ("ABCD", SPLIT),
    "llm_logs.db": ("A", SPLIT),
    "mlflow_trace.jsonl": ("A", NO_REASONING),
    "openai_batch_output.jsonl": ("AC", SPLIT),
    "openai_chat_completions_responses.jsonl": ("A", SPLIT),
    "openai_request_response_pairs.jsonl": ("AC", SPLIT),
    "openai_responses_api.jsonl": ("A", SPLIT),
    "openai_stored_completions_list.json": ("A", SPLIT),
    "openrouter_activity.csv": ("ABD", NO_WRITES),
    "openrouter_generation.json": ("ABD", NO_WRITES),
    "otlp_genai_semconv.jsonl": ("ABCD", SPLIT),
    "otlp_logs_claude_code_api_request.jsonl": ("B", SPLIT),
    "otlp_openinference.jsonl": ("ABCD", SPLIT),
    "otlp_openllmetry_legacy.jsonl": ("ABD", NO_REASONING),
    "portkey_log_export.jsonl": ("ABCD", NO_WRITES),
    "vercel_ai_gateway_generation.jsonl": ("ABD", SPLIT),
    "vertex_bigquery_request_response_log.jsonl": ("D", SPLIT),
}

REFUSED = {
    "anthropic_console_usage.csv": "--compare-bill",
    "anthropic_usage_report_messages.json": "--compare-bill",
    "azure_openai_diagnostics_RequestResponse.jsonl": "API Management",
    "cloudflare_logpush_ai_gateway_events.jsonl": "decrypt",
    "deepseek_amount.csv": "--compare-bill",
    "openai_usage_api_completions.json": "--compare-bill",
    "openai_usage_export.csv": "--compare-bill",
    "truth.json": "no known format comes near",
}

MORE_THAN_THE_FOUR = {"anthropic_message_iterations.jsonl", "claude_code_session.jsonl"}
"""Files with calls beside the four; tests of their formats hold them."""


@pytest.fixture
def folder(shared_data: Path) -> Path:
    return shared_data / "logs" / "examples"


def test_no_example_is_left_out(folder: Path):
    assert {p.name for p in folder.iterdir()} == {*FILES, *REFUSED, *MORE_THAN_THE_FOUR}


def true_tokens(calls: list[dict[str, Any]], stated: str) -> dict[str, int]:
    """The sums of the true calls, as far as a format can state them."""

    def total(name: str) -> int:
        return sum(call[name] or 0 for call in calls)

    uncached, read, written = total("input_uncached"), total("cache_read"), total("cache_write_5m")
    sums = {"input": uncached, "cache_read": read, "cache_write_5m": written, "output": total("output")}
    if stated == NO_SPLIT:
        sums |= {"input": uncached + read + written, "cache_read": 0, "cache_write_5m": 0}
    elif stated == NO_WRITES:
        sums |= {"input": uncached + written, "cache_write_5m": 0}
    elif stated == NO_CACHE:
        sums |= {"cache_read": 0, "cache_write_5m": 0, "output": total("output") - total("reasoning")}
    return sums


@pytest.mark.parametrize("name", FILES)
def test_an_example_comes_to_the_true_calls(folder: Path, name: str):
    letters, stated = FILES[name]
    truth = json.loads((folder / "truth.json").read_text())["calls"]
    report = audit(folder / name)
    calls = [truth[letter] for letter in letters]
    found = {k: getattr(report.spend.tokens, k) for k in ("input", "cache_read", "cache_write_5m", "output")}
    assert found == true_tokens(calls, stated)
    if stated == SPLIT:
        assert report.spend.tokens.reasoning == sum(call["reasoning"] or 0 for call in calls)
    assert report.inputs.skipped == []
    failed = sum(1 for call in calls if call["error"])
    extra = 2 if name == "anthropic_batch_results.jsonl" else 0  # an errored and an expired request
    assert report.inputs.requests == len(calls) + extra
    assert report.coverage.usage.get("none", 0) <= failed + extra


@pytest.mark.parametrize("name", REFUSED)
def test_what_holds_no_calls_is_refused_with_what_to_do(folder: Path, name: str):
    with pytest.raises(InputError) as refused:
        audit(folder / name)
    assert REFUSED[name] in f"{refused.value} {refused.value.hint}"
