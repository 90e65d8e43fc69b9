"""What a log runs on today, as far as the files for a start tell it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.engine.costing import usd
from costaudit.questions.audit.build import audit_parts
from costaudit.questions.audit.result import FeatureRow
from costaudit.questions.audit.work import Audited, model_names
from costaudit.routing.policy import CLASSES
from costaudit.schema import UNTAGGED, Tier


class Use(msgspec.Struct, frozen=True):
    """Requests of one model."""

    name: str | None
    """provider/model of the book, or as logged."""
    requests: int
    usd: Decimal | None
    """Billed; None where nothing of it is known."""
    chat: bool = True
    """A chat model of the book: requests can be routed to it."""


class TierUse(msgspec.Struct, frozen=True):
    """Requests of one tier."""

    tier: int | None
    """None for requests without one."""
    requests: int
    usd: Decimal | None
    models: tuple[Use, ...]
    """What serves it today, by spend."""
    routed: tuple[Use, ...]
    """Where the policy sends its requests, with what they are billed today, by requests."""
    kept: int
    """Requests that keep their model under the policy."""


class Usage(msgspec.Struct, frozen=True):
    """A log, as far as it matters for settings and a policy."""

    requests: int
    usd: Decimal | None
    start: str | None
    end: str | None
    monthly_usd: Decimal | None
    """None where the log covers less than a day."""
    requests_priced: Decimal
    """Percent."""
    tokens_priced: Decimal | None
    failed: Decimal | None
    """Percent of the bill for attempts without an answer."""
    untagged: Decimal
    """Percent of requests."""
    tiers: tuple[TierUse, ...]
    features: tuple[FeatureRow, ...]
    """By spend, those with a name."""
    providers: tuple[str, ...]
    regions: tuple[str, ...]
    unpriced: tuple[str, ...]
    markups: tuple[tuple[str, str], ...]
    """Gateway and percent."""


def usage_of(work: Audited) -> Usage:
    """The figures of an audit that the files for a start tell."""
    parts = audit_parts(work)
    spend, coverage = parts["spend"], parts["coverage"]
    names = model_names(work)
    cells = work.passed.cells
    billed = spend.billed_usd
    failed = usd(sum(work.costed.billed_units[~work.costed.billable].tolist()))
    tiers = [*(t.value for t in Tier), UNTAGGED]
    return Usage(
        requests=spend.requests,
        usd=billed,
        start=None if parts["period"].start is None else parts["period"].start[:10],
        end=None if parts["period"].end is None else parts["period"].end[:10],
        monthly_usd=spend.monthly_usd,
        requests_priced=_percent(coverage.requests) or Decimal(0),
        tokens_priced=_percent(coverage.tokens),
        failed=None if not billed else failed * 100 / billed,
        untagged=100 - (_percent(coverage.tagged) or Decimal(0)),
        tiers=tuple(found for t in tiers if (found := _tier(work, names, t)).requests),
        features=tuple(row for row in parts["by_feature"] if row.feature is not None),
        providers=_providers(work),
        regions=tuple(sorted({region for region in cells.words("region") if region is not None})),
        unpriced=tuple(dict.fromkeys(row.model for row in coverage.unpriced if row.model is not None)),
        markups=tuple((row.gateway, row.percent or "") for row in parts["markup"] if row.gateway is not None),
    )


def _percent(share: float | None) -> Decimal | None:
    return None if share is None else Decimal(repr(share)) * 100


def _providers(work: Audited) -> tuple[str, ...]:
    plan = work.passed.plan
    used = {int(card) for card in np.unique(work.passed.cells.keys["card"]) if card >= 0}
    return tuple(
        sorted({plan.prices.cards[card].provider for card in used if plan.prices.cards[card].provider})
    )


def _tier(work: Audited, names: Sequence[str | None], tier: int) -> TierUse:
    cells, plan = work.passed.cells, work.passed.plan
    here = cells.keys["tier"] == tier
    same, any_ = cells.keys["route_same"], cells.keys["route_any"]
    moves = here & ((same >= 0) | (any_ >= 0))
    targets: list[str | None] = [None] * cells.rows
    for row in np.flatnonzero(moves).tolist():
        card = plan.offering.offered(int(any_[row]) if any_[row] >= 0 else int(same[row]))
        targets[row] = None if card is None else f"{card.provider}/{card.model}"
    known = here & work.costed.known
    return TierUse(
        tier=None if tier == UNTAGGED else tier,
        requests=int(cells.measures["requests"][here].sum()),
        usd=usd(sum(work.costed.billed_units[known].tolist())) if known.any() else None,
        models=_ranked(_uses(work, names, here), lambda use: use.usd or Decimal(0)),
        routed=_ranked(_uses(work, targets, moves), lambda use: Decimal(use.requests)),
        kept=int(cells.measures["requests"][here & ~moves].sum()),
    )


def _uses(work: Audited, names: Sequence[str | None], here: npt.NDArray[np.bool_]) -> list[Use]:
    """Requests and spend by name."""
    plan = work.passed.plan
    facts = [plan.prices.facts(number) for number in range(len(plan.prices.cards))]
    chat = {f"{f.provider}/{f.model}" for f in facts if f is not None and f.klass in CLASSES}
    sums: dict[str | None, list[Any]] = {}
    for row in np.flatnonzero(here).tolist():
        entry = sums.setdefault(names[row], [0, 0, False])
        entry[0] += int(work.passed.cells.measures["requests"][row])
        entry[1] += int(work.costed.billed_units[row])
        entry[2] |= bool(work.costed.known[row])
    return [
        Use(name, n, usd(units) if known else None, name in chat) for name, (n, units, known) in sums.items()
    ]


def _ranked(uses: Iterable[Use], by: Any) -> tuple[Use, ...]:
    return tuple(sorted(uses, key=lambda use: (-by(use), -use.requests, use.name or "")))
