"""A pass from saved ledgers: what one pass over their logs would have found, without the logs.

Users, the distribution of reported against list cost, and the places of records are in no ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.engine.alike import Alike, Mask
from costaudit.engine.audit import Pass
from costaudit.engine.cell_prices import CellPrices, price_cells
from costaudit.engine.cell_routes import recorded_routes, routes_hold
from costaudit.engine.choose import KEPT, Chosen, choose
from costaudit.engine.kernel import IMPLAUSIBLE
from costaudit.engine.ledger import NO_PERIOD, NUMBER_KEYS, WORD_KEYS, Cells, CellSum
from costaudit.engine.plan import Plan
from costaudit.engine.saved import SavedLedger
from costaudit.engine.saved_cells import alike_of, bands_of, reported_of, unbilled
from costaudit.errors import InputError
from costaudit.tape.tape import Found

_RESCAN: Final = (
    "read the logs instead, or make the ledger again with these tables: costaudit ledger LOGS -o FILE"
)


class LedgerPass(msgspec.Struct, frozen=True):
    """What saved ledgers come to under a plan."""

    passed: Pass
    unrouted: InputError | None
    """Why there are no routes, where there are none; every cell then keeps its model."""


def pass_of_ledgers(
    ledgers: Sequence[SavedLedger], plan: Plan, *, goes_by_reported: bool = True
) -> LedgerPass:
    """Price ledgers under a plan, and add them up.

    `goes_by_reported` where the bill is to be what requests report. Raises InputError where prices change
    inside of a cell, so that only the logs could tell its requests apart, and for the same ledger twice.
    """
    _refuse_twice(ledgers)
    done = [_priced(ledger, plan) for ledger in ledgers]
    known = frozenset(
        name for one in ledgers for name in one.facts.providers if name in plan.prices.book.providers
    )
    used = plan.providers_used.union(known, *(one.prices.providers for one in done))
    plan = plan.with_providers(used)
    for found in done:
        _refuse_unsure(found, plan, goes_by_reported=goes_by_reported and plan.prices_at is None)
    unrouted: InputError | None = None
    total = CellSum()
    for found in done:
        try:
            routes = _routes(found, plan)
        except InputError as error:
            unrouted, routes = error, _no_routes(found.alike.size)
        total.add(_cells(found, routes, plan))
    return LedgerPass(_pass(ledgers, plan, total.total()), unrouted)


class _Priced(msgspec.Struct, frozen=True):
    """A ledger with what its cells come to under a plan; arrays have one entry per cell."""

    ledger: SavedLedger
    alike: Alike
    prices: CellPrices
    reported: npt.NDArray[np.int8]
    """As in the kernel: whether a cost is stated and believed."""
    reported_unsure: Mask
    """Cells of which it depends on the single request whether its cost is believed, or below list."""
    band: npt.NDArray[np.int8]
    band_unsure: Mask
    """Cells whose confidence may be on either side of what the policy asks for."""


def _priced(ledger: SavedLedger, plan: Plan) -> _Priced:
    alike = alike_of(ledger, plan)
    prices = price_cells(alike, plan, unbilled(ledger))
    return _Priced(
        ledger, alike, prices, *reported_of(ledger, plan, alike, prices.card), *bands_of(ledger, plan)
    )


def _routes(found: _Priced, plan: Plan) -> Chosen:
    """The routes that a ledger holds, or that a plan chooses anew.

    Raises InputError where the policy asks for what no ledger holds, or for the tokens of each request.
    """
    ledger = found.ledger
    if routes_hold(ledger.facts, plan):
        return recorded_routes(ledger, plan)
    _refuse_single_requests(ledger, plan)
    routes = choose(plan, found.alike, found.prices)
    if routes.unsure.any():
        requests = found.alike.requests
        raise InputError(
            f"where {int(requests[routes.unsure].sum()):,} of {int(requests.sum()):,} requests go under "
            f"policy {plan.policy.name} depends on the tokens of each, of which the ledger holds sums",
            path=ledger.file,
            hint="read the logs, or make the ledger again with this --policy and these prices: "
            "costaudit ledger",
        )
    return routes.chosen


def _refuse_single_requests(ledger: SavedLedger, plan: Plan) -> None:
    """Raise InputError for a policy that asks for users, single requests or sessions."""
    policy = plan.policy
    asks = {
        "for users": bool(policy.never.users),
        "for a share of the requests": bool(plan.shares),
        "for whole sessions": policy.sessions == "together" and ledger.facts.sessions,
    }
    for what, asked in asks.items():
        if asked:
            raise InputError(
                f"policy {policy.name} asks {what}, which no ledger holds",
                path=ledger.file, hint="read the logs instead",
            )  # fmt: skip


def _refuse_twice(ledgers: Sequence[SavedLedger]) -> None:
    for place, ledger in enumerate(ledgers):
        for other in ledgers[:place]:
            if other.facts == ledger.facts and other.size == ledger.size:
                raise InputError(f"the same ledger as {other.file}", path=ledger.file, hint="name it once")


def _refuse_unsure(found: _Priced, plan: Plan, *, goes_by_reported: bool) -> None:
    ledger, requests, unsure = found.ledger, found.alike.requests, found.prices.unsure
    if unsure.any():
        raise InputError(
            f"{int(requests[unsure].sum()):,} requests cannot be priced: their price changes within a "
            f"{ledger.facts.resolution} or a band of context that the ledger holds as one",
            path=ledger.file, hint=_RESCAN,
        )  # fmt: skip
    if found.band_unsure.any():
        edges = ", ".join(map(str, ledger.facts.edges.confidence))
        raise InputError(
            f"{int(requests[found.band_unsure].sum()):,} requests cannot be told by their confidence: policy "
            f"{plan.policy.name} asks for other edges than {edges}",
            path=ledger.file, hint=_RESCAN,
        )  # fmt: skip
    if goes_by_reported and found.reported_unsure.any():
        raise InputError(
            f"{int(requests[found.reported_unsure].sum()):,} requests state a cost, and their list price is "
            "another one now: whether each was billed above list is not in the ledger",
            path=ledger.file, hint=f"take --cost-source list, or {_RESCAN}",
        )  # fmt: skip


def _cells(found: _Priced, routes: Chosen, plan: Plan) -> Cells:
    """The cells of a ledger with their prices and routes."""
    ledger, words = found.ledger, found.alike.words
    cells = ledger.cells
    if ledger.facts.resolution == "day" and plan.resolution == "hour":
        raise InputError("the ledger knows days, not hours", path=ledger.file, hint=_RESCAN)
    period = cells.keys["period"]
    if ledger.facts.resolution == "hour" and plan.resolution == "day":
        period = np.where(period == NO_PERIOD, NO_PERIOD, period // 24)
    numbers: dict[str, npt.NDArray[np.integer]] = {
        "period": period,
        "card": found.prices.card,
        "tier": cells.keys["tier"],
        "band": found.band,
        "evidence": cells.keys["evidence"],
        "number": routes.number,
        "route_same": routes.same,
        "route_any": routes.any,
        "verify": routes.verify,
        "kept": routes.kept,
        "lacks": routes.lacks,
        "reported": found.reported,
    }
    keys = {name: numbers[name].astype(np.int32) for name in NUMBER_KEYS}
    keys |= {name: words[name].codes.astype(np.int32) for name in WORD_KEYS}
    stated = np.where(found.reported == IMPLAUSIBLE, 0, cells.measures["reported_picousd"])
    values = {name: words[name].values for name in WORD_KEYS}
    return Cells(keys, values, cells.measures | {"reported_picousd": stated})


def _no_routes(size: int) -> Chosen:
    none = Chosen.none(size)
    none.kept[:] = KEPT.index("tier_keeps")
    return none


def _pass(ledgers: Sequence[SavedLedger], plan: Plan, cells: Cells) -> Pass:
    nothing = Cells({}, {}, {"requests": np.zeros(0, np.int64)})
    inputs = [ledger.facts.inputs for ledger in ledgers]
    moments = [m for one in ledgers for m in (one.facts.first_us, one.facts.last_us) if m is not None]
    passed = Pass(
        cells,
        nothing,
        nothing,
        plan,
        Found(
            files=sum(i.files for i in inputs),
            bytes=sum(i.bytes for i in inputs),
            records=sum(i.records for i in inputs),
            ignored=sum(i.ignored for i in inputs),
            guesses=[guess for i in inputs for guess in i.guesses],
        ),
        requests=sum(i.requests for i in inputs),
        duplicates=sum(i.duplicates for i in inputs),
        first_ts=min(moments, default=None),
        last_ts=max(moments, default=None),
        sessions=any(ledger.facts.sessions for ledger in ledgers),
        ledgers=tuple(ledger.facts for ledger in ledgers),
    )
    for one in inputs:
        passed.found.formats.update(one.formats)
        for reason, count in one.skipped.items():
            passed.found.quarantine.counts[reason] = passed.found.quarantine.counts.get(reason, 0) + count
            passed.found.quarantine.places[reason] = []
    return passed
