"""A ledger with its prices and its projection: what reports, findings and gates are made from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.engine.audit import Pass
from costaudit.engine.costing import (
    SPARE,
    Costed,
    CostSource,
    always_moved,
    cost_cells,
)
from costaudit.engine.month import CellScale, Method, days_of, month_of, scale_cells
from costaudit.engine.whatif import CacheReplay, most_lost
from costaudit.prices.gateways import Gateways
from costaudit.prices.resolver import Resolved
from costaudit.questions.audit.month import month_usd, rounded_usd
from costaudit.questions.audit.reconcile import FoundSignature, find_signatures
from costaudit.routing.projection import (
    Groups,
    Projected,
    Range,
    bounds,
    exact_sum,
    project,
)
from costaudit.times import DAY_US, HOUR_US


class Audited(msgspec.Struct, frozen=True, dict=True):
    """A costed ledger with its projection: what report and findings are made from."""

    passed: Pass
    costed: Costed
    groups: Groups
    projected: Projected
    range: Range
    days: float | None
    source: CostSource
    signatures: Sequence[FoundSignature]
    """Ratios of reported to list cost that many requests share."""
    scale: CellScale
    """How amounts are scaled to a month."""
    cache: CacheReplay | None = None
    """What replaying sessions found, if they were."""

    def monthly_of(self, amounts: npt.NDArray[Any], where: Any = None) -> Decimal | None:
        """Ledger amounts of some cells per 30 days, each by its own day.

        None where nothing is scaled, or all of it lies on days that do not count.
        """
        return month_usd(self.scale.monthly(amounts, where))

    def monthly(self, amount: Decimal) -> Decimal | None:
        """Dollars whose days are not known, per 30 days: they are scaled as the whole bill is."""
        factor = self.month_factor
        return None if factor is None else rounded_usd(Fraction(amount) * factor)

    @cached_property
    def month_factor(self) -> Fraction | None:
        """How often the bill of the log is in a bill of 30 days; None where nothing is scaled."""
        if self.scale.month.method is Method.NONE:
            return None
        whole = exact_sum(self.groups.billed)
        scaled_ = self.scale.monthly(self.groups.billed)
        return scaled_ / whole if whole and scaled_ is not None else self.scale.month.weight(None)


def audited(
    passed: Pass,
    gateways: Gateways,
    source: CostSource = CostSource.AUTO,
    cache: CacheReplay | None = None,
) -> Audited:
    """Price and project the ledger of a pass. What the cost source does not know is in no bill."""
    plan = passed.plan
    costed = cost_cells(passed.cells, plan, gateways, source)
    month = month_of(
        passed.first_ts, passed.last_ts, (d for d in days_of(passed.cells, plan) if d is not None)
    )
    keys = passed.cells.keys
    groups = Groups(
        band=keys["band"], firm=costed.firm, billable=costed.billable,
        billed=costed.billed_units, list_=costed.list_units, same=costed.same_units, any=costed.any_units,
        verified=costed.verified_units, router=costed.router_units, cache=costed.cache_units,
        always=costed.always, always_same=always_moved(passed.cells, plan, "route_same"),
        cache_most=most_lost(passed) * SPARE,
    )  # fmt: skip
    projected = project(groups)
    return Audited(
        passed,
        costed,
        groups,
        projected,
        bounds(groups),
        _days(passed),
        source,
        find_signatures(passed),
        scale_cells(month, passed.cells, plan),
        cache,
    )


def _days(passed: Pass) -> float | None:
    if passed.first_ts is None or passed.last_ts is None:
        return None
    return round((passed.last_ts - passed.first_ts) / DAY_US, 1)


class MarkedUp(msgspec.Struct, frozen=True):
    """What one gateway bills on top of list, by one kind of evidence."""

    gateway: str | None
    evidence: Literal["reported", "table"]
    where: npt.NDArray[np.bool_]
    """Its cells."""
    extra: int
    """Ledger units billed above list."""
    base: int
    """Ledger units of list."""


def marked_up(work: Audited) -> Iterator[MarkedUp]:
    """Every gateway with priced requests; without a name or from the table only where it adds something."""
    costed, cells = work.costed, work.passed.cells
    names = enumerate(cells.values["gateway"])
    for number, gateway in sorted(names, key=lambda named: (named[1] is None, named[1] or "")):
        here = (cells.keys["gateway"] == number) & costed.priced & costed.exact
        kinds: tuple[tuple[Literal["reported", "table"], npt.NDArray[np.bool_]], ...] = (
            ("reported", here & costed.reported), ("table", here & ~costed.reported),
        )  # fmt: skip
        for evidence, where in kinds:
            extra = exact_sum(work.projected.markup[where])
            if where.any() and (extra or (evidence == "reported" and gateway is not None)):
                yield MarkedUp(gateway, evidence, where, extra, exact_sum(costed.list_units[where]))


def logged_name(provider: str | None, model: str | None) -> str | None:
    """A model as the log names it, after its provider where it names one."""
    if model is None or provider is None or model.lower().startswith(provider.lower() + "/"):
        return model
    return f"{provider}/{model}"


def model_names(work: Audited) -> list[str | None]:
    """For every cell the model as resolved (provider/model), or as logged where it is not in the book."""
    cells, plan = work.passed.cells, work.passed.plan
    models, providers, gateways = cells.words("model"), cells.words("provider"), cells.words("gateway")
    step = DAY_US if plan.resolution == "day" else HOUR_US
    names: list[str | None] = []
    for i, (card, period) in enumerate(
        zip(cells.keys["card"].tolist(), cells.keys["period"].tolist(), strict=True)
    ):
        found = plan.prices.cards[card] if card >= 0 else None
        if found is not None and found.model:
            names.append(f"{found.provider}/{found.model}")
            continue
        at = max(period, 0) * step if plan.prices_at is None else plan.prices_at
        resolved = plan.prices.resolver.resolve(providers[i] or gateways[i], models[i], at)
        if isinstance(resolved, Resolved):
            names.append(f"{resolved.provider}/{resolved.model}")
        else:
            names.append(logged_name(providers[i], models[i]))
    return names
