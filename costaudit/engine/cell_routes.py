"""Routes of the cells of a saved ledger, as its making chose them. `cell_choice` chooses them anew."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from costaudit.engine.choose import Chosen
from costaudit.engine.ledger_facts import LedgerFacts, SavedOffer, origin_of
from costaudit.engine.plan import Plan
from costaudit.engine.saved import SavedLedger
from costaudit.errors import InputError
from costaudit.prices.conditions import service_tier
from costaudit.prices.numbered import PRICED
from costaudit.routing.contexts import NOT_ACTED_ON
from costaudit.routing.offers import CAUSES, NONE, Offer
from costaudit.routing.terms import Expected


def routes_hold(facts: LedgerFacts, plan: Plan) -> bool:
    """Whether the routes of a ledger are those that a plan would choose for its requests one by one."""
    same_providers = frozenset(facts.providers) == plan.providers_used
    return origin_of(plan) == facts.origin and plan.prices_at is None and same_providers


def recorded_routes(ledger: SavedLedger, plan: Plan) -> Chosen:
    """The routes that a ledger holds. Raises InputError where it names a price that the plan has not."""
    cells = ledger.cells
    for name in {service_tier(word) for word in cells.values["service_tier"]}:
        for number, _ in plan.policy.treatments():  # makes the plan know the cards of its models
            plan.offering.routes(number, name)
            plan.offering.fallbacks(number, name)
            plan.offering.checker(number)
    cards = {card.id: code for code, card in enumerate(plan.prices.cards)}
    offers = {offer.id: _offer_code(plan, offer, cards, ledger) for offer in ledger.facts.offers}
    known = {number for number, _ in plan.policy.treatments()} | {NOT_ACTED_ON}
    strange = set(np.unique(cells.keys["number"]).tolist()) - known
    if strange:
        raise _unknown(ledger, f"part {min(strange)} of the policy")
    return Chosen(
        same=_coded(ledger, "route_same", offers),
        any=_coded(ledger, "route_any", offers),
        kept=cells.keys["kept"].astype(np.int8),
        lacks=cells.keys["lacks"].astype(np.int8),
        number=cells.keys["number"].astype(np.int8),
        verify=_coded(ledger, "verify", cards),
    )


def _offer_code(plan: Plan, saved: SavedOffer, cards: Mapping[str, int], ledger: SavedLedger) -> int:
    """The number of a saved offer in a plan, which learns it if need be."""
    nothing = (0,) * len(PRICED)
    if any(len(part) != len(PRICED) for part in saved.parts.values()):
        raise _unknown(ledger, saved.id)
    parts = {name: saved.parts.get(name, nothing) for name in CAUSES}
    expected = Expected(**parts, fixed_checks=saved.fixed_checks, own_share=saved.own_share)
    try:
        fallback = NONE if saved.fallback is None else cards[saved.fallback]
        offer = Offer(cards[saved.card], expected, fallback)
    except KeyError as error:
        raise _unknown(ledger, str(error.args[0])) from error
    if offer not in plan.offering.offers:
        plan.offering.offers.append(offer)
    return plan.offering.offers.index(offer)


def _coded(ledger: SavedLedger, key: str, codes: Mapping[str, int]) -> npt.NDArray[np.int32]:
    words, column = ledger.cells.values[key], ledger.cells.keys[key]
    for place in np.unique(column).tolist():
        word = words[place]
        if word is not None and word not in codes:
            raise _unknown(ledger, word)
    return np.array([codes.get(word or "", NONE) for word in words], np.int32)[column]


def _unknown(ledger: SavedLedger, name: str) -> InputError:
    told = f"the ledger names {name}, which this book has not"
    return InputError(told, path=ledger.file, hint="make it again: costaudit ledger")
