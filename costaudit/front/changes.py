"""Two states of the price tables, compared on what a program or a command line names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from costaudit.errors import UsageError
from costaudit.front.impact import ImpactTraffic, measure_impact, settled_on
from costaudit.front.options import Day, instant_of

if TYPE_CHECKING:
    from costaudit.front.result import Draw
    from costaudit.prices.impact import Impact
    from costaudit.prices.rules.rule import Violation
    from costaudit.prices.trees import Opened
    from costaudit.render.checks import CheckReport


class ChangesAsked(NamedTuple):
    """Which states are compared, and what is objected to."""

    base: str
    head: str | None
    fail_if: Sequence[str]
    ignore_below: str | None
    now: int
    """Microseconds UTC."""
    grace_days: int
    prices_at: Day | None


def changed_tables(
    asked: ChangesAsked, traffic: ImpactTraffic
) -> tuple[CheckReport, dict[str, Draw], Callable[[], Any]]:
    """The report, how it is drawn in text and Markdown, and what JSON says.

    Raises UsageError, TableError or InputError.
    """
    from costaudit.prices.answers import diff_value  # noqa: PLC0415 - start-up
    from costaudit.prices.diff import diff_sides, load_side  # noqa: PLC0415
    from costaudit.prices.diff_gates import (  # noqa: PLC0415
        find_failures,
        parse_condition,
        refuse_without_traffic,
        split_small,
    )
    from costaudit.prices.impact import find_impact, judge_bill  # noqa: PLC0415
    from costaudit.questions.prices.changes_text import diff_markdown, diff_text  # noqa: PLC0415
    from costaudit.render.checks.changes import changes_report  # noqa: PLC0415

    conditions = [parse_condition(text) for text in asked.fail_if]
    has_traffic = _has_traffic(traffic)
    if not has_traffic:
        refuse_without_traffic(conditions)
    limit, now = _limit(asked.ignore_below), asked.now
    opened = _sides(asked.base, asked.head)
    sides = (load_side(opened[0]), load_side(opened[1]))
    changes, small = split_small(diff_sides(*sides, now, asked.grace_days), limit)
    impact: Impact | None = None
    violations: tuple[Violation, ...] = ()
    if has_traffic:
        day = None if asked.prices_at is None else instant_of(asked.prices_at, "--prices-at", "date")
        impact = measure_impact(sides, traffic, day or settled_on([*changes, *small], now), limit)
    failures = find_failures(changes, conditions, partial(judge_bill, impact) if impact is not None else None)
    if impact is not None:
        bill = [(f.condition, f.bill) for f in failures if f.bill is not None]
        violations = find_impact(impact, bill, sides[1].book.directory)
    told = (sides, changes, small, failures)
    drawn: dict[str, Draw] = {
        "text": lambda _width, _color: diff_text(*told, impact),
        "markdown": lambda _width, _color: diff_markdown(*told, impact),
    }
    judged = partial(diff_value, *told, now, impact=impact, violations=violations)
    return changes_report(changes, failures, violations), drawn, judged


def _has_traffic(traffic: ImpactTraffic) -> bool:
    """Whether traffic was named; raises UsageError for logs and ledgers at once, and terms without any."""
    if traffic.logs and traffic.ledgers:
        raise UsageError("--logs and --ledger cannot be priced at once", hint="leave out one of them")
    if traffic.logs or traffic.ledgers:
        return True
    terms = {"--policy": traffic.policy, "--overlay": traffic.overlays, "--map": traffic.maps}
    for option, value in terms.items():
        if value:
            raise UsageError(f"{option} needs traffic", hint="name it with --logs or --ledger")
    return False


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
