"""Running sums: columns that grow from record to record, in a file or within a session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Final

from costaudit.ingest.guess.survey import LONG, LogColumn, Survey

_FEWEST: Final = 5
"""Steps up from which on it is no chance that none goes down."""
_SURE, _TENTH = 10, 10
_GROUPS: Final = frozenset({"session", "user", "account", "trace", "feature", "parent"})


def runs(survey: Survey, column: LogColumn) -> bool:
    """Whether a column grows from record to record of each file."""
    rows = sorted(column.numbers)
    starts = set(survey.starts)
    groups: list[list[Decimal]] = [[]]
    for row in rows:
        if row in starts and groups[-1]:
            groups.append([])
        groups[-1].append(column.numbers[row])
    return _grow(groups)


def runs_within(survey: Survey, column: LogColumn) -> str | None:
    """The column within whose values another grows from record to record; None where there is none."""
    for other in survey.columns.values():
        if other is column or not _GROUPS & other.words.known or other.distinct < 2 or LONG in other.texts:
            continue
        groups: dict[object, list[Decimal]] = {}
        for row, value in zip(other.rows, other.values, strict=True):
            if row in column.numbers:
                groups.setdefault(value, []).append(column.numbers[row])
        if len(groups) > 1 and _grow(groups.values()):
            return other.path
    return None


def _grow(groups: Iterable[Sequence[Decimal]]) -> bool:
    """Whether nearly all steps of some sequences go one way: exports may have the newest first."""
    up = down = same = 0
    steps: set[Decimal] = set()
    firsts: set[Decimal] = set()
    for numbers in groups:
        firsts.update((numbers[0], numbers[-1]) if numbers else ())
        for before, after in pairwise(numbers):
            up, down, same = up + (after > before), down + (after < before), same + (after == before)
            steps.add(abs(after - before))
    if len(steps) == 1 and not steps & firsts:
        return False  # even steps that are not the first value: numbers in order, and no sums of calls
    most, least = max(up, down), min(up, down)
    is_sure = (least == 0 and most >= _FEWEST) or (most >= _SURE and least * _TENTH <= most)
    return is_sure and most > same
