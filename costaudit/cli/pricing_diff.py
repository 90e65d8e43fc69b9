"""`costaudit pricing diff`: what changes between two states of the price tables."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

import costaudit
from costaudit.cli import judged, options
from costaudit.cli.pricing_check import Grace, Moment
from costaudit.front.book import NEAREST


def diff(
    base: Annotated[
        str, typer.Argument(metavar="BASE", help="Before: a directory, a table, git:REV:PATH or git:REV.")
    ],
    head: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time
        typer.Argument(
            metavar="[HEAD]", help="After; the working tree, else the shipped tables.", show_default=False
        ),
    ] = None,
    fail_if: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--fail-if",
            metavar="CONDITION",
            help="Exit 1 for such a change: retroactive, correction, another kind, increase>5%; with "
            "traffic increase>500usd per 30 days, unpriced. Repeatable.",
        ),
    ] = None,
    ignore_below: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--ignore-below", metavar="PERCENT", help="Only count smaller changes, like 0.5%."),
    ] = None,
    logs: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--logs", metavar="PATH", help="Say what it does to the bill of these request logs. Repeatable."
        ),
    ] = None,
    ledger: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--ledger", metavar="FILE", help="The same for a saved ledger. Repeatable."),
    ] = None,
    policy: options.PolicyFile = None,
    overlay: options.Overlays = None,
    map_: options.Map = None,
    prices_at: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--prices-at",
            metavar="DATE",
            help="Price the traffic as on this date too; the day from which all changes hold by default.",
        ),
    ] = None,
    at: Moment = None,
    grace_days: Grace = 14,
    format_: judged.JudgedFormat = "text",
    output: options.Output = None,
    report: judged.Reports = None,
    cache: options.Cache = None,
    quiet: options.Quiet = False,
) -> None:
    """What changes between two states of the price tables: prices, names, facts, fees, and the bill.

    \b
    costaudit pricing diff git:main
    costaudit pricing diff git:v1.2:pricing git:HEAD:pricing --fail-if correction
    costaudit pricing diff old/ new/ --fail-if 'increase>5%' --format markdown
    costaudit pricing diff git:main --ledger ledger.parquet --fail-if 'increase>500usd'
    """
    answers = judged.parse_answers(format_, output, report)
    found = costaudit.price_changes(
        base, head, fail_if=fail_if or (), ignore_below=ignore_below, at=at, grace_days=grace_days,
        logs=logs or (), ledgers=ledger or (), overlays=overlay or (), names=map_ or (), quiet=quiet,
        settings=NEAREST, **options.stated(policy=policy, prices_at=prices_at, cache=cache),
    )  # fmt: skip
    judged.answer(found, answers)
