"""`costaudit check`: the gates of the project's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

import costaudit
from costaudit.cli import console, judged, options
from costaudit.errors import one_of


@options.takes(
    "policy", "cost_source", "calibration", *options.BOOK, *options.READING, "cache", *options.TOLD
)
def check(
    given: options.Given,
    paths: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer reads the annotation at run time
        typer.Argument(
            metavar="[PATH...]",
            help="Logs, as for analyze. Without one, only the gates that need none are judged.",
            show_default=False,
        ),
    ] = None,
    explain: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--explain", metavar="GATE", help="Say what a gate measures: a code like CA701, a name, or all."
        ),
    ] = None,
    format_: judged.JudgedFormat = "text",
    output: options.Output = None,
    report: judged.Reports = None,
    at: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--at", metavar="TIME", help="The day by which prices are old and models retired; now by default."
        ),
    ] = None,
    config: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--config", metavar="FILE", help="Settings to judge by, instead of the nearest file."),
    ] = None,
) -> None:
    """Judge a log by the gates of the settings: budgets, coverage, markup, age of prices.

    \b
    costaudit check logs/
    costaudit check logs/ --report junit:gates.xml --report markdown:comment.md
    costaudit check                                   prices and policies alone
    costaudit check --explain CA703

    Exit 1 when a gate fails, 2 when one cannot be judged or too little has a price.
    """
    if explain is not None:
        console.answer(costaudit.gates(explain), one_of(format_, ("text", "json"), "format"))
        return
    answers = judged.parse_answers(format_, output, report)
    if config is not None:
        given["settings"] = config
    judged.answer(costaudit.check(*(paths or ()), at=at, **given), answers)
