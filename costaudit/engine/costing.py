"""Money from a ledger: integer token sums times integer rates, exactly, for every cell at once.

Amounts are integers of 10^-DIGITS USD, wide enough that a percentage or a verification multiple of an
amount is still an integer. They become Decimal dollars only when a sum of them is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.engine.exact import weighted_sum
from costaudit.engine.kernel import BELOW_LIST, REPORTED
from costaudit.engine.ledger import CACHE_UNITS, NO_PERIOD, Cells
from costaudit.engine.plan import Plan
from costaudit.errors import ConfigError
from costaudit.money import EXACT
from costaudit.prices.gateways import Gateways
from costaudit.prices.numbered import MEASURE, PRICED, RATE_DECIMALS
from costaudit.routing.offers import CAUSES, NO_ROUTE, NONE
from costaudit.routing.projection import verification_multiples
from costaudit.routing.terms import WHOLE
from costaudit.schema import INPUT_SIDE, Quality, Status
from costaudit.times import DAY_US, HOUR_US
from costaudit.tokens import OUTPUT_SIDE

Amounts = npt.NDArray[Any]
"""Integers of 10^-DIGITS USD, one per cell: dtype int64, or object where 64 bits may not do."""

DIGITS: Final = 6 + RATE_DECIMALS + 6
"""6 for 'per 1M tokens', then the decimals of a rate, then 6 for percentages and multiples."""

SPARE: Final = 10**6
"""Amounts are so many to 1e-15 USD."""


class CostSource(StrEnum):
    """What a request is billed by."""

    AUTO = "auto"
    """The cost that it states, else list and the gateway's known fees."""
    REPORTED = "reported"
    """The cost that it states; what states none is not billed."""
    LIST = "list"
    """List and the gateway's known fees, whatever it states."""


def usd(amount: int) -> Decimal:
    """Exact dollars of an integer amount."""
    return Decimal(int(amount)).scaleb(-DIGITS, EXACT)


class Costed(msgspec.Struct, frozen=True):
    """The money of every cell of a ledger."""

    cells: Cells
    plan: Plan
    priced: npt.NDArray[np.bool_]
    """Cells with a price, also of 0 for what no provider billed."""
    billable: npt.NDArray[np.bool_]
    """Cells of calls that ended well: the others were paid for nothing."""
    list_units: Amounts
    """Usage × rate; 0 where not priced."""
    billed_units: Amounts
    """By the cost source; 0 where that knows nothing."""
    known_markup_units: Amounts
    """The part of billed_units that comes from known fees."""
    same_units: Amounts
    """Expected cost after routing among the providers used; list_units where the model is kept."""
    any_units: Amounts
    """Expected cost after routing among all candidates; at most same_units."""
    parts: dict[str, Amounts]
    """What `any_units` is made of, by cause of `Expected`; all in `price` where the model is kept."""
    verified_units: Amounts
    """What verifying costs, where the policy verifies all that it acts on."""
    router_units: Amounts
    """What deciding costs."""
    cache_units: Amounts
    """What is lost of cache discounts, where that was replayed."""
    always: npt.NDArray[np.bool_]
    """Cells that move also where that costs more."""
    reported: npt.NDArray[np.bool_]
    """Cells that are billed by the cost that their requests state."""
    known: npt.NDArray[np.bool_]
    """Cells whose bill is known, also of 0; the others are in no bill."""
    exact: npt.NDArray[np.bool_]
    """Cells whose token counts are exact."""

    @property
    def firm(self) -> npt.NDArray[np.bool_]:
        """Cells from which a markup or a saving may be claimed: their list cost is what their calls cost."""
        return self.priced & self.known & self.exact


