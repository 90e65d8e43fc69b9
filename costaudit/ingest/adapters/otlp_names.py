"""What OpenTelemetry attributes are called by whom: data, in order of preference.

Sources: the GenAI semantic conventions (v1.36 to 1.41 and their new home, which renamed
`cache_creation` to `cache_write`), OpenInference 0.1.42, OpenLLMetry (`llm.*` until 0.38), the Vercel AI
SDK 4 to 6 (`ai.*`), the spans of Anthropic's own SDK, Langfuse and MLflow over OpenTelemetry.
"""

from __future__ import annotations

from typing import Final

Names = tuple[str, ...]

TEXTS: Final[dict[str, Names]] = {
    "response_id": ("gen_ai.response.id", "ai.response.id", "llm.response.id"),
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider"),
    "model": (
        "gen_ai.response.model",
        "llm.response.model_name",
        "ai.response.model",
        "llm.model_name",
        "embedding.model_name",
        "mlflow.llm.model",
    ),
    "model_requested": (
        "gen_ai.request.model",
        "llm.request.model_name",
        "llm.model_name",
        "ai.model.id",
        "langfuse.observation.model.name",
    ),
    "service_tier": (
        "openai.response.service_tier",
        "gen_ai.openai.response.service_tier",
        "anthropic.response.service_tier",
        "gen_ai.response.service_tier",
    ),
    "region": ("anthropic.response.inference_geo",),
}
"""Fields of a call that stand in the span itself."""

ATTRIBUTION: Final[dict[str, Names]] = {
    "session": (
        "gen_ai.conversation.id",
        "session.id",
        "traceloop.association.properties.session_id",
        "langfuse.session.id",
        "ai.telemetry.metadata.sessionId",
    ),
    "user": (
        "user.id",
        "gen_ai.user",
        "enduser.id",
        "traceloop.association.properties.user_id",
        "langfuse.user.id",
        "ai.telemetry.metadata.userId",
        "llm.user",
    ),
    "feature": (
        "feature",
        "app.feature",
        "traceloop.workflow.name",
        "traceloop.association.properties.feature",
        "ai.telemetry.functionId",
        "ai.telemetry.metadata.feature",
        "langfuse.trace.name",
        "gen_ai.agent.name",
    ),
}
"""Fields that a span also has from the spans around it."""

COUNTS: Final[dict[str, Names]] = {
    "prompt": (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "llm.usage.prompt_tokens",
        "ai.usage.inputTokens",
        "ai.usage.promptTokens",
        "ai.usage.tokens",
    ),
    "completion": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "llm.usage.completion_tokens",
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
    ),
    "total": (
        "gen_ai.usage.total_tokens",
        "llm.usage.total_tokens",
        "llm.token_count.total",
        "ai.usage.totalTokens",
    ),
    "cache_read": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
        "llm.token_count.prompt_details.cache_input",
        "ai.usage.inputTokenDetails.cacheReadTokens",
        "ai.usage.cachedInputTokens",
    ),
    "written": (
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
        "ai.usage.inputTokenDetails.cacheWriteTokens",
    ),
    "write_5m": ("anthropic.usage.cache_creation.ephemeral_5m_input_tokens",),
    "write_1h": ("anthropic.usage.cache_creation.ephemeral_1h_input_tokens",),
    "reasoning": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "llm.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
        "ai.usage.outputTokenDetails.reasoningTokens",
        "ai.usage.reasoningTokens",
    ),
    "input_audio": ("gen_ai.usage.audio.input_tokens", "llm.token_count.prompt_details.audio"),
    "output_audio": ("gen_ai.usage.audio.output_tokens", "llm.token_count.completion_details.audio"),
    "input_image": ("gen_ai.usage.image.input_tokens", "llm.token_count.prompt_details.image"),
    "output_image": ("gen_ai.usage.image.output_tokens", "llm.token_count.completion_details.image"),
}
"""Names of `Stated` counts."""

