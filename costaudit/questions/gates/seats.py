"""What a seat of a policy offers now: the newest of its models that is in service and has a price."""

from __future__ import annotations

from costaudit.errors import ConfigError
from costaudit.prices.cards import Card
from costaudit.prices.conditions import STANDARD
from costaudit.prices.rules.rule import Wanted
from costaudit.questions.gates.case import GateCase
from costaudit.routing.candidates import Candidate, candidate_timeline, knows

CORE = ("input", "output")
"""Classes that a model must have a price of, to be routed to."""


def serving(wanted: Wanted, case: GateCase) -> Card | str:
    """The prices of the model that would serve at `case.now`, or why none would."""
    unknown = [name for name in wanted.names if not knows(name, case.book, case.resolver)]
    names = tuple(name for name in wanted.names if name not in unknown)
    if unknown and not (wanted.shipped and names):
        return f"{unknown[0]} is no model of the price book"
    provider = wanted.names[0].partition("/")[0]
    try:
        timeline = candidate_timeline(Candidate(names, provider, 0), case.book, case.resolver, STANDARD)
    except ConfigError as error:
        return error.message
    card = timeline.at(case.now, 0)
    newest = names[-1]
    if isinstance(card, str):
        return f"{newest} is retired, not released or without a price on {case.today}"
    missing = [klass for klass in CORE if klass not in card.rates]
    return f"{newest} has no {missing[0]} price on {case.today}" if missing else card
