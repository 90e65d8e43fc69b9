"""new-api and one-api: rows of `logs`, from the database, the API or a CSV export.

`quota` is what the gateway charged its user, 500,000 to the dollar (`QuotaPerUnit` in common/constants.go).
Where Claude's API was asked (`usage_semantic: anthropic`, before that `claude: true`; service/text_quota.go),
`prompt_tokens` are new tokens alone, elsewhere the whole prompt. Where the row's own ratios come to its quota
by one of the two readings only, that one holds: translated Claude answers carry no mark. one-api writes no
`other`: how much was read from a cache is not known there.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from costaudit.ingest.adapters.otlp_spans import started_us
from costaudit.ingest.adapters.row_facts import set_cost, without_split
from costaudit.ingest.adapters.row_values import (
    filled,
    integer,
    milliseconds,
    number,
    objects,
    picousd_of,
    short_code,
)
from costaudit.ingest.fields import first, flag, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Quality, Status
from costaudit.stated import Includes, Stated

QUOTA_PER_USD: Final = 500_000

MARKS: Final = ("quota", "model_name", "prompt_tokens", "completion_tokens", "created_at", "type")

CONSUMED: Final = 2
FAILED: Final = 5
"""`type` of a row that is a request (model/log.go); others are payments, refunds, logins and management."""

_KNOWN: Final = frozenset({
    "cache_tokens", "cache_ratio", "cache_creation_tokens", "cache_creation_ratio",
    "cache_creation_tokens_5m", "cache_creation_ratio_5m", "cache_creation_tokens_1h",
    "cache_creation_ratio_1h", "cache_write_tokens",
    "input_tokens_total", "image_output", "image_ratio", "audio_input", "audio_output", "audio_ratio",
    "audio_completion_ratio", "text_input", "text_output", "audio_input_token_count", "audio_input_price",
    "audio_input_seperate_price", "web_search_call_count", "web_search_price", "image_generation_call_price",
    "pre_consumed_quota",
})  # fmt: skip
"""Keys of `other` that are read, or that say at what price."""


def is_new_api(record: Record) -> bool:
    """True for a row of `logs`."""
    return all(name in record for name in MARKS)


def calls_from_new_api(record: Record) -> list[Call]:
    """The call of one row; none for a row that is no request. Raises Skip for impossible usage."""
    row = filled(record)
    kind, other = integer(row.get("type")), mapping(row.get("other"))
    if kind not in (CONSUMED, FAILED):
        return []
    asked_for, duration = model_name(row.get("model_name")), milliseconds(row.get("use_time"), per_unit=1000)
    ended = timestamp_us(number(row.get("created_at")) or row.get("created_at"))
    call = Call(
        ts=started_us(ended, duration),
        call_id=text(row.get("request_id")) or _row_id(row),
        model=model_name(other.get("upstream_model_name")) or asked_for,
        model_requested=asked_for,
        gateway="new-api",
        user=text(first(row, "username", "user_id")),
        tags=_tags(row),
        stream=_truth(row.get("is_stream")),
        latency_ms=duration,
        final=True,
    )
    if kind == FAILED:
        call.status, call.quality = Status.ERROR.value, Quality.NONE.value
        call.error_code = short_code(first(other, "error_code", "status_code"))
        return [call]
    call.stated = _stated(row, other)
    call.web_searches = _searches(other)
    set_cost(call, picousd_of(row.get("quota"), QUOTA_PER_USD))
    return [call]


def _row_id(row: Mapping[str, Any]) -> str | None:
    """The row's number with its time: each installation counts from 1."""
    ident, at = text(row.get("id")), text(row.get("created_at"))
    return f"{at}:{ident}" if ident and at else None


def _tags(row: Mapping[str, Any]) -> str | None:
    named = {"token": row.get("token_name"), "group": row.get("group")}
    found = [f"{name}:{value}" for name, value in named.items() if text(value)]
    return ",".join(tag.replace(",", " ") for tag in found) or None


def _truth(value: Any) -> bool | None:
    """A flag, also as the 0 or 1 of a database."""
    return bool(integer(value)) if integer(value) in (0, 1) else flag(value)


