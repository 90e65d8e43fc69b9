"""When a diff fails: conditions like `retroactive`, `increase>5%`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from costaudit.errors import UsageError, did_you_mean
from costaudit.prices.diff import Change, Kind

MEASURES: Final = ("increase", "decrease")
_EXAMPLES: Final = "like retroactive, or increase>5%"
_LIMIT: Final = re.compile(r"(?P<measure>[a-z]+)\s*>\s*(?P<amount>\d+(?:\.\d+)?)\s*(?P<unit>%|usd)")


@dataclass(frozen=True, slots=True)
class Condition:
    """One `--fail-if`."""

    text: str
    """As it was written."""
    kind: Kind | None = None
    """Any change of this kind."""
    measure: str = ""
    """increase or decrease: a change of a rate by more than `amount`."""
    amount: Decimal = Decimal(0)
    unit: str = ""
    """% of a rate; usd, of a bill, needs logs."""

    def holds_for(self, change: Change) -> bool:
        """Whether a change is what the condition names. Exactly the limit does not exceed it."""
        if self.kind is not None:
            return change.kind is self.kind
        ratio = change.ratio
        if ratio is None:
            return False
        return (ratio if self.measure == "increase" else -ratio) > self.amount


def parse_condition(text: str) -> Condition:
    """A `--fail-if` word; raises UsageError that says what may stand there."""
    plain = text.strip().lower()
    if plain in tuple(Kind):
        return Condition(text, Kind(plain))
    match = _LIMIT.fullmatch(plain)
    if match is None or match["measure"] not in MEASURES:
        known, word = (*Kind, *MEASURES), re.split(r"[>\s]", plain)[0]
        hint = (did_you_mean(word, known) if word not in known else None) or _EXAMPLES
        raise UsageError(f"--fail-if {text!r} is no condition", hint=hint)
    if match["unit"] == "usd":
        raise UsageError(
            f"--fail-if {text!r} is about a bill, and a diff of tables has none",
            hint="use a percentage of the rate, like increase>5%",
        )
    return Condition(text, None, match["measure"], Decimal(match["amount"]), match["unit"])


@dataclass(frozen=True, slots=True)
class Failure:
    """A condition that holds, and for what."""

    condition: Condition
    changes: tuple[Change, ...]


def find_failures(changes: Sequence[Change], conditions: Sequence[Condition]) -> tuple[Failure, ...]:
    """The conditions that hold for any change, in their order."""
    found = []
    for condition in conditions:
        held = tuple(change for change in changes if condition.holds_for(change))
        if held:
            found.append(Failure(condition, held))
    return tuple(found)


def split_small(changes: Sequence[Change], limit: Decimal | None) -> tuple[list[Change], list[Change]]:
    """Changes that count, and those of a rate by less than a percentage."""
    count: list[Change] = []
    small: list[Change] = []
    for change in changes:
        ratio = change.ratio
        (small if limit is not None and ratio is not None and abs(ratio) < limit else count).append(change)
    return count, small
