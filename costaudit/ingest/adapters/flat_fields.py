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


class FieldKind(Enum):
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
    kind: FieldKind
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
        "ts", FieldKind.TIME, ("timestamp", "ts", "time", "start_time", "created_at", "created", "datetime")
    ),
    FlatField("call_id", FieldKind.TEXT, ("call_id", "span_id", "litellm_call_id")),
    FlatField("response_id", FieldKind.TEXT, ("response_id", "gen_ai.response.id")),
    FlatField("request_id", FieldKind.TEXT, ("request_id", "id")),
    FlatField("parent_id", FieldKind.TEXT, ("parent_id", "parent_request_id", "retry_of")),
    FlatField("attempt", FieldKind.INTEGER, ("attempt", "attempt_number")),
    FlatField(
        "provider", FieldKind.TEXT, ("provider", "gen_ai.provider.name", "gen_ai.system", "provider_name")
    ),
    FlatField("model_served", FieldKind.TEXT, ("response_model", "model_served", "gen_ai.response.model")),
    FlatField(
        "model_requested",
        FieldKind.TEXT,
        ("model", "model_requested", "request_model", "gen_ai.request.model", "model_name"),
    ),
    FlatField("gateway", FieldKind.TEXT, ("gateway",)),
    FlatField(
        "host",
        FieldKind.TEXT,
        ("host", "api_base", "base_url", "api_host", "server.address", "url", "urls.get"),
    ),
    FlatField(
        "prompt_tokens",
        FieldKind.COUNT,
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
        FieldKind.COUNT,
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
        FieldKind.COUNT,
        (
            "cache_read_tokens",
            "cached_tokens",
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "usage.prompt_tokens_details.cached_tokens",
            "usage.input_tokens_details.cached_tokens",
            "usage.input_token_details.cached_tokens",
        ),
    ),
    FlatField(
        "cache_read_outside", FieldKind.COUNT, ("cache_read_input_tokens", "usage.cache_read_input_tokens")
    ),
    FlatField(
        "write_5m",
        FieldKind.COUNT,
        ("cache_write_5m_tokens", "usage.cache_creation.ephemeral_5m_input_tokens"),
    ),
    FlatField(
        "write_1h",
        FieldKind.COUNT,
        ("cache_write_1h_tokens", "usage.cache_creation.ephemeral_1h_input_tokens"),
    ),
    FlatField(
        "write_any",
        FieldKind.COUNT,
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
        "write_outside", FieldKind.COUNT, ("cache_creation_input_tokens", "usage.cache_creation_input_tokens")
    ),
    FlatField(
        "reasoning",
        FieldKind.COUNT,
        (
            "reasoning_tokens",
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.reasoning_tokens",
            "usage.completion_tokens_details.reasoning_tokens",
            "usage.output_tokens_details.reasoning_tokens",
        ),
    ),
    FlatField("total", FieldKind.COUNT, ("total_tokens", "gen_ai.usage.total_tokens", "usage.total_tokens")),
    FlatField(
        "input_audio",
        FieldKind.COUNT,
        (
            "input_audio_tokens",
            "usage.prompt_tokens_details.audio_tokens",
            "usage.input_tokens_details.audio_tokens",
            "usage.input_token_details.audio_tokens",
        ),
    ),
    FlatField(
        "output_audio",
        FieldKind.COUNT,
        (
            "output_audio_tokens",
            "usage.completion_tokens_details.audio_tokens",
            "usage.output_token_details.audio_tokens",
        ),
    ),
    FlatField(
        "input_image",
        FieldKind.COUNT,
        (
            "input_image_tokens",
            "usage.prompt_tokens_details.image_tokens",
            "usage.input_tokens_details.image_tokens",
            "usage.input_token_details.image_tokens",
        ),
    ),
    FlatField(
        "output_image",
        FieldKind.COUNT,
        (
            "output_image_tokens",
            "usage.completion_tokens_details.image_tokens",
            "usage.output_tokens_details.image_tokens",
        ),
    ),
    FlatField(
        "cache_read_audio",
        FieldKind.COUNT,
        (
            "cache_read_audio_tokens",
            "usage.prompt_tokens_details.cached_tokens_details.audio_tokens",
            "usage.input_tokens_details.cached_tokens_details.audio_tokens",
            "usage.input_token_details.cached_tokens_details.audio_tokens",
        ),
    ),
    FlatField(
        "cache_read_image",
        FieldKind.COUNT,
        (
            "cache_read_image_tokens",
            "usage.prompt_tokens_details.cached_tokens_details.image_tokens",
            "usage.input_tokens_details.cached_tokens_details.image_tokens",
            "usage.input_token_details.cached_tokens_details.image_tokens",
        ),
    ),
    FlatField(
        "web_searches",
        FieldKind.COUNT,
        (
            "web_searches",
            "web_search_requests",
            "usage.server_tool_use.web_search_requests",
            "server_tool_use.web_search_requests",
        ),
    ),
    FlatField("status", FieldKind.STATUS, ("status", "status_code", "http_status")),
    FlatField("error", FieldKind.TEXT, ("error", "error_code", "error_type")),
    FlatField("finish", FieldKind.TEXT, ("finish_reason", "stop_reason")),
    FlatField(
        "service_tier",
        FieldKind.TEXT,
        ("service_tier", "gen_ai.openai.response.service_tier", "usage.service_tier"),
    ),
    FlatField("batch", FieldKind.FLAG, ("batch", "is_batch")),
    FlatField("region", FieldKind.TEXT, ("region", "inference_geo")),
    FlatField("speed", FieldKind.TEXT, ("speed",)),
    FlatField(
        "feature",
        FieldKind.TEXT,
        ("feature", "endpoint", "metadata.feature", "metadata.endpoint", "function"),
    ),
    FlatField("user", FieldKind.TEXT, ("user", "user_id", "end_user", "metadata.user_id")),
    FlatField(
        "session", FieldKind.TEXT, ("session", "session_id", "conversation_id", "gen_ai.conversation.id")
    ),
    FlatField("user_tier", FieldKind.TEXT, ("user_tier", "metadata.user_tier")),
    FlatField("tier_tag", FieldKind.INTEGER, ("tier", "complexity_tier")),
    FlatField("tags", FieldKind.TAGS, ("tags",)),
    FlatField("messages", FieldKind.MESSAGES, ("messages",)),
    FlatField("prompt", FieldKind.TEXT, ("prompt",)),
    FlatField("system", FieldKind.TEXT, ("system", "system_prompt")),
    FlatField("tools", FieldKind.LIST, ("tools",)),
    FlatField("response_format", FieldKind.FORMAT, ("response_format",)),
    FlatField(
        "max_tokens", FieldKind.INTEGER, ("max_tokens", "max_completion_tokens", "gen_ai.request.max_tokens")
    ),
    FlatField("stream", FieldKind.FLAG, ("stream", "streamed")),
    FlatField("latency_ms", FieldKind.INTEGER, ("latency_ms", "duration_ms", "request_duration_ms")),
    FlatField("currency", FieldKind.TEXT, ("currency", "cost_currency", "currency_code", "usage.currency")),
    FlatField(
        "cost",
        FieldKind.COST,
        ("cost_usd", "reported_cost_usd", "cost", "total_cost", "response_cost", "usage.cost"),
    ),
)

KEYS: Final = frozenset(key for field in FLAT_FIELDS for path in field.paths for key in path)
"""Every key on the way to a known value."""

HOLDERS: Final = frozenset(
    path[0]
    for field in FLAT_FIELDS
    if field.kind in {FieldKind.COUNT, FieldKind.COST}
    for path in field.paths
    if len(path) > 1
)
"""Keys of the objects that hold counts."""

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
