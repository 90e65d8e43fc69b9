"""`costaudit ledger`: one pass over the logs, kept as a small Parquet file that stands for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from msgspec.structs import replace

from costaudit.cli import console, options
from costaudit.errors import InputError, UsageError, did_you_mean, one_of
from costaudit.front.options import reading_of
from costaudit.front.reading import Tests, opened_logs
from costaudit.writing import replacing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from costaudit.engine.plan import Plan


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
    one_of(resolution, ("hour", "day"), "resolution")
    if output.suffix not in (".parquet", ".pq"):
        raise UsageError("a ledger is a Parquet file", path=str(output), hint="like -o ledger.parquet")
    tests = Tests(given.pop("evals", None), given.pop("quality_floor", None))
    reading = reading_of(given, tests)

    def detailed(plan: Plan) -> Plan:
        used = plan.providers_used | _providers(provider or (), plan)
        kept = "hour" if resolution == "hour" else "day"
        return replace(plan, detail=True, resolution=kept, providers_used=used)

    with opened_logs(paths, reading, detailed) as logs:
        if logs.passed.ledgers:
            raise InputError("a ledger is made from logs", path=paths[0], hint="several can be read together")
        from costaudit.engine.saved import write_ledger  # noqa: PLC0415 - start-up

        with replacing(output) as stream:
            write_ledger(logs.passed, stream)
        passed = logs.passed
    size = output.stat().st_size
    console.say(
        f"{passed.requests:,} requests in {passed.cells.rows:,} rows, {size / 1e6:,.2f} MB in {output}",
        quiet=reading.quiet,
    )


def _providers(names: Sequence[str], plan: Plan) -> frozenset[str]:
    """Providers of the book by the names that logs use; raises UsageError for an unknown one."""
    known = plan.prices.book.provider_by_log_name
    for name in names:
        if name.lower() not in known:
            raise UsageError(f"--provider {name!r} is not in the book", hint=did_you_mean(name, known))
    return frozenset(known[name.lower()] for name in names)
