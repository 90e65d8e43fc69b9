"""`costaudit ledger`: one pass over the logs, kept as a small Parquet file that stands for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

import costaudit
from costaudit.cli import console, options


@options.takes(
    "policy", "evals", "quality_floor", "calibration", *options.BOOK, *options.READING, "cache", *options.TOLD
)
def ledger(
    given: options.Given,
    paths: options.Paths,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            callback=options.replaced,
            help="A .parquet file, replaced only when whole.",
        ),
    ],
    resolution: Annotated[
        str,
        typer.Option(
            "--resolution",
            metavar="hour|day",
            help="What times are cut to; finer where a price changes within it.",
        ),
    ] = "day",
    provider: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option(
            "--provider",
            metavar="NAME",
            help="A provider that counts as used, whether these logs use it or not. Repeatable.",
        ),
    ] = None,
) -> None:
    """One pass over the logs as a small Parquet file that can be committed: no prompts, users, keys or paths.

    \b
    costaudit ledger logs/ -o ledger.parquet
    costaudit analyze ledger.parquet
    costaudit pricing diff git:main --ledger ledger.parquet --fail-if 'increase>5%'
    """
    found = costaudit.make_ledger(*paths, to=output, resolution=resolution, providers=provider or (), **given)
    console.say(found.text(), quiet=given["quiet"])
