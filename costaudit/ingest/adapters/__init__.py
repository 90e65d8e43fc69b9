"""The log formats in order of specificity: the first whose marks a record has reads it."""

from __future__ import annotations

from typing import Final

from costaudit.ingest.adapters import (
    aider,
    anthropic_messages,
    azure,
    batch_results,
    bedrock,
    claude_code,
    cloud_exchange,
    cloudflare,
    codex,
    envoy,
    exchange,
    flat,
    gemini,
    gemini_cli,
    helicone,
    kong,
    langfuse,
    langsmith,
    litellm,
    mlflow,
    openai_chat,
    openai_responses,
    openrouter,
    otlp,
    portkey,
    simonw_llm,
    vercel_gateway,
    vertex_log,
)
from costaudit.ingest.format import Adapter

ADAPTERS: Final[tuple[Adapter, ...]] = (
    *litellm.ADAPTERS,
    *batch_results.ADAPTERS,
    aider.ADAPTER,
    helicone.ADAPTER,
    langfuse.ADAPTER,
    langsmith.ADAPTER,
    mlflow.ADAPTER,
    portkey.ADAPTER,
    openrouter.ADAPTER,
    vercel_gateway.ADAPTER,
    cloudflare.ADAPTER,
    kong.ADAPTER,
    envoy.ADAPTER,
    azure.ADAPTER,
    simonw_llm.ADAPTER,
    openai_responses.ADAPTER,
    anthropic_messages.ADAPTER,
    openai_chat.ADAPTER,
    *otlp.ADAPTERS,
    claude_code.ADAPTER,
    codex.ADAPTER,
    *gemini_cli.ADAPTERS,
    *gemini.ADAPTERS,
    vertex_log.ADAPTER,
    *bedrock.ADAPTERS,
    cloud_exchange.ADAPTER,
    exchange.ADAPTER,
    flat.ADAPTER,  # last: any record with a model and a count
)
