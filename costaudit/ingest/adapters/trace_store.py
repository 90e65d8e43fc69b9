"""What the spans of stores of traces have in common: who is inside whom, and which of them are calls."""

from __future__ import annotations

from typing import Any

from costaudit.ingest.adapters.otlp_spans import span_ident
from costaudit.schema import Call, SpanKind, SpanLink


def linked(trace: Any, span: Any, parent: Any, kind: SpanKind) -> SpanLink | None:
    """Where a span stands, by its ids in the spelling that all share; None without the ids that tell."""
    trace, span, parent = span_ident(trace), span_ident(span), span_ident(parent)
    return None if trace is None or span is None else SpanLink(trace, span, parent, kind)


def around(link: SpanLink | None, of: Call | None = None) -> list[Call]:
    """A span that is no call, with the session, user and feature that it knows of the calls inside."""
    if link is None:
        return []
    known = Call() if of is None else of
    call = Call(span=link, session=known.session, user=known.user, feature=known.feature)
    return [call] if link.parent or call.session or call.user or call.feature else []


def calls_among(found: list[Call]) -> list[Call]:
    """The calls without the spans that are none."""
    return [call for call in found if call.span is None or call.span.is_call]
