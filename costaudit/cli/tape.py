"""`costaudit tape`: logs read once, to be asked from then on instead of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import costaudit
from costaudit.cli import console, options


@options.takes(
    "calibration",
    "input_format",
    "rules",
    "risk",
    "threads",
    "limits",
    "dates",
    "decimals",
    "guess",
    "cache",
    "quiet",
)
def tape(
    given: options.Given,
    paths: options.Paths,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            callback=options.replaced,
            help="The tape, by custom a .tape; replaced only when whole.",
        ),
    ],
) -> None:
    """Read logs into a file that every command takes instead of them: requests without texts and ids.

    \b
    costaudit tape logs/ -o october.tape
    costaudit analyze october.tape
    costaudit analyze october.tape new-logs/
    """
    console.say(costaudit.make_tape(*paths, to=output, **given).text(), quiet=given["quiet"])
