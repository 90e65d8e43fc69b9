"""Our book against a source: for each observation, what we say of the same thing at the same time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from costaudit.prices.book import PriceBook
from costaudit.prices.conditions import When
from costaudit.prices.importers.observation import NOT_THEN, Observation, SkippedStatement
from costaudit.prices.resolver import How, Resolved, Resolver
from costaudit.prices.rows import PriceRow, instant_text


class ObservationVerdict(StrEnum):
    """How an observation stands to our book."""

    AGREES = "agrees"
    DIFFERS = "differs"
    OLDER_THAN_OURS = "older_than_ours"
    """The source has a price that ours followed on, or speaks of a time before our first row."""
    MISSING_CLASS = "missing_class"
    """We have the model, but no price of this class under this condition."""
    UNKNOWN_MODEL = "unknown_model"


ROUNDING: Final = Decimal("0.0005")
"""Of the price: less is no difference. Databricks' prices are converted from its own unit, to five digits."""

ORDER: Final = (
    ObservationVerdict.DIFFERS,
    ObservationVerdict.OLDER_THAN_OURS,
    ObservationVerdict.MISSING_CLASS,
    ObservationVerdict.UNKNOWN_MODEL,
    ObservationVerdict.AGREES,
)


SAME_MODEL: Final = frozenset({
    How.EXACT, How.ALIAS, How.OVERLAY_ALIAS, How.DATED_SUFFIX, How.PROVIDER_PREFIX, How.SAME_LIST,
    How.USER_MAP, How.INFERENCE_PROFILE,
})  # fmt: skip
"""The ways of resolving a name that prove that a source speaks of our model. A log may be priced by less."""


class Comparison(msgspec.Struct, frozen=True):
    """An observation with what our book says of it."""

    verdict: ObservationVerdict
    observation: Observation
    at: int
    """Microseconds UTC: the time for which the two were compared."""
    provider: str | None
    """Provider id in our book; None when no provider is called so."""
    model: str
    """Canonical id in our book, or the source's own when the model is unknown."""
    how: How | None
    """How the name was resolved."""
    ours: PriceRow | None
    """The row in force, or the one that comes closest to it."""
    detail: str = ""
    """Why, where the verdict alone does not say it."""

    @property
    def ratio(self) -> Decimal | None:
        """Theirs divided by ours, to four significant digits or three decimals."""
        if self.ours is None or not self.ours.usd:
            return None
        return (self.observation.usd / self.ours.usd).quantize(Decimal("0.001"))


class Crosscheck(msgspec.Struct, frozen=True):
    """Everything that a source says, compared; a total order, so the same input gives the same bytes."""

    comparisons: tuple[Comparison, ...]
    skipped: tuple[SkippedStatement, ...]

    @property
    def counts(self) -> Mapping[ObservationVerdict, int]:
        """Observations by verdict, every verdict named."""
        found = Counter(c.verdict for c in self.comparisons)
        return {verdict: found[verdict] for verdict in ORDER}

    @property
    def reasons(self) -> Mapping[str, int]:
        """What was skipped, by reason, most frequent first."""
        found = Counter(s.reason for s in self.skipped)
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def of(self, verdict: ObservationVerdict) -> tuple[Comparison, ...]:
        """The comparisons of one verdict."""
        return tuple(c for c in self.comparisons if c.verdict is verdict)


def compare(
    book: PriceBook,
    observed: Iterable[Observation | SkippedStatement],
    now: int,
    at: int | None = None,
    provider: str | None = None,
) -> Crosscheck:
    """Compare observations with our book (microseconds UTC).

    A dated observation is compared at its own start and, while it still holds, at `now`; one without a
    date at `now`, or at the end of its time. With `at`, everything is compared then, and what did not hold
    then is skipped. `provider` (an id of the book) leaves out all others.
    """
    resolver = Resolver(book)
    found: list[Comparison] = []
    skipped: list[SkippedStatement] = []
    for item in observed:
        if isinstance(item, SkippedStatement):
            skipped.append(item)
            continue
        owner = book.provider_by_log_name.get(item.provider_hint.strip().lower())
        if provider is not None and owner != provider:
            continue
        moments = _moments(item, now) if at is None else [at] if _holds(item, at) else []
        judged = [_judge(book, resolver, item, owner, moment) for moment in moments]
        if judged:
            found.append(min(judged, key=lambda c: c.verdict is ObservationVerdict.AGREES))
        else:
            skipped.append(SkippedStatement(NOT_THEN, item.place))
    return Crosscheck(
        tuple(sorted(found, key=_order)), tuple(sorted(skipped, key=lambda s: (s.reason, s.place)))
    )


def _order(c: Comparison) -> tuple[object, ...]:
    o = c.observation
    return (
        ORDER.index(c.verdict), c.provider or o.provider_hint, c.model, o.klass, o.when, o.valid_from or 0,
        o.model, o.place, o.usd,
    )  # fmt: skip


def _moments(item: Observation, now: int) -> list[int]:
    """The times at which a price that a source states can be held against ours: its first, and its latest."""
    latest = now if item.valid_to is None else min(now, item.valid_to - 1)
    if item.valid_from is None:
        return [latest]
    return [item.valid_from, latest] if latest > item.valid_from else [item.valid_from]


