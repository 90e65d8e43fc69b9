"""Realtime events: a call for each answer, with sound and what was cached of it, and for each transcript."""

from __future__ import annotations

from typing import Any

from costaudit.ingest.adapters import ADAPTERS, openai_realtime
from costaudit.ingest.detect import matching
from costaudit.ingest.settle import settled
from costaudit.schema import Call, Quality

Event = dict[str, Any]


def calls_of(*events: Event) -> list[Call]:
    assert {matching(event, ADAPTERS) for event in events} == {openai_realtime.ADAPTER}
    read = openai_realtime.ADAPTER.for_one_file().calls
    return [call for event in events for call in settled(read(event))]


SESSION = {"type": "session.created", "event_id": "e0", "session": {
    "id": "sess_1", "model": "gpt-realtime-2025-08-28",
    "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}},
}}  # fmt: skip
USAGE = {
    "total_tokens": 1855, "input_tokens": 1459, "output_tokens": 396,
    "input_token_details": {
        "text_tokens": 1349, "audio_tokens": 110, "image_tokens": 0, "cached_tokens": 1408,
        "cached_tokens_details": {"text_tokens": 1344, "audio_tokens": 64, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 97, "audio_tokens": 299},
}  # fmt: skip
DONE = {"type": "response.done", "event_id": "e1", "response": {
    "object": "realtime.response", "id": "resp_1", "status": "completed", "usage": USAGE,
}}  # fmt: skip
HEARD = {
    "type": "conversation.item.input_audio_transcription.completed", "event_id": "e2", "item_id": "item_1",
    "transcript": "hi", "usage": {
        "type": "tokens", "total_tokens": 48, "input_tokens": 38, "output_tokens": 10,
        "input_token_details": {"text_tokens": 10, "audio_tokens": 28},
    },
}  # fmt: skip


def test_the_model_of_a_session_answers_and_another_writes_down_what_it_hears():
    answer, transcript = calls_of(SESSION, HEARD | {"type": "input_audio_buffer.committed"}, DONE, HEARD)
    assert (answer.model, answer.session, answer.final) == ("gpt-realtime-2025-08-28", "sess_1", True)
    # cached: 1408 = 1344 text + 64 sound; the rest 1459 - 1408 = 51 = 5 text + 46 sound.
    assert (answer.input, answer.input_audio, answer.cache_read, answer.cache_read_audio) == (5, 46, 1344, 64)
    assert (answer.output, answer.output_audio) == (97, 299)
    assert (transcript.model, transcript.input, transcript.input_audio) == ("gpt-4o-transcribe", 10, 28)
    assert (transcript.output, transcript.feature, transcript.prompt) == (10, "transcription", None)


def test_an_event_on_its_own_takes_model_and_time_from_beside_it():
    (call,) = calls_of({**DONE, "model": "gpt-realtime-mini", "timestamp": "2026-03-23T10:00:00Z"})
    assert (call.model, call.ts) == ("gpt-realtime-mini", 1_774_260_000_000_000)


def test_a_transcript_that_is_billed_by_its_length_has_no_usage():
    (call,) = calls_of({**HEARD, "usage": {"type": "duration", "seconds": 7}})
    assert call.quality == Quality.NONE


def test_an_answer_that_was_interrupted_is_billed_for_what_it_has():
    (call,) = calls_of({**DONE, "response": {**DONE["response"], "status": "cancelled"}})  # type: ignore[dict-item]
    assert (call.status, call.output_audio) == ("cancelled", 299)


def test_events_that_end_nothing_are_no_calls():
    kinds = (
        "response.created",
        "response.output_audio.delta",
        "rate_limits.updated",
        "conversation.item.added",
    )
    assert calls_of(*({"type": kind, "event_id": "e", "response": {"usage": USAGE}} for kind in kinds)) == []
