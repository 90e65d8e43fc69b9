"""`costaudit tag`: the requests of a log back as rows, or why one of them was judged as it was."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Optional

import typer

from costaudit.cli import console, options
from costaudit.errors import InputError, UsageError, one_of
from costaudit.front.options import reading_of
from costaudit.front.reading import LogReading, ReadLogs, opened_logs

if TYPE_CHECKING:
    from costaudit.questions.tagging.explained import Explained


@options.takes(
    "policy",
    "prices_at",
    "calibration",
    *options.BOOK,
    "input_format",
    "rules",
    "risk",
    "estimate",
    "threads",
    "limits",
    "dates",
    "decimals",
    "guess",
    "quiet",
    "verbose",
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
        str, typer.Option("--format", "-f", metavar="NAME", help="Of --explain: text or json.")
    ] = "text",
) -> None:
    """Every request as a row: tier with its reason, price with its rates, route.

    \b
    costaudit tag logs/ -o tagged.parquet
    costaudit tag logs.jsonl | jq 'select(.tier == 0) | .list_usd'
    costaudit tag logs.jsonl --explain chatcmpl-9xYz
    """
    from costaudit.tape.record import Keeps  # noqa: PLC0415 - start-up

    reading = reading_of(given)
    one_of(format_, ("text", "json"), "format")
    if explain is not None:
        _explain(paths, reading, explain, format_, output, with_text=with_text)
        return
    ending = _ending(output)
    with (
        console.streamed(output) as stream,
        opened_logs(paths, reading, keeps=Keeps(ids=True, texts=with_text)) as logs,
    ):
        _write(logs, stream, ending, with_text=with_text)


def _ending(output: Path | None) -> str:
    from costaudit.questions.tagging.rows import WRITERS  # noqa: PLC0415 - start-up

    if output is None or str(output) == "-":
        return ".jsonl"
    found = max((e for e in WRITERS if output.name.lower().endswith(e)), key=len, default=None)
    if found is None:
        raise UsageError(
            "no format has the ending of this file", path=str(output), hint=f"one of {', '.join(WRITERS)}"
        )
    return found


def _write(logs: ReadLogs, stream: IO[bytes], ending: str, *, with_text: bool) -> None:
    from costaudit.questions.tagging.rows import WRITERS, columns_of  # noqa: PLC0415 - start-up

    writer = WRITERS[ending](stream, with_text=with_text)
    for requests in logs.requests():
        writer.write(columns_of(requests, logs.plan, with_text=with_text))
    writer.close()


def _explain(
    paths: list[str], reading: LogReading, wanted: str, format_: str, output: Path | None, *, with_text: bool
) -> None:
    from costaudit.questions.tagging.explained import explain_requests, explained_text, explained_value  # noqa: PLC0415
    from costaudit.render.jsontext import render_value  # noqa: PLC0415
    from costaudit.tape.record import Keeps  # noqa: PLC0415

    found: list[Explained] = []
    with opened_logs(paths, reading, keeps=Keeps(ids=True)) as logs:
        for requests in logs.requests():
            found += explain_requests(requests, logs.tape, logs.plan, wanted)
    if not found:
        raise InputError(
            f"no request has the id {wanted!r}",
            hint="a call id, a response id, or the id of costaudit tag and label",
        )
    if format_ == "json":
        answer = render_value(explained_value(wanted, found, with_text=with_text))
    else:
        answer = explained_text(found, console.width(), with_text=with_text)
    console.deliver(answer, output, format_)
