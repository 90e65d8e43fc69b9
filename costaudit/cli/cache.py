"""`costaudit cache`: what --cache keeps, and how to be rid of it."""

from __future__ import annotations

import typer

import costaudit
from costaudit.cli import console, options

app = typer.Typer(
    no_args_is_help=True,
    help="What --cache keeps of logs, and how to be rid of it.",
    rich_markup_mode=None,
)


@app.command()
def info(format_: options.ListFormat = "text") -> None:
    """Where it is kept, how much it is, and when it was last of use.

    \b
    costaudit cache info
    COSTAUDIT_CACHE_DIR=/data/costaudit costaudit cache info --format json
    """
    console.answer(costaudit.cache(), format_)


@app.command()
def clear(quiet: options.Quiet = False) -> None:
    """Delete all of it: the next question reads the logs again.

    \b
    costaudit cache clear
    """
    console.say(costaudit.clear_cache().text(), quiet=quiet)
