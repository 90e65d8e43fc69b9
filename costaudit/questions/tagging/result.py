"""Why requests were judged as they were: costaudit/explain@1."""

from __future__ import annotations

from typing import Any, Literal

from costaudit.render.part import SCHEMA, Part, PricedLine, Usd


class ExplainedSource(Part, frozen=True, kw_only=True):
    """Where a request stands."""

    file: str
    line: int
    records: int
    """How many records it was merged from."""


class ExplainedTier(Part, frozen=True, kw_only=True):
    """The tag."""

    tier: int | None
    name: str
    confidence: int | None
    evidence: str | None
    reasons: list[str]


class ExplainedReason(Part, frozen=True, kw_only=True):
    """A rule that spoke for a tier."""

    evidence: str
    rule: str
    tier: int
    confidence: int | None
    points: float | None
    signal: str | None


class ExplainedPrice(Part, frozen=True, kw_only=True):
    """The list price, or why there is none."""

    list_usd: Usd | None
    unpriced_reason: str | None
    detail: str | None
    lines: list[PricedLine]


class ExplainedRoute(Part, frozen=True, kw_only=True):
    """Where the policy would have sent it, or why it keeps its model."""

    provider: str | None
    model: str | None
    list_usd: Usd | None
    kept_reason: str | None


class ExplainedRequest(Part, frozen=True, kw_only=True):
    """One request with all that was decided about it."""

    id: str
    source: ExplainedSource
    call: dict[str, Any]
    """All canonical facts; texts by their length unless they are asked for."""
    tier: ExplainedTier
    reasons: list[ExplainedReason]
    """The strongest evidence first."""
    text_scores: list[int] | None
    """What the text alone says of each tier, in thousandths."""
    price: ExplainedPrice
    route: ExplainedRoute


class Explanation(Part, frozen=True, kw_only=True, rename=SCHEMA):
    """The requests with an id."""

    schema_: Literal["costaudit/explain@1"]
    id: str
    requests: list[ExplainedRequest]
