"""`costaudit tape`: logs read once, to be asked from then on instead of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from costaudit.cli import console, options
from costaudit.front import telling
from costaudit.front.found import found_logs
from costaudit.front.options import reading_of
from costaudit.front.reading import guessing_of, how_to_read, tagger_of, warn_of_reading


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
    from costaudit.tape.read import read_tape  # noqa: PLC0415 - start-up
    from costaudit.tape.record import Keeps  # noqa: PLC0415
    from costaudit.tape.tapefile import write_tape  # noqa: PLC0415
    from costaudit.writing import replacing  # noqa: PLC0415

    reading = reading_of(given)
    tagger = tagger_of(reading.tagging)
    guessing = guessing_of(reading.choice, use=reading.guess)
    how = how_to_read(reading.input_format, Keeps(), reading.threads, cached=reading.cache, guessing=guessing)
    with found_logs(paths, reading.limits, notation=reading.notation) as (files, refused):
        with telling.reading(files, quiet=reading.quiet) as advance:
            found = read_tape(files, tagger, how, refused=refused, progress=advance)
        with found:
            warn_of_reading(found.found, how.cache, quiet=reading.quiet)
            with replacing(output) as stream:
                write_tape(found, tagger.text_digest, stream)
            requests = found.requests
    size = output.stat().st_size
    console.say(f"{requests:,} requests, {size / 1e6:,.2f} MB in {output}", quiet=reading.quiet)
