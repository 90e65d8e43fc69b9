"""Reported cost against list cost, request by request: the distribution of their ratio and what it shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

import msgspec

from costaudit.engine.audit import Pass
from costaudit.engine.kernel import IMPLAUSIBLE
from costaudit.engine.ratios import NOTHING_ON_LIST, NOTHING_REPORTED, edge_text
from costaudit.engine.standouts import Standout
from costaudit.money import EXACT, usd_from_pico
from costaudit.prices.conditions import service_tier
from costaudit.questions.audit import result as m
from costaudit.questions.audit.signatures import Match, match_signatures


class RatioSums(msgspec.Struct):
    """Requests with their list and their reported cost."""

    requests: int = 0
    list_units: int = 0
    """In 1e-15 USD."""
    picousd: int = 0

    def add(self, requests: int, list_units: int, picousd: int) -> None:
        """Count in more of them."""
        self.requests += requests
        self.list_units += list_units
        self.picousd += picousd

    @property
    def list_usd(self) -> Decimal:
        """Exact dollars."""
        return Decimal(self.list_units).scaleb(-15, EXACT)

    @property
    def reported_usd(self) -> Decimal:
        """Exact dollars."""
        return usd_from_pico(self.picousd)


_Key = TypeVar("_Key")

Group = tuple[str, str, str | None, str]
"""Provider and model of the book, gateway as logged, service tier as billed."""


class FoundSignature(msgspec.Struct, frozen=True):
    """A signature of one group, with the sums of the requests that have it."""

    group: Group
    match: Match
    sums: RatioSums
    of: int
    """Requests of the group."""
    median: int
    """Bucket; below 0 where there is no ratio."""

    @property
    def excess_usd(self) -> Decimal:
        """Reported less list: negative below list."""
        return self.sums.reported_usd - self.sums.list_usd


def find_signatures(passed: Pass) -> list[FoundSignature]:
    """Every signature of every group, the largest money first. None when priced as on one date."""
    found = []
    groups = _grouped(passed, _group_of(passed))
    zeros: Counter[str | None] = Counter()
    for (_, _, gateway, _), by_bucket in groups.items():
        zeros[gateway] += by_bucket[NOTHING_REPORTED].requests if NOTHING_REPORTED in by_bucket else 0
    for group, by_bucket in groups.items():
        counts = {bucket: sums.requests for bucket, sums in by_bucket.items() if bucket != NOTHING_ON_LIST}
        _, _, gateway, tier = group
        for match in match_signatures(counts, gateway, tier, zeros[gateway]):
            inside = {b: sums for b, sums in by_bucket.items() if b in match.buckets}
            median = median_bucket({b: s.requests for b, s in inside.items()})
            found.append(FoundSignature(group, match, _sum(inside.values()), sum(counts.values()), median))
    return sorted(found, key=lambda f: (-abs(f.excess_usd), _sortable(f.group), f.match.signature.name))


def build_reconciliation(passed: Pass, signatures: Sequence[FoundSignature]) -> m.Reconciliation | None:
    """Reported against list, with the signatures found.

    None where no request has a price and a believed cost of its own time.
    """
    whole = _grouped(passed, lambda _: None).get(None)
    if whole is None:
        return None
    nothing = RatioSums()
    unreported, unlisted = whole.pop(NOTHING_REPORTED, nothing), whole.pop(NOTHING_ON_LIST, nothing)
    both = _sum(whole.values())
    median = median_bucket({b: s.requests for b, s in whole.items()}) if whole else None
    cells = passed.cells
    return m.Reconciliation(
        requests=both.requests,
        list_usd=both.list_usd,
        reported_usd=both.reported_usd,
        median_ratio_from=None if median is None else edge_text(median),
        median_ratio_to=None if median is None else edge_text(median + 1),
        reported_zero_requests=unreported.requests,
        reported_zero_list_usd=unreported.list_usd,
        list_zero_requests=unlisted.requests,
        list_zero_reported_usd=unlisted.reported_usd,
        set_aside_requests=int(cells.measures["requests"][cells.keys["reported"] == IMPLAUSIBLE].sum()),
        distribution=[
            m.RatioBucket(
                ratio_from=edge_text(bucket) or "0",
                ratio_to=edge_text(bucket + 1),
                requests=sums.requests,
                list_usd=sums.list_usd,
                reported_usd=sums.reported_usd,
            )
            for bucket, sums in sorted(whole.items())
        ],
        signatures=[_signature(f) for f in signatures],
        outliers=[_outlier(s) for s in passed.standouts.deviating],
    )


def _signature(found: FoundSignature) -> m.SignatureFound:
    provider, model, gateway, tier = found.group
    buckets = found.match.buckets
    return m.SignatureFound(
        code=found.match.signature.code,
        name=found.match.signature.name,
        gateway=gateway,
        model=f"{provider}/{model}",
        service_tier=tier,
        requests=found.sums.requests,
        of_requests=found.of,
        share=found.sums.requests * 10**4 // found.of / 10**4,
        ratio_from=edge_text(buckets.start) if buckets.start >= 0 else None,
        ratio_to=edge_text(buckets.stop) if buckets.start >= 0 else None,
        median_ratio_from=edge_text(found.median) if found.median >= 0 else None,
        median_ratio_to=edge_text(found.median + 1) if found.median >= 0 else None,
        list_usd=found.sums.list_usd,
        reported_usd=found.sums.reported_usd,
    )


def _outlier(one: Standout) -> m.Outlier:
    return m.Outlier(
        file=one.file,
        line=one.line,
        model=one.model or None,
        list_usd=Decimal(one.list_units).scaleb(-15, EXACT),
        reported_usd=usd_from_pico(one.reported_picousd),
        ratio=_four_digits(Fraction(1000 * one.reported_picousd, one.list_units)),
    )


def _four_digits(ratio: Fraction) -> str:
    """A ratio to four significant digits.

    >>> _four_digits(Fraction(2, 3)), _four_digits(Fraction(1055, 1000)), _four_digits(Fraction(123456, 1))
    ('0.6667', '1.055', '123500')
    """
    value = Decimal(ratio.numerator) / Decimal(ratio.denominator)
    return f"{value.quantize(Decimal(1).scaleb(value.adjusted() - 3)).normalize():f}"


def median_bucket(requests: dict[int, int]) -> int:
    """The bucket of the lower median."""
    half, seen = (sum(requests.values()) + 1) // 2, 0
    for bucket in sorted(requests):
        seen += requests[bucket]
        if seen >= half:
            return bucket
    raise ValueError("no requests")


def _grouped(passed: Pass, key_of: Callable[[int], _Key]) -> dict[_Key, dict[int, RatioSums]]:
    """Sums by a key of the cells and by bucket. Empty when priced as on one date."""
    cells = passed.ratios
    found: dict[_Key, dict[int, RatioSums]] = {}
    if passed.plan.prices_at is not None:  # what was reported belongs to other prices
        return found
    names = ("requests", "list_units", "reported_picousd") if cells.rows else ()
    columns = [cells.measures[name].tolist() for name in names]
    for row, sums in enumerate(zip(*columns, strict=True)):
        by_bucket = found.setdefault(key_of(row), {})
        by_bucket.setdefault(int(cells.keys["ratio"][row]), RatioSums()).add(*sums)
    return found


def _group_of(passed: Pass) -> Callable[[int], Group]:
    cells, plan = passed.ratios, passed.plan

    def group(row: int) -> Group:
        card = plan.prices.cards[cells.keys["card"][row]]
        gateway = cells.values["gateway"][cells.keys["gateway"][row]]
        tier = cells.values["service_tier"][cells.keys["service_tier"][row]]
        return card.provider, card.model, gateway, service_tier(tier)

    return group


def _sum(parts: Iterable[RatioSums]) -> RatioSums:
    total = RatioSums()
    for part in parts:
        total.add(part.requests, part.list_units, part.picousd)
    return total


def _sortable(group: Group) -> tuple[str, ...]:
    return tuple(part or "" for part in group)
