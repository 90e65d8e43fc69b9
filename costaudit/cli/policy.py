"""`costaudit policy`: look at routing policies, and write them down for a router."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from costaudit.cli import console, options
from costaudit.errors import UsageError, one_of
from costaudit.front.book import choose_book, open_book
from costaudit.front.options import instant_of

if TYPE_CHECKING:
    from pathlib import Path

    from costaudit.questions.exports.model import PolicyExport
    from costaudit.questions.exports.spelling import Speller

app = typer.Typer(
    name="policy",
    help="Routing policies: list them, show what runs where, export them to a router.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_FORMATS = ("text", "json")

At = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation at run time
    typer.Option("--at", metavar="DATE", help="The day of models in service and prices; today by default."),
]
Mix = Annotated[
    str,
    typer.Option(
        "--mix", metavar="IN:OUT", help="Parts input and output by whose price candidates are ordered."
    ),
]
Current = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--current",
        metavar="PROVIDER/MODEL",
        help="The model that serves today: for requests that are kept, and as the last resort.",
    ),
]


@app.command("list")
def list_(format_: options.ListFormat = "text") -> None:
    """The policies that --policy knows by name."""
    from costaudit.routing.policy_load import load_policy, shipped_policies  # noqa: PLC0415 - start-up

    one_of(format_, _FORMATS, "format")
    loaded = [load_policy(name) for name in shipped_policies()]
    if format_ == "json":
        console.deliver(console.as_json([{"name": p.name, "title": p.title} for p in loaded]))
        return
    wide = max(len(policy.name) for policy in loaded)
    console.show("".join(f"{p.name:<{wide}}  {p.title}\n" for p in loaded))


@app.command()
def show(
    policy: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(
            metavar="[NAME|FILE]", help="A shipped policy or a TOML file; 'default' if not given."
        ),
    ] = None,
    at: At = None,
    mix: Mix = "3:1",
    current: Current = None,
    format_: options.ListFormat = "text",
    output: options.Output = None,
    prices: options.Prices = None,
    overlay: options.Overlays = None,
    known_on: options.KnownOn = None,
) -> None:
    """What runs where under a policy, with the prices of every candidate.

    \b
    costaudit policy show
    costaudit policy show conservative --at 2026-01-01
    costaudit policy show mine.toml --format json
    """
    one_of(format_, _FORMATS, "format")
    export, _ = _export(policy, at, mix, current, prices=prices, overlay=overlay, known_on=known_on)
    if format_ == "json":
        console.deliver(console.as_json(export.model_dump(mode="json", by_alias=True)), output)
        return
    from costaudit.questions.exports.text import render_policy_text  # noqa: PLC0415 - start-up

    color = output is None and console.color()
    console.show(render_policy_text(export, console.width(), color), output)


@app.command()
def export(
    to: Annotated[str, typer.Option("--to", metavar="NAME", help="litellm, openrouter, portkey or json.")],
    policy: options.PolicyFile = None,
    at: At = None,
    mix: Mix = "3:1",
    current: Current = None,
    output: options.Output = None,
    prices: options.Prices = None,
    overlay: options.Overlays = None,
    known_on: options.KnownOn = None,
    quiet: options.Quiet = False,
) -> None:
    """A router's configuration, written from a policy. It holds no keys, only the names of where they are.

    \b
    costaudit policy export --to litellm -o config.yaml
    costaudit policy export --to portkey --policy mine.toml --current openai/gpt-4o
    """
    from costaudit.questions.exports import EXPORTERS  # noqa: PLC0415 - start-up

    exporter = EXPORTERS[one_of(to, EXPORTERS, "router")]
    routes, speller = _export(policy, at, mix, current, prices=prices, overlay=overlay, known_on=known_on)
    written = exporter.write(routes, speller)
    console.deliver(written.text, output)
    if not written.shows_notes:
        for note in written.notes:
            console.warn(note, quiet=quiet)


def _export(
    policy: str | None,
    at: str | None,
    mix: str,
    current: str | None,
    *,
    prices: Path | None,
    overlay: list[Path] | None,
    known_on: str | None,
) -> tuple[PolicyExport, Speller]:
    from costaudit.questions.exports.places import Market  # noqa: PLC0415 - start-up
    from costaudit.questions.exports.routes import build_export  # noqa: PLC0415
    from costaudit.questions.exports.spelling import Speller  # noqa: PLC0415
    from costaudit.routing.policy_load import load_policy  # noqa: PLC0415

    parts = _mix(mix)
    loaded = load_policy(policy)
    moment = instant_of(at, "--at", "date") if at else _today()
    book, resolver = open_book(choose_book(prices, overlay, known_on))
    market = Market(book, resolver, moment, parts)
    return build_export(loaded, market, current), Speller(book, resolver, moment)


def _today() -> int:
    """The first instant of this day, so that a day's exports are the same."""
    now = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return int(now.timestamp()) * 1_000_000


def _mix(text: str) -> tuple[int, int]:
    read, _, written = text.partition(":")
    if not all(part.isascii() and part.isdigit() and len(part) < 7 for part in (read, written)):
        raise UsageError(f"--mix {text!r} is not IN:OUT", hint="like 3:1, three parts input to one output")
    parts = int(read), int(written)
    if not any(parts):
        raise UsageError("--mix 0:0 costs nothing with any model", hint="like 3:1")
    return parts
