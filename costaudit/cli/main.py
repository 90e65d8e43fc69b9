"""The `costaudit` command. Typer only: commands parse, call one function, render, and pick the exit code."""

from __future__ import annotations

import functools
import os
import sys
from typing import Annotated, Any

import typer

from costaudit import __version__, outputs
from costaudit.cli import (
    audit,
    check,
    config,
    console,
    doctor,
    ending,
    fallback,
    formats,
    label,
    lean,
    ledger,
    options,
    policy,
    pricing,
    shadow,
    streams,
    tag,
)

app = typer.Typer(
    name="costaudit",
    help="Audit what LLM requests cost, from the logs that are already there. Nothing leaves this machine.",
    epilog="Exit codes: 0 ok, 1 a rule or gate failed, 2 cannot judge (usage, unreadable input), "
    "3 a bug, 130 interrupted (128 and the number of a signal).",
    no_args_is_help=False,
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(audit.analyze)
app.command()(audit.simulate)
app.command()(fallback.fallback)
app.command()(tag.tag)
app.command()(label.label)
app.command()(ledger.ledger)
app.command()(check.check)
app.command()(doctor.doctor)
app.add_typer(formats.app, name="formats")
app.add_typer(policy.app, name="policy")
app.add_typer(pricing.app, name="pricing")
app.add_typer(shadow.app, name="shadow")
app.add_typer(config.app, name="config")


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"costaudit {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def scenarios(format_: options.ListFormat = "text") -> None:
    """The scenarios that simulate knows by name."""
    import json  # noqa: PLC0415 - start-up

    from costaudit.routing.scenario import load_scenario, shipped_scenarios  # noqa: PLC0415

    loaded = [load_scenario(name) for name in shipped_scenarios()]
    if console.one_of(format_, ("text", "json"), "format") == "json":
        told = [
            {"name": s.name, "title": s.title, "requests": s.requests, "source": s.source} for s in loaded
        ]
        console.deliver(json.dumps(told, indent=2) + "\n")
        return
    wide = max(len(s.name) for s in loaded)
    console.show("".join(f"{s.name:<{wide}}  {s.title}\n" for s in loaded))


@functools.cache
def _command() -> Any:
    """The command with its subcommands, built once for whoever runs several in one process."""
    return typer.main.get_command(app)


def run(argv: list[str]) -> int:
    """Run the command line in this process; returns the exit code."""
    try:
        with ending.by_signals(), outputs.watched(), lean.without_pandas():
            streams.prepare()
            _invoke(argv)
            streams.finish()
    except BaseException as error:  # noqa: BLE001 - every end has an exit code
        return ending.code_of(error)
    return ending.EXIT_OK


def _invoke(argv: list[str]) -> None:
    """What typer does, without its own way with errors."""
    command = _command()
    if os.environ.get("_COSTAUDIT_COMPLETE"):
        command.main(args=argv, prog_name="costaudit")
    with command.make_context("costaudit", list(argv)) as context:
        command.invoke(context)


def main() -> None:
    """The entry point of the installed command."""
    code = run(sys.argv[1:])
    if code > ending.BY_SIGNAL:
        os._exit(code)  # threads that are still at work are not waited for
    sys.exit(code)
