"""Events of streams as lines: OpenAI's Responses API and Anthropic's Messages, as JSON or as raw text.

What a program writes down while it reads a stream. The events of one stream are one call: of a response the
last event that carries it counts, of a message its start overlaid by the deltas, whose usage is cumulative
(Anthropic's documentation of streaming: "the token counts shown in the usage field of the message_delta event
are cumulative"). Deltas of a message do not name it. Streams between each other are told apart by an id that
the log writes beside the event (or around it); where there is none and several messages are open, a delta is
set aside, for no one knows whose it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters import beside
from costaudit.ingest.adapters.response_body import calls_from_body, fold_event
from costaudit.ingest.fields import first, text
from costaudit.ingest.format import Adapter, Record, Skip, around_of
from costaudit.schema import Call, Status

_ANSWER: Final = "response."
"""How the types of events of the Responses API begin."""
_OF_ANSWERS: Final = ("sequence_number", "item_id", "output_index")
"""Keys of events that carry no response."""
_START: Final = "message_start"
_DELTA: Final = "message_delta"
_STOP: Final = "message_stop"
_WITHIN: Final = frozenset({"content_block_start", "content_block_delta", "content_block_stop", "ping"})

_IDS: Final = (
    "message_id", "stream_id", "request_id", "requestId", "call_id", "id", "trace_id", "session_id",
    "conversation_id",
)  # fmt: skip
"""Keys beside an event that may say which stream it is of, the more telling first."""


def matches(record: Record) -> bool:
    """True for an event of either API; those of the realtime API, which have ids of their own, are others."""
    kind = record.get("type")
    if not isinstance(kind, str):
        return False
    if kind.startswith(_ANSWER):
        answer = record.get("response")
        return "event_id" not in record and (
            any(name in record for name in _OF_ANSWERS)
            or (isinstance(answer, Mapping) and answer.get("object") == "response")
        )
    if kind == _START:
        return isinstance(record.get("message"), Mapping)
    if kind == _DELTA:
        return isinstance(record.get("delta"), Mapping) or isinstance(record.get("usage"), Mapping)
    return kind == _STOP or (kind in _WITHIN and ("index" in record or kind == "ping"))


class _Streams:
    """The messages of one file that have begun."""

    def __init__(self) -> None:
        self._open: dict[str, dict[str, Any]] = {}
        """The messages by their ids, in the order in which they began, until they end."""
        self._named: dict[str, str] = {}
        """By what the log calls a stream, the id of its message."""
        self._begun: dict[str, Call] = {}
        """The calls of responses that had no end yet."""

    def calls(self, event: Record) -> list[Call]:
        """The call of an event's stream, as far as it was seen; raises Skip where it is not certain which."""
        kind = event.get("type")
        if not isinstance(kind, str):
            raise Skip("unrecognised", "an event has a type")
        if kind.startswith(_ANSWER):
            answer = event.get("response")
            return self._answered(answer, event) if isinstance(answer, Mapping) else []
        if kind in _WITHIN:
            return []
        if kind == _START:
            return self._begin(event)
        message = self._of(event)
        if kind == _STOP:
            if message is not None:
                self._open.pop(message, None)
            return []
        if message is None:
            raise Skip("unrecognised", "the event names no message, and not exactly one is open")
        self._open[message] = fold_event(self._open[message], event) or self._open[message]
        return _calls(self._open[message], event)

    def _answered(self, answer: Mapping[str, Any], event: Record) -> list[Call]:
        """The call of a response. One that fails is the call that its first event was, and no further one."""
        found, ident = _calls(answer, event), text(answer.get("id"))
        begun = None if ident is None else self._begun.get(ident)
        for call in found:
            if begun is not None and call.status == Status.ERROR:
                for name in call.__struct_fields__:
                    setattr(begun, name, getattr(call, name))
                return []
            if ident is not None and not call.final:
                self._begun.setdefault(ident, call)
        return found

    def _begin(self, event: Record) -> list[Call]:
        body = {"type": "message", **(fold_event(None, event) or {})}
        message, name = text(body.get("id")) or "", _name(event)
        if name is None:  # a message that has its stop reason has ended, though nobody said so
            self._open = {known: one for known, one in self._open.items() if not one.get("stop_reason")}
        else:
            self._named[name] = message
        self._open[message] = body
        return _calls(body, event)

    def _of(self, event: Record) -> str | None:
        """The open message that an event is of; None where that is not certain."""
        name = _name(event)
        for message in (name, self._named.get(name) if name is not None else None):
            if message is not None and message in self._open:
                return message
        return next(iter(self._open)) if len(self._open) == 1 else None


def _name(event: Record) -> str | None:
    """What the log calls the stream of an event."""
    for record in (event, *around_of(event)):
        name = text(first(record, *_IDS))
        if name is not None:
            return name
    return None


def _calls(body: Mapping[str, Any], event: Record) -> list[Call]:
    found = calls_from_body(body)
    if found is None:
        raise Skip("unrecognised", "what the event carries has no known shape")
    return [beside.fill(call, event) for call in found]


def calls(event: Record) -> list[Call]:
    """The calls of an event by itself: of a delta no one knows the message."""
    return _Streams().calls(event) if event.get("type") != _DELTA else []


ADAPTER: Final = Adapter(
    name="stream-events",
    title="events of streams, one per line: OpenAI Responses, Anthropic Messages",
    matches=matches,
    calls=calls,
    needs=("type", "response"),
    session=lambda: _Streams().calls,
)
