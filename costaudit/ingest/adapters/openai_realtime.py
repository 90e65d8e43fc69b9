"""OpenAI Realtime: the server's events as a client logs them, one JSON object each.

`response.done` carries the usage of one answer, with a split into text, sound and images on both sides and
for what was cached (OpenAI's API reference, "Realtime server events"). The model stands in `session.created`
or `session.updated` before, so that a file is read in its order. The transcript of what the user said is
another model's work and a call of its own; it is billed by tokens or by the length of the sound.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from costaudit.ingest.adapters.beside import fill
from costaudit.ingest.adapters.openai_responses import STATUSES, set_response_usage
from costaudit.ingest.fields import first, mapping, model_name, text
from costaudit.ingest.format import Adapter, Record
from costaudit.schema import Call, Quality

SESSION: Final = frozenset({
    "session.created", "session.updated", "transcription_session.created", "transcription_session.updated",
})  # fmt: skip
DONE: Final = "response.done"
HEARD: Final = "conversation.item.input_audio_transcription.completed"
_KINDS: Final = (
    "session.", "transcription_session.", "conversation.", "response.", "input_audio_buffer.",
    "output_audio_buffer.", "rate_limits.", "error",
)  # fmt: skip
"""How the names of events start, the client's own among them."""


class RealtimeSession(msgspec.Struct):
    """What the events before say: the models at work."""

    model: str | None = None
    listening: str | None = None
    """The model that writes down what the user says."""
    session: str | None = None

    def calls(self, event: Record) -> list[Call]:
        """The call of an event that ends one; none for others. Raises Skip for impossible usage."""
        kind = text(event.get("type"))
        if kind in SESSION:
            self._begin(mapping(event.get("session")), kind)
            return []
        if kind == DONE:
            return [self._answer(event, mapping(event.get("response")))]
        return [self._transcript(event)] if kind == HEARD and event.get("usage") else []

    def _begin(self, session: Mapping[str, Any], kind: str) -> None:
        sound = mapping(mapping(session.get("audio")).get("input"))
        listening = first(session, "input_audio_transcription") or sound.get("transcription")
        self.listening = model_name(mapping(listening).get("model")) or self.listening
        if kind.startswith("session."):
            self.model = model_name(session.get("model")) or self.model
        self.session = text(session.get("id")) or self.session

    def _answer(self, event: Record, response: Mapping[str, Any]) -> Call:
        status = text(response.get("status"))
        call = Call(
            response_id=text(response.get("id")),
            provider="openai",
            model=model_name(response.get("model")) or model_name(event.get("model")) or self.model,
            session=self.session or text(response.get("conversation_id")),
            status=STATUSES.get(status or "", "ok"),
            final=True,
        )
        set_response_usage(call, mapping(response.get("usage")))
        return fill(call, event)

    def _transcript(self, event: Record) -> Call:
        usage = mapping(event.get("usage"))
        call = Call(
            call_id=text(event.get("item_id")),
            provider="openai",
            model=model_name(event.get("model")) or self.listening,
            session=self.session,
            feature="transcription",
            final=True,
        )
        if usage.get("type") == "duration":
            call.quality = Quality.NONE.value
        else:
            set_response_usage(call, usage)
        return fill(call, event)


def is_event(record: Record) -> bool:
    """True for an event of the Realtime API: of its own kinds, with the id that every event has."""
    kind = record.get("type")
    if not isinstance(kind, str):
        return False
    if kind == DONE:
        return isinstance(record.get("response"), Mapping)
    if kind in SESSION:
        return isinstance(record.get("session"), Mapping)
    if kind == HEARD:
        return True
    return "event_id" in record and kind.startswith(_KINDS)


ADAPTER: Final = Adapter(
    name="openai-realtime",
    title="OpenAI Realtime: server events as lines",
    matches=is_event,
    calls=lambda event: RealtimeSession().calls(event),
    needs=("type", "event_id", "response"),
    session=lambda: RealtimeSession().calls,
)
