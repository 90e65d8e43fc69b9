"""CA704: what gateways add to list, by the costs that the log states, else by their published fees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from costaudit.config.gates import Limit, MarkupGate
from costaudit.engine.ledger import NO_PERIOD
from costaudit.errors import did_you_mean
from costaudit.prices.gateways import Gateways
from costaudit.questions.gates.case import GateCase, Log, Mask, in_usd, percent
from costaudit.questions.gates.figures import counted
from costaudit.questions.gates.outcome import GateLimits, Measured, Unit
from costaudit.times import DAY_US, HOUR_US


def find_markups(case: GateCase) -> Iterator[Measured]:
    """Every gateway of the log, and every gateway with a limit of its own."""
    gate, log = case.gates.markup, case.log
    if gate is None or log is None:
        return
    names = log.cells.words("gateway")
    found = sorted({name for name in names if name is not None})
    own = {name.lower(): name for name in gate.gateways}
    for name in found:
        limits, key = _limits(gate, own.get(name.lower()))
        if limits is not None:
            here = np.array([other == name for other in names], bool)
            yield _of_gateway(log, case.gateways, name, here, (limits, key))
    absent = [name for lower, name in own.items() if lower not in {other.lower() for other in found}]
    for name in absent:
        limits, key = _limits(gate, name)
        near = did_you_mean(name, found)
        note = "no request of the log went through it" + (f": {near}" if near else "")
        if limits is not None:
            yield Measured(f"gateway {name}", None, limits, Unit.PERCENT, note, key)
    yield from _direct(log, gate, names, is_alone=not found)


def _limits(gate: MarkupGate, own: str | None) -> tuple[GateLimits | None, tuple[str | int, ...]]:
    if own is not None:
        return GateLimits.of(gate.gateways[own]), ("markup", "gateways", own)
    if gate.deny is None and gate.warn is None:
        return None, ("markup",)
    return GateLimits.of(Limit(deny=gate.deny, warn=gate.warn)), ("markup",)


def _of_gateway(
    log: Log, gateways: Gateways, name: str, here: Mask, terms: tuple[GateLimits, tuple[str | int, ...]]
) -> Measured:
    """What a gateway adds, over all its requests with a price; where its fee is not known there is doubt."""
    limits, key = terms
    priced = here & log.costed.priced & log.costed.exact
    stated = priced & log.costed.reported
    share = _added(log, priced)
    by_table = priced & ~stated
    doubt = ""
    if log.count(by_table) and not _fee_known(log, gateways, name, by_table):
        doubt = f"its fee is not published: {counted(log.count(by_table))} without a stated cost"
        share = share if log.count(stated) else None
    note = f"{log.count(stated):,} of {counted(log.count(priced))} with a stated cost"
    if not log.count(by_table):
        note = f"by the stated cost of {counted(log.count(stated))}"
    elif not log.count(stated) and not doubt:
        note = f"by its published fee, for {counted(log.count(by_table))}"
    if share is None:
        note = doubt or f"no list cost to compare with, of {counted(log.count(here))}"
    return Measured(f"gateway {name}", share, limits, Unit.PERCENT, note, key, doubt)


def _added(log: Log, here: Mask) -> Fraction | None:
    extra = in_usd(log.work.projected.markup[here].tolist())
    return percent(extra, in_usd(log.costed.list_units[here].tolist()))


def _fee_known(log: Log, gateways: Gateways, name: str, here: Mask) -> bool:
    gateway = gateways.named(name)
    if gateway is None:
        return False
    step = DAY_US if log.work.passed.plan.resolution == "day" else HOUR_US
    periods = np.unique(log.cells.keys["period"][here]).tolist()
    return all(gateway.percent(p * step if p != NO_PERIOD else 2**62) is not None for p in periods)


def _direct(log: Log, gate: MarkupGate, names: Sequence[str | None], *, is_alone: bool) -> Iterator[Measured]:
    """Requests that name no gateway: only stated costs say what somebody adds to them."""
    limits, key = _limits(gate, None)
    here = np.array([name is None for name in names], bool) & log.costed.priced & log.costed.exact
    here &= log.costed.reported
    if limits is None:
        return
    if log.count(here):
        share = _added(log, here)
        note = f"by the stated cost of {counted(log.count(here))}"
        if share is None:
            note = f"no list cost to compare with, of {counted(log.count(here))}"
        yield Measured("no gateway named", share, limits, Unit.PERCENT, note, key)
    elif is_alone:
        note = "the log names no gateway and states no costs: a markup would not show"
        yield Measured("no gateway named", None, limits, Unit.PERCENT, note, key)