def cost_cells(cells: Cells, plan: Plan, gateways: Gateways, source: CostSource = CostSource.AUTO) -> Costed:
    """Price every cell of a ledger, before and after routing."""
    card = cells.keys["card"]
    priced = card >= 0
    list_units = card_cost(cells, plan, card)
    same = sum_parts(offer_parts(cells, plan, cells.keys["route_same"], list_units))
    parts = offer_parts(cells, plan, cells.keys["route_any"], list_units)
    any_ = sum_parts(parts)
    markup = _known_markup(cells, plan, gateways, list_units)
    reported, known = billed_as_reported(cells, plan, source), bill_known(cells, plan, source)
    stated = cells.measures["reported_picousd"].astype(object) * 10 ** (DIGITS - 12)
    billed = np.where(reported, stated, np.where(known, list_units + markup, 0))
    statuses = cells.values["status"]
    ends_well = [i for i, status in enumerate(statuses) if status in (Status.OK, Status.CACHE_HIT)]
    return Costed(
        cells=cells,
        plan=plan,
        priced=priced,
        billable=np.isin(cells.keys["status"], ends_well),
        list_units=list_units,
        billed_units=billed,
        known_markup_units=np.where(reported | ~known, 0, markup).astype(object),
        same_units=same,
        any_units=any_,
        parts=parts,
        verified_units=_verified(cells, plan, any_),
        router_units=_router(cells, plan),
        cache_units=_cache(cells),
        always=always_moved(cells, plan, "route_any"),
        reported=reported,
        known=known,
        exact=exact_counts(cells),
    )


def exact_counts(cells: Cells) -> npt.NDArray[np.bool_]:
    """Cells of which all token counts are stated, and can be read in one way only."""
    exact = np.array([word == Quality.EXACT for word in cells.values["quality"]], bool)
    return np.asarray(exact[cells.keys["quality"]])


def offer_parts(
    cells: Cells, plan: Plan, offer: npt.NDArray[np.int32], list_units: Amounts
) -> dict[str, Amounts]:
    """The expected cost of every cell's requests with an offer, by cause; the list cost for NO_ROUTE."""
    offers = plan.offering.matrix()
    kept = offer == NO_ROUTE
    zero = np.zeros(len(offer), dtype=object)
    if kept.all():
        return {name: list_units if name == "price" else zero for name in CAUSES}
    safe = np.where(kept, 0, offer)
    columns = [cells.measures[MEASURE[name]] for name in PRICED]
    parts = {}
    for name in CAUSES:
        rates = offers.parts[name]
        if not rates.any():
            parts[name] = zero
            continue
        # Shorter answers or a coarser tokenizer make a part negative: what is below 0 is summed apart.
        above, below = (
            weighted_sum(columns, [side[safe, place] for place in range(len(PRICED))]).astype(object)
            for side in (np.maximum(rates, 0), np.maximum(-rates, 0))
        )
        parts[name] = np.where(kept, 0, (above - below) * SPARE)
    requests = cells.measures["requests"].astype(object)
    if offers.fixed.any():
        parts["checks"] = parts["checks"] + np.where(kept, 0, requests * offers.fixed[safe] * SPARE)
    if offers.shares:
        share = np.where(kept, 0, offers.own_share[safe])
        parts["fallback"] = parts["fallback"] + list_units * share // WHOLE
    parts["price"] = np.where(kept, list_units, parts["price"])
    return parts


def sum_parts(parts: Mapping[str, Amounts]) -> Amounts:
    """The whole expected cost."""
    return np.asarray(sum(parts.values()))


def _verified(cells: Cells, plan: Plan, routed: Amounts) -> Amounts:
    """What verifying every request that the policy acts on costs, moved or not."""
    found = np.zeros(len(routed), dtype=object)
    for number, multiple in verification_multiples(plan.policy).items():
        rows = np.flatnonzero(cells.keys["number"] == number)
        found[rows] = scaled(routed[rows], multiple)
    card = cells.keys["verify"]
    if (card == NONE).all():
        return found
    rates, safe = plan.prices.rates().rates, np.maximum(card, 0)
    read = np.sum([cells.measures[name] for name in (*INPUT_SIDE, *OUTPUT_SIDE)], axis=0, dtype=object)
    requests = cells.measures["requests"].astype(object)
    written = np.array(
        [plan.offering.verification_tokens(number) for number in cells.keys["number"].tolist()], object
    )
    by_class = {
        name: np.maximum(rates[safe, PRICED.index(name)], 0) for name in ("input", "output", "request")
    }
    cost = (
        read * by_class["input"] + requests * (written * by_class["output"] + by_class["request"])
    ) * SPARE
    return np.where(card == NONE, found, cost)


