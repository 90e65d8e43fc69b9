"""`costaudit pricing diff`: what changes between two states of the price tables."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from costaudit.cli import console, judged, options
from costaudit.cli.pricing_check import Grace, Moment, moment
from costaudit.errors import UsageError

if TYPE_CHECKING:
    from costaudit.prices.trees import Opened


@console.guarded
def diff(
    base: Annotated[
        str, typer.Argument(metavar="BASE", help="Before: a directory, a table, git:REV:PATH or git:REV.")
    ],
    head: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time
        typer.Argument(
            metavar="[HEAD]", help="After; the working tree, else the shipped tables.", show_default=False
        ),
    ] = None,
    fail_if: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--fail-if",
            metavar="CONDITION",
            help="Exit 1 for such a change: retroactive, correction, another kind, increase>5%. Repeatable.",
        ),
    ] = None,
    ignore_below: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--ignore-below", metavar="PERCENT", help="Only count smaller changes of prices, like 0.5%."
        ),
    ] = None,
    at: Moment = None,
    grace_days: Grace = 14,
    format_: judged.JudgedFormat = "text",
    output: options.Output = None,
    report: judged.Reports = None,
) -> None:
    """What changes between two states of the price tables: prices, names, facts, fees.

    \b
    costaudit pricing diff git:main
    costaudit pricing diff git:v1.2:pricing git:HEAD:pricing --fail-if correction
    costaudit pricing diff old/ new/ --fail-if 'increase>5%' --format markdown
    """
    from costaudit.cli import pricing_diff_text as told  # noqa: PLC0415 - start-up
    from costaudit.prices.answers import diff_value  # noqa: PLC0415
    from costaudit.prices.diff import diff_sides, load_side  # noqa: PLC0415
    from costaudit.prices.diff_gates import find_failures, parse_condition, split_small  # noqa: PLC0415
    from costaudit.report.checks.changes import changes_report  # noqa: PLC0415

    answers = judged.parse_answers(format_, output, report)
    conditions = [parse_condition(text) for text in fail_if or ()]
    limit, now = _limit(ignore_below), moment(at)
    sides = [load_side(opened) for opened in _sides(base, head)]
    changes, small = split_small(diff_sides(sides[0], sides[1], now, grace_days), limit)
    failures = find_failures(changes, conditions)
    pair = (sides[0], sides[1])
    own: dict[str, Callable[[], str]] = {
        "text": lambda: told.diff_text(pair, changes, small, failures),
        "json": lambda: console.as_json(diff_value(pair, changes, small, failures, now)),
        "markdown": lambda: told.diff_markdown(pair, changes, small, failures),
    }
    bodies = {name: draw() for name, draw in own.items() if name in answers.formats}
    judged.answer(changes_report(changes, failures, bodies), answers)


def _limit(text: str | None) -> Decimal | None:
    from costaudit.money import parse_percent  # noqa: PLC0415 - start-up

    if text is None:
        return None
    limit = parse_percent(text)
    if limit < 0:
        raise UsageError(f"--ignore-below {text!r} is below 0")
    return limit


def _sides(base: str, head: str | None) -> tuple[Opened, Opened]:
    """Both sides opened; where one is a single table, the other is narrowed to the same."""
    from costaudit.prices.folders import SHIPPED, shipped_directory  # noqa: PLC0415 - start-up
    from costaudit.prices.trees import Opened, narrow, open_tables, working_tables  # noqa: PLC0415

    here = Path.cwd()
    before = open_tables(base, here)
    named = head or working_tables(base, here)
    after = (
        open_tables(named, here)
        if named is not None and (named != SHIPPED or Path(named).is_dir())
        else Opened(shipped_directory(), SHIPPED)
    )
    single = after.only or before.only
    if single is not None:
        before, after = narrow(before, *single), narrow(after, *single)
    return before, after
