"""Claude Code without its screen: `claude -p --output-format stream-json` or `json`, and its action's log.

A line of an `assistant` message repeats the usage of `message_start`: the input is final, the output a
placeholder, but where the events of the stream are there, too (`--include-partial-messages`). The line at the
end completes what these lines say, and is counted on its own only where there are none: then it is the sum of
a run, and comes to one call per model. No price for long contexts holds for a sum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from costaudit.ingest.adapters.anthropic_messages import calls_from_message
from costaudit.ingest.adapters.claude_totals import counts_of_call
from costaudit.ingest.adapters.claude_turn import Session, Shown, usage_is_there
from costaudit.ingest.fields import mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.text_size import answer_bytes
from costaudit.schema import Call

FEATURE: Final = "claude-code"

TYPES: Final = {
    "system": ("subtype",),
    "assistant": ("message",),
    "user": ("message",),
    "result": ("total_cost_usd", "modelUsage", "num_turns"),
    "stream_event": ("event",),
    "rate_limit_event": ("rate_limit_info",),
    "tool_progress": ("tool_use_id",),
    "tool_use_summary": ("summary",),
    "auth_status": ("isAuthenticating",),
}
"""Types of lines, with keys of which each has one."""


class Run(msgspec.Struct):
    """The sessions of one file."""

    sessions: dict[str | None, Session] = msgspec.field(default_factory=dict)
    streams: dict[tuple[str | None, str | None], dict[str, Any]] = msgspec.field(default_factory=dict)
    """Messages that are being streamed, by session and by the tool that asked for them."""

    def calls(self, record: Record) -> list[Call]:
        """The calls of a line, or what the end of a turn adds to those before it."""
        ident, kind = text(record.get("session_id")), record.get("type")
        session = self.sessions.setdefault(ident, Session(ident))
        found: list[Call] = []
        if kind == "system" and record.get("subtype") == "init":
            session.model = model_name(record.get("model"))
        elif kind == "assistant":
            found = _take(session, mapping(record.get("message")), text(record.get("uuid")))
        elif kind == "stream_event":
            found = self._take_event(session, mapping(record.get("event")), record)
        elif kind == "result":
            found = session.finish(record)
        for call in found:
            call.ts = timestamp_us(record.get("timestamp")) or call.ts
            call.session, call.feature = ident, FEATURE
            call.tags = "subagent" if record.get("parent_tool_use_id") else call.tags
        return found

    def _take_event(self, session: Session, event: Mapping[str, Any], record: Record) -> list[Call]:
        """The call of a message that was streamed to its end, with its last usage."""
        stream = session.ident, text(record.get("parent_tool_use_id"))
        if event.get("type") == "message_start":
            self.streams[stream] = dict(mapping(event.get("message")))
        message = self.streams.get(stream)
        if event.get("type") != "message_delta" or message is None:
            return []
        stated = {k: v for k, v in mapping(event.get("usage")).items() if v is not None}
        usage = {**mapping(message.get("usage")), **stated}
        reason = mapping(event.get("delta")).get("stop_reason")
        return _take(session, {**message, "usage": usage, "content": [], "stop_reason": reason}, None)


def _take(session: Session, message: Mapping[str, Any], line: str | None) -> list[Call]:
    """The calls of a message as one line states it; the session keeps the best that lines have said of it."""
    if not usage_is_there(message):
        return []
    calls = calls_from_message(message)
    for call in calls:
        shown = session.shown.setdefault(f"{call.response_id}/{call.call_id}", Shown(call))
        if counts_of_call(call).output > counts_of_call(shown.call).output:
            shown.call = call
        if line is None or line not in shown.lines:
            shown.lines.add(line)
            shown.said += answer_bytes(message.get("content"))
    return [msgspec.structs.replace(call, answered_bytes=_size(session, call)) for call in calls]


def _size(session: Session, call: Call) -> int | None:
    """The bytes of an answer whose tokens are a placeholder."""
    size = session.shown[f"{call.response_id}/{call.call_id}"].said
    return size if call.final is False else None


def is_line(record: Record) -> bool:
    """True for a line of a run: it names its session as no transcript does."""
    if not isinstance(record.get("session_id"), str):
        return False
    kind = record.get("type")
    keys = TYPES.get(kind, ()) if isinstance(kind, str) else ()
    return any(key in record for key in keys)


def new_run() -> Callable[[Record], list[Call]]:
    """A reader of the lines of one file, in their order."""
    return Run().calls


def calls_from_line(record: Record) -> list[Call]:
    """The calls of a line alone."""
    return Run().calls(record)


ADAPTER: Final = Adapter(
    name="claude-code-run",
    title="Claude Code: output of claude -p (stream-json, json), logs of its action",
    matches=is_line,
    calls=calls_from_line,
    needs=("type", "session_id", "message"),
    session=new_run,
)
