"""The same requests as LiteLLM's StandardLoggingPayload: the fields and nesting of recorded ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.columns_to_json import decimals, filled, renamed, slices, texts, write_lines
from benchmarks.drawn import Truth

PROVIDERS: Final = {"openai": "openai", "anthropic": "anthropic", "google": "gemini"}
"""What LiteLLM calls them."""

USAGE: Final[dict[str, Any]] = {
    "prompt_tokens": "#prompt", "completion_tokens": "#completion", "total_tokens": "#total",
    "prompt_tokens_details": {"cached_tokens": "#cached", "audio_tokens": None},
    "completion_tokens_details": None,
}  # fmt: skip
METADATA: Final[dict[str, Any]] = {
    "user_api_key_hash": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
    "user_api_key_alias": "key-app", "user_api_key_team_id": "team-7", "user_api_key_org_id": None,
    "user_api_key_user_id": "$user", "user_api_key_team_alias": "product", "user_api_key_end_user_id": None,
    "user_api_key_request_route": "/v1/chat/completions", "spend_logs_metadata": None,
    "requester_ip_address": None, "requester_metadata": {}, "user_agent": "python-httpx",
    "applied_guardrails": [], "mcp_tool_call_metadata": None, "vector_store_request_metadata": None,
    "usage_object": USAGE,
}  # fmt: skip
HIDDEN: Final[dict[str, Any]] = {
    "model_id": "b2c1d0", "cache_key": None, "api_base": None, "response_cost": None,
    "additional_headers": {"x_ratelimit_remaining_requests": 999, "x_ratelimit_remaining_tokens": 149_998},
    "litellm_overhead_time_ms": 2.25, "batch_models": None, "usage_object": None,
}  # fmt: skip
MODEL_MAP: Final[dict[str, Any]] = {
    "key": "$model", "max_tokens": 16_384, "max_input_tokens": 128_000, "max_output_tokens": 16_384,
    "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 1.25e-06,
    "litellm_provider": "$provider", "mode": "chat", "supports_vision": True,
}  # fmt: skip
PAYLOAD: Final[dict[str, Any]] = {
    "id": "chatcmpl-$id", "trace_id": "$id", "litellm_call_id": "$id", "call_type": "acompletion",
    "stream": False, "response_cost": "#cost", "response_cost_failure_debug_info": None,
    "saved_cache_cost": 0.0, "cache_hit": None, "cache_key": None, "status": "$status",
    "status_fields": {"llm_api_status": "$status", "guardrail_status": "not_run"},
    "custom_llm_provider": "$provider", "model": "$model", "model_id": "b2c1d0", "model_group": "$model",
    "api_base": "https://upstream.example/v1/", "prompt_tokens": "#prompt",
    "completion_tokens": "#completion", "total_tokens": "#total",
    "startTime": "#start", "endTime": "#end", "completionStartTime": "#end",
    "response_time": "#took", "metadata": METADATA, "request_tags": ["feature:$feature", "env:prod"],
    "end_user": "$user", "requester_ip_address": "", "messages": None, "response": None, "error_str": None,
    "error_information": {"error_code": "$error", "error_class": "", "llm_provider": "", "traceback": ""},
    "model_parameters": {"temperature": 0.2, "top_p": 1}, "hidden_params": HIDDEN,
    "guardrail_information": None,
    "model_map_information": {"model_map_key": "$model", "model_map_value": MODEL_MAP},
    "cost_breakdown": None,
    "standard_built_in_tools_params": {"web_search_options": None, "file_search": None},
}  # fmt: skip


def write_litellm(path: Path, rows: int, truth: Truth) -> None:
    """One payload per line."""
    write_lines(path, (filled(PAYLOAD, _columns(batch)) for batch in slices(rows, truth)))


def _columns(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    start_us = np.asarray(batch.column("timestamp").cast(pa.int64()))
    prompt, completion, latency_ms = (
        np.asarray(batch.column(name)) for name in ("input_tokens", "output_tokens", "latency_ms")
    )
    failed = pc.equal(batch.column("status"), "error")
    return {
        "id": batch.column("request_id"),
        "provider": renamed(batch.column("provider"), PROVIDERS),
        **{name: batch.column(name) for name in ("model", "user", "feature")},
        "prompt": texts(batch.column("input_tokens")),
        "completion": texts(batch.column("output_tokens")),
        "cached": texts(batch.column("cached_tokens")),
        "total": texts(pa.array(prompt + completion)),
        "start": decimals(start_us, 1_000_000, 3),
        "end": decimals(start_us + latency_ms * 1000, 1_000_000, 3),
        "took": decimals(latency_ms, 1_000, 3),
        "status": pc.if_else(failed, "failure", "success"),
        "error": pc.if_else(failed, "500", ""),
        # any figure will do, as long as all read the same
        "cost": decimals(prompt * 1_500 + completion * 7_001, 10**9, 9),
    }
