"""`costaudit fallback`: what failed in a log, and what fallback chains would have made of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from costaudit.cli import console, options
from costaudit.errors import one_of

if TYPE_CHECKING:
    from costaudit.questions.fallback.result import FallbackReport


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
    format_: Annotated[
        str, typer.Option("--format", "-f", metavar="NAME", help="text, json or markdown.")
    ] = "text",
    output: options.Output = None,
) -> None:
    """What failed, what retries cost, and what fallback chains or an outage would come to.

    \b
    costaudit fallback logs/
    costaudit fallback logs/ --chain same,anthropic/claude-haiku-4-5 --chain other
    costaudit fallback logs/ --outage openai@4h --outage openai@2026-10-03T10:00/2h
    """
    from costaudit.front import api  # noqa: PLC0415 - start-up

    one_of(format_, ("text", "json", "markdown"), "format")
    found = api.fallback(*paths, chains=chain or (), outages=outage or (), **given)
    _show(found.report, format_, output)


def _show(report: FallbackReport, format_: str, output: Path | None) -> None:
    from costaudit.questions.fallback.text import fallback_blocks, render_fallback_text  # noqa: PLC0415 - start-up
    from costaudit.render.jsonout import render_json  # noqa: PLC0415
    from costaudit.render.markdown import render_blocks  # noqa: PLC0415

    if format_ == "json":
        console.deliver(render_json(report), output)
    elif format_ == "markdown":
        console.deliver(render_blocks(fallback_blocks(report)), output)
    else:
        color = console.color() and output is None
        console.show(render_fallback_text(report, console.width(), color), output)
