"""Claude Code: session transcripts (`~/.claude/projects/**/*.jsonl`) and its OpenTelemetry events.

A message is written once per content block, each time with the usage known then: records of one message
id merge into the largest. Most records of versions up to 2.1.42 (98.8 % of 77,693) have no stop reason and
carry the placeholder of `message_start` for output: such a call is `partial`, and what its blocks hold is
measured for an estimate. Sessions that are resumed, continued or put into the background may begin with a
copy of earlier lines, under their own session id: the message id joins them over the run.

The calls of sub-agents stand in `progress` records of their session, in lines with `isSidechain`, and in
files of their own (`agent-*.jsonl`, `<session>/subagents/`), whose lines name the agent (`agentId`) and the
session that called it. Models called `<synthetic>` are messages that Claude Code made up itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from costaudit.ingest.adapters.anthropic_messages import calls_from_message
from costaudit.ingest.adapters.otlp_spans import started_us
from costaudit.ingest.adapters.row_values import milliseconds
from costaudit.ingest.adapters.working_folder import folder_name
from costaudit.ingest.fields import first, mapping, model_name, picousd, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.text_size import answer_bytes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count, lacks_some
from costaudit.schema import Call, Quality, Status
from costaudit.stated import Stated

FEATURE: Final = "claude-code"
SYNTHETIC: Final = "<synthetic>"

TYPES: Final = frozenset({
    "assistant", "user", "system", "progress", "queue-operation", "attachment", "pr-link", "last-prompt",
})  # fmt: skip
"""Record types that belong to a session."""

_BESIDE: Final = re.compile(r"mode|tag|[a-z]+(-[a-z]+)+")
"""Types of what is noted of a session, more with every version: `permission-mode`, `worktree-state` …"""
_OF_CALLS: Final = frozenset({"message", "model", "usage", "tokens"})

_EVENT_KEYS: Final = frozenset({
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens", "cost_usd",
})  # fmt: skip

LOOSE_TYPES: Final = {
    "summary": "leafUuid", "file-history-snapshot": "messageId", "ai-title": "aiTitle",
    "custom-title": "customTitle",
}  # fmt: skip
"""Record types without a session id, with the field that marks them."""


def is_session_record(record: Record) -> bool:
    """True for any line of a transcript."""
    kind = record.get("type")
    if not isinstance(kind, str):
        return False
    if kind in LOOSE_TYPES and LOOSE_TYPES[kind] in record:
        return True
    if not isinstance(record.get("sessionId"), str):
        return False
    if kind in TYPES or ("uuid" in record and "parentUuid" in record):
        return True
    return _BESIDE.fullmatch(kind) is not None and _OF_CALLS.isdisjoint(record)


class Transcript(msgspec.Struct):
    """How much text the blocks of each message hold, over the lines of one file."""

    sizes: dict[str, int] = msgspec.field(default_factory=dict)
    """Bytes by message id."""
    seen: set[tuple[str, str | None]] = msgspec.field(default_factory=set)
    """Message and line ids: a line that is repeated counts once."""

    def calls(self, record: Record) -> list[Call]:
        """`calls_from_record`, with the size of the answer where its output is only a placeholder."""
        calls = calls_from_record(record)
        if calls and calls[0].response_id and _is_placeholder(calls[0]):
            calls[0].answered_bytes = self._add(calls[0].response_id, record)
        return calls

    def _add(self, ident: str, record: Record) -> int:
        line = (ident, text(record.get("uuid")))
        if line not in self.seen:
            self.seen.add(line)
            size = answer_bytes(mapping(_said(record).get("message")).get("content"))
            self.sizes[ident] = self.sizes.get(ident, 0) + size
        return self.sizes[ident]


def _is_placeholder(call: Call) -> bool:
    """Whether the counts are not the last ones, or leave out the prompt."""
    stated = call.stated
    if stated is None or stated.completion is None:
        return False
    return stated.prompt is None or call.quality == Quality.PARTIAL


def new_transcript() -> Callable[[Record], list[Call]]:
    """A reader of one transcript."""
    return Transcript().calls


def _said(record: Record) -> Mapping[str, Any]:
    """The record of the message: itself, or inside of a sub-agent's progress."""
    if record.get("type") == "progress":
        return mapping(mapping(record.get("data")).get("message"))
    return record


