"""`costaudit pricing check` and `explain`: the rules of the price tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Optional

import typer

from costaudit.cli import console, options
from costaudit.cli import pricing_text as told

if TYPE_CHECKING:
    from costaudit.prices.book import PriceBook
    from costaudit.prices.check import Checked
    from costaudit.prices.folders import Folder
    from costaudit.prices.rules.rule import Base, Violation

_FORMATS = ("text", "json")

Moment = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation at run time
    typer.Option("--at", metavar="TIME", help="Judge as at this time, like 2026-12-01; now by default."),
]
Grace = Annotated[
    int,
    typer.Option(
        "--grace-days", min=0, metavar="N", help="How long ago a new price may have started without a word."
    ),
]


def moment(text: str | None) -> int:
    """The time that is judged by, microseconds UTC; now without one."""
    return options.instant(text, "--at") if text else int(datetime.now(UTC).timestamp()) * 1_000_000


@console.guarded
def check(
    path: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(
            metavar="[DIR]",
            help="Price tables to check: a directory, or git:REV:PATH; the shipped ones by default.",
            show_default=False,
        ),
    ] = None,
    base: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--base",
            metavar="BASE",
            help="What they were before: a directory, or git:REV:PATH. Judges history.",
        ),
    ] = None,
    select: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--select", metavar="CODE", help="Only rules whose code begins so, like CA3. Repeatable."
        ),
    ] = None,
    ignore: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--ignore", metavar="CODE", help="No rules whose code begins so. Repeatable."),
    ] = None,
    at: Moment = None,
    max_age: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--max-age", min=0, metavar="DAYS", help="Warn of prices that nobody has checked for so long."
        ),
    ] = None,
    grace_days: Grace = 14,
    policy: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--policy", metavar="FILE", help="A routing policy whose models must have prices. Repeatable."
        ),
    ] = None,
    against: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--against",
            metavar="SOURCE",
            help="Warn where a source states another price (see pricing import).",
        ),
    ] = None,
    format_: options.ListFormat = "text",
    output: options.Output = None,
    overlay: options.Overlays = None,
) -> None:
    """Whether the price tables hold together. Exit 1 when a rule with severity error is broken.

    \b
    costaudit pricing check
    costaudit pricing check tables --base git:main:tables
    costaudit pricing check --select CA3 --ignore CA309
    """
    from costaudit.cli.routes import wanted_models  # noqa: PLC0415 - start-up
    from costaudit.prices.answers import check_value  # noqa: PLC0415
    from costaudit.prices.check import Terms, judge_tables  # noqa: PLC0415
    from costaudit.prices.rules.registry import select_rules  # noqa: PLC0415

    console.one_of(format_, _FORMATS, "format")
    rules, now = select_rules(select or (), ignore or ()), moment(at)
    tables = _tables(path, base)
    terms = Terms(
        rules=rules,
        base=_base(base),
        now=now,
        max_age_days=max_age,
        grace_days=grace_days,
        wanted=wanted_models([*(policy or ()), *(("default",) if _is_shipped(tables) else ())]),
        against=_observer(against, now),
    )
    checked = judge_tables(tables, overlay or (), terms)
    code = _exit_code(checked)
    value = console.as_json(check_value(checked, code)) if format_ == "json" else told.check_text(checked)
    console.deliver(value, output)
    raise typer.Exit(code)


def _tables(path: str | None, base: str | None) -> Folder | str | None:
    """The tables that are checked; those of the working tree where the base is of git."""
    from costaudit.prices.trees import open_tables, working_tables  # noqa: PLC0415 - start-up

    if path is None and base is not None:
        found = working_tables(base, Path.cwd())
        path = None if found == "pricing" and _is_shipped(found) else found
    if path is None or not path.startswith("git:"):
        return path
    return open_tables(path, Path.cwd()).folder


def _is_shipped(tables: Folder | str | None) -> bool:
    from costaudit.prices.folders import shipped_directory  # noqa: PLC0415 - start-up

    return tables is None or (
        isinstance(tables, str) and Path(tables).resolve() == shipped_directory().resolve()
    )


def _base(spec: str | None) -> Base | None:
    from costaudit.prices.check import load_base  # noqa: PLC0415 - start-up
    from costaudit.prices.trees import open_tables  # noqa: PLC0415

    return None if spec is None else load_base(open_tables(spec, Path.cwd()).folder)


def _observer(source: str | None, now: int) -> Callable[[PriceBook], list[Violation]] | None:
    """What asks another source, when one is named."""
    if source is None:
        return None
    from costaudit.prices.importers.against import check_against  # noqa: PLC0415 - start-up

    return lambda book: check_against(book, source, now)


def _exit_code(checked: Checked) -> Literal[0, 1, 2]:
    return 2 if checked.unreadable else 1 if checked.errors else 0


@console.guarded
def explain(
    rule: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(
            metavar="[RULE]", help="A code like CA303, or a name; all by default.", show_default=False
        ),
    ] = None,
    format_: options.ListFormat = "text",
) -> None:
    """What a rule of `pricing check` looks for, why, and what to do."""
    from costaudit.prices.answers import rules_value  # noqa: PLC0415 - start-up
    from costaudit.prices.rules.registry import RULES, rule_named  # noqa: PLC0415

    console.one_of(format_, _FORMATS, "format")
    rules = RULES if rule is None else (rule_named(rule),)
    if format_ == "json":
        console.deliver(console.as_json(rules_value(rules)), None)
    elif rule is None:
        console.deliver(told.rules_text(rules), None)
    else:
        console.deliver(told.rule_text(rules[0], console.width()), None)
