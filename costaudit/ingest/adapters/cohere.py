"""Cohere's bodies: chat (v1 and v2), generate, embed, rerank and classify.

What is billed stands in `billed_units`, under `usage` (chat, v2) or `meta` (all others); `tokens` beside it
also count what Cohere adds to a prompt of its own accord, for which nothing is charged (reference of Chat v2,
`usage`). A rerank is billed by search units, one query with up to 100 documents, which count as searches.
No body names its model: it stands in the request or beside the body.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.fields import first, mapping, model_name, text
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.settle import writes_nothing
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Quality
from costaudit.stated import Stated

PROVIDER: Final = "cohere"

_KNOWN: Final = frozenset({"input_tokens", "output_tokens", "search_units", "cached_tokens"})
"""Keys that are read; for cached tokens no other price is published."""

_OPENED: Final = re.compile("^(billed_units|tokens)$")


def is_cohere(record: Record) -> bool:
    """True for a body of Cohere's, whatever the endpoint."""
    usage = _usage(record)
    billed = isinstance(usage.get("billed_units"), Mapping)
    if "usage" in record and not billed:  # a free model: nothing is billed, the tokens are there
        return isinstance(usage.get("tokens"), Mapping) and "finish_reason" in record
    return billed


def calls_from_cohere(body: Record) -> list[Call]:
    """The call of one body. Raises Skip for impossible usage."""
    usage = _usage(body)
    billed = mapping(usage.get("billed_units"))
    units = count(billed.get("search_units"), "search_units") or 0
    call = Call(
        response_id=text(first(body, "id", "response_id", "generation_id")),
        provider=PROVIDER,
        model=model_name(body.get("model")),
        web_searches=units,
        final=True,
    )
    counted = billed if billed.keys() & {"input_tokens", "output_tokens"} else mapping(usage.get("tokens"))
    prompt = count(counted.get("input_tokens"), "input_tokens")
    completion = count(counted.get("output_tokens"), "output_tokens")
    if units or (completion is None and writes_nothing(call.model)):  # embeddings and reranks
        prompt, completion = prompt or 0, completion or 0
    call.stated = Stated(
        prompt=prompt,
        completion=completion,
        includes=includes(PROVIDER, "chat"),
        unused=unused_numbers(usage, _KNOWN, opened=_OPENED),
    )
    if prompt is None and completion is None:
        call.stated, call.quality = None, Quality.NONE.value
    return [call]


def _usage(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(first(body, "usage", "meta"))


ADAPTER: Final = Adapter(
    name="cohere",
    title="Cohere: response bodies of chat, embed and rerank",
    matches=is_cohere,
    calls=calls_from_cohere,
    needs=("usage", "finish_reason"),
)
