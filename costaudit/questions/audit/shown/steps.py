"""From before to after: the waterfall, gateways, and the segments of a scenario."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from costaudit.money import shown
from costaudit.questions.audit import result as m
from costaudit.questions.audit.shown.report import Report, billed_known
from costaudit.render.blocks import Column, ListLimits, Prose, Table
from costaudit.render.figures import (
    count,
    counts_shown,
    decimal_or_none,
    money,
    money_with_sum,
    name_shown,
    percent,
    split_rows,
    words,
)
from costaudit.render.safe import safe

STEPS: Final[Mapping[str, tuple[str, str]]] = {
    "billed": ("billed", "what was paid"),
    "before": ("before", "what is paid"),
    "markup": ("gateway markup", "billed on top of list"),
    "reliability": ("reliability", "attempts that failed or were replaced"),
    "overspecification": ("overspecification", "a dearer model than the tier needs"),
    "lock_in": ("lock-in", "a cheaper provider not chosen"),
    "routing": ("routing", "each tier on its own model"),
    "verification": ("verification", "a second pass over the highest tier"),
    "cache": ("lost cache", "sessions whose requests go to different models"),
    "router": ("router", "deciding where each request goes"),
    "after": ("after", "what the same requests would cost"),
}
"""Steps of the waterfall: label and meaning."""


BY_LIST: Final = "by list, or as an agent states it"
"""What is billed where the logs are those of agents, which may have a flat rate."""

ENDS: Final = frozenset({"billed", "before", "after"})
"""Steps that are levels; all others add to the level before them."""


def show_waterfall(report: Report, _: ListLimits) -> Iterator[Table]:
    """From billed to after, step by step."""
    steps = report.projection.steps
    if not steps or not billed_known(report):
        return
    labels, meanings, bars = [], [], []
    level = Decimal(0)
    for step in steps:
        label, meaning = STEPS.get(step.name, (words(step.name), ""))
        if step.name == "billed" and report.agents is not None:
            meaning = BY_LIST
        if step.name == "markup" and step.usd > 0:
            label, meaning = "billed below list", "list is what the rest starts from"
        start = Decimal(0) if step.name in ENDS else level
        level = start + step.usd
        labels.append(label)
        meanings.append(meaning)
        bars.append((start, level))
    firm = sum(s.name in {"billed", "before", "markup"} for s in steps[:2])  # they are shown elsewhere too
    signed = money_with_sum([s.usd for s in steps[:-1]], signed=True, firm=firm)
    cells = [a.lstrip("+") if s.name in ENDS else a for a, s in zip(signed, steps, strict=True)]
    yield Table(
        f"From {labels[0]} to {labels[-1]}",
        (
            Column("step", tuple(labels), number=False),
            Column("amount", tuple(cells)),
            Column("meaning", tuple(meanings), number=False, leaves=1, wide=True),
        ),
        notes=(*_kept_note(report.projection.kept), *_inadequate_note(report.projection.inadequate)),
        bars=tuple(bars),
    )


KEPT: Final[Mapping[str, str]] = {
    "untagged": "without a tier",
    "unpriced": "without a price",
    "not_billed": "cost nothing",
    "unbilled": "without a stated cost",
    "tier_keeps": "in a tier that keeps its models",
    "not_chat": "not chat",
    "no_adequate_candidate": "without an adequate candidate",
    "not_cheaper": "without a cheaper candidate",
    "never": "that the policy never moves",
    "outside_share": "outside the share that moves",
    "not_exact": "whose tokens are not exactly known",
    "session_keeps": "whose session would lose more of its cache than it saves",
}

LACKS: Final[Mapping[str, str]] = {
    "provider": "a provider that may serve them",
    "in_service": "a candidate in service",
    "image": "images",
    "audio": "audio",
    "tools": "tools",
    "json_mode": "JSON mode",
    "context_window": "a context window of that size",
    "max_output": "so long an answer",
    "price": "a price for all of their tokens",
    "quality": "evals that reach the floor",
}
"""What the candidate that came nearest lacks."""


def _inadequate_note(inadequate: Mapping[str, int]) -> tuple[str, ...]:
    if not inadequate:
        return ()
    ranked = sorted(inadequate.items(), key=lambda kv: (-kv[1], kv[0]))
    told = ", ".join(f"{LACKS.get(name, words(name))} ({n:,})" for name, n in ranked)
    return (f"What the nearest candidate lacks: {told}.",)


def _kept_note(kept: Mapping[str, int]) -> tuple[str, ...]:
    if not kept:
        return ()
    moved = kept.get("routed", 0)
    stay = sorted(((n, name) for name, n in kept.items() if name != "routed"), key=lambda kv: (-kv[0], kv[1]))
    moving = f"{count(moved, 'request')} {'moves' if moved == 1 else 'move'}"
    if not stay:
        return (f"{moving}.",)
    told = ", ".join(f"{n:,} {KEPT.get(name, words(name))}" for n, name in stay)
    return (f"{moving}; {sum(n for n, _ in stay):,} stay: {told}.",)


EVIDENCE: Final = {"reported": "stated in the log", "table": "known fees", "given": "as given"}


def show_gateways(report: Report, limits: ListLimits) -> Iterator[Table]:
    """Billed against list, by gateway."""
    if not any(r.usd for r in report.markup):
        return
    top, rest = split_rows(report.markup, limits.rows)
    names = [name_shown(r.gateway, "gateway") for r in top]
    requests, amounts = [r.requests for r in top], [r.usd for r in top]
    evidence, markups = [EVIDENCE[r.evidence] for r in top], [_over_list(r.percent) for r in top]
    if rest:
        names.append(f"and {len(rest):,} more")
        requests.append(sum(r.requests for r in rest))
        amounts.append(sum((r.usd for r in rest), Decimal(0)))
        evidence.append("")
        markups.append("")
    yield Table(
        "Billed against list, by gateway",
        (
            Column("gateway", tuple(names), number=False),
            Column("requests", counts_shown(requests), leaves=2),
            Column("evidence", tuple(evidence), number=False, leaves=1),
            Column("markup", tuple(markups)),
            Column("amount", money(amounts, signed=True)),
        ),
    )


def _over_list(text: str | None) -> str:
    if text is not None and text.startswith("-"):
        return f"{percent(text[1:])} below list"
    return percent(text, signed=True)


def show_segments(report: Report, _: ListLimits) -> Iterator[Table]:
    """The parts of a scenario."""
    if not isinstance(report, m.Simulation) or not report.segments:
        return
    rows = report.segments
    before, after = money_with_sum([r.before_usd for r in rows]), money_with_sum([r.after_usd for r in rows])
    requests = counts_shown([*[r.requests for r in rows], sum(r.requests for r in rows)])
    yield Table(
        "Segments, per month",
        (
            Column("segment", tuple(r.name for r in rows), "total", number=False),
            Column("requests", requests[:-1], requests[-1], leaves=1),
            Column("before", before[:-1], before[-1]),
            Column("after", after[:-1], after[-1]),
        ),
        under=Column("how", tuple(r.how for r in rows), number=False),
    )


def show_differences(report: Report, _: ListLimits) -> Iterator[Table | Prose]:
    """Figures that the source of a scenario prints otherwise."""
    if not isinstance(report, m.Simulation):
        return
    if rows := report.differences:
        yield Table(
            "The source document prints other figures",
            (
                Column("figure", tuple(_figure_name(d.figure) for d in rows), number=False),
                Column("printed", tuple(figure(d.figure, d.published) for d in rows)),
                Column("computed", tuple(figure(d.figure, d.computed) for d in rows)),
            ),
            under=Column("explanation", tuple(d.explanation for d in rows), number=False),
        )
    if report.scenario is not None:
        yield Prose("Source", (report.scenario.source,))


def _figure_name(name: str) -> str:
    return words(name.removesuffix("_usd").removesuffix("_percent").replace("_percent_", "% "))


def figure(name: str, value: str) -> str:
    """A figure of a source document, by the unit that its name ends with.

    >>> figure("after_usd", "28000"), figure("savings_percent", "77")
    ('$28,000.00', '77%')
    """
    amount = decimal_or_none(value)
    if amount is not None and name.endswith("_usd"):
        return shown(amount)
    return safe(f"{value}%" if amount is not None and name.endswith("_percent") else value, 24)
