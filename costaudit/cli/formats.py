"""`costaudit formats`: the log formats that are read, and what is read from one log."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

import costaudit
from costaudit.cli import console, ending, options
from costaudit.front.book import NEAREST

app = typer.Typer(
    name="formats",
    help="The log formats that are read; test says what is read from yours.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@app.callback()
def formats(context: typer.Context, format_: options.ListFormat = "text") -> None:
    """The log formats that are read without conversion, your own first.

    \b
    costaudit formats
    costaudit formats test log.jsonl
    """
    if context.invoked_subcommand is not None:
        return
    console.answer(costaudit.formats(NEAREST), format_)


@app.command("test")
def try_formats(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A log, or - for standard input.", show_default=False)
    ],
    input_format: options.InputFormat = None,
    dates: options.Dates = None,
    decimals: options.Decimals = None,
    line: Annotated[
        Optional[int],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option("--line", min=1, metavar="N", help="Only the record at this line (or row)."),
    ] = None,
    show_text: Annotated[
        bool, typer.Option("--show-text", help="Show prompt and system text, and not only its length.")
    ] = False,
    format_: options.ListFormat = "text",
) -> None:
    """What is read from a log, field by field: its format, its first 200 records.

    Shows the first record of each format: every field of the call, the keys that it was read from, and the
    keys that made no difference. For records of no known format: the nearest one, what is missing, and a
    mapping to begin with. Exit 2 when no call is found.

    \b
    costaudit formats test log.jsonl
    costaudit formats test log.jsonl --line 17
    costaudit formats test log.parquet --input-format mine
    """
    given = options.stated(input_format=input_format, dates=dates, decimals=decimals)
    found = costaudit.try_format(file, line=line, show_text=show_text, settings=NEAREST, **given)
    console.answer(found, format_)
    if not found.report.calls:
        raise typer.Exit(ending.EXIT_CANNOT_JUDGE)
