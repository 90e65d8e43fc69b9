"""The questions about logs as functions. `import costaudit` offers them with all others; see docs/library.md.

They take the same words as the options of the commands, and answer with typed reports. They print nothing:
what a command would warn of is in `notes` of the answer.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from costaudit.errors import InputError
from costaudit.front.asking import Agents, AskedLogs, Log, asked_logs
from costaudit.front.options import File, LogOptions, optional, path_of, tests_of
from costaudit.front.reading import opened_logs
from costaudit.front.result import AuditResult, Result, drawn_by_blocks, drawn_by_lines

if TYPE_CHECKING:
    import pandas as pd

    from costaudit.questions.audit.result import Audit, Simulation
    from costaudit.questions.fallback.result import FallbackReport
    from costaudit.questions.tagging.result import Explanation


def audit(
    *logs: Log,
    bills: Sequence[File] = (),
    labels: File | None = None,
    cost_source: str = "auto",
    agents: Agents = False,
    **options: Unpack[LogOptions],
) -> AuditResult[Audit]:
    """What some logs cost and why: `costaudit analyze`.

    >>> found = audit("sample_logs/support_chat.jsonl.gz")  # doctest: +SKIP
    >>> found.report.spend.list_usd, found.frame("by_model")  # doctest: +SKIP

    `bills` are usage or cost exports of providers to compare with, `labels` a labelled sample. With `agents`
    the logs of coding agents in the home of this user are read, too: of all, or of those named. Raises
    UsageError for options that make no sense together, InputError where nothing can be read.
    """
    from costaudit.front.audits import audited_logs  # noqa: PLC0415 - start-up

    with asked_logs(logs, options, agents=agents) as asked:
        report = audited_logs(
            asked.paths,
            asked.reading,
            [path_of(bill) for bill in bills],
            None if labels is None else path_of(labels),
            cost_source,
            asked.agents,
        )
    return _audit_result(report, asked, logs, options)


class SimulationOptions(LogOptions, total=False):
    """What is supposed of some logs."""

    policies: Sequence[File]
    """Policies, the one that the report is about first, instead of `policy`."""
    compare: bool
    """Compare the policies that come with costaudit, too."""
    evals: File
    """How often models passed tests of your own."""
    quality_floor: str | float
    """The pass rate that a candidate must prove by `evals`, 0 to 1."""
    markup: Sequence[str]
    """What comes on top, like `5.5%` or `gateway:openrouter`."""
    break_even: Sequence[str]
    """Ways to pay, to find the volume from which each is the cheapest; two or more."""
    commit: Sequence[str]
    """Committed-use discounts, like `percent=20,monthly=10000,months=12`."""
    price_changes: Sequence[str]
    """Prices that are only supposed, like `google/gemini-2.5-pro input -40%`."""
    cost_source: str
    """Bill by `reported` cost, by `list`, or `auto`."""


def simulate(
    *logs: Log,
    scenario: File | None = None,
    agents: Agents = False,
    **options: Unpack[SimulationOptions],
) -> AuditResult[Simulation]:
    """Before and after: logs under policies, markups and other prices, or a scenario: `costaudit simulate`.

    Without a log it is the scenario of that name or file, `ten-million` by default. `agents` as for `audit`.
    Raises UsageError for options that make no sense together, InputError where nothing can be read.
    """
    from costaudit.front.audits import SimulationAsked, simulated  # noqa: PLC0415 - start-up

    asked = SimulationAsked(
        scenario=optional(scenario),
        policies=[os.fspath(policy) for policy in options.get("policies", ())],
        compare=options.get("compare", False),
        markup=options.get("markup", ()),
        break_even=options.get("break_even", ()),
        commit=options.get("commit", ()),
        cost_source=options.get("cost_source", "auto"),
    )
    tests, changes = (
        tests_of(options.get("evals"), options.get("quality_floor")),
        options.get("price_changes", ()),
    )
    with asked_logs(logs, options, tests, changes, fewest=0, agents=agents, kind=SimulationOptions) as given:
        report = simulated(given.paths, given.reading, asked, given.agents)
    return _audit_result(report, given, logs, options)


def fallback(
    *logs: Log,
    chains: Sequence[str] = (),
    outages: Sequence[str] = (),
    **options: Unpack[LogOptions],
) -> Result[FallbackReport]:
    """What failed, what retries cost, what fallback chains would come to: `costaudit fallback`.

    A chain is like `same,anthropic/claude-haiku-4-5`, an outage like `openai@4h`. Raises UsageError for
    others, InputError where nothing can be read.
    """
    from costaudit.front.fallbacks import replayed  # noqa: PLC0415 - start-up
    from costaudit.questions.fallback.text import fallback_blocks  # noqa: PLC0415

    with asked_logs(logs, options) as (paths, reading, notes, _):
        report = replayed(paths, reading, chains, outages)
    return drawn_by_blocks(report, notes.lines, lambda: fallback_blocks(report))


def tag(
    *logs: Log, with_text: bool = False, exact: bool = False, **options: Unpack[LogOptions]
) -> Iterator[pd.DataFrame]:
    """Every request as a row, in frames of some ten thousand: `costaudit tag`.

    The columns are those of `costaudit tag`: `ts` is a UTC time, money is in dollars, floats or, with
    `exact`, `Decimal`. Prompts are only there `with_text`. Nothing is read before the first frame is asked
    for.
    """
    from costaudit.front.rows import frame_of  # noqa: PLC0415 - start-up
    from costaudit.questions.tagging.rows import columns_of, schema_of  # noqa: PLC0415
    from costaudit.tape.record import Keeps  # noqa: PLC0415

    keeps, schema = Keeps(ids=True, texts=with_text), schema_of(with_text=with_text)
    with (
        asked_logs(logs, options) as (paths, reading, _, _),
        opened_logs(paths, reading, keeps=keeps) as read,
    ):
        for requests in read.rows():
            yield frame_of(columns_of(requests, read.plan, with_text=with_text), schema, exact=exact)


def explain_request(
    ident: str, *logs: Log, with_text: bool = False, **options: Unpack[LogOptions]
) -> Result[Explanation]:
    """Why the requests with a call id, response id or id of `tag` were judged so: `costaudit tag --explain`.

    Their texts are only there `with_text`. Raises InputError where no request has the id.
    """
    from costaudit.questions.tagging.explained import (  # noqa: PLC0415 - start-up
        explain_requests,
        explained_text,
        explanation_of,
    )
    from costaudit.tape.record import Keeps  # noqa: PLC0415

    keeps = Keeps(ids=True)
    with (
        asked_logs(logs, options) as (paths, reading, notes, _),
        opened_logs(paths, reading, keeps=keeps) as read,
    ):
        found = [
            one
            for requests in read.requests()
            for one in explain_requests(requests, read.tape, read.plan, ident)
        ]
    if not found:
        hint = "a call id, a response id, or the id of costaudit tag and label"
        raise InputError(f"no request has the id {ident!r}", hint=hint)
    report = explanation_of(ident, found, with_text=with_text)
    return drawn_by_lines(
        report, notes.lines, lambda width: explained_text(found, width, with_text=with_text)
    )


def _audit_result(
    report: Any, asked: AskedLogs, logs: Sequence[Log], options: LogOptions
) -> AuditResult[Any]:
    from costaudit.questions.audit.shown.formats import RENDERERS  # noqa: PLC0415 - start-up
    from costaudit.questions.audit.shown.order import blocks  # noqa: PLC0415
    from costaudit.render.blocks import ListLimits  # noqa: PLC0415

    def requests(exact: bool) -> Iterable[pd.DataFrame]:
        more = () if asked.agents is None else asked.agents.beside(asked.paths[: len(logs)])
        read: Any = {name: value for name, value in options.items() if name in LogOptions.__annotations__}
        return tag(*logs, *more, exact=exact, **read)

    drawn = {str(name): partial(render, report) for name, render in RENDERERS.items()}
    notes = tuple(asked.notes.lines)
    return AuditResult(report, notes, drawn, lambda: blocks(report, ListLimits()), requests)
