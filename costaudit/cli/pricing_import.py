"""`costaudit pricing import`: what another price table says, held against ours."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

import costaudit
from costaudit.cli import console, options


def import_(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="An installed package (genai-prices, litellm, model-prices …), a file, or a URL.",
        ),
    ],
    kind: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option(
            "--kind",
            metavar="NAME",
            help="genai-prices, litellm, model-prices, models-dev, openrouter, veqen-pricebook; found out.",
        ),
    ] = None,
    provider: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--provider", metavar="ID", help="Only this provider of the book."),
    ] = None,
    at: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--at", metavar="TIME", help="Compare as of this time, instead of each price's own and today's."
        ),
    ] = None,
    propose: Annotated[
        bool,
        typer.Option("--propose", help="Print rows for our tables. Nothing is written, no past row changes."),
    ] = False,
    format_: options.ListFormat = "text",
    prices: options.Prices = None,
) -> None:
    """What another price table says that ours does not: differences, and rows that could be added."""
    found = costaudit.compare_prices(
        source, kind=kind, provider=provider, at=at, propose=propose, prices=prices
    )
    console.answer(found, format_)
