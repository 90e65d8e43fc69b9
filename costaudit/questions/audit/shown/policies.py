"""What a policy comes to: the saving by cause, how sure it is, and several policies compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from costaudit.questions.audit import result as m
from costaudit.questions.audit.shown.report import Report, billed_known, is_scenario
from costaudit.render.blocks import Column, ListLimits, Prose, Table
from costaudit.render.figures import count, counts_shown, money, name_shown, percent, share, words
from costaudit.render.safe import safe
from costaudit.schema import Quality

CAUSES: Final[Mapping[str, tuple[str, str]]] = {
    "markup": ("gateway markup", "billed on top of list"),
    "reliability": ("reliability", "attempts without an answer"),
    "price": ("price", "the same tokens at the price of another model"),
    "tokens": ("tokens", "another tokenizer, longer or shorter answers"),
    "retries": ("retries", "answers that cannot be parsed"),
    "checks": ("checks", "verifying the answers of requests that move"),
    "fallback": ("fallback", "answers that another model gives after all"),
    "discount": ("lost discount", "what was billed below list today"),
    "cache": ("lost cache", "sessions whose requests go to different models"),
    "verification": ("verification", "a second pass, moved or not"),
    "router": ("router", "deciding where each request goes"),
}
"""Causes of a saving: label and meaning."""


def show_policies(report: Report, _: ListLimits) -> Iterator[Table]:
    """Several policies on the same requests."""
    rows = report.projection.policies
    if not rows or not billed_known(report):
        return
    after = money([r.after_usd for r in rows])
    low, high = money([r.low_usd for r in rows]), money([r.high_usd for r in rows])
    yield Table(
        "Policies on the same requests",
        (
            Column("policy", tuple(safe(name_shown(r.policy, "policy"), 30) for r in rows), number=False),
            Column("after", after),
            Column("less", tuple(percent(r.savings_percent) for r in rows)),
            Column("low", low, leaves=2),
            Column("high", high, leaves=2),
            Column("move", counts_shown([r.moved_requests for r in rows]), leaves=1),
            *([Column("pass rate", tuple(_rate(r) for r in rows))] if _tested(rows) else []),
            *(
                [Column("", tuple("" if r.frontier else "beaten" for r in rows), number=False)]
                if _beaten(rows)
                else []
            ),
        ),
        notes=(_risk_note(rows),),
    )


def _tested(rows: list[m.PolicyRow]) -> bool:
    return any(r.pass_rate is not None for r in rows)


def _beaten(rows: list[m.PolicyRow]) -> bool:
    return not all(r.frontier for r in rows)


def _rate(row: m.PolicyRow) -> str:
    return "not tested" if row.pass_rate is None else f"{float(row.pass_rate) * 100:.1f}%"


def _risk_note(rows: list[m.PolicyRow]) -> str:
    tested = all(r.tested_requests == r.moved_requests for r in rows)
    risk = "a pass rate as high" if tested else "no more requests moved to a model that nobody tested"
    if not _beaten(rows):
        return f"None is beaten: none costs no more than another with {risk}."
    return f"Beaten: another policy here costs no more, with {risk}."


def show_causes(report: Report, _: ListLimits) -> Iterator[Table]:
    """The saving by cause; only where it says more than the steps from billed to after."""
    rows = report.projection.by_cause
    beyond = {"tokens", "retries", "checks", "fallback", "discount", "router"}
    if not billed_known(report) or not any(r.name in beyond for r in rows):
        return
    labels = [CAUSES.get(r.name, (words(r.name), "")) for r in rows]
    yield Table(
        "The saving by cause",
        (
            Column("cause", tuple(label for label, _ in labels), number=False),
            Column("saves", money([r.usd for r in rows], signed=True)),
            Column("meaning", tuple(meaning for _, meaning in labels), number=False, leaves=1, wide=True),
        ),
    )


def show_sureness(report: Report, _: ListLimits) -> Iterator[Prose]:
    """What a projection rests on."""
    lines = (*_guessed_line(report), *_sureness(report.projection))
    if lines and billed_known(report) and not is_scenario(report):
        yield Prose("How sure it is", lines)


def _guessed_line(report: Report) -> Iterator[str]:
    usage = {} if report.coverage is None else report.coverage.usage
    if usage.get(Quality.GUESSED):
        yield "No figure is surer than the guess of what the log's keys mean (CA-G1)."


def _sureness(p: m.Projection) -> Iterator[str]:
    saved = sum(r.requests for r in p.by_evidence)
    if p.by_evidence:
        amounts = money([r.usd for r in p.by_evidence])
        told = ", ".join(f"{words(r.evidence)} {a}" for r, a in zip(p.by_evidence, amounts, strict=True))
        yield f"The saving on {count(saved, 'request')} by evidence of the tag: {told}."
    if p.interval is not None:
        yield _interval_line(p.interval)
    if p.cache is not None:
        yield _cache_line(p.cache)
    if p.quality is not None and p.quality.moved_requests:
        yield _quality_line(p.quality)


def _interval_line(i: m.SavingInterval) -> str:
    days = count(i.days, "day")
    if i.low_percent is None or i.high_percent is None:
        return f"{days} with a bill are too few for an interval."
    low, high = percent(i.low_percent), percent(i.high_percent)
    said = f"Drawing the {days} again, the share saved is {low} to {high} at 95%"
    return said + ("; under 14 days that says little of a month." if i.weak else ".")


def _cache_line(c: m.CacheReplayed) -> str:
    lost = c.read_tokens - c.kept_tokens
    if not c.read_tokens:
        return f"Sessions replayed: {count(c.requests, 'request')}, none of which reads from a cache."
    stays = count(c.sessions_kept, "session")
    kept = f"; {stays} would lose more than they save, and keep their models" if c.sessions_kept else ""
    part, cost = share(lost, c.read_tokens), money([c.usd])[0]
    return f"Sessions replayed: {part} of the cached tokens are lost because requests part, {cost}{kept}."


def _quality_line(q: m.AnswerQuality) -> str:
    if q.evals is None:
        return "Quality was not verified: no --evals say that the cheaper models are good enough."
    told = f"Evals speak of {share(q.tested_requests, q.moved_requests)} of the requests that move"
    rate = "" if q.pass_rate is None else f", with a pass rate of {float(q.pass_rate) * 100:.1f}%"
    floor = "" if q.floor is None else f"; the lower bound of each candidate reaches {q.floor}"
    return f"{told}{rate}{floor}."