USAGE: Final[Names] = (
    "gen_ai.usage.", "llm.token_count.", "llm.usage.", "ai.usage.", "anthropic.usage.", "llm.cost.",
)  # fmt: skip
"""How the names of attributes begin that state usage."""

COST: Final[Names] = ("llm.cost.total", "gen_ai.usage.cost", "gen_ai.usage.total_cost", "operation.cost")
"""A reported cost in USD."""

KNOWN: Final = frozenset({
    *(name for names in COUNTS.values() for name in names), *COST,
    "llm.cost.prompt", "llm.cost.completion", "ai.usage.inputTokenDetails.noCacheTokens",
    "ai.usage.outputTokenDetails.textTokens",
})  # fmt: skip
"""Attributes that are read, or follow from those that are."""

FINISH: Final[Names] = (
    "gen_ai.response.finish_reasons",
    "llm.finish_reason",
    "gen_ai.completion.0.finish_reason",
    "ai.response.finishReason",
    "anthropic.message.stop_reason",
)
HOST: Final[Names] = ("server.address", "gen_ai.openai.api_base", "url.full")
"""Where the request went: an OpenAI client says `openai` of whatever host it talks to."""

MAX_TOKENS: Final[Names] = (
    "gen_ai.request.max_tokens",
    "ai.settings.maxOutputTokens",
    "ai.settings.maxTokens",
)
STREAM: Final[Names] = ("gen_ai.request.stream", "llm.is_streaming")
TOOLS: Final[Names] = (
    "gen_ai.tool.definitions",
    "llm.request.functions.0.name",
    "llm.tools.0.tool.json_schema",
    "ai.prompt.tools",
)
TAGS: Final[Names] = ("tag.tags", "langfuse.trace.tags")
EMBEDDING: Final[Names] = (
    "ai.operationId",
    "openinference.span.kind",
    "gen_ai.operation.name",
    "llm.request.type",
)
"""Attributes whose value tells an embedding."""

ERROR: Final[Names] = ("error.type", "http.response.status_code", "http.status_code")

KINDS: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    (
        "ai.operationid",
        frozenset(
            {
                "ai.generatetext.dogenerate",
                "ai.streamtext.dostream",
                "ai.generateobject.dogenerate",
                "ai.streamobject.dostream",
                "ai.embed.doembed",
                "ai.embedmany.doembed",
            }
        ),
    ),
    ("openinference.span.kind", frozenset({"llm", "embedding"})),
    (
        "gen_ai.operation.name",
        frozenset({"chat", "generate_content", "text_completion", "embeddings", "completion", "responses"}),
    ),
    ("llm.request.type", frozenset({"chat", "completion", "embedding", "rerank", "unknown"})),
    ("langfuse.observation.type", frozenset({"generation", "embedding"})),
    ("langsmith.span.kind", frozenset({"llm", "embedding"})),
    (
        "mlflow.spantype",
        frozenset({'"chat_model"', '"llm"', '"embedding"', "chat_model", "llm", "embedding"}),
    ),
    ("traceloop.span.kind", frozenset()),
)
"""Attributes that say what a span is, with the values of a single model call, all in lower case. The
first that a span has decides; agents, workflows, chains, tools and outer `ai.*` spans repeat or add up
the usage of the calls inside them."""

APART: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("gen_ai.operation.name", frozenset({"invoke_agent", "create_agent", "invoke_workflow", "execute_tool"})),
    ("openinference.span.kind", frozenset({"agent", "tool"})),
    ("traceloop.span.kind", frozenset({"agent", "tool"})),
    ("langfuse.observation.type", frozenset({"agent", "tool"})),
    ("langsmith.span.kind", frozenset({"tool"})),
    ("mlflow.spantype", frozenset({'"agent"', '"tool"', "agent", "tool"})),
    ("ai.operationid", frozenset({"ai.toolcall"})),
)
"""Of which spans the calls inside are others than a call around them: Google's ADK runs tools, and agents in
them, inside of the span of the call that asked for them."""
