"""Gemini CLI: session files (`~/.gemini/tmp/*/chats/session-*.jsonl`) and telemetry events.

Input includes cached tokens; thoughts and the results of tools that the API ran stand beside. A message is
written again when its tool calls are known, and in a file of another ending when an old session is resumed:
its id is the call's. Sub-agents have files of their own, in a folder named after the session that called them
(`chatRecordingService.ts`: `kind`). Session files leave out the calls of
the router and other helpers (2 of 6 real calls, a quarter of the prompt tokens): the telemetry has them all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from costaudit.ingest.adapters.otlp_spans import started_us, time_us
from costaudit.ingest.adapters.row_values import milliseconds, objects
from costaudit.ingest.fields import first, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count, lacks_some
from costaudit.schema import Call, Quality, Status
from costaudit.stated import Stated

FEATURE: Final = "gemini-cli"
PROVIDERS: Final = {"vertex-ai": "vertex", "cloud-shell": "vertex"}
"""Ways to sign in (`auth_type`) that are not the Gemini API."""

SPOKEN: Final = ("user", "info", "error", "warning", "gemini")
LINE_KEYS: Final = {"id", "timestamp", "type", "content", "displayContent"}
EDITS: Final = {"$set", "$rewindTo"}
EVENTS: Final = ("gemini_cli.api_response", "gemini_cli.api_error")


class GeminiSession(msgspec.Struct):
    """Knows the session that the header of a file names, and whether it is one of a sub-agent."""

    ident: str | None = None
    tags: str | None = None

    def calls(self, record: Record) -> list[Call]:
        """The calls of one line. Raises Skip for impossible usage."""
        if "projectHash" in record and isinstance(record.get("sessionId"), str):
            self.ident = text(record.get("sessionId"))
        if "subagent" in (record.get("kind"), mapping(record.get("$set")).get("kind")):
            self.tags = "subagent"
        messages = mapping(record.get("$set")).get("messages") or record.get("messages")
        lines = objects(messages) if isinstance(messages, list) else [record]
        return [self._call(line) for line in lines if line.get("type") == "gemini"]

    def _call(self, line: Mapping[str, Any]) -> Call:
        ident, tokens = text(line.get("id")), mapping(line.get("tokens"))
        call = Call(
            ts=timestamp_us(line.get("timestamp")),
            call_id=ident,
            provider="google",
            model=model_name(line.get("model")),
            session=self.ident,
            feature=FEATURE,
            tags=self.tags,
        )
        names = ("input", "output", "cached", "thoughts", "tool", "total")
        call = _set_tokens(call, {name: tokens.get(name) for name in names})
        if call.stated is not None:
            call.stated.unused = unused_numbers(tokens, frozenset(names), "tokens.")
        return call


def _set_tokens(call: Call, tokens: Mapping[str, Any]) -> Call:
    """Note the counts; a message whose counts are all absent or 0 was not counted."""
    counts = {name: count(value, name) for name, value in tokens.items()}
    if not any(counts.values()):
        call.quality = Quality.NONE.value
        return call
    call.final = True
    call.stated = Stated(
        prompt=(counts["input"] or 0) + (counts["tool"] or 0),
        completion=counts["output"] or 0,
        cache_read=counts["cached"],
        reasoning=counts["thoughts"],
        total=counts["total"],
        includes=includes("google", "gemini"),
        lacks=lacks_some(*(counts[name] for name in ("input", "output", "cached", "total"))),
    )
    return call


def new_session() -> Callable[[Record], list[Call]]:
    """A reader of the lines of one file, in their order."""
    return GeminiSession().calls


def calls_from_line(record: Record) -> list[Call]:
    """The calls of a line alone, without the session that the file's header names."""
    return GeminiSession().calls(record)


def is_session_line(record: Record) -> bool:
    """True for any line of a session file: header, message or change."""
    if "projectHash" in record and isinstance(record.get("sessionId"), str):
        return True
    if record and record.keys() <= EDITS:
        return True
    kind = record.get("type")
    if kind not in SPOKEN or "id" not in record or "timestamp" not in record:
        return False
    return "tokens" in record if kind == "gemini" else record.keys() <= LINE_KEYS and "content" in record


def is_event(record: Record) -> bool:
    """True for a telemetry record of Gemini CLI, whatever it tells of."""
    attributes = record.get("attributes")
    if not isinstance(attributes, Mapping) or not ({"hrTime", "hrTimeObserved", "timestamp"} & record.keys()):
        return False
    name = attributes.get("event.name")
    return isinstance(name, str) and name.startswith(("gemini_cli.", "gen_ai.client."))


def calls_from_event(record: Record) -> list[Call]:
    """The call of an `api_response` or `api_error` event; other events are none."""
    attributes = mapping(record.get("attributes"))
    if attributes.get("event.name") not in EVENTS:
        return []
    return [call_from_event(attributes, time_us(record.get("hrTime")))]


def call_from_event(attributes: Mapping[str, Any], ts: int | None) -> Call:
    """The call of an `api_response` or `api_error` event; `ts` is when it ended."""
    ended = timestamp_us(attributes.get("event.timestamp")) or ts
    duration = milliseconds(attributes.get("duration_ms"))
    role = text(attributes.get("role"))
    call = Call(
        ts=started_us(ended, duration),
        response_id=_response_id(attributes.get("response_text")),
        provider=PROVIDERS.get(text(attributes.get("auth_type")) or "", "google"),
        model=model_name(attributes.get("model")),
        latency_ms=duration,
        user=text(attributes.get("user.email")),
        session=text(attributes.get("session.id")),
        feature=FEATURE,
        tags=f"role:{role}" if role else None,
    )
    if attributes.get("event.name") == "gemini_cli.api_error":
        code = first(attributes, "status_code", "error_type", "error.type")
        call.status, call.error_code = Status.ERROR.value, text(code)
        call.quality, call.final = Quality.NONE.value, True
        return call
    names = ("input", "output", "cached_content", "thoughts", "tool", "total")
    tokens = {name.partition("_")[0]: attributes.get(f"{name}_token_count") for name in names}
    return _set_tokens(call, tokens)


def _response_id(value: Any) -> str | None:
    """The id in the response that the event quotes: one object, or the list of a stream's chunks."""
    if not isinstance(value, str) or '"responseId"' not in value:
        return None
    try:
        chunks = json.loads(value)
    except (ValueError, RecursionError):
        return None
    for chunk in chunks if isinstance(chunks, list) else [chunks]:
        if isinstance(chunk, Mapping) and text(chunk.get("responseId")):
            return text(chunk.get("responseId"))
    return None


SESSION: Final = Adapter(
    name="gemini-cli",
    title="Gemini CLI: session files",
    matches=is_session_line,
    calls=calls_from_line,
    needs=("id", "timestamp", "type", "tokens"),
    session=new_session,
)
TELEMETRY: Final = Adapter(
    name="gemini-cli-telemetry",
    title="Gemini CLI: telemetry events",
    matches=is_event,
    calls=calls_from_event,
    needs=("hrTime", "attributes"),
)
ADAPTERS: Final = (SESSION, TELEMETRY)
