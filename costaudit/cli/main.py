"""The `costaudit` command. Typer only: commands parse, call one function, render, and pick the exit code."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from functools import partial
from typing import Annotated, Any, Final

import typer

from costaudit import __version__, outputs
from costaudit.cli import ending, lazy, lean, streams
from costaudit.front.telling import heard_by

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

_COMMANDS: Final = {
    "analyze": (
        "audit",
        "analyze",
        "The audit: spend, coverage, tiers, the four drivers, projection, findings.",
    ),
    "simulate": (
        "audit",
        "simulate",
        "Before and after: a scenario, or your own log under a policy, a markup, other prices.",
    ),
    "fallback": (
        "fallback",
        "fallback",
        "What failed, what retries cost, and what fallback chains or an outage would come to.",
    ),
    "tag": ("tag", "tag", "Every request as a row: tier with its reason, price with its rates, route."),
    "label": (
        "label",
        "label",
        "Draw a sample to label by hand; read the labels back: how often tags are right here.",
    ),
    "ledger": (
        "ledger",
        "ledger",
        (
            "One pass over the logs as a small Parquet file that can be committed: "
            "no prompts, users, keys or paths."
        ),
    ),
    "tape": (
        "tape",
        "tape",
        "Read logs into a file that every command takes instead of them: requests without texts and ids.",
    ),
    "cache": ("cache", "app", "What --cache keeps of logs, and how to be rid of it."),
    "check": (
        "check",
        "check",
        "Judge a log by the gates of the settings: budgets, coverage, markup, age of prices.",
    ),
    "doctor": (
        "doctor",
        "doctor",
        "What support needs to know of this installation, without a secret: read it, then send it along.",
    ),
    "scenarios": ("scenarios", "scenarios", "The scenarios that simulate knows by name."),
    "formats": ("formats", "app", "The log formats that are read; test says what is read from yours."),
    "policy": (
        "policy",
        "app",
        "Routing policies: list them, show what runs where, export them to a router.",
    ),
    "pricing": ("pricing", "app", "The price book: list, show, history, doubts, quote, check, diff."),
    "shadow": (
        "shadow",
        "app",
        "Test a cheaper model beside the current one: plan the test, compare its arms.",
    ),
    "config": ("config", "app", "The settings of a project: init, show, check."),
}
"""Module and name of every command, and what the list of commands says of it."""


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"costaudit {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _built(name: str) -> Any:
    module, found, _ = _COMMANDS[name]
    return lazy.built(name, getattr(importlib.import_module(f"costaudit.cli.{module}"), found))


@functools.cache
def command() -> Any:
    """The command with its subcommands, built once for whoever runs several in one process."""
    named = {name: lazy.Named(summary, partial(_built, name)) for name, (_, _, summary) in _COMMANDS.items()}
    return lazy.group_of(app, named)


def run(argv: list[str]) -> int:
    """Run the command line in this process; returns the exit code."""
    try:
        from costaudit.cli import console  # noqa: PLC0415 - start-up: a handler of errors stands first

        with (
            ending.by_signals(), outputs.watched(), lean.without_pandas(), heard_by(console.Terminal()),
        ):  # fmt: skip
            streams.prepare()
            _invoke(argv)
            streams.finish()
    except BaseException as error:  # noqa: BLE001 - every end has an exit code
        return ending.code_of(error)
    return ending.EXIT_OK


def _invoke(argv: list[str]) -> None:
    """What typer does, without its own way with errors."""
    whole = command()
    if os.environ.get("_COSTAUDIT_COMPLETE"):
        whole.main(args=argv, prog_name="costaudit")
    with whole.make_context("costaudit", list(argv)) as context:
        whole.invoke(context)


def main() -> None:
    """The entry point of the installed command."""
    lean.collect_rarely()
    lean.start_little()
    lean.load_no_plugins()
    lean.take_no_docstrings_apart()
    code = run(sys.argv[1:])
    lean.collect_no_more()
    if code > ending.BY_SIGNAL:
        os._exit(code)  # threads that are still at work are not waited for
    sys.exit(code)
