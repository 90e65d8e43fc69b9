"""`costaudit pricing check` and `explain`: the rules of the price tables."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

import costaudit
from costaudit.cli import console, judged, options
from costaudit.front.book import NEAREST

Moment = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation at run time
    typer.Option("--at", metavar="TIME", help="Judge as at this time, like 2026-12-01; now by default."),
]
Grace = Annotated[
    int,
    typer.Option(
        "--grace-days", min=0, metavar="N", help="How long ago a new price may have started without a word."
    ),
]


def check(
    paths: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(
            metavar="[PATH...]",
            help="Price tables to check: directories, tables or git:REV:PATH; the shipped ones by default.",
            show_default=False,
        ),
    ] = None,
    base: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--base",
            metavar="BASE",
            help="What they were before: a directory, git:REV:PATH, or git:REV. Judges history.",
        ),
    ] = None,
    select: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--select", metavar="CODE", help="Only rules whose code begins so, like CA3. Repeatable."
        ),
    ] = None,
    ignore: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--ignore", metavar="CODE", help="No rules whose code begins so. Repeatable."),
    ] = None,
    at: Moment = None,
    max_age: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--max-age", min=0, metavar="DAYS", help="Warn of prices that nobody has checked for so long."
        ),
    ] = None,
    grace_days: Grace = 14,
    policy: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--policy", metavar="FILE", help="A routing policy whose models must have prices. Repeatable."
        ),
    ] = None,
    against: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--against",
            metavar="SOURCE",
            help="Warn where a source states another price (see pricing import).",
        ),
    ] = None,
    traffic: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--traffic",
            metavar="PATH",
            help="Logs or a ledger whose requests must all have a price. Repeatable.",
        ),
    ] = None,
    format_: judged.JudgedFormat = "text",
    output: options.Output = None,
    report: judged.Reports = None,
    overlay: options.Overlays = None,
) -> None:
    """Whether the price tables hold together. Exit 1 when a rule with severity error is broken.

    \b
    costaudit pricing check
    costaudit pricing check tables --base git:main:tables
    costaudit pricing check --select CA3 --ignore CA309
    """
    answers = judged.parse_answers(format_, output, report)
    with console.uncollected():
        found = costaudit.check_prices(
            *(paths or ()), base=base, select=select or (), ignore=ignore or (), grace_days=grace_days,
            policies=policy or (), traffic=traffic or (), overlays=overlay or (), settings=NEAREST,
            **options.stated(at=at, max_age=max_age, against=against),
        )  # fmt: skip
    judged.answer(found, answers)


def explain(
    rule: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(
            metavar="[RULE]", help="A code like CA303, or a name; all by default.", show_default=False
        ),
    ] = None,
    format_: options.ListFormat = "text",
) -> None:
    """What a rule of `pricing check` looks for, why, and what to do."""
    console.answer(costaudit.price_rules(rule), format_)
