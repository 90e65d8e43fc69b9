"""The questions of the command line as functions. `import costaudit` offers them; see docs/library.md.

They take the same words as the options of the commands, and answer with typed reports. They print nothing:
what a command would warn of is in `notes` of the answer.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Unpack

import msgspec

from costaudit.errors import UsageError
from costaudit.front.agents import AgentLogs, agent_logs
from costaudit.front.book import open_book, settings_named
from costaudit.front.options import (
    BookOptions,
    Day,
    File,
    LogOptions,
    choice_of,
    instant_of,
    optional,
    path_of,
    reading_of,
)
from costaudit.front.reading import LogReading, Tests, opened_logs
from costaudit.front.result import AuditResult, Result
from costaudit.front.sources import as_paths
from costaudit.front.telling import Notes, heard_by

if TYPE_CHECKING:
    import pandas as pd

    from costaudit.prices.quote import NoQuote, Quote
    from costaudit.questions.audit.result import Audit, Simulation
    from costaudit.questions.fallback.result import FallbackReport
    from costaudit.render.checks import CheckReport

Log = Any
"""A path (file, folder, pattern, URL, `-`), a pandas frame, an Arrow table, record batch or data set."""

Agents = bool | str | Sequence[str]
"""Whether the logs of coding agents are looked for; or the names of those that are, like `claude-code`."""


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

    with _asked(logs, options, agents=agents) as asked:
        report = audited_logs(
            asked.paths,
            asked.reading,
            [path_of(bill) for bill in bills],
            None if labels is None else path_of(labels),
            cost_source,
            asked.agents,
        )
    return _audit_result(report, asked, logs, options)


def simulate(  # noqa: PLR0913 - what can be asked
    *logs: Log,
    scenario: File | None = None,
    policies: Sequence[File] = (),
    compare: bool = False,
    evals: File | None = None,
    quality_floor: str | float | None = None,
    markup: Sequence[str] = (),
    break_even: Sequence[str] = (),
    commit: Sequence[str] = (),
    price_changes: Sequence[str] = (),
    cost_source: str = "auto",
    agents: Agents = False,
    **options: Unpack[LogOptions],
) -> AuditResult[Simulation]:
    """Before and after: logs under policies, markups and other prices, or a scenario: `costaudit simulate`.

    Without a log it is the scenario of that name or file, `ten-million` by default. `agents` as for `audit`.
    Raises UsageError for options that make no sense together, InputError where nothing can be read.
    """
    from costaudit.front.audits import SimulationAsked, simulated  # noqa: PLC0415 - start-up

    floor = None if quality_floor is None else str(quality_floor)
    asked = SimulationAsked(
        scenario=optional(scenario), policies=[os.fspath(policy) for policy in policies], compare=compare,
        markup=markup, break_even=break_even, commit=commit, cost_source=cost_source,
    )  # fmt: skip
    tests = Tests(None if evals is None else path_of(evals), floor)
    with _asked(logs, options, tests, price_changes, fewest=0, agents=agents) as given:
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
    from costaudit.questions.fallback.text import render_fallback_text  # noqa: PLC0415

    with _asked(logs, options) as asked:
        report = replayed(asked.paths, asked.reading, chains, outages)
    return Result(report, tuple(asked.notes.lines), lambda width: render_fallback_text(report, width, False))


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
    with _asked(logs, options) as asked, opened_logs(asked.paths, asked.reading, keeps=keeps) as read:
        for requests in read.requests():
            yield frame_of(columns_of(requests, read.plan, with_text=with_text), schema, exact=exact)


def quote(
    model: str,
    *,
    at: Day | None = None,
    service_tier: str = "standard",
    region: str = "",
    speed: str = "",
    counts: Mapping[str, int] | None = None,
    **options: Unpack[BookOptions],
) -> Quote | NoQuote:
    """What one call of a model costs: `costaudit pricing quote`.

    `counts` are tokens and units by price class (`input`, `cache_read`, `output`, `web_search` …). The answer
    names the rows that say so, or why there is no price.

    >>> quote("gpt-4o", at="2025-06-01", counts={"input": 1_000_000}).list_usd
    Decimal('2.5000000')
    """
    from costaudit.prices.quote import quote as priced  # noqa: PLC0415 - start-up

    with settings_named(optional(options.get("settings"))):
        book, resolver = open_book(choice_of(options))
        return priced(
            book, resolver, model, counts or {}, _moment(at), tier=service_tier, region=region, speed=speed
        )


def check_prices(  # noqa: PLR0913 - what can be asked
    *tables: File,
    base: str | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    at: Day | None = None,
    max_age: int | None = None,
    grace_days: int = 14,
    policies: Sequence[File] = (),
    against: str | None = None,
    traffic: Sequence[File] = (),
    overlays: Sequence[File] = (),
    settings: File | None = None,
) -> CheckReport:
    """Whether price tables hold together: `costaudit pricing check`.

    Without a word it is about the tables that come with costaudit. The answer has `violations`, `verdict` and
    `exit_code`. Raises UsageError or TableError for tables that cannot be read.
    """
    from costaudit.front.prices import CheckAsked, checked_tables  # noqa: PLC0415 - start-up

    asked = CheckAsked(
        base, [path_of(one) for one in overlays], [os.fspath(one) for one in policies],
        [os.fspath(one) for one in traffic], select, ignore, _moment(at), max_age, grace_days, against,
    )  # fmt: skip
    with settings_named(optional(settings)):
        return checked_tables([os.fspath(table) for table in tables], asked)


# What the functions have in common


class _Asked(msgspec.Struct, frozen=True):
    """What is to be read, and how."""

    paths: Sequence[str]
    reading: LogReading
    notes: Notes
    agents: AgentLogs | None
    """The logs of coding agents among the paths, where they were asked for."""


def _moment(at: Day | None) -> int:
    return int(datetime.now(UTC).timestamp()) * 1_000_000 if at is None else instant_of(at, "--at")


@contextlib.contextmanager
def _asked(
    logs: Sequence[Log],
    options: LogOptions,
    tests: Tests | None = None,
    changes: Sequence[str] = (),
    *,
    fewest: int = 1,
    agents: Agents = False,
) -> Iterator[_Asked]:
    """The paths of some logs and how to read them, under the settings that hold, with somebody to listen."""
    named = [agents] if isinstance(agents, str) else agents
    is_wanted = named is True or bool(named)
    if len(logs) < fewest and not is_wanted:
        raise UsageError("no log is named", hint="a path, a pandas frame, an Arrow table or data set")
    notes = Notes()
    with (
        settings_named(optional(options.get("settings"))),
        heard_by(notes),
        as_paths(logs) as (paths, called),
    ):
        if not is_wanted:
            yield _Asked(paths, reading_of(options, tests, changes, called), notes, None)
            return
        found = agent_logs([] if isinstance(named, bool) else named, quiet=options.get("quiet", False))
        reading = reading_of(options, tests, changes, {**called, **found.called})
        yield _Asked([*paths, *found.beside(paths)], reading, notes, found)


def _audit_result(report: Any, asked: _Asked, logs: Sequence[Log], options: LogOptions) -> AuditResult[Any]:
    from costaudit.questions.audit.shown.formats import render_text  # noqa: PLC0415 - start-up

    def requests(exact: bool) -> Iterable[pd.DataFrame]:
        more = () if asked.agents is None else asked.agents.beside(asked.paths[: len(logs)])
        return tag(*logs, *more, exact=exact, **options)

    return AuditResult(
        report, tuple(asked.notes.lines), lambda width: render_text(report, width, False), requests
    )
