"""The names that a flat record may use for each thing: data, in order of preference.

A dotted name is read as one key, as nested objects, and with underscores: `gen_ai.usage.input_tokens`
is also `{"gen_ai": {"usage": {"input_tokens": …}}}` and `gen_ai_usage_input_tokens`.
Names: the OpenTelemetry GenAI attributes, and what home-made logs commonly write.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

import msgspec

Path = tuple[str, ...]
"""Keys to follow from the record to a value."""


class Kind(Enum):
    """How a value is understood."""

    TIME = auto()
    COUNT = auto()
    INTEGER = auto()
    TEXT = auto()
    FLAG = auto()
    COST = auto()
    STATUS = auto()
    MESSAGES = auto()
    LIST = auto()
    TAGS = auto()
    FORMAT = auto()


class FlatField(msgspec.Struct, frozen=True):
    """One thing a record may say, and the names under which it may say it."""

    target: str
    kind: Kind
    names: tuple[str, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every path at which the value may stand, best first."""
        return tuple(path for name in self.names for path in _paths(name))


def _paths(name: str) -> tuple[Path, ...]:
    if "." not in name:
        return ((name,),)
    nested = tuple(name.split("."))
    if not name.startswith("gen_ai."):
        return ((name,), nested)
    return ((name,), nested, (name.replace(".", "_"),))


