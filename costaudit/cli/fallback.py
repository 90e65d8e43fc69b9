"""`costaudit fallback`: what failed in a log, and what fallback chains would have made of it."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

import costaudit
from costaudit.cli import console, options


@options.takes(
    "policy",
    "prices_at",
    *options.BOOK,
    "input_format",
    "rules",
    "threads",
    "limits",
    "dates",
    "decimals",
    "guess",
    "cache",
    "quiet",
    "verbose",
)
def fallback(
    given: options.Given,
    paths: options.Paths,
    chain: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option(
            "--chain",
            metavar="MEMBER[,MEMBER...]",
            help="What is asked after a failed attempt: same, cheaper, other, or provider/model; "
            "the policy's fallbacks by default. Repeatable.",
        ),
    ] = None,
    outage: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--outage",
            metavar="PROVIDER@[START/]HOURS",
            help="What if the provider were down, like openai@4h or openai@2026-10-03T10:00/4h; "
            "the most used one for 4 hours by default. Repeatable.",
        ),
    ] = None,
    format_: options.BlockFormat = "text",
    output: options.Output = None,
) -> None:
    """What failed, what retries cost, and what fallback chains or an outage would come to.

    \b
    costaudit fallback logs/
    costaudit fallback logs/ --chain same,anthropic/claude-haiku-4-5 --chain other
    costaudit fallback logs/ --outage openai@4h --outage openai@2026-10-03T10:00/2h
    """
    found = costaudit.fallback(*paths, chains=chain or (), outages=outage or (), **given)
    console.answer(found, format_, output)
