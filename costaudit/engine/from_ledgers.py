"""A pass from saved ledgers: what one pass over their logs would have found, without the logs.

Users, the distribution of reported against list cost, and the places of records are in no ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from costaudit.engine.audit import Pass
from costaudit.engine.cell_choice import choose_cells
from costaudit.engine.cell_routes import recorded_routes, routes_hold
from costaudit.engine.choice import KEPT, Chosen
from costaudit.engine.contexts import NOT_ACTED_ON
from costaudit.engine.detail import DETAIL_KEYS
from costaudit.engine.kernel import IMPLAUSIBLE
from costaudit.engine.ledger import NO_PERIOD, NUMBER_KEYS, WORD_KEYS, Cells, CellSum
from costaudit.engine.offers import NO_ROUTE, NONE
from costaudit.engine.plan import Plan
from costaudit.engine.reprice import Repriced, reprice
from costaudit.engine.saved import SavedLedger
from costaudit.errors import InputError
from costaudit.tape.tape import Found

_RESCAN: Final = (
    "read the logs instead, or make the ledger again with these tables: costaudit ledger LOGS -o FILE"
)


@dataclass(frozen=True, slots=True)
class LedgerPass:
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
    done = [reprice(ledger, plan) for ledger in ledgers]
    known = frozenset(name for one in ledgers for name in one.facts.providers if name in plan.book.providers)
    used = plan.providers_used.union(known, *(one.providers for one in done))
    plan = plan.with_providers(used)
    for ledger, found in zip(ledgers, done, strict=True):
        _refuse_unsure(ledger, found, plan, goes_by_reported=goes_by_reported and plan.prices_at is None)
    unrouted: InputError | None = None
    total = CellSum()
    for ledger, found in zip(ledgers, done, strict=True):
        cells = _cells(ledger, found, plan)
        try:
            routes = (
                recorded_routes(ledger, plan)
                if routes_hold(ledger.facts, plan)
                else choose_cells(cells, ledger, plan)
            )
        except InputError as error:
            unrouted, routes = error, _no_routes(cells)
        cells.keys |= {name: column.astype(np.int32) for name, column in _columns(routes).items()}
        names = (*NUMBER_KEYS, *WORD_KEYS)
        total.add(
            Cells({n: cells.keys[n] for n in names}, {n: cells.values[n] for n in WORD_KEYS}, cells.measures)
        )
    return LedgerPass(_pass(ledgers, plan, total.total()), unrouted)


def _refuse_twice(ledgers: Sequence[SavedLedger]) -> None:
    for place, ledger in enumerate(ledgers):
        for other in ledgers[:place]:
            if other.facts == ledger.facts and other.size == ledger.size:
                raise InputError(f"the same ledger as {other.file}", path=ledger.file, hint="name it once")


def _refuse_unsure(ledger: SavedLedger, found: Repriced, plan: Plan, *, goes_by_reported: bool) -> None:
    requests = ledger.cells.measures["requests"]
    if found.unsure.any():
        raise InputError(
            f"{int(requests[found.unsure].sum()):,} requests cannot be priced: their price changes within a "
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


def _cells(ledger: SavedLedger, found: Repriced, plan: Plan) -> Cells:
    """The cells of a ledger with their prices, but without routes."""
    cells = ledger.cells
    if ledger.facts.resolution == "day" and plan.resolution == "hour":
        raise InputError("the ledger knows days, not hours", path=ledger.file, hint=_RESCAN)
    period = cells.keys["period"]
    if ledger.facts.resolution == "hour" and plan.resolution == "day":
        period = np.where(period == NO_PERIOD, NO_PERIOD, period // 24)
    keys = {
        "period": period.astype(np.int32),
        "card": found.card,
        "tier": cells.keys["tier"],
        "band": found.band.astype(np.int32),
        "evidence": cells.keys["evidence"],
        "reported": found.reported.astype(np.int32),
        **{name: cells.keys[name] for name in WORD_KEYS},
        **{name: cells.keys[name] for name in DETAIL_KEYS},
        "gateway": found.gateway.codes.astype(np.int32),
    }
    values = {name: cells.values[name] for name in WORD_KEYS} | {"gateway": found.gateway.values}
    stated = np.where(found.reported == IMPLAUSIBLE, 0, cells.measures["reported_picousd"])
    return Cells(keys, values, cells.measures | {"reported_picousd": stated})


def _columns(routes: Chosen) -> dict[str, npt.NDArray[np.integer]]:
    return {
        "number": routes.number,
        "route_same": routes.same,
        "route_any": routes.any,
        "verify": routes.verify,
        "kept": routes.kept,
        "lacks": routes.lacks,
    }


def _no_routes(cells: Cells) -> Chosen:
    none = np.full(cells.rows, NO_ROUTE, np.int32)
    zero = np.zeros(cells.rows, np.int8)
    return Chosen(
        same=none,
        any=none,
        kept=zero + KEPT.index("tier_keeps"),
        lacks=zero,
        number=zero + NOT_ACTED_ON,
        verify=np.full(cells.rows, NONE, np.int32),
    )


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
