"""CA702, CA703, CA706, CA708: shares of requests, tokens and money."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec
import numpy as np

from costaudit.config.gates import Limit
from costaudit.questions.gates.case import GateCase, Log, Mask, percent
from costaudit.questions.gates.figures import counted, dollars
from costaudit.questions.gates.outcome import GateLimits, Measured, Unit
from costaudit.schema import COUNTS, UNITS, UNTAGGED

CHAT_CLASSES: Final = ("economy", "mid", "flagship")
"""Classes of models that a request can be too simple for, or not."""


def find_coverage(case: GateCase) -> Iterator[Measured]:
    """How much of the log has a price."""
    gate, log = case.gates.coverage, case.log
    if gate is None or log is None:
        return
    priced = log.costed.priced
    tokens = np.sum(
        [log.cells.measures[n] for n in COUNTS if n != "reasoning" and n not in UNITS], axis=0, dtype=object
    )
    for name, limit, amounts in (
        ("requests", gate.requests, log.requests),
        ("tokens", gate.tokens, tokens),
    ):
        if limit is not None:
            part, whole = sum(amounts[priced].tolist()), sum(amounts.tolist())
            note = (
                f"{whole - part:,} of {whole:,} {name} without a price" if whole else f"the log has no {name}"
            )
            yield Measured(
                name, percent(part, whole), GateLimits.of(limit), Unit.PERCENT, note, ("coverage", name)
            )


def find_flagship(case: GateCase) -> Iterator[Measured]:
    """How much of the simple traffic runs on flagship models."""
    gate, log = case.gates.flagship, case.log
    if gate is None or log is None:
        return
    plan = log.work.passed.plan
    classes = np.array(
        [
            (f.klass if (f := plan.prices.facts(c)) else "") if c >= 0 else ""
            for c in log.cells.keys["card"].tolist()
        ]
    )
    simple = np.isin(log.cells.keys["tier"], gate.tiers)
    judged = simple & np.isin(classes, CHAT_CLASSES)
    tiers = " and ".join(str(tier) for tier in sorted(set(gate.tiers)))
    left = log.count(simple & ~judged)
    without = f"; {left:,} more on no chat model of the book" if left else ""
    parts = _Parts(log, judged & (classes == "flagship"), judged, f" of tier {tiers}{without}")
    for name, limit in (("requests", gate.requests), ("spend", gate.spend)):
        if limit is not None:
            yield parts.measured(f"{name} of tier {tiers}", name, limit, ("flagship", name))


def find_failures(case: GateCase) -> Iterator[Measured]:
    """Which share of the bill went to attempts without an answer."""
    gate, log = case.gates.failure_cost, case.log
    if gate is not None and log is not None:
        parts = _Parts(log, ~log.costed.billable, log.everything)
        yield parts.measured("spend", "spend", gate, ("failure_cost",))


def find_untagged(case: GateCase) -> Iterator[Measured]:
    """How much of the traffic has no tier."""
    gate, log = case.gates.untagged, case.log
    if gate is None or log is None:
        return
    parts = _Parts(log, log.cells.keys["tier"] == UNTAGGED, log.everything)
    for name, limit in (("requests", gate.requests), ("spend", gate.spend)):
        if limit is not None:
            yield parts.measured(name, name, limit, ("untagged", name))


class _Parts(msgspec.Struct, frozen=True):
    """Some requests among others."""

    log: Log
    part: Mask
    whole: Mask
    which: str = ""
    """What is said of the whole."""

    def measured(self, subject: str, of: str, limit: Limit[Decimal], key: tuple[str | int, ...]) -> Measured:
        """The share of requests or spend that the part has."""
        log, requests = self.log, self.log.count(self.whole)
        if of == "requests":
            share = percent(log.count(self.part), requests)
            note = f"{log.count(self.part):,} of {counted(requests)}{self.which}"
        else:
            spent, bill = log.billed(self.part), log.billed(self.whole)
            share = percent(spent, bill)
            note = f"{dollars(spent)} of {dollars(bill)} for {counted(requests)}{self.which}"
        if requests == 0:
            note = f"there is no request{self.which}"
        elif share is None:
            note = f"nothing of {counted(requests)}{self.which} is known to have cost anything"
        return Measured(subject, share, GateLimits.of(limit), Unit.PERCENT, note, key)
