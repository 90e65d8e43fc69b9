"""`costaudit shadow`: how large a test must be, and what its two arms show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

import costaudit
from costaudit.cli import console, options

app = typer.Typer(
    name="shadow",
    help="Test a cheaper model beside the current one: plan the test, compare its arms.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


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
    asked = options.stated(requests_per_day=requests_per_day, paired=paired, cost_cv=cost_cv, tau=tau)
    found = costaudit.shadow_plan(
        *(paths or ()), feature=feature, base_pass=base_pass, drop=drop, alpha=alpha, power=power, arm=arm,
        psi=psi or (), non_inferiority=non_inferiority, cost_delta=cost_delta, sequential=sequential,
        **asked, **given,
    )  # fmt: skip
    console.answer(found, format_, output)


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
    found = costaudit.shadow_compare(
        *paths, arm_field=arm_field, outcomes=outcomes, margin=margin, cost=cost,
        **options.stated(prices_at=prices_at), **given,
    )  # fmt: skip
    console.answer(found, format_, output)
