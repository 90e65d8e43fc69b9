"""Running sums: columns that grow from record to record, in a file or within a session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import pairwise
from math import factorial
from typing import Final

from costaudit.ingest.guess.survey import LONG, LogColumn, Survey

ALONE: Final = 5_000
"""Of so many orders in which numbers could stand, the rising one is no chance."""
TOGETHER: Final = 120
"""The same where a second column rises with them."""
_MOST: Final = 1_000_000
_SURE, _TENTH = 10, 10
_FEW_STEPS: Final = 3
_GROUPS: Final = frozenset({"session", "user", "account", "trace", "feature", "parent"})


def runs(survey: Survey, column: LogColumn, orders: int = ALONE) -> bool:
    """Whether a column grows from record to record of each file, by more than chance."""
    rows = sorted(column.numbers)
    starts = set(survey.starts)
    groups: list[list[Decimal]] = [[]]
    for row in rows:
        if row in starts and groups[-1]:
            groups.append([])
        groups[-1].append(column.numbers[row])
    return _grow(groups, orders)


def adds_up_another(survey: Survey, column: LogColumn) -> str | None:
    """The column whose running sum another is: from record to record it grows by just that; None for none."""
    numbers = column.numbers
    rows = sorted(numbers)
    steps = {row: numbers[row] - numbers[before] for before, row in pairwise(rows)}
    if len(steps) < _FEW_STEPS or len(set(steps.values())) < _FEW_STEPS:
        return None
    for other in survey.columns.values():
        if other is column or not other.is_numeric:
            continue
        fits = sum(other.numbers.get(row) == step for row, step in steps.items())
        if fits + len(survey.starts) > len(steps):
            return other.path
    return None


def runs_within(survey: Survey, column: LogColumn) -> str | None:
    """The column within whose values another grows from record to record; None where there is none."""
    for other in survey.columns.values():
        if other is column or not _GROUPS & other.words.known or other.distinct < 2 or LONG in other.texts:
            continue
        groups: dict[object, list[Decimal]] = {}
        for row, value in zip(other.rows, other.values, strict=True):
            if row in column.numbers:
                groups.setdefault(value, []).append(column.numbers[row])
        if len(groups) > 1 and _grow(groups.values(), ALONE):
            return other.path
    return None


def _grow(groups: Iterable[Sequence[Decimal]], orders: int) -> bool:
    """Whether nearly all steps of some sequences go one way: exports may have the newest first."""
    up = down = same = 0
    chances = 1
    steps: set[Decimal] = set()
    firsts: set[Decimal] = set()
    for numbers in groups:
        firsts.update((numbers[0], numbers[-1]) if numbers else ())
        chances = min(chances * factorial(min(len(numbers), _SURE)), _MOST)
        for before, after in pairwise(numbers):
            up, down, same = up + (after > before), down + (after < before), same + (after == before)
            steps.add(abs(after - before))
    if len(steps) == 1 and not steps & firsts:
        return False  # even steps that are not the first value: numbers in order, and no sums of calls
    most, least = max(up, down), min(up, down)
    is_sure = (least == 0 and chances >= orders) or (most >= _SURE and least * _TENTH <= most)
    return is_sure and most > same
