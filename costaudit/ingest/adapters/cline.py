"""Cline, Roo Code and Kilo Code: `ui_messages.json` of a task, and the session files of Cline 4.

Every `api_req_started` is a request. Its text is JSON with the counts, written once the answer has ended: the
usage of a request that is still without them is not known. What `tokensIn` holds depends on who wrote it.
Cline counts new tokens only (`getApiMetrics.ts` adds the cache to them), but for the hosts of WHOLE, whose
handlers hand the whole prompt on. Roo and Kilo count the whole prompt where the protocol is OpenAI's, and
from version 3.29.5 (`Task.ts`: `tokensIn: costResult.totalInputTokens`) where it is Anthropic's, too. A count
that is smaller than the cached tokens does not hold them. `metrics` of Cline 4 hold the whole prompt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from costaudit.ingest.adapters.row_facts import set_usd
from costaudit.ingest.adapters.row_values import objects
from costaudit.ingest.fields import first, mapping, model_name, picousd, text, timestamp_us
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Status
from costaudit.stated import Includes, Stated

WHOLE: Final = frozenset({
    "openai", "litellm", "doubao", "fireworks", "hicap", "lmstudio", "qwen", "xai", "zai",
})  # fmt: skip
"""Providers of Cline whose handler hands on `prompt_tokens`, with what was read from the cache."""

ROO_WHOLE_FROM_US: Final = 1_761_955_200_000_000
"""2025-11-01, the day of Roo Code 3.29.5: from then on Anthropic's cached tokens are in `tokensIn`, too."""

PROVIDERS: Final = {
    "openai-native": "openai", "openai-codex": "openai", "claude-code": "anthropic", "openai": None,
    "cline": None, "roo": None, "kilocode": None, "litellm": None, "requesty": None, "vscode-lm": None,
}  # fmt: skip
"""Providers by Cline's names where they are not their own; None where the name does not tell who answered.

`openai` is any host that speaks OpenAI's API; OpenAI itself is `openai-native`.
"""

GATEWAYS: Final = ("openrouter", "cline", "roo", "kilocode", "litellm", "requesty", "vercel-ai-gateway")

SAID: Final = ("say", "ask")
STARTED: Final = "api_req_started"
FINISHED: Final = "api_req_finished"
"""Messages of a request; the first versions wrote the counts into a second one."""

CANCELLED: Final = "user_cancelled"
STATUSES: Final = ("api_status", "markdown", "card")
"""Kinds of messages of Dirac, which grew out of Cline; the first holds the counts of a request."""

SUMS: Final = ("deleted_api_reqs", "subagent_usage")
"""Messages that sum up requests: of answers that were deleted, and of sub-agents."""

_KNOWN: Final = frozenset({
    "tokensIn", "tokensOut", "cacheWrites", "cacheReads", "cost", "reasoningTokens", "contextTokens",
    "contextWindow", "contextUsagePercentage", "cacheHitRate",
})  # fmt: skip
"""Keys that are read, or say how full the context is."""

_METRICS: Final = frozenset({
    "inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens", "cost",
})  # fmt: skip

_HISTORY: Final = frozenset({
    "role", "content", "ts", "id", "type", "modelInfo", "metrics", "metadata", "reasoning_details", "summary",
    "reasoning_content", "encrypted_content", "isSummary", "condenseId", "condenseParent",
    "truncationParent", "truncationId", "isTruncationMarker",
})  # fmt: skip
"""Keys of a message of the conversation (`api_conversation_history.json`)."""

AGENTS: Final = ("lead", "subagent", "teammate")
"""Who a session file of Cline 4 is of."""

_MODEL: Final = re.compile(r"<model>([^<>\s]{1,200})</model>")
"""Where the prompt of Roo and Kilo names the model (`getEnvironmentDetails.ts`)."""


