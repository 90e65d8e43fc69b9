"""`costaudit shadow`: how large a test must be, and what its two arms show."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import msgspec
import typer
from msgspec.structs import replace

from costaudit.cli import console, options
from costaudit.errors import UsageError, one_of
from costaudit.front import telling
from costaudit.front.book import BookChoice
from costaudit.front.found import found_logs
from costaudit.front.options import choice_of, instant_of
from costaudit.front.reading import guessing_of, how_to_read, plan_of, warn_of_reading

if TYPE_CHECKING:
    from costaudit.engine.plan import Plan
    from costaudit.ingest.guess.files import Guessing
    from costaudit.questions.shadow.arms import ArmField, CostSource
    from costaudit.questions.shadow.compare import ArmRead
    from costaudit.questions.shadow.plan import PlanQuestion
    from costaudit.questions.shadow.result import ShadowReport
    from costaudit.render.part import LogRead
    from costaudit.tape.read import Select
    from costaudit.tape.tape import Tape

app = typer.Typer(
    name="shadow",
    help="Test a cheaper model beside the current one: plan the test, compare its arms.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_FORMATS = ("text", "json")
_MOST = 1e9
"""No size, rate or width is more."""


@app.command()
@options.takes("prices", "overlays", "names", "input_format", "guess", "cache", "quiet")
def plan(
    given: options.Given,
    paths: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer reads the annotation at run time
        typer.Argument(
            metavar="[PATH...]",
            help="Logs that say how many requests come in and how much their cost varies.",
            show_default=False,
        ),
    ] = None,
    base_pass: Annotated[
        float,
        typer.Option("--base-pass", metavar="SHARE", help="Share of answers of the current model that pass."),
    ] = 0.93,
    drop: Annotated[
        float, typer.Option("--drop", metavar="POINTS", help="The drop to see, in percentage points.")
    ] = 2.0,
    alpha: Annotated[float, typer.Option("--alpha", metavar="SHARE", help="Chance of a false alarm.")] = 0.05,
    power: Annotated[float, typer.Option("--power", metavar="SHARE", help="Chance to see the drop.")] = 0.8,
    arm: Annotated[
        str, typer.Option("--arm", metavar="PERCENT", help="Share of the requests in the candidate's arm.")
    ] = "10%",
    requests_per_day: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--requests-per-day", metavar="N", help="Instead of what the log says."),
    ] = None,
    paired: Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option(
            "--paired/--unpaired",
            help="Only tests in which both models answer the same requests, or only the others.",
            show_default=False,
        ),
    ] = None,
    psi: Annotated[
        Optional[list[float]],  # noqa: UP045
        typer.Option(
            "--psi",
            metavar="SHARE",
            help="Paired: share of requests that just one model passes; .05, .1, .2 by default. Repeatable.",
        ),
    ] = None,
    non_inferiority: Annotated[
        bool, typer.Option("--non-inferiority", help="Also the one-sided test that the drop is not reached.")
    ] = False,
    cost_delta: Annotated[
        str, typer.Option("--cost-delta", metavar="PERCENT", help="The difference in mean cost to see.")
    ] = "10%",
    cost_cv: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            "--cost-cv",
            metavar="RATIO",
            help="Standard deviation of the cost per request over its mean, instead of the log's.",
        ),
    ] = None,
    sequential: Annotated[
        bool,
        typer.Option("--sequential", help="A test that may be read every day: when it stops, by simulation."),
    ] = False,
    tau: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            "--tau", metavar="POINTS", help="Width of the sequential test's mixture; the drop by default."
        ),
    ] = None,
    feature: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--feature", metavar="NAME", help="Only this feature of the log."),
    ] = None,
    format_: options.ListFormat = "text",
    output: options.Output = None,
) -> None:
    """How many requests and days a test needs to see a drop in quality, or a difference in cost.

    \b
    costaudit shadow plan --base-pass 0.90 --drop 2 --requests-per-day 1000
    costaudit shadow plan logs/ --feature faq_bot --arm 50%
    costaudit shadow plan logs/ --sequential
    """
    from costaudit.questions.shadow.plan import PSIS, PlanQuestion, build_plan  # noqa: PLC0415 - start-up
    from costaudit.stats.sizing import Design  # noqa: PLC0415

    one_of(format_, _FORMATS, "format")
    question = PlanQuestion(
        design=Design(base_pass, _hundredth(drop), alpha, power),
        share=_fraction(arm, "--arm"),
        cost_delta=_fraction(cost_delta, "--cost-delta"),
        psis=tuple(psi) if psi else PSIS,
        unpaired=paired is not True,
        paired=paired is not False,
        non_inferiority=non_inferiority and paired is not True,
        sequential=sequential,
        tau=None if tau is None else _positive(_hundredth(tau), "--tau"),
        requests_per_day=None
        if requests_per_day is None
        else Fraction(str(_positive(requests_per_day, "--requests-per-day"))),
        cost_cv=None if cost_cv is None else _positive(cost_cv, "--cost-cv"),
        feature=feature,
    )
    if not paths:
        _show(build_plan(question), format_, output)
        return
    _show(_measured_plan(question, paths, choice_of(given), _Source.of(given)), format_, output)


def _measured_plan(
    question: PlanQuestion, paths: Sequence[str], choice: BookChoice, source: _Source
) -> ShadowReport:
    from costaudit.questions.shadow.arms import arm_calls  # noqa: PLC0415 - start-up
    from costaudit.questions.shadow.plan import build_plan  # noqa: PLC0415
    from costaudit.questions.shadow.traffic import add_traffic, traffic_of  # noqa: PLC0415

    priced = plan_of(choice)
    with _tape(paths, priced, source) as tape:
        parts = [traffic_of(arm_calls(reel.segment, priced, keyed=False)) for reel in tape.reels()]
        return build_plan(question, add_traffic(parts), _log_read(tape))


@app.command()
@options.takes("prices", "overlays", "names", "input_format", "guess", "cache", "quiet")
def compare(
    given: options.Given,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="A B",
            help="The logs of both arms or, with --arm-field, the logs that hold them.",
            show_default=False,
        ),
    ],
    arm_field: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--arm-field",
            metavar="FIELD=A,B",
            help="Both arms are in the same logs: feature, model, user_tier, tags:NAME ... is A or B.",
        ),
    ] = None,
    outcomes: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--outcomes", metavar="FILE", help="Request ids with a pass of 0 or 1, as CSV or JSON lines."
        ),
    ] = None,
    margin: Annotated[
        float, typer.Option("--margin", metavar="POINTS", help="The drop in the pass rate that would matter.")
    ] = 2.0,
    cost: Annotated[
        str,
        typer.Option(
            "--cost", metavar="NAME", help="list: usage at list price; reported: what the log states."
        ),
    ] = "list",
    prices_at: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--prices-at", metavar="DATE", help="Price both arms as on this date instead of their own."
        ),
    ] = None,
    format_: options.ListFormat = "text",
    output: options.Output = None,
) -> None:
    """What two arms of a test show: cost, failures, latency, tokens and quality, B against A, with intervals.

    \b
    costaudit shadow compare current.jsonl candidate.jsonl
    costaudit shadow compare logs/ --arm-field tags:arm=current,candidate
    costaudit shadow compare logs/ --arm-field model=gpt-5.4,gpt-5.4-mini --outcomes passes.csv
    """
    from costaudit.ingest.outcomes import load_outcomes  # noqa: PLC0415
    from costaudit.questions.shadow.arms import parse_arm_field  # noqa: PLC0415 - start-up
    from costaudit.questions.shadow.compare import build_comparison  # noqa: PLC0415

    one_of(format_, _FORMATS, "format")
    source: CostSource = "reported" if one_of(cost, ("list", "reported"), "cost") == "reported" else "list"
    field = parse_arm_field(arm_field) if arm_field is not None else None
    if field is None and len(paths) != 2:
        raise UsageError("two logs are compared", hint="name A and B, or say --arm-field FIELD=A,B")
    passes = load_outcomes(outcomes) if outcomes is not None else None
    at = instant_of(prices_at, "--prices-at", "date") if prices_at is not None else None
    priced = plan_of(choice_of(given), prices_at=at)
    arms = [_read_arm(paths, field, side, priced, source, _Source.of(given)) for side in (0, 1)]
    report = build_comparison(
        arms[0],
        arms[1],
        cost=source,
        margin=_positive(_hundredth(margin), "--margin"),
        outcomes=passes,
    )
    _show(report, format_, output)


class _Source(msgspec.Struct, frozen=True):
    """How the logs of a command are read."""

    select: Select | None
    input_format: str | None
    quiet: bool
    cache: bool | None
    guessing: Guessing

    @classmethod
    def of(cls, given: options.Given) -> _Source:
        """As the options of a command say."""
        guessing = guessing_of(choice_of(given), use=given["guess"])
        return cls(None, given.get("input_format"), given["quiet"], given.get("cache"), guessing)


def _read_arm(
    paths: Sequence[str], field: ArmField | None, side: int, priced: Plan, cost: CostSource, source: _Source
) -> ArmRead:
    from costaudit.questions.shadow.arms import arm_calls, join_calls  # noqa: PLC0415 - start-up
    from costaudit.questions.shadow.compare import ArmRead  # noqa: PLC0415

    name, own = paths[0 if field else side], list(paths) if field else [paths[side]]
    if field is not None:
        name = field.values[side]
        source = replace(source, select=field.select(name), quiet=source.quiet or side == 1)
    with _tape(own, priced, source) as tape:
        if not tape.requests and field is not None:
            raise UsageError(
                f"no request has {field.column} {name!r}",
                path=paths[0],
                hint="costaudit formats test shows the fields",
            )
        parts = [arm_calls(reel.segment, priced, keyed=True, source=cost) for reel in tape.reels()]
        return ArmRead(name, join_calls(parts), _log_read(tape))


@contextlib.contextmanager
def _tape(paths: Sequence[str], priced: Plan, source: _Source) -> Iterator[Tape]:
    """The requests of an arm; only those are merged, because both arms may have the same ids."""
    from costaudit.tape.read import read_tape  # noqa: PLC0415 - start-up
    from costaudit.tape.record import Keeps  # noqa: PLC0415

    how = how_to_read(
        source.input_format,
        Keeps(scores=False),
        select=source.select,
        cached=source.cache,
        guessing=source.guessing,
    )
    with found_logs(paths) as (files, refused):
        with telling.reading(files, quiet=source.quiet) as advance:
            tape = read_tape(files, priced.tagger, how, refused=refused, progress=advance)
        with tape:
            warn_of_reading(tape.found, how.cache, quiet=source.quiet)
            yield tape


def _log_read(tape: Tape) -> LogRead:
    from costaudit.render.part import LogRead  # noqa: PLC0415 - start-up

    return LogRead(
        files=tape.found.files,
        records=tape.found.records,
        requests=tape.requests,
        duplicates=tape.duplicates,
        skipped=tape.found.quarantine.total,
    )


def _show(report: ShadowReport, format_: str, output: Path | None) -> None:
    from costaudit.questions.shadow.text import render_shadow_text  # noqa: PLC0415
    from costaudit.render.jsonout import render_json  # noqa: PLC0415 - start-up

    if format_ == "json":
        console.deliver(render_json(report), output)
    else:
        color = console.color() and output is None
        console.show(render_shadow_text(report, console.width(), color), output)


def _fraction(text: str, option: str) -> float:
    from costaudit.money import parse_percent  # noqa: PLC0415 - start-up

    return _positive(float(parse_percent(text) / 100), option)


def _hundredth(points: float) -> float:
    """Points as a fraction, without the error of a division: 2 is .02."""
    return float(Fraction(str(points)) / 100) if points == points and abs(points) < 1e9 else points  # noqa: PLR0124


def _positive(value: float, option: str) -> float:
    if not 0 < value <= _MOST:
        raise UsageError(f"{option} must be more than 0" + (f" and at most {_MOST:g}" if value > 0 else ""))
    return value
