"""Evidence from facts of the request: rules of structure and of shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from costaudit.tiers.ruleset import UNBOUNDED, ChoiceFact, Fact, FactRule, RangeFact, StartFact
from costaudit.tiers.traits import start_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from costaudit.tiers.columns import BatchColumns, Mask


class FactSpeaker:
    """Says which rules of a list speak for a row: those whose facts all hold."""

    def __init__(self, rules: tuple[FactRule, ...], starts: tuple[StartFact, ...]) -> None:
        """`starts` are those of `traits.starts_of`: their columns say where a text begins so."""
        self._rules = rules
        self._starts = {fact: start_name(place) for place, fact in enumerate(starts)}

    def first(self, columns: BatchColumns) -> NDArray[np.int16]:
        """Per row the index of the first rule that speaks, the number of rules where none does."""
        first = np.full(columns.rows, len(self._rules), np.int16)
        for index in reversed(range(len(self._rules))):
            np.copyto(first, index, where=self._all_hold(columns, self._rules[index].facts))
        return first

    def all(self, columns: BatchColumns) -> list[int]:
        """All rules that speak for the row of a batch of one."""
        return [i for i, rule in enumerate(self._rules) if self._all_hold(columns, rule.facts).any()]

    def _all_hold(self, columns: BatchColumns, facts: tuple[Fact, ...]) -> Mask:
        """The rows, or one answer for all rows."""
        mask: Mask = np.array(True)
        for fact in facts:
            mask = mask & self._holds(columns, fact)
            if not mask.any():
                break
        return mask

    def _holds(self, columns: BatchColumns, fact: Fact) -> Mask:
        match fact:
            case RangeFact(column, low, high):
                number = columns.number(column)
                at_least = number >= low
                return at_least if high == UNBOUNDED else at_least & (number <= high)
            case ChoiceFact(column, choices):
                return columns.choice(column, choices)
            case StartFact():
                name = self._starts[fact]
                return columns.plain(name, absent=False) if columns.has(name) else np.array(False)
