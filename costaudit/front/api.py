"""The questions of the command line as functions. `import costaudit` offers them; see docs/library.md.

They take the same words as the options of the commands, and answer with typed reports. They print nothing:
what a command would warn of is in `notes` of the answer.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from costaudit.errors import UsageError
from costaudit.front.book import BookChoice, choose_book, open_book, settings_named
from costaudit.front.reading import Reading, Tagging, Tests, opened_logs
from costaudit.front.result import AuditResult, Result
from costaudit.front.sources import as_paths
from costaudit.front.telling import Notes, heard_by
from costaudit.ingest.fields import time_us
from costaudit.ingest.limits import limits_from

if TYPE_CHECKING:
    import pandas as pd

    from costaudit.prices.quote import NoQuote, Quote
    from costaudit.questions.audit.result import Audit, Simulation
    from costaudit.questions.fallback.result import FallbackReport

Log = Any
"""A path (file, folder, pattern, URL, `-`), a pandas frame, an Arrow table, record batch or data set."""

File = str | PathLike[str]
Day = str | date | datetime
"""A date or time: text as in logs, or an object; without a zone UTC."""


class BookOptions(TypedDict, total=False):
    """Which prices hold."""

    prices: File
    """A folder of price tables instead of those that come with costaudit."""
    overlays: Sequence[File]
    """Further tables or folders, or an overlay's name, laid over them."""
    known_on: Day
    """Only prices that were known on this day."""
    names: Mapping[str, str] | Sequence[str]
    """Names of models in logs, each with the provider/model that it stands for; or `NAME=PROVIDER/MODEL`."""
    settings: File | None
    """A settings file, or `nearest` as on the command line; none by default."""


class LogOptions(BookOptions, total=False):
    """How logs are read, tagged and priced; the options of the command line of these names."""

    policy: File
    """A policy file or the name of a shipped one."""
    prices_at: Day
    """Price every request as at this instant."""
    input_format: str
    rules: File
    """Rules of tiers that are asked before the shipped ones."""
    risk: float
    """How probable it may be that a tag from text is too low, 0 to 1."""
    estimate: bool
    """Estimate the tokens of calls without usage from their text."""
    calibration: File
    threads: int
    limits: Sequence[str]
    """Limits of the reader, like `line=256MB`."""
    cache: bool
    """Keep what logs come to for the next question."""
    quiet: bool
    """Note nothing."""
    verbose: bool
    """Note how each file was read."""


