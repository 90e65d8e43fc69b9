"""Routes of the cells of a saved ledger: those that its making chose, or chosen anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from costaudit.engine.choice import NO_ROUTE
from costaudit.engine.ledger import Cells
from costaudit.engine.ledger_facts import LedgerFacts, origin_of
from costaudit.engine.plan import Plan
from costaudit.engine.saved import SavedLedger
from costaudit.errors import InputError
from costaudit.prices.conditions import service_tier
from costaudit.schema import Tier

Cards = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class CellRoutes:
    """The routes of cells, as in `choice.Chosen`; one entry per cell."""

    same: Cards
    any: Cards
    kept: npt.NDArray[np.int8]


def routes_hold(facts: LedgerFacts, plan: Plan) -> bool:
    """Whether the routes of a ledger are those that a plan would choose for its requests one by one."""
    same_providers = frozenset(facts.providers) == plan.providers_used
    return origin_of(plan) == facts.origin and plan.prices_at is None and same_providers


def recorded_routes(ledger: SavedLedger, plan: Plan) -> CellRoutes:
    """The routes that a ledger holds. Raises InputError where it names a price that the plan has not."""
    cells = ledger.cells
    for name in {service_tier(word) for word in cells.values["service_tier"]}:
        for tier in Tier:
            plan.routes(tier.value, name)  # makes the plan know the cards of its candidates
    codes = {card.id: code for code, card in enumerate(plan.cards)}
    found = []
    for key in ("route_same", "route_any"):
        words = cells.values[key]
        used = {words[code] for code in np.unique(cells.keys[key]).tolist()} - {None}
        unknown = sorted(word for word in used if word not in codes and word is not None)
        if unknown:
            raise InputError(
                f"the ledger routes to {unknown[0]}, which this book has not", path=ledger.file,
                hint="make it again: costaudit ledger",
            )  # fmt: skip
        found.append(np.array([codes.get(w or "", NO_ROUTE) for w in words], np.int32)[cells.keys[key]])
    return CellRoutes(found[0], found[1], cells.keys["kept"].astype(np.int8))


def route_cells(cells: Cells, plan: Plan) -> CellRoutes:
    """Choose routes for whole cells, where the recorded ones are of another book or policy.

    `cells` has NUMBER_KEYS but for the routes, WORD_KEYS and DETAIL_KEYS; `card` and `band` are those of the
    plan. Raises InputError: which candidate is the cheapest depends on the tokens of the single request.
    """
    raise InputError(
        f"the routes of policy {plan.policy.name} under these prices need the logs: the ledger holds those of "
        "another policy, book, date of prices or set of providers",
        hint="costaudit ledger LOGS -o l.parquet with this --policy and these prices, or read the logs",
    )
