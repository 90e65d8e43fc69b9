"""`costaudit formats`: the log formats that are read, and what is read from one log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from costaudit.cli import console, ending, options
from costaudit.errors import UsageError, one_of
from costaudit.front.formats import known_formats, known_prices, own_formats
from costaudit.front.found import found_logs
from costaudit.ingest.notation import Notation, notation_from

if TYPE_CHECKING:
    from costaudit.ingest.look import Look

app = typer.Typer(
    name="formats",
    help="The log formats that are read; test says what is read from yours.",
    invoke_without_command=True,
    rich_markup_mode=None,
)

_FORMATS = ("text", "json")


@app.callback()
def formats(context: typer.Context, format_: options.ListFormat = "text") -> None:
    """The log formats that are read without conversion, your own first.

    \b
    costaudit formats
    costaudit formats test log.jsonl
    """
    if context.invoked_subcommand is not None:
        return
    own = {a.name for a in own_formats()}
    adapters = known_formats()
    if one_of(format_, _FORMATS, "format") == "json":
        told = [{"name": a.name, "title": a.title, "own": a.name in own} for a in adapters]
        console.deliver(json.dumps(told, indent=2) + "\n")
        return
    from costaudit.render.safe import safe  # noqa: PLC0415 - start-up

    wide = max(len(a.name) for a in adapters)
    titles = [("yours: " if a.name in own else "") + safe(a.title) for a in adapters]
    lines = (f"{a.name:<{wide}}  {title}\n" for a, title in zip(adapters, titles, strict=True))
    console.show("".join(lines))


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
    from costaudit.cli.formats_text import look_text, look_value  # noqa: PLC0415 - start-up

    as_json = one_of(format_, _FORMATS, "format") == "json"
    look = _look(file, input_format, line, notation_from(dates, decimals))
    if as_json:
        console.deliver(json.dumps(look_value(look, show_text=show_text), indent=2) + "\n")
    else:
        console.show(look_text(look, console.width(), show_text=show_text))
    if not look.calls:
        raise typer.Exit(ending.EXIT_CANNOT_JUDGE)


def _look(name: str, input_format: str | None, line: int | None, notation: Notation) -> Look:
    from costaudit.ingest.detect import adapter_named  # noqa: PLC0415 - start-up
    from costaudit.ingest.look import look_at  # noqa: PLC0415

    adapters = known_formats()
    forced = adapter_named(input_format, adapters) if input_format else None
    with found_logs([name], notation=notation) as (files, refused):
        if len(files) + len(refused) > 1:
            one = files[0].name if files else refused[0].path
            raise UsageError("this names more than one file", path=name, hint=f"like {one}")
        if refused:
            raise refused[0]
        return look_at(files[0], forced, adapters, line, known_prices)