def _stated(row: Mapping[str, Any], other: Mapping[str, Any]) -> Stated:
    stated = Stated(
        prompt=count(row.get("prompt_tokens"), "prompt_tokens"),
        completion=count(row.get("completion_tokens"), "completion_tokens"),
        cache_read=count(other.get("cache_tokens"), "cache_tokens"),
        write_5m=count(other.get("cache_creation_tokens_5m"), "cache_creation_tokens_5m"),
        write_1h=count(other.get("cache_creation_tokens_1h"), "cache_creation_tokens_1h"),
        written=count(other.get("cache_creation_tokens"), "cache_creation_tokens"),
        input_audio=count(first(other, "audio_input", "audio_input_token_count"), "audio_input"),
        output_audio=count(other.get("audio_output"), "audio_output"),
        input_image=count(other.get("image_output"), "image_output"),
        zeros_are_nothing=True,
        unused=unused_numbers(other, _KNOWN, "other."),
    )
    if not other:
        without_split(stated, None)
        stated.includes = includes(None, "gateway")
        return stated
    stated.includes, stated.unsure = _meaning(stated, row, other)
    return stated


def _meaning(stated: Stated, row: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[Includes, bool]:
    """What `prompt_tokens` holds, and whether that is a guess."""
    whole, apart = includes(None, "gateway"), includes("anthropic", "messages")
    if not (stated.cache_read or stated.has_writes):
        return whole, False
    paid = integer(row.get("quota"))
    charged = [inside for inside in (True, False) if _is_charge(_charge(stated, other, inside=inside), paid)]
    if len(charged) == 1:
        return (whole if charged[0] else apart), False
    if other.get("usage_semantic") == "anthropic" or flag(other.get("claude")):
        return apart, False
    if other.get("usage_semantic") is None and (stated.write_5m or stated.write_1h):
        return apart, True  # made of an answer of Claude (isLegacyClaudeDerivedOpenAIUsage)
    return whole, False


def _is_charge(charge: Decimal | None, paid: int | None) -> bool:
    """Whether a quota is what the ratios come to, however it was rounded."""
    return charge is not None and paid is not None and abs(charge - paid) <= 1


def _charge(stated: Stated, other: Mapping[str, Any], *, inside: bool) -> Decimal | None:
    """The quota that the row's ratios come to if its prompt holds the cached tokens, or if not."""
    ratios = {n: _ratio(other, n) for n in ("model_ratio", "group_ratio", "completion_ratio", "cache_ratio")}
    fee, written = number(other.get("model_price")), stated.written or 0
    named = (stated.write_5m or 0) + (stated.write_1h or 0)
    if None in (ratios["model_ratio"], ratios["completion_ratio"]) or (fee or 0) > 0:
        return None
    prompt = Decimal(stated.prompt or 0)
    if inside:
        prompt -= (stated.cache_read or 0) + max(written, named)
    for tokens, name in (
        (stated.cache_read or 0, "cache_ratio"),
        (max(written - named, 0), "cache_creation_ratio"),
        (stated.write_5m or 0, "cache_creation_ratio_5m"),
        (stated.write_1h or 0, "cache_creation_ratio_1h"),
    ):
        ratio = _ratio(other, name)
        if tokens and ratio is None:
            return None
        prompt += tokens * (ratio or 0)
    whole = prompt + (stated.completion or 0) * (ratios["completion_ratio"] or 0)
    group = ratios["group_ratio"]
    return whole * (ratios["model_ratio"] or 0) * (1 if group is None else group)


def _ratio(other: Mapping[str, Any], name: str) -> Decimal | None:
    value = number(other.get(name))
    return None if value is None else Decimal(str(other[name]).strip())


def _searches(other: Mapping[str, Any]) -> int:
    """Searches of the web that were billed on top."""
    if other.get("web_search_call_count") is not None:
        return count(other["web_search_call_count"], "web_search_call_count") or 0
    items = [item for item in objects(other.get("tool_surcharges")) if "search" in str(item.get("name"))]
    return sum(count(item.get("count"), "count") or 0 for item in items if "file" not in str(item["name"]))


ADAPTER: Final = Adapter(
    name="new-api",
    title="new-api, one-api: rows of logs (database, API, CSV)",
    matches=is_new_api,
    calls=calls_from_new_api,
    needs=MARKS,
)