def _holds(item: Observation, at: int) -> bool:
    return (item.valid_from is None or item.valid_from <= at) and (
        item.valid_to is None or at < item.valid_to
    )


def _judge(book: PriceBook, resolver: Resolver, item: Observation, owner: str | None, at: int) -> Comparison:
    found = Comparison(ObservationVerdict.UNKNOWN_MODEL, item, at, owner, item.model, None, None)
    if owner is None:
        return msgspec.structs.replace(
            found, detail=f"no provider of the book is called {item.provider_hint!r}"
        )
    resolved = resolver.resolve(owner, item.model, at)
    if not isinstance(resolved, Resolved):
        return msgspec.structs.replace(found, detail=resolved.detail or str(resolved.reason))
    if resolved.how not in SAME_MODEL or not _same_bill(book, owner, resolved):
        detail = f"closest is {resolved.provider}/{resolved.model} ({resolved.how})"
        return msgspec.structs.replace(found, detail=detail)
    if resolved.region and not item.when.region:
        item = msgspec.structs.replace(item, when=msgspec.structs.replace(item.when, region=resolved.region))
    rows = book.in_force[resolved.provider, resolved.model]
    verdict, ours, detail = _weigh(item, rows, at)
    return Comparison(verdict, item, at, resolved.provider, resolved.model, resolved.how, ours, detail)


def _same_bill(book: PriceBook, owner: str, resolved: Resolved) -> bool:
    return resolved.provider == owner or resolved.provider == book.providers[owner].same_list_as


def _weigh(
    item: Observation, rows: Sequence[PriceRow], at: int
) -> tuple[ObservationVerdict, PriceRow | None, str]:
    like = [r for r in rows if r.klass == item.klass and _covers(r, item)]
    if not like:
        return ObservationVerdict.MISSING_CLASS, None, ""
    ours = in_force(like, at)
    if ours is None:
        first = min(like, key=lambda r: r.valid_from)
        return (
            ObservationVerdict.OLDER_THAN_OURS,
            first,
            f"our first price is of {instant_text(first.valid_from)}",
        )
    if ours.usd is None:
        return ObservationVerdict.OLDER_THAN_OURS, ours, f"ours ended on {instant_text(ours.valid_from)}"
    return _weigh_amounts(item, ours, ours.usd, _successor(item, like, at))


def _weigh_amounts(
    item: Observation, ours: PriceRow, usd: Decimal, successor: PriceRow | None
) -> tuple[ObservationVerdict, PriceRow, str]:
    if abs(item.usd - usd) <= usd * ROUNDING:
        return ObservationVerdict.AGREES, ours, ""
    if successor is not None:
        return (
            ObservationVerdict.OLDER_THAN_OURS,
            successor,
            f"ours until {instant_text(successor.valid_from)}",
        )
    if missing := _missing(ours, item):
        return ObservationVerdict.MISSING_CLASS, ours, f"no price for {missing}; {usd:f} would be used"
    return ObservationVerdict.DIFFERS, ours, ""


def _missing(ours: PriceRow, item: Observation) -> str:
    """The conditions of the observation that our row does not have."""
    have, want = ours.when, item.when
    general = When(
        context_over=-1 if have.context_over >= 0 else want.context_over,
        region="" if have.region else want.region,
        speed="" if have.speed else want.speed,
        window="" if have.window else want.window,
    )
    return str(general)


def _successor(item: Observation, like: Sequence[PriceRow], at: int) -> PriceRow | None:
    """The row that took the place of a row with their price, if their price was once ours."""
    past = sorted((r for r in like if r.valid_from <= at), key=lambda r: r.valid_from)
    for place, row in enumerate(past):
        later = next((r for r in past[place + 1 :] if r.when == row.when and r.usd != row.usd), None)
        if row.usd == item.usd and later is not None:
            return later
    return None


def _covers(row: PriceRow, item: Observation) -> bool:
    """Whether a row could be the price of the observed case.

    Sources differ on whether a threshold itself is dear (>= or >), so the case is a request of two tokens
    more than theirs, which both readings call dear.
    """
    ours, theirs = row.when, item.when
    reach = theirs.context_over + 1 if theirs.context_over >= 0 else -1
    return (
        ours.tier == theirs.tier
        and ours.context_over <= reach
        and ours.region in ("", theirs.region)
        and ours.speed in ("", theirs.speed)
        and ours.window in ("", theirs.window)
    )


def in_force(rows: Iterable[PriceRow], at: int) -> PriceRow | None:
    """The row that says the price at a time: the latest of each condition, of those the most specific.

    A condition that ended gives way to the more general one; when all have ended, the last end is returned.
    """
    latest: dict[object, PriceRow] = {}
    for row in sorted(rows, key=lambda r: r.valid_from):  # stable: a correction stands after what it corrects
        if row.valid_from <= at:
            latest[row.when] = row
    live = [r for r in latest.values() if r.usd is not None]
    if not live:
        return max(latest.values(), key=lambda r: r.valid_from, default=None)
    return max(
        live,
        key=lambda r: (bool(r.when.speed), bool(r.when.region), bool(r.when.window), r.when.context_over),
    )
