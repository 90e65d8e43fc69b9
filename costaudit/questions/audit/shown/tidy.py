"""The report as one tidy table for spreadsheets and data frames.

`section` says what a row is. Every by_* section adds up to the row of `spend`. Elsewhere an amount stands
where it belongs: in `bill…`, `list_usd` is the log's and all else the bill's; what a driver, a gateway or a
finding concerns is part of `billed_usd`; a step of `projection` is what it adds to `after_usd`, but for the
first, which is `billed_usd`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from msgspec.structs import asdict

from costaudit.money import exact
from costaudit.questions.audit import result as m
from costaudit.questions.audit.agents.result import AgentRow
from costaudit.questions.audit.shown.moves_csv import move_rows
from costaudit.questions.audit.shown.ratios import bands
from costaudit.questions.audit.shown.report import Report, billed_known, list_known
from costaudit.questions.audit.shown.steps import ENDS
from costaudit.render.csvout import render_rows

TOKENS: Final = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
COLUMNS: Final = (
    "section", "name", "requests", *TOKENS, "list_usd", "billed_usd", "after_usd", "note",
)  # fmt: skip


def render_csv(report: Report) -> str:
    """The report as CSV with a header. Text from the log cannot become a formula."""
    return render_rows(COLUMNS, _rows(report))


_Row = dict[str, Any]


def _rows(report: Report) -> Iterator[_Row]:
    if report.spend is not None:
        yield _spend(report, report.spend)
    yield from (_breakdown("by_tier", r.name, r) for r in report.by_tier)
    yield from (_breakdown("by_model", r.model, r) for r in report.by_model)
    yield from (_breakdown("by_feature", r.feature, r) for r in report.by_feature)
    yield from (_user(r) for r in report.by_user)
    yield from (_breakdown("by_day", r.date, r) for r in report.by_day)
    yield from _agents(report)
    yield from _unpriced(report)
    if isinstance(report, m.Audit) and report.bill is not None:
        yield from _bill(report.bill)
    if isinstance(report, m.Simulation):
        yield from _simulated(report)
    if billed_known(report):
        yield from _projected(report)
    yield from move_rows(report)
    yield from _markup(report)
    yield from _reconciled(report)
    yield from _findings(report)


def _spend(report: Report, spend: m.Spend) -> _Row:
    reported = spend.reported_usd
    return {
        "section": "spend",
        "name": "total",
        "requests": spend.requests,
        **_tokens(spend.tokens),
        "list_usd": spend.list_usd if list_known(report) else None,
        "billed_usd": spend.billed_usd if billed_known(report) else None,
        "after_usd": report.projection.after_usd if billed_known(report) else None,
        "note": None if reported is None else f"reported_usd {exact(reported)}",
    }


def _tokens(tokens: m.Tokens | None) -> _Row:
    return {} if tokens is None else {name: getattr(tokens, name) for name in TOKENS}


def _breakdown(section: str, name: str | None, row: m.Row) -> _Row:
    return {
        "section": section,
        "name": name,
        "requests": row.requests,
        **_tokens(row.tokens),
        "list_usd": row.list_usd,
        "billed_usd": row.billed_usd,
        "after_usd": row.after_usd,
        "note": f"tier {row.tier}" if isinstance(row, m.TierRow) and row.tier is not None else None,
    }


def _user(row: m.UserRow) -> _Row:
    return {
        "section": "by_user",
        "name": row.user,
        "requests": row.requests,
        **_tokens(row.tokens),
        "list_usd": row.list_usd,
        "billed_usd": row.billed_usd,
        "note": f"{row.others} further users" if row.others else None,
    }


def _agents(report: Report) -> Iterator[_Row]:
    """What agents cost, in several ways: each section adds up to the first row."""
    found = report.agents
    if found is None:
        return
    yield _agent_row("agents", "total", found.total)
    yield from (_agent_row("agents_by_agent", row.agent, row) for row in found.by_agent)
    yield from (_agent_row("agents_by_project", row.project, row) for row in found.by_project)
    for row in found.by_session:
        told = [f"{row.others} further sessions"] if row.others else [row.agent, row.project, row.start]
        yield _agent_row("agents_by_session", row.session, row, *(part for part in told if part))
    yield from (_agent_row("agents_by_day", row.date, row) for row in found.by_day)
    yield from (_agent_row("agents_by_model", row.model, row) for row in found.by_model)
    for name in ("read", "write_5m", "write_1h", "saved", "net"):
        tokens = getattr(found.cache, f"{name}_tokens", None)
        column = {} if tokens is None else {f"cache_{name}": tokens}
        yield {
            "section": "agents_cache", "name": name, "list_usd": getattr(found.cache, f"{name}_usd"),
            **column,
        }  # fmt: skip


def _agent_row(section: str, name: str | None, row: AgentRow, *told: str) -> _Row:
    inside = "" if row.subagent_usd is None else f"sub-agents {exact(row.subagent_usd)}"
    stated = "" if row.reported_usd is None else f"reported_usd {exact(row.reported_usd)}"
    vague = f"{row.inexact_requests} not exact" if row.inexact_requests else ""
    return {
        "section": section,
        "name": name,
        "requests": row.requests,
        **asdict(row.tokens),
        "list_usd": row.list_usd,
        "note": "; ".join(part for part in (*told, inside, stated, vague) if part) or None,
    }


def _unpriced(report: Report) -> Iterator[_Row]:
    for row in report.coverage.unpriced if report.coverage else ():
        told = f"{row.reason}; {row.tokens} tokens" + (f"; {row.detail}" if row.detail else "")
        yield {"section": "unpriced", "name": row.model, "requests": row.requests, "note": told}


def _bill(bill: m.Bill) -> Iterator[_Row]:
    for s in bill.statements:
        for section, rows in (
            ("bill", [s.total]), ("bill_by_model", s.by_model), ("bill_by_day", s.by_day),
        ):  # fmt: skip
            for row in rows:
                share = (
                    "" if row.explained_percent is None else f"; {row.explained_percent} percent explained"
                )
                yield {
                    "section": section, "name": row.model or row.day or f"{s.provider} {s.kind}",
                    "requests": row.requests.bill,
                    **{n: c.bill for n, c in row.tokens.items() if n in TOKENS},
                    "list_usd": row.usd.log, "billed_usd": row.usd.bill,
                    "note": f"{s.provider} {s.kind}; {row.verdict}{share}; {row.requests.log} logged",
                }  # fmt: skip
        for hint in s.hints:
            yield {"section": "bill_hints", "name": hint.code, "note": f"{s.provider} {s.kind}; {hint.title}"}


def _simulated(report: m.Simulation) -> Iterator[_Row]:
    for s in report.segments:
        yield {
            "section": "segments", "name": s.name, "requests": s.requests, "note": s.how,
            "billed_usd": s.before_usd, "after_usd": s.after_usd,
        }  # fmt: skip
    for d in report.differences:
        told = f"printed {d.published}; computed {d.computed}; {d.explanation}"
        yield {"section": "differences", "name": d.figure, "note": told}


def _projected(report: Report) -> Iterator[_Row]:
    if report.drivers is not None:
        for name, amount in asdict(report.drivers).items():
            yield {"section": "drivers", "name": name.removesuffix("_usd"), "billed_usd": amount}
    p = report.projection
    for step in p.steps:
        column = "billed_usd" if step.name in ENDS and step.name != "after" else "after_usd"
        yield {"section": "projection", "name": step.name, column: step.usd}
    told = None if p.savings_percent is None else f"{p.savings_percent} percent"
    yield {"section": "projection", "name": "low", "after_usd": p.low_usd}
    yield {"section": "projection", "name": "high", "after_usd": p.high_usd}
    yield {"section": "projection", "name": "savings", "billed_usd": p.savings_usd, "note": told}
    for scenario in p.markup_scenarios:
        yield {
            "section": "markup_scenarios", "name": _markup_name(scenario),
            "after_usd": scenario.period_usd, "note": _per_time(scenario),
        }  # fmt: skip

    yield from _broken_even(p.break_even)
    for one in p.commitments:
        for use in one.uses:
            told = f"{exact(use.list_usd)} of list; {exact(use.saving_monthly_usd)} saved a month"
            yield {
                "section": "commitments", "name": f"{one.label}; {use.mix}",
                "after_usd": use.with_commitment_usd, "note": told,
            }  # fmt: skip


def _markup_name(scenario: m.MarkupScenario) -> str:
    if scenario.label in {"", f"{scenario.percent}%"}:
        return f"{scenario.percent} percent"
    return scenario.label


def _broken_even(found: m.BreakEven | None) -> Iterator[_Row]:
    """The volumes at which two ways to pay cost the same, and what each adds now."""
    for mix in found.mixes if found is not None else ():
        for option, usd in zip(found.options if found is not None else (), mix.monthly_usd, strict=True):
            yield {
                "section": "ways_to_pay", "name": f"{option.name}; {mix.mix}", "after_usd": usd,
                "note": option.label,
            }  # fmt: skip
        for pair in mix.pairs:
            for point, cheaper in zip(pair.at, pair.cheaper[1:], strict=True):
                yield {
                    "section": "break_even", "name": f"{pair.a} and {pair.b}; {mix.mix}",
                    "requests": point.requests, "list_usd": point.list_usd,
                    "note": f"above: {cheaper or 'the same'}",
                }  # fmt: skip


def _per_time(scenario: m.MarkupScenario) -> str | None:
    if scenario.monthly_usd is None or scenario.yearly_usd is None:
        return None
    return f"{exact(scenario.monthly_usd)} a month; {exact(scenario.yearly_usd)} a year"


def _markup(report: Report) -> Iterator[_Row]:
    for row in report.markup:
        told = row.evidence if row.percent is None else f"{row.percent} percent; {row.evidence}"
        yield {
            "section": "markup", "name": row.gateway, "requests": row.requests, "billed_usd": row.usd,
            "note": told,
        }  # fmt: skip


def _reconciled(report: Report) -> Iterator[_Row]:
    found = report.reconciliation
    for band in bands(found) if found is not None else ():
        yield {
            "section": "reconciliation", "name": band.title, "requests": band.requests,
            "list_usd": band.list_usd, "note": f"reported_usd {exact(band.reported_usd)}",
        }  # fmt: skip
    for one in found.outliers if found is not None else ():
        told = f"reported_usd {exact(one.reported_usd)}; ratio {one.ratio}; {one.model or '(no model)'}"
        name = f"{one.file}:{one.line}"
        yield {
            "section": "outliers", "name": name, "requests": 1, "list_usd": one.list_usd, "note": told
        }  # fmt: skip


def _findings(report: Report) -> Iterator[_Row]:
    for f in report.findings:
        monthly = "" if f.monthly_usd is None else f"; {exact(f.monthly_usd)} per 30 days"
        yield {"section": "findings", "name": f.code, "billed_usd": f.usd, "note": f"{f.title}{monthly}"}