class Task(msgspec.Struct):
    """What the messages of one task say one for the other."""

    began: str | None = None
    """The time of its first message, as its folder is called, too."""
    length: int = 0
    """Characters of the first message: tells tasks apart that began at the same time."""
    started: str | None = None
    """The time of the last request."""
    model: Mapping[str, Any] = {}
    """`modelInfo` of the last message that has one."""

    def calls(self, record: Record) -> list[Call]:
        """The calls of one message or session file. Raises Skip for sums and impossible usage."""
        if "messages" in record:
            session = text(record.get("sessionId"))
            return [_answer(m, session) for m in objects(record["messages"]) if _has_metrics(m)]
        if _has_metrics(record):
            return [_answer(record, None)]
        if self.began is None:
            self.began, self.length = text(record.get("ts")), len(str(record.get("text") or ""))
        self.model = mapping(record.get("modelInfo")) or self.model
        if _is_sum(record):
            raise Skip("aggregate", "the sum of several requests of a task")
        if record.get("say") == "condense_context":
            return self._condensing(record)
        if record.get("say") == STARTED:
            self.started = text(record.get("ts"))
        info = _info(record)
        return [self._request(record, info)] if info is not None else []

    def _call(self, record: Record) -> Call:
        ended = record.get("say") == FINISHED and self.started is not None
        at = self.started if ended else text(record.get("ts"))
        return Call(
            ts=timestamp_us(record.get("ts")),
            response_id=f"cline:{self.began}:{self.length}:{at}" if at is not None else None,
            session=self.began,
            feature="cline",
        )

    def _condensing(self, record: Record) -> list[Call]:
        """The request that summed a conversation up: its cost alone is stated."""
        cost = picousd(mapping(record.get("contextCondense")).get("cost"))
        call = self._call(record)
        call.quality, call.tags, call.reported_picousd, call.final = "none", "compaction", cost, True
        return [call] if cost else []

    def _request(self, record: Record, info: Mapping[str, Any]) -> Call:
        call = self._call(record)
        provider, mode = text(self.model.get("providerId")), text(self.model.get("mode"))
        _set_provider(call, provider)
        call.provider = text(info.get("inferenceProvider")) or call.provider
        call.model = model_name(self.model.get("modelId")) or _model_in(info.get("request"))
        call.tags = f"mode:{mode}" if mode else None
        stated = Stated(
            prompt=count(info.get("tokensIn"), "tokensIn"),
            completion=count(info.get("tokensOut"), "tokensOut"),
            cache_read=count(info.get("cacheReads"), "cacheReads"),
            written=count(info.get("cacheWrites"), "cacheWrites"),
            reasoning=count(info.get("reasoningTokens"), "reasoningTokens"),
            zeros_are_nothing=True,
            unused=unused_numbers(info, _KNOWN),
        )
        protocol = text(info.get("apiProtocol")) or text(record.get("apiProtocol"))
        stated.includes, stated.unsure = _meaning(stated, call, provider, protocol)
        if info.get("usageMissing") is True:
            stated.doubt_from = 0
        call.stated = stated
        _set_outcome(call, info)
        set_usd(call, info.get("cost"))
        return call


def _meaning(stated: Stated, call: Call, provider: str | None, protocol: str | None) -> tuple[Includes, bool]:
    """What the counts of a request include, and whether that is a guess."""
    cached = (stated.cache_read or 0) + (stated.written or 0)
    apart, whole = includes(None, "messages"), includes(None, "gateway")
    if protocol == "anthropic":
        is_new = call.ts is not None and call.ts >= ROO_WHOLE_FROM_US
        return (whole if is_new else apart), False
    if protocol is not None or provider in WHOLE:
        return whole, False
    known = provider is not None or "claude" in (call.model or "")
    return apart, bool(not known and cached and (stated.prompt or 0) >= cached)


def _set_provider(call: Call, provider: str | None) -> None:
    call.provider = PROVIDERS.get(provider, provider) if provider is not None else None
    call.gateway = provider if provider in GATEWAYS else None


