"""The impact of a change of tables: two passes over the same traffic, by the base and by the head."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, Literal, NamedTuple

import msgspec

from costaudit.engine.audit import Pass
from costaudit.engine.choose import KEPT
from costaudit.engine.costing import CostSource, usd
from costaudit.prices.gateways import Gateways
from costaudit.prices.impact import REQUEST_TIME, Impact, ImpactRow, OneSided, Recommendation, Sides, View
from costaudit.questions.audit.work import Audited, audited, logged_name
from costaudit.schema import UNTAGGED
from costaudit.times import instant

_JOINED: Final = (
    "provider", "model", "service_tier", "region", "speed", "feature", "status", "quality", "reading",
)  # fmt: skip
"""Words by which the cells of both sides are set beside each other: none of them depends on a book."""

_Key = tuple[object, ...]
_Place = tuple[str | None, int | None, str | None]
"""Model as logged, tier, feature."""


class SidePass(msgspec.Struct, frozen=True):
    """A pass over the traffic under one of the books."""

    passed: Pass
    gateways: Gateways
    unrouted: str | None = None
    """Why it has no routes, where it has none."""


def build_impact(
    pairs: Sequence[tuple[SidePass, SidePass]],
    *,
    source: Literal["logs", "ledger"],
    ignore_below: Decimal | None = None,
) -> Impact:
    """The impact by pairs of passes, base and head, each pair at one time of prices.

    Rows that change by less than `ignore_below` percent are counted, not listed.
    """
    works = [(audited(b.passed, b.gateways, CostSource.LIST), audited(h.passed, h.gateways, CostSource.LIST))
             for b, h in pairs]  # fmt: skip
    reasons = [side.unrouted for pair in pairs for side in pair if side.unrouted is not None]
    first = works[0][0]
    passed = first.passed
    return Impact(
        source=source,
        requests=passed.requests,
        start=None if passed.first_ts is None else instant(passed.first_ts),
        end=None if passed.last_ts is None else instant(passed.last_ts),
        days=first.days,
        policy=passed.plan.policy.name,
        unrouted=reasons[0] if reasons else None,
        month=first.month_factor,
        views=tuple(
            _view(base, head, routed=not any(side.unrouted for side in pair), limit=ignore_below)
            for pair, (base, head) in zip(pairs, works, strict=True)
        ),
    )


def _view(base: Audited, head: Audited, *, routed: bool, limit: Decimal | None) -> View:
    old_sums, new_sums = _sums(base), _sums(head)
    places: dict[_Place, _Both] = defaultdict(_Both)
    total = _Both()
    for key in old_sums.keys() | new_sums.keys():
        pair = old_sums.get(key, _NOTHING), new_sums.get(key, _NOTHING)
        for both in (places[_place(key)], total):
            both.add(*pair)
    rows = [both.row(place, routed=routed) for place, both in places.items()]
    changed = [row for row in rows if row.is_changed]
    listed = [row for row in changed if not _is_small(row, limit)]
    at = base.passed.plan.prices_at
    return View(
        as_of=REQUEST_TIME if at is None else instant(at),
        total=total.row((None, None, None), routed=routed),
        rows=tuple(sorted(listed, key=_largest_first)),
        small=len(changed) - len(listed),
        unchanged=len(rows) - len(changed),
        recommendations=tuple(_recommendations(base, head)) if routed else (),
    )


class _Sum(NamedTuple):
    """Some requests on one side; amounts in 10^-DIGITS USD."""

    requests: int
    priced: int
    list_: int
    billed: int
    after: int


_NOTHING: Final = _Sum(0, 0, 0, 0, 0)


def _sums(work: Audited) -> dict[_Key, _Sum]:
    """What the cells come to, by what of them does not depend on a book."""
    cells, costed = work.passed.cells, work.costed
    columns: list[Iterable[object]] = [cells.words(name) for name in _JOINED]
    columns += [cells.keys["tier"].tolist(), cells.keys["period"].tolist()]
    requests = cells.measures["requests"].tolist()
    money = (a.tolist() for a in (costed.list_units, costed.billed_units, work.projected.after))
    found: dict[_Key, list[int]] = {}
    for *key, count, priced, list_, billed, after in zip(
        *columns, requests, costed.priced.tolist(), *money, strict=True
    ):
        held = found.setdefault(tuple(key), [0, 0, 0, 0, 0])
        for place, value in enumerate((count, count if priced else 0, list_, billed, after)):
            held[place] += value
    return {key: _Sum(*held) for key, held in found.items()}


def _place(key: _Key) -> _Place:
    named = dict(zip((*_JOINED, "tier"), key, strict=False))
    tier = named["tier"]
    words = [
        word if isinstance(word, str) else None
        for word in (named[n] for n in ("provider", "model", "feature"))
    ]
    return (
        logged_name(words[0], words[1]),
        tier if isinstance(tier, int) and tier != UNTAGGED else None,
        words[2],
    )


class _Both(msgspec.Struct):
    """Requests on both sides, added up."""

    requests: int = 0
    compared: list[list[int]] = msgspec.field(default_factory=lambda: [[0, 0, 0], [0, 0, 0]])
    """List, billed and after by the base and by the head, where both have a price."""
    lost: list[int] = msgspec.field(default_factory=lambda: [0, 0])
    gained: list[int] = msgspec.field(default_factory=lambda: [0, 0])
    unpriced: int = 0

    def add(self, base: _Sum, head: _Sum) -> None:
        """Count in the same requests of both sides."""
        self.requests += max(base.requests, head.requests)
        self.unpriced += max(base.requests, head.requests) - max(base.priced, head.priced)
        self.lost[0] += max(base.priced - head.priced, 0)
        self.gained[0] += max(head.priced - base.priced, 0)
        if bool(base.priced) == bool(head.priced):
            for held, side in zip(self.compared, (base, head), strict=True):
                for place, value in enumerate(side[2:]):
                    held[place] += value
        elif base.priced:
            self.lost[1] += base.list_
        else:
            self.gained[1] += head.list_

    def row(self, place: _Place, *, routed: bool) -> ImpactRow:
        """In dollars."""
        listed, billed, after = (Sides(usd(b), usd(h)) for b, h in zip(*self.compared, strict=True))
        return ImpactRow(
            requests=self.requests,
            list_usd=listed,
            billed_usd=billed,
            projected_usd=after if routed else None,
            lost=OneSided(self.lost[0], usd(self.lost[1])),
            gained=OneSided(self.gained[0], usd(self.gained[1])),
            unpriced=self.unpriced,
            model=place[0],
            tier=place[1],
            feature=place[2],
        )


def _is_small(row: ImpactRow, limit: Decimal | None) -> bool:
    if limit is None or row.lost.requests or row.gained.requests:
        return False
    amounts = [row.list_usd, row.billed_usd, *([row.projected_usd] if row.projected_usd is not None else [])]
    return all(abs(one.change) * 100 < limit * one.base or not one.change for one in amounts)


def _largest_first(row: ImpactRow) -> tuple[object, ...]:
    routed = row.projected_usd.change if row.projected_usd is not None else Decimal(0)
    size = abs(row.list_usd.change), abs(row.billed_usd.change), row.lost.usd, row.gained.usd, abs(routed)
    return (
        *(-amount for amount in size),
        row.model or "",
        -1 if row.tier is None else row.tier,
        row.feature or "",
    )


_Task = tuple[int, str | None]
"""Tier code, feature."""


def _recommendations(base: Audited, head: Audited) -> Iterable[Recommendation]:
    """The tiers and features of which most routed requests go elsewhere by the head."""
    old_sums, new_sums = _targets(base), _targets(head)
    requests: Counter[_Task] = Counter()
    cells = base.passed.cells
    tasks = zip(cells.keys["tier"].tolist(), cells.words("feature"), strict=True)
    for task, count in zip(tasks, cells.measures["requests"].tolist(), strict=True):
        requests[task] += count
    for task in sorted(requests, key=lambda one: (one[0], one[1] is None, one[1] or "")):
        before, after = _most(old_sums.get(task)), _most(new_sums.get(task))
        if before != after:
            tier = None if task[0] == UNTAGGED else task[0]
            yield Recommendation(tier, task[1], requests[task], before, after)


def _targets(work: Audited) -> Mapping[_Task, Counter[str]]:
    """Routed requests by where they go, for every tier and feature."""
    cells, plan = work.passed.cells, work.passed.plan
    found: dict[_Task, Counter[str]] = defaultdict(Counter)
    columns = [cells.keys[name].tolist() for name in ("tier", "route_same", "route_any", "kept", "band")]
    counts = cells.measures["requests"].tolist()
    for tier, same, any_, kept, band, feature, count in zip(
        *columns, cells.words("feature"), counts, strict=True
    ):
        card = plan.offering.offered(any_ if any_ >= 0 else same)
        if KEPT[kept] == "routed" and band >= 2 and card is not None:
            found[tier, feature][f"{card.provider}/{card.model}"] += count
    return found


def _most(targets: Counter[str] | None) -> str | None:
    """The most frequent target; of equals the first in the order of the alphabet."""
    return min(targets, key=lambda name: (-targets[name], name)) if targets else None
