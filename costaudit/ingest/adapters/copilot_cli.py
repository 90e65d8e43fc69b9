"""GitHub Copilot CLI: the events of its sessions (`~/.copilot/session-state/*/events.jsonl`).

An `assistant.usage` event is one call; most files have none of them. `session.shutdown` states the sums since
the program began by model (`modelMetrics`): what they have more than the calls before them is one further
call per model. Inputs include what was read from the cache and written to it, outputs the reasoning. Costs
are in units of Copilot's plans, not in dollars, and are not read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from costaudit.ingest.adapters.row_values import milliseconds
from costaudit.ingest.fields import first, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call
from costaudit.stated import Stated

FEATURE: Final = "copilot-cli"
GATEWAY: Final = "github-copilot"
EVENTS: Final = (
    "session.", "assistant.", "user.", "tool.", "subagent.", "system.", "hook.", "skill.", "abort",
)  # fmt: skip
"""How types of events start."""

WINDOW: Final = 128_000
"""Tokens of a prompt that the smallest windows of Copilot's models hold; none has a higher price below."""

NAMES: Final = ("inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens", "reasoningTokens")

Numbers = tuple[int, ...]


class CopilotSession(msgspec.Struct):
    """What the events of one file have said so far."""

    ident: str | None = None
    told: dict[str, Numbers] = msgspec.field(default_factory=dict)
    """By model the sums of the calls since the program began."""

    def calls(self, event: Record) -> list[Call]:
        """The calls of one event. Raises Skip for impossible usage."""
        data, kind = mapping(event.get("data")), event.get("type")
        if kind in ("session.start", "session.resume"):
            self.ident = text(data.get("sessionId")) or self.ident
        if kind == "assistant.usage":
            return [self._one(event, data)]
        return self._rest(event, data) if kind == "session.shutdown" else []

    def _one(self, event: Record, data: Mapping[str, Any]) -> Call:
        model, numbers = model_name(data.get("model")), _numbers(data)
        before = self.told.get(model or "", (0,) * len(NAMES))
        self.told[model or ""] = tuple(a + b for a, b in zip(before, numbers, strict=True))
        call = self._call(event, model, numbers)
        call.response_id = text(first(data, "apiCallId", "providerCallId")) or text(event.get("id"))
        call.latency_ms = milliseconds(data.get("duration"))
        return call

    def _rest(self, event: Record, data: Mapping[str, Any]) -> list[Call]:
        """What the sums at the end have more than the calls before it."""
        found = []
        for model, said in mapping(data.get("modelMetrics")).items():
            usage = mapping(mapping(said).get("usage"))
            before = self.told.get(model, (0,) * len(NAMES))
            left = tuple(max(a - b, 0) for a, b in zip(_numbers(usage), before, strict=True))
            if any(left):
                call = self._call(event, model, left)
                call.response_id = f"copilot:{event.get('id')}:{model}"
                call.longest_prompt = WINDOW
                if call.stated is not None:
                    call.stated.unused = unused_numbers(usage, frozenset(NAMES), "usage.")
                found.append(call)
        self.told.clear()
        return found

    def _call(self, event: Record, model: str | None, numbers: Numbers) -> Call:
        prompt, completion, read, written, reasoning = numbers
        return Call(
            ts=timestamp_us(event.get("timestamp")),
            model=model,
            gateway=GATEWAY,
            session=self.ident,
            feature=FEATURE,
            final=True,
            stated=Stated(
                prompt=prompt,
                completion=completion,
                cache_read=read,
                written=written,
                reasoning=reasoning,
                includes=includes(None, "gateway"),
                zeros_are_nothing=True,
            ),
        )


def _numbers(usage: Mapping[str, Any]) -> Numbers:
    return tuple(count(usage.get(name), name) or 0 for name in NAMES)


def is_copilot(record: Record) -> bool:
    """True for any event of a session."""
    kind = record.get("type")
    if not isinstance(kind, str) or not kind.startswith(EVENTS):
        return False
    return isinstance(record.get("data"), Mapping) and "id" in record and "parentId" in record


def new_session() -> Callable[[Record], list[Call]]:
    """A reader of the events of one file, in their order."""
    return CopilotSession().calls


def calls_from_event(record: Record) -> list[Call]:
    """The calls of an event alone."""
    return CopilotSession().calls(record)


ADAPTER: Final = Adapter(
    name="copilot-cli",
    title="GitHub Copilot CLI: events of sessions",
    matches=is_copilot,
    calls=calls_from_event,
    needs=("type", "data", "parentId"),
    session=new_session,
)