def _set_outcome(call: Call, info: Mapping[str, Any]) -> None:
    """A request whose answer was cut off has the counts up to there; the text of an error is not taken."""
    reason = text(info.get("cancelReason"))
    call.final = True if reason or "tokensOut" in info else None
    if reason is None:
        return
    call.status = (Status.CANCELLED if reason == CANCELLED else Status.ERROR).value
    call.error_code = None if reason == CANCELLED else reason
    if call.stated is not None:
        call.stated.doubt_from = 0


def _answer(message: Mapping[str, Any], session: str | None) -> Call:
    """The call of an answer in a session file of Cline 4."""
    model, metrics = mapping(message.get("modelInfo")), mapping(message.get("metrics"))
    call = Call(
        ts=timestamp_us(message.get("ts")),
        response_id=text(message.get("id")),
        model=model_name(first(model, "id", "modelId")),
        session=session,
        feature="cline",
        final=True,
    )
    _set_provider(call, text(first(model, "provider", "providerId")))
    call.stated = Stated(
        prompt=count(metrics.get("inputTokens"), "inputTokens"),
        completion=count(metrics.get("outputTokens"), "outputTokens"),
        cache_read=count(metrics.get("cacheReadTokens"), "cacheReadTokens"),
        written=count(metrics.get("cacheWriteTokens"), "cacheWriteTokens"),
        includes=includes(None, "gateway"),
        zeros_are_nothing=True,
        unused=unused_numbers(metrics, _METRICS, "metrics."),
    )
    set_usd(call, metrics.get("cost"))
    return call


def _info(record: Record) -> Mapping[str, Any] | None:
    """What a message states of a request; None for a message of anything else."""
    content = mapping(record.get("content"))
    if content.get("type") == STATUSES[0]:
        return mapping(content.get("status"))
    return mapping(record.get("text")) if record.get("say") in (STARTED, FINISHED) else None


def _model_in(prompt: Any) -> str | None:
    found = _MODEL.search(prompt) if isinstance(prompt, str) else None
    return found[1] if found else None


def _is_sum(record: Record) -> bool:
    return record.get("say") in SUMS or _is_history(record)


def _has_metrics(message: Mapping[str, Any]) -> bool:
    """An answer of Cline 4. Version 3 repeats there what `ui_messages.json` says, as `tokens`."""
    return message.get("role") == "assistant" and "inputTokens" in mapping(message.get("metrics"))


def _is_history(record: Record) -> bool:
    """An entry of the list of tasks, with the sums of each."""
    return all(name in record for name in ("ts", "task", "tokensIn", "tokensOut", "totalCost"))


def is_task(record: Record) -> bool:
    """True for a message of a task, and for what lies beside it in the folder of the task."""
    if "ts" in record and record.get("type") in SAID:
        return isinstance(record.get(record["type"]), str)
    if record.get("role") in ("user", "assistant") and record.keys() <= _HISTORY:
        return "ts" in record or isinstance(record.get("modelInfo"), Mapping)
    if isinstance(record.get("messages"), list) and isinstance(record.get("sessionId"), str):
        return record.get("agent") in AGENTS
    if mapping(record.get("content")).get("type") in STATUSES:
        return "role" not in record and "model" not in record
    return _is_history(record) or ("files_in_context" in record and "model_usage" in record)


def new_task() -> Callable[[Record], list[Call]]:
    """A reader of the messages of one file, in their order."""
    return Task().calls


def calls_from_message(record: Record) -> list[Call]:
    """The calls of a message alone."""
    return Task().calls(record)


ADAPTER: Final = Adapter(
    name="cline",
    title="Cline, Roo Code, Kilo Code: messages of tasks (ui_messages.json), sessions of Cline 4",
    matches=is_task,
    calls=calls_from_message,
    needs=("ts", "type", "say", "text"),
    session=new_task,
)
