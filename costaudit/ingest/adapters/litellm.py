"""LiteLLM: SpendLogs rows (`litellm-spend`) and the StandardLoggingPayload (`litellm-payload`).

Both come as JSON, as database exports with JSON inside strings, and as Parquet with null columns
left out. `prompt_tokens` includes cache reads and writes for every provider, and the tokens of all
iterations of an Anthropic message; the split is in `metadata.usage_object`.

`gateway` is `litellm`, except for `custom_llm_provider: openrouter`: a self-hosted LiteLLM takes no
fee and OpenRouter does, so there the gateway is `openrouter`, where money is added to the price.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from costaudit.ingest.adapters.hosts import served
from costaudit.ingest.adapters.openai_chat import served_mode, stated_usage, web_searches
from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.fields import flag, mapping, model_name, picousd, text, timestamp_us
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.meaning import includes
from costaudit.ingest.usage import count, has_tokens
from costaudit.schema import Call, Quality, Status

MODEL_CALLS: Final = re.compile(
    "completion|response|message|embedding|generate|realtime|rerank|image|speech|transcription|moderation|pass_through"
)
"""In the `call_type` of rows that ran a model; other rows are calls where they state tokens or a cost."""

NO_MODEL: Final = re.compile(
    r"a?(get|delete|cancel|list|retrieve|upload|download)_.*|a?_?add_message"
    r"|a?create_(file|batch|fine_tuning|assistant|thread|container|skill|sandbox|vector_store|eval).*"
    r"|a?(file|vector_store|container|skill|fine_tuning|sandbox)_.*"
    r"|a?video_(retrieve|list|content|delete|get)\w*|a?call_mcp_tool"
)
"""The `call_type` (`CallTypes` in LiteLLM's types/utils.py) of requests that run no model, whatever they
state: to read a response (`aget_responses`) is free, and its row has the usage and the cost of that."""

_READING: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
"""Methods of HTTP by which no model is run, of requests that are passed through."""

MASKED_ID: Final = "resp_bGl0ZWxsbT"
"""How a Responses id starts that LiteLLM replaced: `resp_` and the base64 of `litellm:…;response_id:<id>`."""


class _Metadata(msgspec.Struct):
    """The parts of a metadata string that are read; the rest (10 KB of price map) is skipped over."""

    usage_object: Any = None
    additional_usage_values: Any = None
    litellm_call_id: Any = None
    user_api_key_user_id: Any = None
    requester_metadata: Any = None
    spend_logs_metadata: Any = None
    error_information: Any = None
    attempted_retries: Any = None
    cost_breakdown: Any = None
    model_map_information: msgspec.Raw = msgspec.Raw()


_metadata_decoder: Final = msgspec.json.Decoder(_Metadata)


def call_from_spend(row: Record) -> list[Call]:
    """The call of one SpendLogs row. Raises Skip for impossible usage, and for a row that ran no model."""
    call = _common(row, _metadata(row.get("metadata")), spend=row.get("spend"))
    call.response_id = _unmasked(text(row.get("request_id")))
    call.latency_ms = _milliseconds(row, row.get("request_duration_ms"), 1)
    _set_content(call, row, mapping(row.get("proxy_server_request")))
    return _if_call(call, row)


def call_from_payload(payload: Record) -> list[Call]:
    """The call of one StandardLoggingPayload. Raises Skip as `call_from_spend` does."""
    metadata = dict(mapping(payload.get("metadata")))
    for name in ("model_map_information", "cost_breakdown", "error_information", "litellm_call_id"):
        metadata[name] = payload.get(name) or metadata.get(name)
    call = _common(payload, metadata, spend=payload.get("response_cost"))
    call.response_id = _unmasked(text(payload.get("id")))
    call.session = call.session or text(payload.get("trace_id"))
    call.latency_ms = _milliseconds(payload, payload.get("response_time"), 1000)
    call.stream = flag(payload.get("stream"))
    _set_content(call, payload, mapping(payload.get("model_parameters")))
    return _if_call(call, payload)


def _common(row: Record, metadata: Mapping[str, Any], spend: Any) -> Call:
    """All that both shapes state under the same names."""
    provider = text(row.get("custom_llm_provider"))
    call = Call(
        ts=timestamp_us(row.get("startTime")),
        call_id=text(row.get("litellm_call_id")) or text(metadata.get("litellm_call_id")),
        attempt=_small(metadata.get("attempted_retries")),
        provider=provider,
        model=model_name(row.get("model")),
        model_requested=text(row.get("model_group")),
        gateway="openrouter" if provider == "openrouter" else "litellm",
        user=text(row.get("end_user")) or text(row.get("user")) or text(metadata.get("user_api_key_user_id")),
        session=text(row.get("session_id")),
        reported_picousd=picousd(spend),
    )
    _set_tags(call, row.get("request_tags"), metadata)
    _set_tokens(call, row, metadata)
    failure = row.get("status") == "failure"
    if failure:
        error = mapping(metadata.get("error_information"))
        call.status = Status.ERROR.value
        call.error_code = text(error.get("error_code")) or text(error.get("error_class"))
        call.final = True
    elif flag(row.get("cache_hit")):
        call.status = Status.CACHE_HIT.value
    elif not call.reported_picousd and has_tokens(call) and _no_known_price(metadata):
        call.reported_picousd = None  # LiteLLM writes 0 for a model that it has no price for
    return call


def _set_tokens(call: Call, row: Record, metadata: Mapping[str, Any]) -> None:
    """Counts, tier and place of service; the row's own counts over those of its usage object."""
    stated = mapping(metadata.get("usage_object"))
    usage = stated or mapping(metadata.get("additional_usage_values"))
    prompt, completion = _stated(row, usage, "prompt_tokens"), _stated(row, usage, "completion_tokens")
    total = _stated(row, usage, "total_tokens")
    call.stated = stated_usage(usage, includes(None, "litellm"))
    call.stated.prompt, call.stated.completion, call.stated.total = prompt, completion, total
    if not stated and not prompt and not completion:
        call.quality = Quality.NONE.value
    call.web_searches = web_searches(usage)
    breakdown = mapping(metadata.get("cost_breakdown"))
    call.service_tier = text(usage.get("service_tier")) or text(breakdown.get("service_tier"))
    region = text(usage.get("inference_geo")) or text(breakdown.get("vertex_location"))
    region = None if region == "not_available" else region
    call.region = region or served(text(row.get("api_base"))).region
    call.speed = text(usage.get("speed")) or served_mode(usage, call.model)


def _stated(row: Record, usage: Mapping[str, Any], name: str) -> int | None:
    value = row.get(name)
    return count(usage.get(name) if value is None else value, name)


def _set_tags(call: Call, value: Any, metadata: Mapping[str, Any]) -> None:
    """Tags, and the feature and tiers that they name: `feature:…`, `user_tier:…`, `tier:0` to `tier:3`."""
    tags = [t for t in _decoded(value) or () if isinstance(t, str) and t] if value else []
    call.tags = ",".join(tags) or None
    for tag in tags:
        name, _, word = tag.partition(":")
        if name == "feature":
            call.feature = call.feature or word.strip() or None
        elif name == "user_tier":
            call.user_tier = word.strip() or None
        elif name == "tier" and word.strip() in {"0", "1", "2", "3"}:
            call.tier_tag = int(word)
    for name in ("requester_metadata", "spend_logs_metadata"):
        call.feature = call.feature or text(mapping(metadata.get(name)).get("feature"))


def _set_content(call: Call, row: Record, request: Mapping[str, Any]) -> None:
    """Request and response text, where the proxy was told to store it."""
    messages = _decoded(row.get("messages"))
    if isinstance(messages, Mapping):  # {} when not stored; some callbacks wrap the list
        messages = messages.get("messages") or messages.get("input")
    if messages and not request.get("messages"):
        request = {**request, "messages" if isinstance(messages, list) else "input": messages}
    if request:
        requested = call.model_requested
        set_request(call, request)
        call.model_requested = call.model_requested or requested
    response = mapping(row.get("response"))
    choices = response.get("choices")
    if isinstance(choices, list) and any(mapping(c).get("finish_reason") for c in choices):
        call.final = True


def _metadata(value: Any) -> Mapping[str, Any]:
    """Metadata as an object; of a string only the parts that are needed are decoded."""
    if not isinstance(value, str):
        return mapping(value)
    try:
        found = _metadata_decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return mapping(value)
    return {name: getattr(found, name) for name in found.__struct_fields__}


def _no_known_price(metadata: Mapping[str, Any]) -> bool:
    """True when LiteLLM says that its price map did not have the model."""
    found = metadata.get("model_map_information")
    if isinstance(found, msgspec.Raw):
        found = bytes(found).decode("utf-8", "replace")
    found = mapping(found)
    return "model_map_value" in found and found["model_map_value"] is None


def _unmasked(response_id: str | None) -> str | None:
    """The provider's response id behind one that LiteLLM made up for the Responses API."""
    if response_id is None or not response_id.startswith(MASKED_ID):
        return response_id
    encoded = response_id.removeprefix("resp_")
    try:
        plain = base64.b64decode(encoded + "=" * (-len(encoded) % 4)).decode("utf-8")
    except (binascii.Error, ValueError):
        return response_id
    return plain.rpartition("response_id:")[2] or response_id


def _decoded(value: Any) -> Any:
    """A list or object as it is or out of its JSON string; None for anything else."""
    if isinstance(value, str) and len(value) > 2 and value[0] in "[{":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, (list, tuple, Mapping)) else None


