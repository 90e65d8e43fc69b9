"""CA707: every model that the policies name has a price and is in service."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from costaudit.prices.rules.rule import Wanted
from costaudit.questions.gates.case import GateCase
from costaudit.questions.gates.figures import counted
from costaudit.questions.gates.outcome import GateLimits, Measured, Unit
from costaudit.questions.gates.seats import serving
from costaudit.routing.candidates import knows

SHOWN: Final = 5
"""Seats that are named one by one."""


def _is_left_out(wanted: Wanted, case: GateCase) -> bool:
    """A seat of the shipped roster that a book of one's own does not have: nothing is routed to it."""
    return wanted.shipped and not any(knows(name, case.book, case.resolver) for name in wanted.names)


def find_dead_seats(case: GateCase) -> Iterator[Measured]:
    """How many seats of the policies nobody can serve."""
    gate = case.gates.policy
    if gate is None:
        return
    why = []
    seats = [wanted for wanted in case.wanted if not _is_left_out(wanted, case)]
    for wanted in seats:
        found = serving(wanted, case)
        if isinstance(found, str):
            where = f"{wanted.file}:{wanted.line}" if wanted.line else wanted.file
            why.append(f"{found} ({where})")
    names = f"policy {', '.join(case.policies)}"
    note = f"{counted(len(seats), 'seat')}, on {case.today}"
    if why:
        more = f"; {len(why) - SHOWN:,} more" if len(why) > SHOWN else ""
        note = f"{'; '.join(why[:SHOWN])}{more}"
    value = Fraction(len(why)) if seats else None
    if value is None:
        note = "it names no model: nothing is routed"
    yield Measured(names, value, GateLimits.none_at(gate.level), Unit.MODELS, note, ("policy",))
