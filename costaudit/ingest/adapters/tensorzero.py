"""TensorZero: rows of the `ModelInference` table, from ClickHouse, Postgres or an export.

`input_tokens` is what the provider's API calls so: the whole input of OpenAI, and of Anthropic and Bedrock
what was not cached (tensorzero/tensorzero issue 5688). What was cached stands in `raw_response` alone, the
provider's own answer: its usage comes before the columns. Without one that states its usage a row is partial.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters import bedrock, gemini
from costaudit.ingest.adapters.response_body import fold_events
from costaudit.ingest.adapters.row_facts import set_answer, set_usd, without_split
from costaudit.ingest.adapters.row_values import filled, integer
from costaudit.ingest.fields import first, flag, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.usage import count, is_counted
from costaudit.schema import Call, Status
from costaudit.stated import Stated

_PROVIDERS: Final = {
    "aws_bedrock": "bedrock",
    "aws_sagemaker": "sagemaker",
    "gcp_vertex_gemini": "vertex",
    "gcp_vertex_anthropic": "vertex",
    "google_ai_studio_gemini": "google",
    "together": "together",
}
"""Kinds of providers in TensorZero's configuration, where they have other names here."""
_SHORT: Final = "::"
"""What stands between provider and model in a name that needs no configuration (`openai::gpt-4o-mini`)."""


def is_tensorzero(record: Record) -> bool:
    """True for a row."""
    return "model_provider_name" in record and "inference_id" in record and "model_name" in record


def calls_from_tensorzero(record: Record) -> list[Call]:
    """The call of a row. Raises Skip for impossible usage."""
    record = filled(record)
    name = model_name(record.get("model_name"))
    kind = text(record.get("model_provider_name"))
    call = Call(
        ts=timestamp_us(first(record, "timestamp", "created_at")),
        call_id=text(record.get("id")),
        provider=_PROVIDERS.get(kind or "", kind),
        model=name.rpartition(_SHORT)[2] if name else None,
        model_requested=name,
        session=text(record.get("episode_id")),
        feature=text(record.get("function_name")),
        latency_ms=integer(record.get("response_time_ms")),
        final=True,
    )
    if not _set_raw_answer(call, record.get("raw_response")):
        call.stated = Stated(
            prompt=count(record.get("input_tokens"), "input_tokens"),
            completion=count(record.get("output_tokens"), "output_tokens"),
            includes=includes(None, "gateway"),
        )
        without_split(call.stated, call.provider)
    if flag(record.get("cached")) or record.get("cached") in (1, "1"):
        call.status = Status.CACHE_HIT.value
    set_usd(call, record.get("cost"))
    return [call]


def _set_raw_answer(call: Call, raw: Any) -> bool:
    """Take the counts out of the provider's answer, a body or a stream; True where it has some."""
    body = _body(raw)
    if body is None:
        return False
    if set_answer(call, body):
        return True
    for adapter in (gemini.GENERATE, bedrock.BODY):
        if adapter.matches(body):
            found = [answer for answer in adapter.calls(body) if is_counted(answer)]
            if len(found) == 1:
                call.stated, call.model = found[0].stated, found[0].model or call.model
                return True
    return False


def _body(raw: Any) -> Mapping[str, Any] | None:
    if not isinstance(raw, str):
        return mapping(raw) or None
    whole = mapping(raw.strip())
    if whole:
        return whole
    events = [event for line in raw.splitlines() if (event := _event(line)) is not None]
    return fold_events(events) or gemini.fold_chunks(events)


def _event(line: str) -> Any:
    """An event of a stream, one a line as TensorZero keeps them; None for a line that is none."""
    if not line.startswith(("{", "data:")):
        return None
    try:
        return json.loads(line.removeprefix("data:"))
    except (ValueError, RecursionError):
        return None


ADAPTER: Final = Adapter(
    name="tensorzero",
    title="TensorZero: rows of ModelInference",
    matches=is_tensorzero,
    calls=calls_from_tensorzero,
    needs=("model_name", "model_provider_name", "inference_id"),
)
