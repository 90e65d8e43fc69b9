"""`costaudit pricing`: look at the price book, quote a call, check the tables."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from costaudit.cli import console, options, pricing_import
from costaudit.errors import UsageError

if TYPE_CHECKING:
    from costaudit.prices.book import PriceBook
    from costaudit.prices.resolver import Resolver

app = typer.Typer(
    help="The price book: list, show, quote, check.", no_args_is_help=False, rich_markup_mode=None, invoke_without_command=True
)


@app.callback()
def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _open(prices: Path | None) -> tuple[PriceBook, Resolver]:
    from costaudit.prices.book import load_book  # noqa: PLC0415 - start-up
    from costaudit.prices.resolver import Resolver  # noqa: PLC0415

    book = load_book(prices)
    return book, Resolver(book)


def _at(text: str | None) -> int:
    from costaudit.ingest.fields import timestamp_us  # noqa: PLC0415

    moment = timestamp_us(text) if text else int(datetime.now(UTC).timestamp()) * 1_000_000
    if moment is None:
        raise UsageError(f"--at {text!r} is not a time", hint="like 2024-06-01 or 2024-06-01T12:00Z")
    return moment


At = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation at run time
    typer.Option("--at", metavar="TIME", help="The time of the call, like 2024-06-01T12:00Z; now by default."),
]


@app.command("list")
@console.guarded
def list_(
    provider: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="[PROVIDER]", help="Only this provider.", show_default=False),
    ] = None,
    at: At = None,
    format_: options.ListFormat = "text",
    prices: options.Prices = None,
) -> None:
    """Every model with its standard input and output price at a time."""
    from costaudit.prices.cards import timeline_of  # noqa: PLC0415

    console.one_of(format_, ("text", "json"), "format")
    book, _ = _open(prices)
    if provider is not None:
        console.one_of(provider, book.providers, "provider")
    rows = []
    for key in sorted(book.rows):
        card = timeline_of(book, key).at(_at(at), 0)
        if (provider is None or key[0] == provider) and not isinstance(card, str):
            rates = {name: f"{rate.usd:f}" for name, rate in card.rates.items()}
            facts = book.facts.get(key)
            rows.append({"model": "/".join(key), "class": facts.klass if facts else None, "usd_per_mtok": rates})
    if format_ == "json":
        console.deliver(_json({"version": book.version, "sha256": book.sha256, "models": rows}), None)
        return
    wide = max((len(r["model"]) for r in rows), default=5)
    lines = [f"{'model':<{wide}}  {'class':<9}  {'input':>9}  {'cache read':>10}  {'output':>9}"]
    for row in rows:
        price = row["usd_per_mtok"]
        cells = (price.get("input", "—"), price.get("cache_read", "—"), price.get("output", "—"))
        lines.append(f"{row['model']:<{wide}}  {row['class'] or '—':<9}  {cells[0]:>9}  {cells[1]:>10}  {cells[2]:>9}")
    lines.append(f"{len(rows)} models, USD per 1M tokens, price book {book.version}")
    console.deliver("\n".join(lines) + "\n", None)


@app.command()
@console.guarded
def show(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model, named as in logs.")],
    at: At = None,
    format_: options.ListFormat = "text",
    prices: options.Prices = None,
) -> None:
    """Every price row of a model, oldest first."""
    from costaudit.prices.resolver import Unresolved  # noqa: PLC0415
    from costaudit.prices.rows import instant_text  # noqa: PLC0415

    console.one_of(format_, ("text", "json"), "format")
    book, resolver = _open(prices)
    resolved = resolver.resolve(*_split(book, model), _at(at))
    if isinstance(resolved, Unresolved):
        raise UsageError(f"no price for {model!r}: {resolved.reason}", hint=resolved.detail or None)
    rows = sorted(
        book.rows[resolved.provider, resolved.model], key=lambda r: (r.valid_from, str(r.when), r.klass)
    )
    table = [
        {
            "valid_from": instant_text(r.valid_from), "class": r.klass, "usd": None if r.usd is None else f"{r.usd:f}",
            "when": str(r.when), "status": r.status or None, "confidence": r.confidence, "source": r.source,
            "file": r.path, "line": r.line, "note": r.note or None,
        }
        for r in rows
    ]  # fmt: skip
    if format_ == "json":
        found = {"provider": resolved.provider, "model": resolved.model, "how": resolved.how}
        console.deliver(_json({"model": model, "resolved": found, "rows": table}), None)
        return
    lines = [f"{model} is {resolved.provider}/{resolved.model} ({resolved.how})", ""]
    lines.append(f"{'valid from':<17}  {'class':<14}  {'USD':>10}  {'confidence':<10}  when")
    for r in table:
        price = r["usd"] if r["usd"] is not None else "ended"
        lines.append(f"{r['valid_from']:<17}  {r['class']:<14}  {price:>10}  {r['confidence']:<10}  {r['when']}".rstrip())
    console.deliver("\n".join(lines) + "\n", None)


@app.command()
@console.guarded
def quote(  # noqa: PLR0913 - one option per token class
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model, named as in logs.")],
    input_: Annotated[int, typer.Option("--input", min=0, metavar="N", help="Uncached input tokens.")] = 0,
    output: Annotated[int, typer.Option("--output", min=0, metavar="N", help="Output tokens, reasoning included.")] = 0,
    cache_read: Annotated[int, typer.Option("--cache-read", min=0, metavar="N", help="Input tokens read from the cache.")] = 0,
    cache_write_5m: Annotated[int, typer.Option("--cache-write-5m", min=0, metavar="N", help="Tokens written to the 5-minute cache.")] = 0,
    cache_write_1h: Annotated[int, typer.Option("--cache-write-1h", min=0, metavar="N", help="Tokens written to the 1-hour cache.")] = 0,
    at: At = None,
    batch: Annotated[bool, typer.Option("--batch", help="The batch price: --service-tier batch.")] = False,  # noqa: FBT002
    tier: Annotated[str, typer.Option("--service-tier", metavar="NAME", help="standard, batch, flex or priority.")] = "standard",
    region: Annotated[str, typer.Option("--region", metavar="NAME", help="Where the call was served, like us.")] = "",
    format_: options.ListFormat = "text",
    prices: options.Prices = None,
) -> None:
    """What one call costs, line by line, with the rows that say so."""
    from costaudit.money import exact, shown  # noqa: PLC0415
    from costaudit.prices.conditions import service_tier  # noqa: PLC0415
    from costaudit.prices.quote import NoQuote  # noqa: PLC0415
    from costaudit.prices.quote import quote as price  # noqa: PLC0415

    console.one_of(format_, ("text", "json"), "format")
    book, resolver = _open(prices)
    moment = _at(at)
    counts = {
        "input": input_, "cache_read": cache_read, "cache_write_5m": cache_write_5m, "cache_write_1h": cache_write_1h,
        "output": output,
    }  # fmt: skip
    found = price(
        book, resolver, model, counts, moment, tier="batch" if batch else service_tier(tier), region=region
    )
    when = datetime.fromtimestamp(moment // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(found, NoQuote):
        if format_ == "json":
            told = {"schema": "costaudit/quote@1", "model": model, "at": when, "reason": found.reason, "detail": found.detail}
            console.deliver(_json({**told, "list_usd": None, "resolved": None, "lines": []}), None)
        console.fail(f"no price for {model!r}: {found.reason}" + (f" ({found.detail})" if found.detail else ""))
        raise typer.Exit(console.EXIT_CANNOT_JUDGE)
    if format_ == "json":
        console.deliver(_json({
            "schema": "costaudit/quote@1",
            "model": model,
            "resolved": {"provider": found.resolved.provider, "model": found.resolved.model, "how": found.resolved.how},
            "at": when,
            "list_usd": exact(found.list_usd),
            "lines": [
                {
                    "class": x.klass, "tokens": x.tokens, "usd_per_mtok": f"{x.usd_per_mtok:f}", "usd": exact(x.usd),
                    "rate_id": x.rate_id,
                }
                for x in found.lines
            ],
        }), None)  # fmt: skip
        return
    lines = [f"{model} is {found.resolved.provider}/{found.resolved.model} ({found.resolved.how}), priced at {when}"]
    for x in found.lines:
        lines.append(f"  {x.klass:<14}  {x.tokens:>13,} × {x.usd_per_mtok:>9f} per 1M = {shown(x.usd):>12}   {x.rate_id}")
    lines.append(f"  {'list cost':<14}  {'':>13}   {'':>9}          {shown(found.list_usd):>12}")
    console.deliver("\n".join(lines) + "\n", None)


def _split(book: PriceBook, model: str) -> tuple[str | None, str]:
    head = model.partition("/")[0]
    return (head if head.lower() in book.provider_by_log_name and "/" in model else None), model


@app.command()
@console.guarded
def check(
    path: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(metavar="[DIR]", help="Price tables to check; the shipped ones by default.", show_default=False),
    ] = None,
    against: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--against", metavar="SOURCE", help="Warn where a source states another price (see pricing import)."),
    ] = None,
    format_: options.ListFormat = "text",
) -> None:
    """Whether the price tables hold together. Exit 1 when a rule with severity error is broken."""
    from costaudit.prices.check import check_tables  # noqa: PLC0415

    console.one_of(format_, ("text", "json"), "format")
    found = check_tables(path)
    if against is not None and not any(v.code == "CA101" for v in found):
        from costaudit.prices.importers.against import check_against  # noqa: PLC0415

        found = sorted([*found, *check_against(_open(path)[0], against, _at(None))])
    errors = sum(v.severity == "error" for v in found)
    unreadable = any(v.code == "CA101" for v in found)
    code = console.EXIT_CANNOT_JUDGE if unreadable else console.EXIT_FAILED if errors else console.EXIT_OK
    if format_ == "json":
        told = [
            {"code": v.code, "severity": v.severity, "file": v.file, "line": v.line, "message": v.message} for v in found
        ]
        verdict = "invalid" if unreadable else "failed" if errors else "ok"
        console.deliver(
            _json({"schema": "costaudit/check@1", "verdict": verdict, "exit_code": code, "violations": told}), None
        )
    else:
        lines = [f"{v.file}:{v.line}: {v.code} {v.severity}: {v.message}" for v in found]
        lines.append(f"{errors} errors, {len(found) - errors} warnings" if found else "the price tables are in order")
        console.deliver("\n".join(lines) + "\n", None)
    raise typer.Exit(code)


app.command("import")(pricing_import.import_)
