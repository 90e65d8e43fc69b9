"""`costaudit pricing check` and `explain`: the rules of the price tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Optional

import typer

from costaudit.cli import console, judged, options
from costaudit.cli import pricing_text as told
from costaudit.errors import one_of
from costaudit.front.book import NEAREST
from costaudit.front.options import instant_of

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
    return instant_of(text, "--at") if text else int(datetime.now(UTC).timestamp()) * 1_000_000


def check(
    paths: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(
            metavar="[PATH...]",
            help="Price tables to check: directories, tables or git:REV:PATH; the shipped ones by default.",
            show_default=False,
        ),
    ] = None,
    base: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--base",
            metavar="BASE",
            help="What they were before: a directory, git:REV:PATH, or git:REV. Judges history.",
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
    traffic: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--traffic",
            metavar="PATH",
            help="Logs or a ledger whose requests must all have a price. Repeatable.",
        ),
    ] = None,
    format_: judged.JudgedFormat = "text",
    output: options.Output = None,
    report: judged.Reports = None,
    overlay: options.Overlays = None,
) -> None:
    """Whether the price tables hold together. Exit 1 when a rule with severity error is broken.

    \b
    costaudit pricing check
    costaudit pricing check tables --base git:main:tables
    costaudit pricing check --select CA3 --ignore CA309
    """
    from costaudit.front.api import check_prices  # noqa: PLC0415 - start-up

    answers = judged.parse_answers(format_, output, report)
    with console.uncollected():
        found = check_prices(
            *(paths or ()), base=base, select=select or (), ignore=ignore or (), at=at, max_age=max_age,
            grace_days=grace_days, policies=policy or (), against=against, traffic=traffic or (),
            overlays=overlay or (), settings=NEAREST,
        )  # fmt: skip
    judged.answer(found, answers)


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

    one_of(format_, _FORMATS, "format")
    rules = RULES if rule is None else (rule_named(rule),)
    if format_ == "json":
        console.deliver(console.as_json(rules_value(rules)))
    elif rule is None:
        console.show(told.rules_text(rules))
    else:
        console.show(told.rule_text(rules[0], console.width()))
