"""The log formats in order of specificity: the first whose marks a record has reads it."""

from __future__ import annotations

from typing import Final

from costaudit.ingest.adapters import (
    aider,
    azure,
    batch_results,
    bedrock,
    beside,
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
    openrouter,
    otlp,
    portkey,
    simonw_llm,
    tagged,
    usage_export,
    vercel_gateway,
    vertex_log,
)
from costaudit.ingest.format import Adapter

ADAPTERS: Final[tuple[Adapter, ...]] = (
    tagged.ADAPTER,
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
    *beside.BODIES,
    *otlp.ADAPTERS,
    claude_code.ADAPTER,
    codex.ADAPTER,
    *gemini_cli.ADAPTERS,
    *map(beside.with_facts, gemini.ADAPTERS),
    vertex_log.ADAPTER,
    bedrock.INVOCATION,
    beside.with_facts(bedrock.BODY),
    cloud_exchange.ADAPTER,
    exchange.ADAPTER,
    usage_export.ADAPTER,
    flat.ADAPTER,  # last: any record with a model and a count
)
