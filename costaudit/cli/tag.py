"""`costaudit tag`: the requests of a log back as rows, or why one of them was judged as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

import costaudit
from costaudit.cli import console, options
from costaudit.front.rows import row_format, write_rows


@options.takes(
    "policy",
    "prices_at",
    "calibration",
    *options.BOOK,
    *options.READING,
    *options.TOLD,
)
def tag(
    given: options.Given,
    paths: options.Paths,
    output: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            callback=options.replaced,
            help="A .jsonl, .csv or .parquet file (text also .gz), replaced only when whole; "
            "JSON lines to stdout without it.",
        ),
    ] = None,
    with_text: options.WithText = False,
    explain: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--explain", metavar="ID", help="Say why the request with this id got its tier, price and route."
        ),
    ] = None,
    format_: Annotated[
        str,
        typer.Option(
            "--format", "-f", metavar="NAME", callback=options.one_of_two, help="Of --explain: text or json."
        ),
    ] = "text",
) -> None:
    """Every request as a row: tier with its reason, price with its rates, route.

    \b
    costaudit tag logs/ -o tagged.parquet
    costaudit tag logs.jsonl | jq 'select(.tier == 0) | .list_usd'
    costaudit tag logs.jsonl --explain chatcmpl-9xYz
    """
    if explain is not None:
        found = costaudit.explain_request(explain, *paths, with_text=with_text, **given)
        console.answer(found, format_, output)
        return
    ending = row_format(output)
    with console.streamed(output) as stream:
        write_rows(stream, *paths, ending=ending, with_text=with_text, **given)
