"""`costaudit pricing diff`: what changes between two states of the price tables."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from costaudit.cli import console, judged, options
from costaudit.cli.pricing_check import Grace, Moment, moment
from costaudit.errors import UsageError
from costaudit.front.impact import ImpactTraffic, measure_impact, settled_on
from costaudit.front.options import instant_of

if TYPE_CHECKING:
    from costaudit.prices.impact import Impact
    from costaudit.prices.rules.rule import Violation
    from costaudit.prices.trees import Opened


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
            help="Exit 1 for such a change: retroactive, correction, another kind, increase>5%; with "
            "traffic increase>500usd per 30 days, unpriced. Repeatable.",
        ),
    ] = None,
    ignore_below: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--ignore-below", metavar="PERCENT", help="Only count smaller changes, like 0.5%."),
    ] = None,
    logs: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--logs", metavar="PATH", help="Say what it does to the bill of these request logs. Repeatable."
        ),
    ] = None,
    ledger: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--ledger", metavar="FILE", help="The same for a saved ledger. Repeatable."),
    ] = None,
    policy: options.PolicyFile = None,
    overlay: options.Overlays = None,
    map_: options.Map = None,
    prices_at: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--prices-at",
            metavar="DATE",
            help="Price the traffic as on this date too; the day from which all changes hold by default.",
        ),
    ] = None,
    at: Moment = None,
    grace_days: Grace = 14,
    format_: judged.JudgedFormat = "text",
    output: options.Output = None,
    report: judged.Reports = None,
    cache: options.Cache = None,
    quiet: options.Quiet = False,
) -> None:
    """What changes between two states of the price tables: prices, names, facts, fees, and the bill.

    \b
    costaudit pricing diff git:main
    costaudit pricing diff git:v1.2:pricing git:HEAD:pricing --fail-if correction
    costaudit pricing diff old/ new/ --fail-if 'increase>5%' --format markdown
    costaudit pricing diff git:main --ledger ledger.parquet --fail-if 'increase>500usd'
    """
    from costaudit.cli import pricing_diff_text as told  # noqa: PLC0415 - start-up
    from costaudit.prices.answers import diff_value  # noqa: PLC0415
    from costaudit.prices.diff import diff_sides, load_side  # noqa: PLC0415
    from costaudit.prices.diff_gates import (  # noqa: PLC0415
        find_failures,
        parse_condition,
        refuse_without_traffic,
        split_small,
    )
    from costaudit.prices.impact import find_impact, judge_bill  # noqa: PLC0415
    from costaudit.render.checks.changes import changes_report  # noqa: PLC0415

    answers = judged.parse_answers(format_, output, report)
    conditions = [parse_condition(text) for text in fail_if or ()]
    traffic = _traffic(
        ImpactTraffic(logs or (), ledger or (), policy, overlay or (), map_ or (), quiet, cache)
    )
    if traffic is None:
        refuse_without_traffic(conditions)
    limit, now = _limit(ignore_below), moment(at)
    opened = _sides(base, head)
    sides = (load_side(opened[0]), load_side(opened[1]))
    changes, small = split_small(diff_sides(*sides, now, grace_days), limit)
    impact: Impact | None = None
    violations: tuple[Violation, ...] = ()
    if traffic is not None:
        day = instant_of(prices_at, "--prices-at", "date") if prices_at else None
        impact = measure_impact(sides, traffic, day or settled_on([*changes, *small], now), limit)
    failures = find_failures(changes, conditions, partial(judge_bill, impact) if impact is not None else None)
    if impact is not None:
        bill = [(f.condition, f.bill) for f in failures if f.bill is not None]
        violations = find_impact(impact, bill, sides[1].book.directory)
    own: dict[str, Callable[[], str]] = {
        "text": lambda: told.diff_text(sides, changes, small, failures, impact),
        "json": lambda: console.as_json(
            diff_value(sides, changes, small, failures, now, impact=impact, violations=violations)
        ),
        "markdown": lambda: told.diff_markdown(sides, changes, small, failures, impact),
    }
    bodies = {name: draw() for name, draw in own.items() if name in answers.formats}
    judged.answer(changes_report(changes, failures, bodies, violations), answers)


def _traffic(traffic: ImpactTraffic) -> ImpactTraffic | None:
    """The traffic that was named; raises UsageError for logs and ledgers at once, and terms without any."""
    if traffic.logs and traffic.ledgers:
        raise UsageError("--logs and --ledger cannot be priced at once", hint="leave out one of them")
    if traffic.logs or traffic.ledgers:
        return traffic
    terms = {"--policy": traffic.policy, "--overlay": traffic.overlays, "--map": traffic.maps}
    for option, value in terms.items():
        if value:
            raise UsageError(f"{option} needs traffic", hint="name it with --logs or --ledger")
    return None


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
