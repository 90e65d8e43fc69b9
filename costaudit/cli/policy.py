"""`costaudit policy`: look at routing policies, and write them down for a router."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

import costaudit
from costaudit.cli import console, options

app = typer.Typer(
    name="policy",
    help="Routing policies: list them, show what runs where, export them to a router.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

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
    console.answer(costaudit.policies(), format_)


@app.command()
@options.takes("prices", "overlays", "known_on")
def show(
    given: options.Given,
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
) -> None:
    """What runs where under a policy, with the prices of every candidate.

    \b
    costaudit policy show
    costaudit policy show conservative --at 2026-01-01
    costaudit policy show mine.toml --format json
    """
    console.answer(costaudit.policy(policy, **_told(given, at, mix, current)), format_, output)


@app.command()
@options.takes("prices", "overlays", "known_on", "quiet")
def export(
    given: options.Given,
    to: Annotated[str, typer.Option("--to", metavar="NAME", help="litellm, openrouter, portkey or json.")],
    policy: options.PolicyFile = None,
    at: At = None,
    mix: Mix = "3:1",
    current: Current = None,
    output: options.Output = None,
) -> None:
    """A router's configuration, written from a policy. It holds no keys, only the names of where they are.

    \b
    costaudit policy export --to litellm -o config.yaml
    costaudit policy export --to portkey --policy mine.toml --current openai/gpt-4o
    """
    quiet = given.pop("quiet")
    found = costaudit.export_policy(to, policy, **_told(given, at, mix, current))
    console.deliver(found.text(), output)
    for note in found.notes:
        console.warn(note, quiet=quiet)


def _told(given: options.Given, at: str | None, mix: str, current: str | None) -> options.Given:
    return given | options.stated(at=at, mix=mix, current=current)