FLAT_FIELDS: Final = (
    FlatField(
        "ts", Kind.TIME, ("timestamp", "ts", "time", "start_time", "created_at", "created", "datetime")
    ),
    FlatField("call_id", Kind.TEXT, ("call_id", "span_id", "litellm_call_id")),
    FlatField("response_id", Kind.TEXT, ("response_id", "gen_ai.response.id")),
    FlatField("request_id", Kind.TEXT, ("request_id", "id")),
    FlatField("parent_id", Kind.TEXT, ("parent_id", "parent_request_id", "retry_of")),
    FlatField("attempt", Kind.INTEGER, ("attempt", "attempt_number")),
    FlatField("provider", Kind.TEXT, ("provider", "gen_ai.provider.name", "gen_ai.system", "provider_name")),
    FlatField("model_served", Kind.TEXT, ("response_model", "model_served", "gen_ai.response.model")),
    FlatField(
        "model_requested",
        Kind.TEXT,
        ("model", "model_requested", "request_model", "gen_ai.request.model", "model_name"),
    ),
    FlatField("gateway", Kind.TEXT, ("gateway",)),
    FlatField(
        "prompt_tokens",
        Kind.COUNT,
        (
            "input_tokens",
            "prompt_tokens",
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.prompt_tokens",
            "usage.input_tokens",
            "usage.prompt_tokens",
        ),
    ),
    FlatField(
        "completion_tokens",
        Kind.COUNT,
        (
            "output_tokens",
            "completion_tokens",
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens",
            "usage.output_tokens",
            "usage.completion_tokens",
        ),
    ),
    FlatField(
        "cache_read",
        Kind.COUNT,
        (
            "cache_read_tokens",
            "cached_tokens",
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "usage.prompt_tokens_details.cached_tokens",
            "usage.input_tokens_details.cached_tokens",
        ),
    ),
    FlatField("cache_read_outside", Kind.COUNT, ("cache_read_input_tokens", "usage.cache_read_input_tokens")),
    FlatField(
        "write_5m", Kind.COUNT, ("cache_write_5m_tokens", "usage.cache_creation.ephemeral_5m_input_tokens")
    ),
    FlatField(
        "write_1h", Kind.COUNT, ("cache_write_1h_tokens", "usage.cache_creation.ephemeral_1h_input_tokens")
    ),
    FlatField(
        "write_any",
        Kind.COUNT,
        (
            "cache_write_tokens",
            "cache_creation_tokens",
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_creation_input_tokens",
            "usage.prompt_tokens_details.cache_write_tokens",
            "usage.input_tokens_details.cache_write_tokens",
        ),
    ),
    FlatField(
        "write_outside", Kind.COUNT, ("cache_creation_input_tokens", "usage.cache_creation_input_tokens")
    ),
    FlatField(
        "reasoning",
        Kind.COUNT,
        (
            "reasoning_tokens",
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.reasoning_tokens",
            "usage.completion_tokens_details.reasoning_tokens",
            "usage.output_tokens_details.reasoning_tokens",
        ),
    ),
    FlatField("total", Kind.COUNT, ("total_tokens", "gen_ai.usage.total_tokens", "usage.total_tokens")),
    FlatField(
        "input_audio",
        Kind.COUNT,
        (
            "input_audio_tokens",
            "usage.prompt_tokens_details.audio_tokens",
            "usage.input_tokens_details.audio_tokens",
        ),
    ),
    FlatField(
        "output_audio",
        Kind.COUNT,
        ("output_audio_tokens", "usage.completion_tokens_details.audio_tokens"),
    ),
    FlatField(
        "input_image",
        Kind.COUNT,
        (
            "input_image_tokens",
            "usage.prompt_tokens_details.image_tokens",
            "usage.input_tokens_details.image_tokens",
        ),
    ),
    FlatField(
        "output_image",
        Kind.COUNT,
        (
            "output_image_tokens",
            "usage.completion_tokens_details.image_tokens",
            "usage.output_tokens_details.image_tokens",
        ),
    ),
    FlatField(
        "cache_read_audio",
        Kind.COUNT,
        (
            "cache_read_audio_tokens",
            "usage.prompt_tokens_details.cached_tokens_details.audio_tokens",
            "usage.input_tokens_details.cached_tokens_details.audio_tokens",
        ),
    ),
    FlatField(
        "cache_read_image",
        Kind.COUNT,
        (
            "cache_read_image_tokens",
            "usage.prompt_tokens_details.cached_tokens_details.image_tokens",
            "usage.input_tokens_details.cached_tokens_details.image_tokens",
        ),
    ),
    FlatField("web_searches", Kind.COUNT, ("web_searches", "web_search_requests")),
    FlatField("status", Kind.STATUS, ("status", "status_code", "http_status")),
    FlatField("error", Kind.TEXT, ("error", "error_code", "error_type")),
    FlatField("finish", Kind.TEXT, ("finish_reason", "stop_reason")),
    FlatField(
        "service_tier",
        Kind.TEXT,
        ("service_tier", "gen_ai.openai.response.service_tier", "usage.service_tier"),
    ),
    FlatField("batch", Kind.FLAG, ("batch", "is_batch")),
    FlatField("region", Kind.TEXT, ("region", "inference_geo")),
    FlatField("speed", Kind.TEXT, ("speed",)),
    FlatField(
        "feature", Kind.TEXT, ("feature", "endpoint", "metadata.feature", "metadata.endpoint", "function")
    ),
    FlatField("user", Kind.TEXT, ("user", "user_id", "end_user", "metadata.user_id")),
    FlatField("session", Kind.TEXT, ("session", "session_id", "conversation_id", "gen_ai.conversation.id")),
    FlatField("user_tier", Kind.TEXT, ("user_tier", "metadata.user_tier")),
    FlatField("tier_tag", Kind.INTEGER, ("tier", "complexity_tier")),
    FlatField("tags", Kind.TAGS, ("tags",)),
    FlatField("messages", Kind.MESSAGES, ("messages",)),
    FlatField("prompt", Kind.TEXT, ("prompt",)),
    FlatField("system", Kind.TEXT, ("system", "system_prompt")),
    FlatField("tools", Kind.LIST, ("tools",)),
    FlatField("response_format", Kind.FORMAT, ("response_format",)),
    FlatField(
        "max_tokens", Kind.INTEGER, ("max_tokens", "max_completion_tokens", "gen_ai.request.max_tokens")
    ),
    FlatField("stream", Kind.FLAG, ("stream", "streamed")),
    FlatField("latency_ms", Kind.INTEGER, ("latency_ms", "duration_ms", "request_duration_ms")),
    FlatField(
        "cost",
        Kind.COST,
        ("cost_usd", "reported_cost_usd", "cost", "total_cost", "response_cost", "usage.cost"),
    ),
)

BY_TARGET: Final = {field.target: field for field in FLAT_FIELDS}
MODEL_TARGETS: Final = ("model_served", "model_requested")
USAGE_TARGETS: Final = ("prompt_tokens", "completion_tokens", "total")
EVIDENCE_TARGETS: Final = (*USAGE_TARGETS, "ts", "cost", "latency_ms", "messages", "prompt")
"""One of these beside a model makes a record a flat call."""

ERROR_WORDS: Final = frozenset(
    {"error", "failed", "failure", "fail", "timeout", "timed_out", "rate_limited", "exception", "500", "429"}
)
CANCEL_WORDS: Final = frozenset({"cancelled", "canceled", "aborted"})
CACHE_WORDS: Final = frozenset({"cache_hit", "cached"})
SUPERSEDED_WORDS: Final = frozenset({"superseded", "retried"})
