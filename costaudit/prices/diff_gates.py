"""When a diff fails: conditions like `retroactive`, `increase>5%`, `increase>500usd`.

Without traffic a limit is about every rate; with traffic it is about the bill.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from costaudit.errors import UsageError, did_you_mean
from costaudit.money import is_amount
from costaudit.prices.diff import Change, ChangeKind

MEASURES: Final = ("increase", "decrease")
UNPRICED: Final = "unpriced"
"""The condition that traffic loses its price."""
_EXAMPLES: Final = "like retroactive, or increase>5%"
_LIMIT: Final = re.compile(r"(?P<measure>[a-z]+)\s*>\s*(?P<amount>\d+(?:\.\d+)?)\s*(?P<unit>%|usd)")


class Condition(msgspec.Struct, frozen=True):
    """One `--fail-if`."""

    text: str
    """As it was written."""
    kind: ChangeKind | None = None
    """Any change of this kind."""
    measure: str = ""
    """increase or decrease: a change by more than `amount`."""
    amount: Decimal = Decimal(0)
    unit: str = ""
    """% of a rate or of the bill; usd per 30 days, of the bill."""
    unpriced: bool = False
    """Requests lose their price."""

    @property
    def needs_traffic(self) -> bool:
        """Whether it can only be judged with logs or a ledger."""
        return self.unpriced or self.unit == "usd"

    def holds_for(self, change: Change) -> bool:
        """Whether a change is what the condition names. Exactly the limit does not exceed it."""
        if self.kind is not None:
            return change.kind is self.kind or (self.kind is ChangeKind.RETROACTIVE and change.unsaid)
        ratio = change.ratio
        if ratio is None or self.unit != "%":
            return False
        return (ratio if self.measure == "increase" else -ratio) > self.amount


def parse_condition(text: str) -> Condition:
    """A `--fail-if` word; raises UsageError that says what may stand there."""
    plain = text.strip().lower()
    if plain in tuple(ChangeKind):
        return Condition(text, ChangeKind(plain))
    if plain == UNPRICED:
        return Condition(text, unpriced=True)
    match = _LIMIT.fullmatch(plain)
    if match is None or match["measure"] not in MEASURES:
        known, word = (*ChangeKind, UNPRICED, *MEASURES), re.split(r"[>\s]", plain)[0]
        hint = (did_you_mean(word, known) if word not in known else None) or _EXAMPLES
        raise UsageError(f"--fail-if {text!r} is no condition", hint=hint)
    amount = Decimal(match["amount"])
    if not is_amount(amount):
        raise UsageError(f"--fail-if {text!r}: no limit has so many digits", hint=_EXAMPLES)
    return Condition(text, None, match["measure"], amount, match["unit"])


def refuse_without_traffic(conditions: Sequence[Condition]) -> None:
    """Raises UsageError for a condition on a bill: a diff of tables alone has none."""
    for condition in conditions:
        if condition.needs_traffic:
            raise UsageError(
                f"--fail-if {condition.text!r} is about a bill, and a diff of tables has none",
                hint="name the traffic with --logs or --ledger, or take a percentage, like increase>5%",
            )


class Failure(msgspec.Struct, frozen=True):
    """A condition that holds, and for what."""

    condition: Condition
    changes: tuple[Change, ...]
    bill: str | None = None
    """What the bill does that the condition forbids; None for a condition on changes."""


def find_failures(
    changes: Sequence[Change],
    conditions: Sequence[Condition],
    judge_bill: Callable[[Condition], str | None] | None = None,
) -> tuple[Failure, ...]:
    """The conditions that hold for any change, in their order.

    With `judge_bill`, which says what a bill does that a condition forbids, limits are about the bill.
    """
    found = []
    for condition in conditions:
        if condition.kind is None and judge_bill is not None:
            told = judge_bill(condition)
            if told is not None:
                found.append(Failure(condition, (), told))
            continue
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
