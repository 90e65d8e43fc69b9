"""What the rows of gateways and tracers have in common: labels, outcomes, and the provider's own answer.

A gateway that states one input count and no split of it cannot tell how much of it was read from
the provider's cache, at a tenth to a half of the price: such a call has quality `partial`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.anthropic_messages import set_message_usage
from costaudit.ingest.adapters.openai_chat import set_chat_usage
from costaudit.ingest.adapters.openai_responses import set_response_usage
from costaudit.ingest.adapters.response_body import calls_from_body
from costaudit.ingest.adapters.row_values import integer, short_code
from costaudit.ingest.fields import first, mapping, picousd, text
from costaudit.ingest.usage import has_tokens, is_counted
from costaudit.schema import Call, Status
from costaudit.stated import Stated

LABELS: Final = {
    "feature": ("feature", "endpoint", "function"),
    "user": ("user", "user_id", "userId", "_user"),
    "session": ("session", "session_id", "sessionId", "thread_id", "conversation_id"),
    "user_tier": ("user_tier",),
}
"""Fields of a call, with the names under which teams put them into free metadata."""

_NAMES: Final = frozenset(name for names in LABELS.values() for name in names) | {"tier"}

CACHED_FROM: Final = 1024
"""No prompt below this many tokens is cached by the hosts of CACHED_INSIDE (their caching guides)."""

CACHED_INSIDE: Final = ("openai", "azure", "google", "gemini", "vertex")
"""Starts of the names of providers whose input count includes what was read from the cache."""

ANSWER_FACTS: Final = ("stated", "web_searches", "quality", "reported_picousd")
"""What a provider's answer knows better than the row around it."""

PROVIDER_IDS: Final = ("chatcmpl-", "msg_", "resp_", "gen-", "cmpl-")
"""How response ids of providers start; a tracer's own ids do not."""


def set_labels(call: Call, metadata: Mapping[str, Any]) -> None:
    """Feature, user, session and tiers out of free metadata, where the call has none yet."""
    for field, names in LABELS.items():
        if getattr(call, field) is None:
            setattr(call, field, text(first(metadata, *names)))
    tier = integer(metadata.get("tier"))
    if call.tier_tag is None and tier in (0, 1, 2, 3):
        call.tier_tag = tier


def tags_of(metadata: Mapping[str, Any]) -> str | None:
    """The labels that are neither feature, user nor session, as `name:value` tags."""
    tags = []
    for name, value in metadata.items():
        word = text(value)
        if word is not None and len(word) <= 64 and name not in _NAMES:
            tags.append(f"{name}:{word}")
    return ",".join(tags) or None


def set_outcome(call: Call, status: Any, error: Any = None) -> None:
    """Error and code from an HTTP status and what was said about it."""
    code = integer(status)
    if code is not None and code >= 400:
        call.status, call.final = Status.ERROR.value, True
        call.error_code = short_code(error) or str(code)


def set_cost(call: Call, reported: int | None) -> None:
    """The reported cost in pico-dollars; None leaves what the answer stated. To be called last.

    A computed cost of 0 for tokens that somebody served is the mark of a model without a price in
    the gateway's table, and stays unknown.
    """
    reported = call.reported_picousd if reported is None else reported
    unpriced = not reported and has_tokens(call) and call.status != Status.CACHE_HIT
    call.reported_picousd = None if unpriced else reported


def set_usd(call: Call, value: Any) -> None:
    """`set_cost` for a value in USD."""
    set_cost(call, picousd(value))


def without_counts(stated: Stated) -> None:
    """Counts that are all 0 are a column's default, not a measurement."""
    stated.zeros_are_nothing = True


def without_split(stated: Stated, provider: str | None) -> None:
    """Mark counts whose source has one input count and no cache split."""
    without_counts(stated)
    stated.doubt_from = CACHED_FROM if (provider or "").lower().startswith(CACHED_INSIDE) else 0


def set_answer(call: Call, body: Mapping[str, Any]) -> bool:
    """Take the counts, id and tier from the provider's response body; True when it states its usage.

    Raises Skip for impossible usage.
    """
    answer = _answer(body)
    if answer is None or not is_counted(answer):
        return False
    for name in ANSWER_FACTS:
        setattr(call, name, getattr(answer, name))
    for name in ("response_id", "model", "service_tier", "region", "speed", "final"):
        setattr(call, name, getattr(answer, name) or getattr(call, name))
    return True


def _answer(body: Mapping[str, Any]) -> Call | None:
    """The one call of a body, or of a body of which only `usage` was kept."""
    found = calls_from_body(body)
    if found is not None:
        return found[0] if len(found) == 1 else None
    usage = mapping(body.get("usage"))
    answer = Call(response_id=text(body.get("id")))
    if "prompt_tokens" in usage:
        return set_chat_usage(answer, usage)
    if "cache_read_input_tokens" in usage or "cache_creation_input_tokens" in usage:
        return set_message_usage(answer, usage)
    return set_response_usage(answer, usage) if "input_tokens" in usage else None


def response_id_of(answer: Any) -> str | None:
    """The provider's response id in a traced output, where the whole body was kept."""
    ident = text(mapping(answer).get("id"))
    return ident if ident is not None and ident.startswith(PROVIDER_IDS) else None