def always_moved(cells: Cells, plan: Plan, route: str) -> npt.NDArray[np.bool_]:
    """Cells whose requests move by a route, route_same or route_any, also where that costs more."""
    numbers = [number for number, treatment in plan.policy.treatments() if treatment.always]
    return np.asarray(np.isin(cells.keys["number"], numbers) & (cells.keys[route] != NO_ROUTE))


def _cache(cells: Cells) -> Amounts:
    lost = cells.measures.get(CACHE_UNITS)
    return np.zeros(cells.rows, dtype=object) if lost is None else lost.astype(object) * SPARE


def _router(cells: Cells, plan: Plan) -> Amounts:
    """What the router costs for the requests that the policy decides on."""
    each = int(plan.policy.router_usd_per_request.scaleb(DIGITS, EXACT))
    decides = [number for number, treatment in plan.policy.treatments() if not treatment.keep]
    asked = np.isin(cells.keys["number"], decides)
    return np.where(asked, cells.measures["requests"].astype(object) * each, 0)


def billed_as_reported(cells: Cells, plan: Plan, source: CostSource) -> npt.NDArray[np.bool_]:
    """Cells that are billed by what their requests report.

    None are when everything is priced as on one date: what was reported belongs to other prices.
    """
    stated = states_cost(cells)
    ignored = plan.prices_at is not None or source is CostSource.LIST
    return np.zeros(len(stated), bool) if ignored else stated


def bill_known(cells: Cells, plan: Plan, source: CostSource) -> npt.NDArray[np.bool_]:
    """Cells whose bill a source knows; that no provider was paid for some is known to all of them."""
    card = cells.keys["card"]
    by_itself = card == plan.prices.free_card if source is CostSource.REPORTED else card >= 0
    return np.asarray(by_itself | billed_as_reported(cells, plan, source))


def states_cost(cells: Cells) -> npt.NDArray[np.bool_]:
    """Cells whose requests state a believable cost."""
    return np.isin(cells.keys["reported"], (REPORTED, BELOW_LIST))


def card_cost(cells: Cells, plan: Plan, card: npt.NDArray[np.int32]) -> Amounts:
    """The cost of every cell's tokens at a card; 0 where the card is negative."""
    matrix = plan.prices.rates().rates
    if not len(matrix):
        return np.zeros(len(card), dtype=object)
    safe = np.maximum(card, 0)
    columns = [cells.measures[MEASURE[name]] for name in PRICED]
    rates = [np.where(card >= 0, np.maximum(matrix[safe, place], 0), 0) for place in range(len(PRICED))]
    return weighted_sum(columns, rates).astype(object) * SPARE


def _known_markup(cells: Cells, plan: Plan, gateways: Gateways, list_units: Amounts) -> Amounts:
    markup = np.zeros(len(list_units), dtype=object)
    names = cells.values["gateway"]
    step = DAY_US if plan.resolution == "day" else HOUR_US
    for code, name in enumerate(names):
        gateway = gateways.named(name)
        if gateway is None:
            continue
        rows = np.flatnonzero(cells.keys["gateway"] == code)
        for period in np.unique(cells.keys["period"][rows]):
            percent = gateway.percent(int(period) * step if period != NO_PERIOD else 2**62)
            if percent:
                here = rows[cells.keys["period"][rows] == period]
                markup[here] = scaled(list_units[here], percent / 100)
    return markup


def scaled(amounts: Amounts, factor: Decimal) -> Amounts:
    """Amounts times a factor, exactly; raises ConfigError when the factor has too many decimals."""
    top, bottom = factor.as_integer_ratio()
    product = amounts.astype(object) * top
    if bottom != 1 and any(value % bottom for value in product.tolist()):
        raise ConfigError(
            f"{factor:f} has more than 6 decimals", hint="percentages take up to 4, multiples up to 6"
        )
    return np.array([value // bottom for value in product.tolist()], dtype=object)


def total(amounts: Amounts, where: npt.NDArray[np.bool_] | None = None) -> int:
    """The exact sum of amounts, as a Python integer."""
    chosen: Iterable[int] = (amounts if where is None else amounts[where]).tolist()
    return sum(chosen)