def _milliseconds(row: Record, stated: Any, unit: int) -> int | None:
    """The stated latency, or end minus start."""
    if isinstance(stated, (int, float)) and not isinstance(stated, bool) and 0 <= stated < 1e12:
        return round(stated * unit)
    start, end = timestamp_us(row.get("startTime")), timestamp_us(row.get("endTime"))
    return (end - start) // 1000 if start is not None and end is not None and end >= start else None


def _small(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 2**31 else None


def _if_call(call: Call, row: Record) -> list[Call]:
    """The call of a row that ran a model. Raises Skip for one that says that it ran none, or sums up many."""
    kind = row.get("call_type")
    paid = call.reported_picousd or has_tokens(call)
    if not isinstance(kind, str):
        return [call]
    if "retrieve_batch" in kind and paid:
        raise Skip("aggregate", "the sum of a batch: read the batch's results")
    if NO_MODEL.fullmatch(kind) or _only_passes(kind, call, row, paid=bool(paid)):
        raise Skip("runs_no_model")
    return [call] if paid or MODEL_CALLS.search(kind) else []


def _only_passes(kind: str, call: Call, row: Record, *, paid: bool) -> bool:
    """Whether a request was passed through that reads or deletes, or that names no model and cost nothing."""
    if "pass_through" not in kind and "passthrough" not in kind:
        return False
    logged = mapping(mapping(row.get("metadata")).get("passthrough_logging_payload"))
    method = text(mapping(row.get("proxy_server_request")).get("method")) or text(
        logged.get("request_method")
    )
    return (method or "").upper() in _READING or (not paid and (call.model or "unknown") == "unknown")


def is_spend(record: Record) -> bool:
    """True for a SpendLogs row, also one from Parquet whose null columns were left out."""
    return "call_type" in record and "request_id" in record and ("spend" in record or "startTime" in record)


def is_payload(record: Record) -> bool:
    """True for a StandardLoggingPayload."""
    if "response_cost" in record and "model_map_information" in record:
        return True
    named = "trace_id" in record and "call_type" in record
    return named and ("cost_breakdown" in record or "response_cost" in record)


SPEND: Final = Adapter(
    name="litellm-spend",
    title="LiteLLM SpendLogs: rows of the proxy's database, as JSON or Parquet",
    matches=is_spend,
    calls=call_from_spend,
    needs=("call_type", "request_id", "spend"),
)
PAYLOAD: Final = Adapter(
    name="litellm-payload",
    title="LiteLLM StandardLoggingPayload: what its callbacks write to S3, GCS, Azure or HTTP",
    matches=is_payload,
    calls=call_from_payload,
    needs=("response_cost", "model_map_information"),
)
ADAPTERS: Final = (PAYLOAD, SPEND)