def calls_from_record(record: Record) -> list[Call]:
    """The calls of an assistant's message, or of a sub-agent's inside a progress record; else none."""
    said = _said(record)
    message = said.get("message")
    if said.get("type") != "assistant" or not isinstance(message, Mapping):
        return []
    if message.get("model") == SYNTHETIC or not isinstance(message.get("usage"), Mapping):
        return []
    calls = calls_from_message(message)
    stated = timestamp_us(said.get("timestamp"))
    ts = timestamp_us(record.get("timestamp")) if stated is None else stated
    is_subagent = said is not record or record.get("isSidechain") is True or "agentId" in record
    for call in calls:
        call.ts, call.session, call.feature = ts, text(record.get("sessionId")), FEATURE
        call.tags = _tags(record, is_subagent=is_subagent)
        if call.response_id is None:  # some hosts answer without an id
            call.call_id = text(first(said, "requestId", "uuid"))
    return calls


def _tags(record: Record, *, is_subagent: bool) -> str | None:
    """Where the session worked: the folder's name and the branch."""
    folder, branch = folder_name(text(record.get("cwd"))), text(record.get("gitBranch"))
    tags = [
        f"project:{folder}" if folder else "",
        f"branch:{branch}" if branch else "",
        "subagent" if is_subagent else "",
    ]
    return ",".join(tag.replace(",", " ") for tag in tags if tag) or None


_EVENT_MARKS: Final = frozenset({"input_tokens", "output_tokens", "cache_read_tokens", "cost_usd"})
"""One of these is in every event of this program's."""


def call_from_event(attributes: Mapping[str, Any], ts: int | None) -> Call | None:
    """The call of an `api_request` or `api_error` event, or of a `claude_code.llm_request` span.

    `ts` is when the call ended. None for an event of the same name that somebody else wrote.
    """
    name = attributes.get("event.name")
    failed = isinstance(name, str) and name.endswith("api_error")
    if not isinstance(attributes.get("model"), str) or (not failed and _EVENT_MARKS.isdisjoint(attributes)):
        return None
    duration = milliseconds(attributes.get("duration_ms"))
    call = Call(
        ts=started_us(ts, duration),
        call_id=text(attributes.get("request_id")),
        response_id=text(attributes.get("gen_ai.response.id")),
        provider="anthropic",
        model=model_name(attributes.get("model")),
        latency_ms=duration,
        user=text(attributes.get("user.id")),
        session=text(attributes.get("session.id")),
        feature=FEATURE,
        tags=_source(attributes),
        speed=text(attributes.get("speed")),
        reported_picousd=picousd(attributes.get("cost_usd")),
        final=True,
    )
    if failed:
        call.status, call.quality = Status.ERROR.value, Quality.NONE.value
        call.error_code = text(attributes.get("status_code"))
        return call
    call.stated = Stated(
        prompt=count(attributes.get("input_tokens"), "input_tokens"),
        completion=count(attributes.get("output_tokens"), "output_tokens"),
        cache_read=count(attributes.get("cache_read_tokens"), "cache_read_tokens"),
        write_5m=count(attributes.get("cache_creation_tokens"), "cache_creation_tokens"),
        lacks=lacks_some(attributes.get("cache_read_tokens"), attributes.get("cache_creation_tokens")),
        includes=includes("anthropic", "messages"),
        unused=unused_numbers(attributes, _EVENT_KEYS),
    )
    return call


def _source(attributes: Mapping[str, Any]) -> str | None:
    source = text(attributes.get("query_source"))
    return f"query_source:{source}" if source else None


ADAPTER: Final = Adapter(
    name="claude-code",
    title="Claude Code: session transcripts",
    matches=is_session_record,
    calls=calls_from_record,
    needs=("sessionId", "type", "message"),
    session=new_transcript,
)
