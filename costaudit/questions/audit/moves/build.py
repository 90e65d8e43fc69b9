"""Price moves of a log: supposed changes, the next quarter, and what hangs on each price."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec
import numpy as np

from costaudit.engine.costing import Costed, cost_cells, usd
from costaudit.engine.exact import sum_by
from costaudit.engine.plan import Plan
from costaudit.money import percent_of
from costaudit.prices.gateways import Gateways
from costaudit.questions.audit.moves.allocation import Allocation, allocate, allocated_units, served_units
from costaudit.questions.audit.moves.hanging import Listed, after_by_price, list_by_price
from costaudit.questions.audit.moves.reprice import reprice
from costaudit.questions.audit.moves.result import AllocationCost, PriceMove, PriceSensitivity, ShiftedModel
from costaudit.questions.audit.work import Audited
from costaudit.routing.offers import NO_ROUTE
from costaudit.routing.projection import exact_sum


def build_price_move(old: Audited, new: Audited, gateways: Gateways) -> PriceMove:
    """Routes of `old` priced as in `new`, against the routes of `new`; both are passes over the same log."""
    routes = allocate(old.costed)
    plan = new.passed.plan
    then = reprice(routes.cells, old.passed.plan, plan.prices.book, plan.prices_at)
    static = cost_cells(then.cells, then.plan, gateways, new.source)
    anew = allocate(new.costed)
    stays = AllocationCost(
        before_usd=usd(exact_sum(static.billed_units)),
        after_usd=usd(exact_sum(allocated_units(static, routes))),
    )
    moves = AllocationCost(
        before_usd=usd(exact_sum(new.groups.billed)), after_usd=usd(exact_sum(new.projected.after))
    )
    missed = (moves.before_usd - moves.after_usd) - (stays.before_usd - stays.after_usd)
    lost = routes.moved & then.lost_routes
    return PriceMove(
        at_old_prices=AllocationCost(
            before_usd=usd(exact_sum(old.groups.billed)), after_usd=usd(exact_sum(old.projected.after))
        ),
        static=stays,
        reoptimised=moves,
        missed_usd=missed,
        monthly_missed_usd=new.monthly(missed),
        lost_requests=int(old.costed.cells.measures["requests"][lost].sum()),
        by_model=_shifted(_served(static, routes), _served(new.costed, anew)),
    )


class _Load(msgspec.Struct):
    """What a model serves."""

    requests: int = 0
    units: int = 0


def _served(costed: Costed, allocation: Allocation) -> dict[str, _Load]:
    """By model what an allocation puts on it; calls that failed or have no price are on none."""
    names = served_by(costed, allocation)
    distinct = sorted(set(names))
    number = {name: i for i, name in enumerate(distinct)}
    group = np.array([number[n] for n in names], np.intp)
    chosen = costed.priced & costed.known & costed.billable
    requests = sum_by(group, len(distinct), np.where(chosen, costed.cells.measures["requests"], 0))
    units = sum_by(group, len(distinct), np.where(chosen, served_units(costed, allocation), 0))
    return {
        name: _Load(int(requests[i]), int(units[i])) for name, i in number.items() if name and requests[i]
    }


def served_by(costed: Costed, allocation: Allocation) -> list[str]:
    """For every cell provider/model that serves it with an allocation; empty where none is known."""
    plan, keys = costed.plan, costed.cells.keys
    taken = np.where(allocation.moved, keys["route_any"], NO_ROUTE).tolist()
    return [
        _name(plan, plan.offering.offers[offer].card if offer != NO_ROUTE else card)
        for offer, card in zip(taken, keys["card"].tolist(), strict=True)
    ]


def _name(plan: Plan, card: int) -> str:
    found = plan.prices.cards[card] if card >= 0 else None
    return f"{found.provider}/{found.model}" if found is not None and found.model else ""


def _shifted(static: Mapping[str, _Load], anew: Mapping[str, _Load]) -> list[ShiftedModel]:
    none = _Load()
    rows = [
        ShiftedModel(
            model=name,
            static_requests=static.get(name, none).requests,
            reoptimised_requests=anew.get(name, none).requests,
            static_usd=usd(static.get(name, none).units),
            reoptimised_usd=usd(anew.get(name, none).units),
        )
        for name in {*static, *anew}
    ]
    return sorted(rows, key=lambda r: (-max(r.static_usd, r.reoptimised_usd), r.model))


def build_sensitivity(work: Audited, listed: Listed) -> list[PriceSensitivity]:
    """What hangs on each price of a log and of its projection, the largest first."""
    before, after = list_by_price(listed), after_by_price(listed)
    rows = [
        _sensitivity(work, price, usd(before.get(price, 0)), usd(after.get(price, 0)), listed)
        for price in {**before, **after}
    ]
    return sorted(rows, key=lambda r: (-max(r.list_usd, r.after_usd), r.model, r.price_class))


def _sensitivity(
    work: Audited, price: tuple[str, str], before: Decimal, after: Decimal, listed: Listed
) -> PriceSensitivity:
    return PriceSensitivity(
        model=price[0],
        price_class=price[1],
        list_usd=before,
        list_percent=percent_of(before, usd(listed.before_units)),
        after_usd=after,
        ten_percent_usd=before / 10,
        ten_percent_after_usd=after / 10,
        monthly_ten_percent_usd=work.monthly(before / 10),
        monthly_ten_percent_after_usd=work.monthly(after / 10),
    )