def audit(
    *logs: Log,
    bills: Sequence[File] = (),
    labels: File | None = None,
    cost_source: str = "auto",
    **options: Unpack[LogOptions],
) -> AuditResult[Audit]:
    """What some logs cost and why: `costaudit analyze`.

    >>> found = audit("sample_logs/support_chat.jsonl.gz")  # doctest: +SKIP
    >>> found.report.spend.list_usd, found.frame("by_model")  # doctest: +SKIP

    `bills` are usage or cost exports of providers to compare with, `labels` a labelled sample. Raises
    UsageError for options that make no sense together, InputError where nothing can be read.
    """
    from costaudit.front.audits import audited_logs  # noqa: PLC0415 - start-up

    with _asked(logs, options) as (paths, reading, notes):
        report = audited_logs(
            paths,
            reading,
            [_path(bill) for bill in bills],
            None if labels is None else _path(labels),
            cost_source,
        )
    return _audit_result(report, notes, logs, options)


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
    **options: Unpack[LogOptions],
) -> AuditResult[Simulation]:
    """Before and after: logs under policies, markups and other prices, or a scenario: `costaudit simulate`.

    Without a log it is the scenario of that name or file, `ten-million` by default. Raises UsageError for
    options that make no sense together, InputError where nothing can be read.
    """
    from costaudit.front.audits import Asked, simulated  # noqa: PLC0415 - start-up

    floor = None if quality_floor is None else str(quality_floor)
    asked = Asked(
        scenario=_optional(scenario), policies=[os.fspath(policy) for policy in policies], compare=compare,
        markup=markup, break_even=break_even, commit=commit, cost_source=cost_source,
    )  # fmt: skip
    tests = Tests(None if evals is None else _path(evals), floor)
    with _asked(logs, options, tests, price_changes, fewest=0) as (paths, reading, notes):
        report = simulated(paths, reading, asked)
    return _audit_result(report, notes, logs, options)


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

    with _asked(logs, options) as (paths, reading, notes):
        report = replayed(paths, reading, chains, outages)
    return Result(report, tuple(notes.lines), lambda width: render_fallback_text(report, width, False))


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
    with _asked(logs, options) as (paths, reading, _), opened_logs(paths, reading, keeps=keeps) as read:
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
    Decimal('2.50')
    """
    from costaudit.prices.quote import quote as priced  # noqa: PLC0415 - start-up

    with settings_named(_optional(options.get("settings"))):
        book, resolver = open_book(_choice(options))
        moment = _now() if at is None else _instant(at, "at")
        return priced(
            book, resolver, model, counts or {}, moment, tier=service_tier, region=region, speed=speed
        )


# What the functions have in common


@contextlib.contextmanager
def _asked(
    logs: Sequence[Log],
    options: LogOptions,
    tests: Tests | None = None,
    changes: Sequence[str] = (),
    *,
    fewest: int = 1,
) -> Iterator[tuple[list[str], Reading, Notes]]:
    """The paths of some logs and how to read them, under the settings that hold, with somebody to listen."""
    if len(logs) < fewest:
        raise UsageError("no log is named", hint="a path, a pandas frame, an Arrow table or data set")
    notes = Notes()
    with (
        settings_named(_optional(options.get("settings"))),
        heard_by(notes),
        as_paths(logs) as (paths, called),
    ):
        tagging = Tagging(
            _optional(options.get("rules")),
            options.get("risk"),
            options.get("estimate", False),
            None if options.get("calibration") is None else _path(options["calibration"]),
        )
        at = options.get("prices_at")
        yield (
            paths,
            Reading(
                _optional(options.get("policy")),
                None if at is None else _instant(at, "prices_at"),
                _choice(options, changes),
                options.get("input_format"),
                tagging,
                options.get("threads"),
                options.get("quiet", False),
                options.get("verbose", False),
                tests or Tests(),
                limits_from(options.get("limits")),
                options.get("cache"),
                called,
            ),
            notes,
        )


def _audit_result(report: Any, notes: Notes, logs: Sequence[Log], options: LogOptions) -> AuditResult[Any]:
    from costaudit.questions.audit.shown.formats import render_text  # noqa: PLC0415 - start-up

    def requests(exact: bool) -> Iterable[pd.DataFrame]:
        return tag(*logs, exact=exact, **options)

    return AuditResult(report, tuple(notes.lines), lambda width: render_text(report, width, False), requests)


def _choice(options: BookOptions, changes: Sequence[str] = ()) -> BookChoice:
    known_on = options.get("known_on")
    return choose_book(
        None if options.get("prices") is None else _path(options["prices"]),
        [_path(overlay) for overlay in options.get("overlays", ())],
        None if known_on is None else _text(known_on)[:10],
        options.get("names"),
        changes,
    )


def _optional(file: File | None) -> str | None:
    return None if file is None else os.fspath(file)


def _path(file: File) -> Path:
    return Path(os.fspath(file))


def _text(day: Day) -> str:
    return day if isinstance(day, str) else day.isoformat()


def _instant(day: Day, option: str) -> int:
    found = time_us(_text(day))
    if found is None:
        raise UsageError(f"{option}={day!r} is no date or time", hint="like 2024-06-01 or 2024-06-01T12:00Z")
    return found


def _now() -> int:
    return int(datetime.now(UTC).timestamp()) * 1_000_000
