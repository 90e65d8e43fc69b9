"""Codex CLI: rollout files (`~/.codex/sessions/**/rollout-*.jsonl`) and its OpenTelemetry events.

Input includes cached and written tokens, output includes reasoning. Versions from 0.169 write each call
twice: as a `token_usage_record` with the response id, which is read, and as an older `token_count` event,
which then is not. In older files `last_token_usage` of every `token_count` is a call; it is repeated when
nothing happened: with its session the running total is the call's id.

A forked session, and a sub-agent that is told what was said so far, begins with a copy of the records of the
session that it comes from, stamped anew (openai/codex `codex-rs/rollout/src/recorder.rs`; junhoyeo/tokscale
issue 679). So an event that is written as its file begins may be a copy: it names the call that it would be
there, and the run says whether it is one (`costaudit.tape.copied`).

The model stands in the `turn_context` before, so a file is read in its order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from costaudit.ingest.adapters.working_folder import folder_name
from costaudit.ingest.fields import mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count, lacks_some
from costaudit.schema import Call, Quality, Status
from costaudit.stated import Stated

FEATURE: Final = "codex"

ROLLOUT_TYPES: Final = frozenset({
    "session_meta", "turn_context", "response_item", "event_msg", "token_usage_record", "world_state",
    "compacted", "inter_agent_communication", "ghost_snapshot",
})  # fmt: skip
EXEC_TYPES: Final = frozenset({
    "thread.started", "turn.started", "turn.completed", "turn.failed", "item.started", "item.updated",
    "item.completed",
})  # fmt: skip
"""Events of `codex exec --json`. Its usage is the sum over a thread and names no model: no call is in it."""

_EVENT_KEYS: Final = frozenset({
    "input_token_count", "output_token_count", "cached_token_count", "cache_write_token_count",
    "reasoning_token_count", "tool_token_count",
})  # fmt: skip
"""Counts of an event."""

COPIED_WITHIN_US: Final = 30_000_000
"""What is written so long after the header of a fork may be copied: the copy is written at once, and a file
of hundreds of megabytes takes seconds. A call of its own is told from a copy by the session that it comes
from, so it does no harm that the first one can be as early."""

SUBAGENT: Final = "subagent"

COUNTS: Final = (
    "input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens",
    "reasoning_output_tokens", "total_tokens",
)  # fmt: skip
_KNOWN: Final = frozenset(COUNTS)


class CodexSession(msgspec.Struct):
    """What the lines before say about the next: whose session it is, and which model works."""

    meta: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """The header of the file; where files were joined, that of the one that is read."""
    began: int | None = None
    """When that was written."""
    is_at_head: bool = False
    """Whether nothing but headers was read since."""
    model: str | None = None
    models: dict[str, str | None] = msgspec.field(default_factory=dict)
    """The model of every turn."""
    recorded: bool = False
    """True once a `token_usage_record` was seen: `token_count` events only repeat them from there on."""
    running: dict[str, int] = msgspec.field(default_factory=dict)
    """The running total of the last `token_count`."""
    project: str | None = None

    def calls(self, record: Record) -> list[Call]:
        """The call of one line: none for a line that is no call. Raises Skip for impossible usage."""
        kind, payload = record.get("type"), mapping(record.get("payload"))
        if kind == "session_meta":
            self._begin(record, payload)
            return []
        self.is_at_head = self.is_at_head and kind not in ("event_msg", "token_usage_record")
        if kind == "turn_context":
            self._turn(payload)
        elif kind == "token_usage_record":
            self.recorded = True
            return [self._recorded_call(record, payload)]
        elif kind == "event_msg" and payload.get("type") == "token_count" and not self.recorded:
            return self._counted_call(record, payload)
        return []

    def _begin(self, record: Record, payload: Mapping[str, Any]) -> None:
        # A fork opens with its own header, then a copy of its parent's file, which opens with that header.
        # A header after calls begins the next of joined files.
        if self.is_at_head or text(payload.get("id")) == text(self.meta.get("id")):
            return
        self.meta, self.began, self.is_at_head = payload, timestamp_us(record.get("timestamp")), True
        self.model, self.recorded, self.running = None, False, {}
        self.project = folder_name(text(payload.get("cwd"))) or self.project

    def _turn(self, payload: Mapping[str, Any]) -> None:
        self.model = model_name(payload.get("model")) or self.model
        turn = text(payload.get("turn_id"))
        if turn is not None:
            self.models[turn] = self.model

    def _recorded_call(self, record: Record, payload: Mapping[str, Any]) -> Call:
        turn, thread = text(payload.get("turn_id")) or "", text(payload.get("thread_id"))
        is_own = thread in (None, text(self.meta.get("id")))  # else it is copied, perhaps without its turn
        call = self._call(record, self.models.get(turn, self.model if is_own else None))
        call.response_id = text(payload.get("response_id"))
        call.session = thread or call.session
        return set_codex_usage(call, mapping(payload.get("usage")))

    def _counted_call(self, record: Record, payload: Mapping[str, Any]) -> list[Call]:
        info = mapping(payload.get("info"))
        total = mapping(info.get("total_token_usage"))
        running = {name: count(total.get(name), name) or 0 for name in COUNTS}
        usage = info.get("last_token_usage") or _grown(self.running, running)
        self.running = running
        if not isinstance(usage, Mapping) or not any(usage.get(name) for name in COUNTS):
            return []  # the rate limits changed, nothing else
        call = self._call(record, model_name(info.get("model")) or self.model)
        if total:
            call.call_id = _ident(text(self.meta.get("id")) or "", running)
            source = _source(self.meta)
            if source is not None and self._may_be_copied(call.ts):
                call.copy_of = _ident(source, running)
        return [set_codex_usage(call, usage)]

    def _may_be_copied(self, ts: int | None) -> bool:
        return ts is None or self.began is None or ts <= self.began + COPIED_WITHIN_US

    def _call(self, record: Record, model: str | None) -> Call:
        return Call(
            ts=timestamp_us(record.get("timestamp")),
            provider=text(self.meta.get("model_provider")),
            model=model,
            session=text(self.meta.get("id")),
            feature=FEATURE,
            tags=self._tags(),
            final=True,
        )

    def _tags(self) -> str | None:
        tags = [f"project:{self.project.replace(',', ' ')}"] if self.project else []
        return ",".join([*tags, SUBAGENT] if _is_subagent(self.meta) else tags) or None


def _ident(session: str, running: Mapping[str, int]) -> str:
    return ":".join(["codex", session, *map(str, running.values())])


def _spawned(meta: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a header says of the session that called it as a sub-agent, one level or many levels down."""
    return mapping(mapping(mapping(meta.get("source")).get(SUBAGENT)).get("thread_spawn"))


