"""`costaudit config`: the settings of a project: shown, checked, begun."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

import costaudit
from costaudit.cli import console, options

app = typer.Typer(
    help="The settings of a project: init, show, check.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
@options.takes(
    "prices",
    "overlays",
    "names",
    "input_format",
    "rules",
    "estimate",
    "threads",
    "limits",
    "dates",
    "decimals",
    "guess",
    "cache",
    "quiet",
)
def init(
    given: options.Given,
    paths: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer reads the annotation at run time
        typer.Argument(
            metavar="[PATH...]",
            help="Logs, as for analyze: limits and a routing policy are drawn from them.",
            show_default=False,
        ),
    ] = None,
    directory: Annotated[
        Path, typer.Option("--directory", "-d", metavar="DIR", help="Where the files are written.")
    ] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write a commented costaudit.toml and, with logs, a routing policy drawn from them.

    \b
    costaudit config init
    costaudit config init logs/ && costaudit check logs/
    """
    found = costaudit.begin_settings(*(paths or ()), directory=directory, force=force, **given)
    console.show(found.text())
    logs = " ".join(paths or ("LOGS",))
    say = [f"costaudit check {logs}"]
    say += [f"costaudit simulate {logs} --policy {found.report.files[0]}"] if paths else []
    console.say(f"next: {' or '.join(say)}", quiet=given["quiet"])


@app.command()
def show(format_: options.ListFormat = "text", output: options.Output = None) -> None:
    """Every setting in force here, and where it comes from: a line of the nearest file, or the default."""
    console.answer(costaudit.settings(), format_, output)


@app.command()
def check(format_: options.ListFormat = "text") -> None:
    """Whether the settings and the files that they name can be read. Exit 2 when not."""
    console.answer(costaudit.check_settings(), format_)
