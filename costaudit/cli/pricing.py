"""`costaudit pricing`: look at the price book, quote a call, check the tables."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

import costaudit
from costaudit.cli import console, ending, options, pricing_check, pricing_diff, pricing_import
from costaudit.errors import UsageError

app = typer.Typer(
    help="The price book: list, show, history, doubts, quote, check, diff.",
    no_args_is_help=False,
    rich_markup_mode=None,
    invoke_without_command=True,
)


@app.callback()
def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


At = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation at run time
    typer.Option(
        "--at", metavar="TIME", help="The time of the call, like 2024-06-01T12:00Z; now by default."
    ),
]


@app.command("list")
@options.takes("prices", "overlays", "known_on")
def list_(
    given: options.Given,
    provider: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="[PROVIDER]", help="Only this provider.", show_default=False),
    ] = None,
    class_: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--class", metavar="NAME", help="Only flagship, mid, economy, embedding or other models."
        ),
    ] = None,
    at: At = None,
    format_: options.ListFormat = "text",
) -> None:
    """Every model with its standard input and output price at a time."""
    console.answer(costaudit.price_list(provider, class_=class_, at=at, **given), format_)


@app.command()
@options.takes(*options.BOOK)
def show(
    given: options.Given,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model, named as in logs.")],
    at: At = None,
    format_: options.ListFormat = "text",
) -> None:
    """Every price row of a model, oldest first, and its standard price over time."""
    console.answer(costaudit.price_rows(model, at=at, **given), format_)


@app.command()
@options.takes("prices", "overlays", "known_on")
def doubts(
    given: options.Given,
    provider: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="[PROVIDER]", help="Only this provider.", show_default=False),
    ] = None,
    at: At = None,
    format_: options.ListFormat = "text",
) -> None:
    """Prices in force of low confidence: sources differ, or the figure or its day is derived."""
    console.answer(costaudit.price_doubts(provider, at=at, **given), format_)


@app.command()
@options.takes("prices", "overlays", "known_on")
def history(
    given: options.Given,
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="[MODEL|PROVIDER]", help="Only this model or provider.", show_default=False),
    ] = None,
    since: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--since", metavar="DATE", help="Changes from this day on."),
    ] = None,
    until: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--until", metavar="DATE", help="Changes before this day."),
    ] = None,
    format_: options.ListFormat = "text",
) -> None:
    """Dated price changes, the newest last; scheduled ones too."""
    console.answer(costaudit.price_history(name, since=since, until=until, **given), format_)


@app.command()
@options.takes(*options.BOOK)
def quote(
    given: options.Given,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model, named as in logs.")],
    input_: Annotated[int, typer.Option("--input", min=0, metavar="N", help="Uncached input tokens.")] = 0,
    output: Annotated[
        int, typer.Option("--output", min=0, metavar="N", help="Output tokens, reasoning included.")
    ] = 0,
    cache_read: Annotated[
        int, typer.Option("--cache-read", min=0, metavar="N", help="Input tokens read from the cache.")
    ] = 0,
    cache_write_5m: Annotated[
        int,
        typer.Option("--cache-write-5m", min=0, metavar="N", help="Tokens written to the 5-minute cache."),
    ] = 0,
    cache_write_1h: Annotated[
        int, typer.Option("--cache-write-1h", min=0, metavar="N", help="Tokens written to the 1-hour cache.")
    ] = 0,
    web_search: Annotated[
        int, typer.Option("--web-search", min=0, metavar="N", help="Web searches that the provider made.")
    ] = 0,
    at: At = None,
    batch: Annotated[bool, typer.Option("--batch", help="The batch price: --service-tier batch.")] = False,
    tier: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--service-tier", metavar="NAME", help="standard, batch, flex or priority, as the response says."
        ),
    ] = None,
    region: Annotated[
        str, typer.Option("--region", metavar="NAME", help="Where the call was served, like us.")
    ] = "",
    speed: Annotated[
        str, typer.Option("--speed", metavar="NAME", help="The speed asked for, like fast.")
    ] = "",
    format_: options.ListFormat = "text",
) -> None:
    """What one call costs, line by line, with the rows that say so."""
    if batch and tier is not None and tier != "batch":
        raise UsageError(f"--batch and --service-tier {tier} are two tiers", hint="leave out one of them")
    counts = {
        "input": input_,
        "cache_read": cache_read,
        "cache_write_5m": cache_write_5m,
        "cache_write_1h": cache_write_1h,
        "output": output,
        "web_search": web_search,
    }
    named = "batch" if batch else tier
    found = costaudit.quote(
        model, at=at, service_tier=named, region=region, speed=speed, counts=counts, **given
    )
    if found.report.list_usd is not None:
        console.answer(found, format_)
        return
    if format_ == "json":
        console.answer(found, format_)
    console.fail(found.text().rstrip())
    raise typer.Exit(ending.EXIT_CANNOT_JUDGE)


app.command()(pricing_check.check)
app.command()(pricing_check.explain)
app.command()(pricing_diff.diff)
app.command("import")(pricing_import.import_)
