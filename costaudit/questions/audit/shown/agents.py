"""What coding agents cost: first what kind of price it is, then caches, projects and sessions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from costaudit.questions.audit.agents import result as a
from costaudit.questions.audit.shown.report import Report
from costaudit.render.blocks import Column, ListLimits, Prose, Table
from costaudit.render.figures import (
    ABSENT,
    count,
    counts_shown,
    money,
    name_shown,
    share,
    split_rows,
    total_of,
)
from costaudit.render.safe import safe

LIST_PRICE: Final = (
    "These are list prices of the providers' APIs. Where a flat rate is paid (a subscription such as Claude "
    "Pro or Max, ChatGPT or Copilot), they are not what was paid: they say what the same requests would "
    "have cost one by one."
)
INEXACT: Final = "~"
"""Before a cost of which some tokens are not known exactly."""

WITHIN: Final = (
    "What could move stays with the provider of each request, because an agent is bound to its own."
)
ANYWHERE: Final = "The policy may move requests to other providers, which not every agent can work with."


def show_price(report: Report) -> Iterator[Prose]:
    """What kind of price the report of agents is made of, above everything else."""
    if report.agents is not None:
        yield Prose("", (LIST_PRICE, WITHIN if report.agents.within_provider else ANYWHERE))


def agent_facts(report: Report) -> Iterator[tuple[str, str, str]]:
    """Agents, sub-agents and caches in labelled figures."""
    found = report.agents
    if found is None or not found.total.requests:
        return
    total = found.total
    whole, inside, *each = money([total.list_usd, total.subagent_usd, *(r.list_usd for r in found.by_agent)])
    names = ", ".join(f"{row.agent} {usd}" for row, usd in zip(found.by_agent, each, strict=True))
    told = f"of list, {count(total.requests, 'request')} in {count(found.sessions, 'session')}: {names}"
    yield "Agents", whole, told
    if total.subagent_requests:
        known = bool(total.list_usd) and total.subagent_usd is not None
        part = share(float(total.subagent_usd or 0), float(total.list_usd or 0)) if known else ABSENT
        yield "Sub-agents", inside, f"{part} of that, {count(total.subagent_requests, 'request')}"
    yield from _cache_facts(found.cache)


def _cache_facts(cache: a.AgentCache) -> Iterator[tuple[str, str, str]]:
    if not cache.read_tokens and not cache.write_5m_tokens and not cache.write_1h_tokens:
        return
    read, fresh, five, hour, net, written, saved = money(
        [
            cache.read_usd, cache.read_as_input_usd, cache.write_5m_usd, cache.write_1h_usd, cache.net_usd,
            cache.write_5m_usd + cache.write_1h_usd, cache.saved_usd,
        ]
    )  # fmt: skip
    told = f"for {count(cache.read_tokens, 'token')} read from caches; {fresh} as new input"
    yield "Cache reads", read, told
    if cache.write_5m_tokens or cache.write_1h_tokens:
        kinds = ((five, cache.write_5m_tokens, "5 minutes"), (hour, cache.write_1h_tokens, "1 hour"))
        parts = [f"{usd} for {count(n, 'token')} kept for {time}" for usd, n, time in kinds if n]
        yield "Cache writes", written, "; ".join(parts)
    yield (
        "Caches saved",
        saved,
        f"by reads, against the price of new input; {net} after what writes cost above it",
    )


def show_projects(report: Report, limits: ListLimits) -> Iterator[Table]:
    """Cost by project."""
    rows = report.agents.by_project if report.agents is not None else []
    if not rows:
        return
    top, rest = split_rows(rows, limits.rows)
    names = [name_shown(row.project, "project") for row in top]
    columns = _money_columns(top, rest)
    sessions = [row.sessions for row in top] + ([sum(r.sessions for r in rest)] if rest else [])
    names += [f"and {len(rest):,} more"] if rest else []
    agents = [", ".join(row.agents) for row in top] + ([""] if rest else [])
    yield Table(
        "By project, list price",
        (
            Column("project", tuple(names), number=False),
            Column("agent", tuple(agents), number=False, leaves=2, wide=True),
            Column("sessions", counts_shown(sessions), leaves=3),
            *columns,
        ),
        notes=_note(rows),
    )


def show_sessions(report: Report, limits: ListLimits) -> Iterator[Table]:
    """Cost by session, the dearest first."""
    rows = report.agents.by_session if report.agents is not None else []
    if not rows:
        return
    top, rest = split_rows([row for row in rows if not row.others], limits.rows)
    rest += [row for row in rows if row.others]
    names = [_session_name(row) for row in top]
    began = [(row.start or ABSENT)[:16].replace("T", " ") for row in top]
    projects = [name_shown(row.project, "project") for row in top]
    if rest:
        number = sum(row.others or 1 for row in rest)
        names, began, projects = [*names, f"and {number:,} more"], [*began, ""], [*projects, ""]
    yield Table(
        "By session, list price",
        (
            Column("session", tuple(names), number=False),
            Column("project", tuple(projects), number=False, leaves=2),
            Column("began (UTC)", tuple(began), leaves=1),
            *_money_columns(top, rest),
        ),
        notes=_note(rows),
    )


def _session_name(row: a.AgentSession) -> str:
    """The id as the agent has it, in the length that tells sessions apart."""
    name = safe(row.session or "", 100)
    return f"{row.agent} {name[:13]}" if row.session is not None else f"{row.agent} (no session)"


def show_agent_days(report: Report, limits: ListLimits) -> Iterator[Table]:
    """Cost by day, the last days of it."""
    rows = report.agents.by_day if report.agents is not None else []
    if len(rows) < 2:
        return
    rest, top = rows[: -limits.rows], rows[-limits.rows :]
    names = [name_shown(row.date, "time") for row in top]
    names += [f"{len(rest):,} earlier days"] if rest else []
    columns = (Column("day", tuple(names), number=False), *_money_columns(top, rest))
    yield Table("By day, list price", columns, notes=_note(rows))


def _note(rows: Sequence[a.AgentRow]) -> tuple[str, ...]:
    some = sum(row.inexact_requests for row in rows)
    if not some:
        return ()
    return (f"{INEXACT} not exact: the log does not state all tokens of {count(some, 'request')} exactly.",)


def _money_columns(top: Sequence[Any], rest: Sequence[Any]) -> list[Column]:
    """Requests, tokens and money of some rows, and of the others in one."""
    groups = [[row] for row in top] + ([list(rest)] if rest else [])
    requests = [sum(row.requests for row in some) for some in groups]
    read = [sum(row.tokens.cache_read for row in some) for some in groups]
    tokens = [sum(_tokens(row.tokens) for row in some) for some in groups]
    inside = [total_of([row.subagent_usd for row in some]) for some in groups]
    listed = [total_of([row.list_usd for row in some]) for some in groups]
    shown = money([*inside, *listed])
    stated = [total_of([row.reported_usd for row in some]) for some in groups]
    inexact = [any(row.inexact_requests for row in some) for some in groups]
    marked = [INEXACT * mark + usd for mark, usd in zip(inexact, shown[len(groups) :], strict=True)]
    cached = [share(part, whole) for part, whole in zip(read, tokens, strict=True)]
    return [
        Column("requests", counts_shown(requests), leaves=5),
        Column("cached", tuple(cached), leaves=2, wide=True),
        *([Column("stated", money(stated), leaves=3)] if any(usd is not None for usd in stated) else []),
        Column("sub-agents", shown[: len(groups)], leaves=4),
        Column("list", tuple(marked)),
    ]


def _tokens(tokens: a.AgentTokens) -> int:
    return tokens.input + tokens.cache_read + tokens.cache_write_5m + tokens.cache_write_1h + tokens.output


def show_places(report: Report, _: ListLimits) -> Iterator[Prose]:
    """Where the logs were found."""
    found = report.agents
    if found is None or not found.places:
        return
    read = [f"{safe(p.folder, 80)} ({count(p.files, 'file')})" for p in found.places if p.files]
    lines = [f"Logs of agents in {'; '.join(read)}."]
    lines += [f"Not read: {safe(p.detail, 160)}." for p in found.places if p.detail]
    lines.append(f"{count(found.places_absent, 'other usual place')} not there.")
    yield Prose("Where the logs of agents lie", tuple(lines))
