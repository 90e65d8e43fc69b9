"""The log formats in order of specificity: the first whose marks a record has reads it."""

from __future__ import annotations

from typing import Final

from costaudit.ingest.adapters import (
    aider,
    anthropic_messages,
    batch_results,
    exchange,
    flat,
    litellm,
    openai_chat,
    openai_responses,
)
from costaudit.ingest.format import Adapter

ADAPTERS: Final[tuple[Adapter, ...]] = (
    *litellm.ADAPTERS,
    *batch_results.ADAPTERS,
    aider.ADAPTER,
    openai_responses.ADAPTER,
    anthropic_messages.ADAPTER,
    openai_chat.ADAPTER,
    exchange.ADAPTER,
    flat.ADAPTER,  # last: any record with a model and a count
)
