"""CA702, CA703, CA706, CA708: shares of requests, tokens and money."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import numpy as np

from costaudit.gates.case import Case, Log, Mask, percent
from costaudit.gates.figures import counted
from costaudit.gates.outcome import Limits, Measured, Unit
from costaudit.schema import COUNTS, UNITS, UNTAGGED

CHAT_CLASSES: Final = ("economy", "mid", "flagship")
"""Classes of models that a request can be too simple for, or not."""


def find_coverage(case: Case) -> Iterator[Measured]:
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
                name, percent(part, whole), Limits.of(limit), Unit.PERCENT, note, ("coverage", name)
            )


def find_flagship(case: Case) -> Iterator[Measured]:
    """How much of the simple traffic runs on flagship models."""
    gate, log = case.gates.flagship, case.log
    if gate is None or log is None:
        return
    plan = log.work.passed.plan
    classes = np.array(
        [(f.klass if (f := plan.facts(c)) else "") if c >= 0 else "" for c in log.cells.keys["card"].tolist()]
    )
    simple = np.isin(log.cells.keys["tier"], gate.tiers)
    judged = simple & np.isin(classes, CHAT_CLASSES)
    tiers = " and ".join(str(tier) for tier in sorted(set(gate.tiers)))
    left = log.count(simple & ~judged)
    without = f"; {left:,} more on no chat model of the book" if left else ""
    on_flagship = judged & (classes == "flagship")
    for name, limit in (("requests", gate.requests), ("spend", gate.spend)):
        if limit is None:
            continue
        share = _share(log, on_flagship, judged, name)
        note = f"{log.count(on_flagship):,} of {counted(log.count(judged))} of tier {tiers}{without}"
        if share is None:
            note = _why_none(
                log, judged, f"no request of tier {tiers} is on a chat model of the book{without}"
            )
        yield Measured(
            f"{name} of tier {tiers}", share, Limits.of(limit), Unit.PERCENT, note, ("flagship", name)
        )


def find_failures(case: Case) -> Iterator[Measured]:
    """Which share of the bill went to attempts without an answer."""
    gate, log = case.gates.failure_cost, case.log
    if gate is None or log is None:
        return
    failed = ~log.costed.billable
    share = _share(log, failed, log.everything, "spend")
    note = f"{log.count(failed & (log.costed.billed_units != 0)):,} of {counted(log.count(log.everything))}"
    if share is None:
        note = _why_none(log, log.everything, "")
    yield Measured("spend", share, Limits.of(gate), Unit.PERCENT, note, ("failure_cost",))


def find_untagged(case: Case) -> Iterator[Measured]:
    """How much of the traffic has no tier."""
    gate, log = case.gates.untagged, case.log
    if gate is None or log is None:
        return
    untagged = log.cells.keys["tier"] == UNTAGGED
    note = f"{log.count(untagged):,} of {counted(log.count(log.everything))} without a tier"
    for name, limit in (("requests", gate.requests), ("spend", gate.spend)):
        if limit is not None:
            share = _share(log, untagged, log.everything, name)
            why = note if share is not None else _why_none(log, log.everything, "")
            yield Measured(name, share, Limits.of(limit), Unit.PERCENT, why, ("untagged", name))


def _share(log: Log, part: Mask, whole: Mask, of: str) -> Fraction | None:
    """The share of requests or spend that a part has, in percent."""
    if of == "requests":
        return percent(log.count(part), log.count(whole))
    return percent(log.billed(part), log.billed(whole))


def _why_none(log: Log, whole: Mask, empty: str) -> str:
    """Why there is no share: nothing to take it of, or nothing that cost anything."""
    if empty and log.count(whole) == 0:
        return empty
    return f"nothing of its {counted(log.count(whole))} is known to have cost anything: no whole to divide by"