def _source(meta: Mapping[str, Any]) -> str | None:
    """The session whose records the one of a header may begin with."""
    named = text(meta.get("forked_from_id")) or text(meta.get("parent_thread_id"))
    found = named or text(_spawned(meta).get("parent_thread_id"))
    return found if found != text(meta.get("id")) else None


def _is_subagent(meta: Mapping[str, Any]) -> bool:
    return meta.get("thread_source") == SUBAGENT or SUBAGENT in mapping(meta.get("source"))


def _grown(before: Mapping[str, int], after: Mapping[str, int]) -> Mapping[str, int]:
    """What was added to a running total; all of it where the total began anew."""
    grown = {name: number - before.get(name, 0) for name, number in after.items()}
    return after if any(number < 0 for number in grown.values()) else grown


def new_session() -> Callable[[Record], list[Call]]:
    """A reader of the lines of one file, in their order."""
    return CodexSession().calls


def calls_from_line(record: Record) -> list[Call]:
    """The call of a line alone: without the lines before it names no model."""
    return CodexSession().calls(record)


def set_codex_usage(call: Call, usage: Mapping[str, Any]) -> Call:
    """Note the counts of one of Codex's usage objects."""
    call.stated = Stated(
        prompt=count(usage.get("input_tokens"), "input_tokens"),
        completion=count(usage.get("output_tokens"), "output_tokens"),
        cache_read=count(usage.get("cached_input_tokens"), "cached_input_tokens"),
        write_5m=count(usage.get("cache_write_input_tokens"), "cache_write_input_tokens"),
        reasoning=count(usage.get("reasoning_output_tokens"), "reasoning_output_tokens"),
        total=count(usage.get("total_tokens"), "total_tokens"),
        includes=includes("openai", "responses"),
        lacks=lacks_some(*(usage.get(f"{name}_tokens") for name in ("cached_input", "output", "total"))),
        unused=unused_numbers(usage, _KNOWN),
    )
    return call


def is_codex_line(record: Record) -> bool:
    """True for any line of a rollout file or of `codex exec --json`."""
    kind = record.get("type")
    if not isinstance(kind, str):
        return False
    if kind in ROLLOUT_TYPES:
        return isinstance(record.get("payload"), Mapping) and "timestamp" in record
    return kind in EXEC_TYPES and "model" not in record


def call_from_event(attributes: Mapping[str, Any], ts: int | None) -> Call | None:
    """The call of a `codex.sse_event` that has counts, or of a `codex.api_request` that failed.

    Each finished response gives two events of the same name, one of them without counts.
    `tool_token_count` is the total.
    """
    call = Call(
        ts=timestamp_us(attributes.get("event.timestamp")) or ts,
        provider=text(attributes.get("provider_name")),
        model=model_name(attributes.get("model")),
        user=text(attributes.get("user.email")) or text(attributes.get("user.account_id")),
        session=text(attributes.get("conversation.id")),
        feature=FEATURE,
        final=True,
    )
    if attributes.get("event.name") == "codex.api_request":
        return _failed(call, attributes)
    if attributes.get("event.kind") != "response.completed" or "input_token_count" not in attributes:
        return None
    call.stated = Stated(
        prompt=count(attributes.get("input_token_count"), "input_token_count"),
        completion=count(attributes.get("output_token_count"), "output_token_count"),
        cache_read=count(attributes.get("cached_token_count"), "cached_token_count"),
        write_5m=count(attributes.get("cache_write_token_count"), "cache_write_token_count"),
        reasoning=count(attributes.get("reasoning_token_count"), "reasoning_token_count"),
        total=count(attributes.get("tool_token_count"), "tool_token_count"),
        includes=includes("openai", "responses"),
        unused=unused_numbers(attributes, _EVENT_KEYS),
    )
    return call


def _failed(call: Call, attributes: Mapping[str, Any]) -> Call | None:
    status = text(attributes.get("http.response.status_code"))
    if status is None or not status.isdecimal() or not 400 <= int(status[:4]) <= 599:
        return None
    call.status, call.error_code, call.quality = Status.ERROR.value, status, Quality.NONE.value
    return call


ADAPTER: Final = Adapter(
    name="codex",
    title="Codex CLI: rollout files of sessions",
    matches=is_codex_line,
    calls=calls_from_line,
    needs=("timestamp", "type", "payload"),
    session=new_session,
)
