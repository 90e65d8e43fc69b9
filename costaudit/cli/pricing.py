"""`costaudit pricing`: look at the price book, quote a call, check the tables."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from costaudit.cli import console, ending, options, pricing_check, pricing_diff, pricing_import
from costaudit.cli import pricing_text as told
from costaudit.errors import UsageError, did_you_mean, one_of
from costaudit.front.book import choose_book, open_book
from costaudit.front.options import instant_of

if TYPE_CHECKING:
    from costaudit.prices.book import ModelKey, PriceBook
    from costaudit.prices.resolver import Resolved, Resolver

app = typer.Typer(
    help="The price book: list, show, history, doubts, quote, check, diff.",
    no_args_is_help=False,
    rich_markup_mode=None,
    invoke_without_command=True,
)

_FORMATS = ("text", "json")


@app.callback()
def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _at(text: str | None) -> int:
    return instant_of(text, "--at") if text else int(datetime.now(UTC).timestamp()) * 1_000_000


At = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation at run time
    typer.Option(
        "--at", metavar="TIME", help="The time of the call, like 2024-06-01T12:00Z; now by default."
    ),
]


@app.command("list")
def list_(
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
    prices: options.Prices = None,
    overlay: options.Overlays = None,
    known_on: options.KnownOn = None,
) -> None:
    """Every model with its standard input and output price at a time."""
    from costaudit.prices.cards import timeline_of  # noqa: PLC0415 - start-up
    from costaudit.prices.rows import MODEL_CLASSES  # noqa: PLC0415

    one_of(format_, _FORMATS, "format")
    if class_ is not None:
        one_of(class_, MODEL_CLASSES, "class")
    book, _ = open_book(choose_book(prices, overlay, known_on))
    vendor = _provider(book, provider) if provider is not None else None
    moment = _at(at)
    models = []
    for key in sorted(key for key in book.rows if vendor in (None, key[0])):
        facts = book.facts.get(key)
        klass = facts.klass if facts else None
        card = timeline_of(book, key).at(moment, 0) if class_ in (None, klass) else ""
        if not isinstance(card, str):
            rates = {name: f"{rate.usd:f}" for name, rate in card.rates.items()}
            models.append({"model": "/".join(key), "class": klass, "usd_per_mtok": rates})
    if format_ == "json":
        console.deliver(_json({"version": book.version, "sha256": book.sha256, "models": models}))
    else:
        console.show(told.list_text(models, book))


@app.command()
def show(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model, named as in logs.")],
    at: At = None,
    format_: options.ListFormat = "text",
    prices: options.Prices = None,
    overlay: options.Overlays = None,
    known_on: options.KnownOn = None,
    map_: options.Map = None,
) -> None:
    """Every price row of a model, oldest first, and its standard price over time."""
    from costaudit.prices.history import name_prices  # noqa: PLC0415 - start-up
    from costaudit.prices.quote import split_name  # noqa: PLC0415

    one_of(format_, _FORMATS, "format")
    book, resolver = open_book(choose_book(prices, overlay, known_on, map_))
    resolved = _resolved(book, resolver, model, _at(at))
    key = (resolved.provider, resolved.model)
    places = {(row.path, row.line) for row in book.in_force[key]}
    rows = [
        told.row_value(row, in_force=(row.path, row.line) in places)
        for row in sorted(book.rows[key], key=lambda r: (r.valid_from, str(r.when), r.klass, r.line))
    ]
    found = {"provider": resolved.provider, "model": resolved.model, "how": resolved.how}
    named = resolver.periods(*split_name(book, model))
    periods = told.periods_value(named)
    if format_ == "json":
        console.deliver(_json({"model": model, "resolved": found, "periods": periods, "rows": rows}))
        return
    lines = [f"{model} is {resolved.provider}/{resolved.model} ({resolved.how})", *told.periods_text(periods)]
    lines += ["", *told.rows_text(rows)]
    steps = name_prices(book, named)
    if steps:
        lines += ["", "standard price over time, USD per 1M tokens", *told.timeline_text(steps)]
    console.show("\n".join(lines) + "\n")


@app.command()
def doubts(
    provider: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="[PROVIDER]", help="Only this provider.", show_default=False),
    ] = None,
    at: At = None,
    format_: options.ListFormat = "text",
    prices: options.Prices = None,
    overlay: options.Overlays = None,
    known_on: options.KnownOn = None,
) -> None:
    """Prices in force of low confidence: sources differ, or the figure or its day is derived."""
    from costaudit.prices.history import doubted  # noqa: PLC0415 - start-up

    one_of(format_, _FORMATS, "format")
    book, _ = open_book(choose_book(prices, overlay, known_on))
    vendor = _provider(book, provider) if provider is not None else None
    rows = [told.doubt_value(row) for row in doubted(book, _at(at), vendor)]
    if format_ == "json":
        console.deliver(_json({"version": book.version, "sha256": book.sha256, "doubts": rows}))
    else:
        console.show(told.doubts_text(rows))


@app.command()
def history(
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
    prices: options.Prices = None,
    overlay: options.Overlays = None,
    known_on: options.KnownOn = None,
) -> None:
    """Dated price changes, the newest last; scheduled ones too."""
    from costaudit.prices.history import find_changes  # noqa: PLC0415 - start-up

    one_of(format_, _FORMATS, "format")
    start = instant_of(since, "--since") if since else None
    end = instant_of(until, "--until") if until else None
    book, resolver = open_book(choose_book(prices, overlay, known_on))
    changes = find_changes(book, _keys(book, resolver, name), start, end)
    if format_ == "json":
        values = [told.change_value(change) for change in changes]
        console.deliver(_json({"version": book.version, "sha256": book.sha256, "changes": values}))
    else:
        console.show(told.history_text(changes))


def _keys(book: PriceBook, resolver: Resolver, name: str | None) -> list[ModelKey]:
    """The models that a name means: all of a provider, or all that the name ever stood for."""
    from costaudit.prices.quote import split_name  # noqa: PLC0415 - start-up

    if name is None:
        return sorted(book.rows)
    vendor = book.provider_by_log_name.get(name.lower())
    if vendor is not None:
        return sorted(key for key in book.rows if key[0] == vendor)
    _resolved(book, resolver, name, _at(None))
    periods = told.periods_value(resolver.periods(*split_name(book, name)))
    return [(p["provider"], p["model"]) for p in {p["model"]: p for p in periods if p["model"]}.values()]


@app.command()
def quote(
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
    prices: options.Prices = None,
    overlay: options.Overlays = None,
    known_on: options.KnownOn = None,
    map_: options.Map = None,
) -> None:
    """What one call costs, line by line, with the rows that say so."""
    from costaudit.prices.quote import NoQuote  # noqa: PLC0415 - start-up
    from costaudit.prices.quote import quote as price  # noqa: PLC0415

    one_of(format_, _FORMATS, "format")
    book, resolver = open_book(choose_book(prices, overlay, known_on, map_))
    moment = _at(at)
    counts = {
        "input": input_,
        "cache_read": cache_read,
        "cache_write_5m": cache_write_5m,
        "cache_write_1h": cache_write_1h,
        "output": output,
        "web_search": web_search,
    }
    found = price(book, resolver, model, counts, moment, tier=_tier(tier, batch), region=region, speed=speed)
    if isinstance(found, NoQuote):
        if format_ == "json":
            console.deliver(_json(told.no_quote_value(found, moment)))
        why = f" ({found.detail})" if found.detail else ""
        console.fail(f"no price for {model!r}: {found.reason}{why}")
        raise typer.Exit(ending.EXIT_CANNOT_JUDGE)
    for condition, value in (("region", region), ("speed", speed)):
        if value and not found.is_priced_by(condition, value):
            name = f"{found.card.provider}/{found.card.model}"
            console.warn(f"{name} has no price for {condition} {value!r}: priced without it", quiet=False)
    console.deliver(
        _json(told.quote_value(found)) if format_ == "json" else told.quote_text(found), None, format_
    )


def _tier(name: str | None, batch: bool) -> str:
    """The service tier of the options; raises UsageError for a word that is none, or for two tiers."""
    from costaudit.prices.conditions import STANDARD, TIER_NAMES, service_tier  # noqa: PLC0415 - start-up

    tier = service_tier(name)
    if name is not None and tier not in TIER_NAMES.values():
        known = sorted(n for n in TIER_NAMES if n)
        raise UsageError(
            f"unknown service tier {name!r}", hint=did_you_mean(name, known) or f"one of {', '.join(known)}"
        )
    if batch and name is not None and tier != "batch":
        raise UsageError(f"--batch and --service-tier {name} are two tiers", hint="leave out one of them")
    return "batch" if batch else tier or STANDARD


def _provider(book: PriceBook, name: str) -> str:
    """The id of a provider, by any of its names."""
    return book.provider_by_log_name.get(name.lower()) or str(one_of(name, book.providers, "provider"))


def _resolved(book: PriceBook, resolver: Resolver, model: str, at: int) -> Resolved:
    """The model that a name means; raises UsageError that says why it means none."""
    from costaudit.prices.quote import split_name  # noqa: PLC0415 - start-up
    from costaudit.prices.resolver import Unresolved  # noqa: PLC0415

    resolved = resolver.resolve(*split_name(book, model), at)
    if isinstance(resolved, Unresolved):
        raise UsageError(f"no price for {model!r}: {resolved.reason}", hint=resolved.detail or None)
    return resolved


app.command()(pricing_check.check)
app.command()(pricing_check.explain)
app.command()(pricing_diff.diff)
app.command("import")(pricing_import.import_)
