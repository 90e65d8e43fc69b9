"""`costaudit tape`: logs read once, to be asked from then on instead of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from costaudit.cli import console, lean, options
from costaudit.front import telling
from costaudit.front.found import found_logs
from costaudit.front.reading import Tagging, how_to_read, tagger_of, warn_of_reading
from costaudit.ingest.limits import limits_from


def tape(
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
    calibration: options.Calibration = None,
    input_format: options.InputFormat = None,
    rules: options.TierRules = None,
    risk: options.Risk = None,
    threads: options.Threads = None,
    limit: options.Limit = None,
    cache: options.Cache = None,
    quiet: options.Quiet = False,
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

    tagger = tagger_of(Tagging(rules, risk, calibration=calibration))
    how = how_to_read(input_format, Keeps(), threads, cached=cache)
    lean.keep_freed_memory()
    with found_logs(paths, limits_from(limit)) as (files, refused):
        with telling.reading(quiet=quiet) as advance:
            found = read_tape(files, tagger, how, refused=refused, progress=advance)
        with found:
            warn_of_reading(found.found, how.cache, quiet=quiet)
            with replacing(output) as stream:
                write_tape(found, tagger.text_digest, stream)
            requests = found.requests
    size = output.stat().st_size
    console.say(f"{requests:,} requests, {size / 1e6:,.2f} MB in {output}", quiet=quiet)
