"""A policy as the blocks that the terminal draws: what runs where, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator

from costaudit.money import shown
from costaudit.questions.exports.model import PolicyExport, Route, ServingModel, VerificationPass
from costaudit.questions.exports.notes import asked
from costaudit.render.blocks import Block, Column, Facts, Headline, Prose, Table
from costaudit.render.figures import ABSENT
from costaudit.render.text import render_blocks


def render_policy_text(export: PolicyExport, width: int, color: bool) -> str:
    """The policy in lines of at most `width` columns."""
    return render_blocks(policy_blocks(export), width, color)


def policy_blocks(export: PolicyExport) -> Iterator[Block]:
    """What holds for all, then a table per tier or rule, in the order in which they are asked."""
    yield Headline(f"Policy {export.policy}: {export.title}" if export.title else f"Policy {export.policy}")
    yield Facts(tuple(_facts(export)))
    for route in export.routes:
        yield from _route(route)
    yield Prose("How to read it", tuple(_reading(export)))


def _facts(export: PolicyExport) -> Iterator[tuple[str, str, str]]:
    yield "Models", export.at, f"in service and priced then, by price tables {export.prices.version}"
    yield (
        "Tags",
        f"{export.min_confidence}%",
        "confidence or more; requests with weaker tags keep their model",
    )
    if export.sessions == "together":
        yield "Sessions", "together", "one model for a whole session, that of its highest tier"
    for noun, patterns in (
        ("features", export.never.features), ("models", export.never.models), ("users", export.never.users),
    ):  # fmt: skip
        if patterns:
            yield "Never", noun, f"{', '.join(patterns)}: these keep their model"


def _route(route: Route) -> Iterator[Block]:
    notes = tuple(_terms(route))
    if route.keep:
        yield Prose(_title(route), ("keeps the model that serves it", *notes))
        return
    places = [*route.candidates, *route.fallbacks]
    turns = [str(turn) for turn in range(1, len(route.candidates) + 1)]
    yield Table(
        _title(route),
        (
            Column("model", tuple(place.model for place in places), number=False),
            Column("tried", (*turns, *("fallback" for _ in route.fallbacks))),
            Column("input", tuple(_price(place, "input") for place in places)),
            Column("output", tuple(_price(place, "output") for place in places)),
            Column("cache read", tuple(_price(place, "cache_read") for place in places), leaves=1),
            Column("context", tuple(_tokens(place.context_window) for place in places), leaves=2),
        ),
        notes=notes,
    )


def _title(route: Route) -> str:
    when = asked(route.when)
    return route.title if when == route.title else f"{route.title}: {when}"


def _terms(route: Route) -> Iterator[str]:
    """What else the policy says of these requests."""
    if route.share != 1 and not route.keep:
        yield f"{(route.share * 100).normalize():f}% of these requests are moved."
    if route.verification is not None:
        yield f"Verified: {_check(route.verification)}."
    if route.quality_floor is not None and not route.keep:
        yield f"With --evals, they must prove a pass rate of {route.quality_floor}."
    if route.success_rate != 1 and not route.keep:
        yield f"Taken to be good enough: {(route.success_rate * 100).normalize():f}% of the answers."
    if route.retry_rate and not route.keep:
        yield (
            f"Taken to be unreadable: {(route.retry_rate * 100).normalize():f}% of the answers; asked at "
            f"most {route.max_attempts} times."
        )
    for seat in route.absent:
        yield f"Not there: {' / '.join(seat.models)} ({seat.reason.replace('_', ' ')})."


def _check(check: VerificationPass) -> str:
    how = (
        f"at {check.multiple.normalize():f} of the request's own cost"
        if check.model is None
        else f"by {check.model}, which writes {check.output_tokens:,} tokens"
    )
    return how if check.on == "all" else f"{how}, moved requests only"


def _reading(export: PolicyExport) -> Iterator[str]:
    yield "Prices are USD per 1M tokens, standard service, for a short request."
    if any(route.by_price for route in export.routes):
        read, written = export.mix
        yield (
            "Per request the cheapest candidate that can take it is chosen; the order shown is that of "
            f"{read} parts input to {written} output."
        )
    yield "The first tier or rule that fits decides; requests that none fits keep their model."


def _price(place: ServingModel, klass: str) -> str:
    return shown(place.usd_per_mtok.get(klass))


def _tokens(number: int | None) -> str:
    return ABSENT if number is None else f"{number:,}"
