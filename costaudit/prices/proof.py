"""The proof that exactly one row matches every point: no gap, no overlap.

A point is a model, a class, an instant, a service tier, a context size, a time window, a region and a
speed. The row in force there is the most specific one that matches. Between two neighbouring dates
nothing changes, so it is enough to look at each stretch of time, and within it at pairs of rows:

- if two rows of a class can match the same point, the row with the conditions of both must exist too
  (or be one of them); then the rows that match any point have one most specific row, never two;
- a class with a conditional row must have the row without those conditions too; then a point outside
  of every condition has a row.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from costaudit.prices.book import PriceBook
from costaudit.prices.conditions import STANDARD, When
from costaudit.prices.rows import UNIT_CLASSES, PriceRow, instant_text

CORE: Final = ("input", "output")
"""Classes without which no call can be priced."""


class Flaw(msgspec.Struct, frozen=True):
    """A point, or many, where not exactly one row matches."""

    kind: str
    """overlap, gap, partial (a condition that some classes have and others lack) or flat (a service tier
    without the long-context price that the standard tier has)."""
    row: PriceRow
    message: str


def find_flaws(book: PriceBook) -> Iterator[Flaw]:
    """Every flaw of every model, one per row and kind."""
    for key in book.rows:
        seen = set()
        for flaw in _find_in_model(book.in_force[key]):
            if (flaw.kind, flaw.row) not in seen:
                seen.add((flaw.kind, flaw.row))
                yield flaw


def _find_in_model(rows: Sequence[PriceRow]) -> Iterator[Flaw]:
    yield from _find_half_tiers(rows)
    yield from _find_flat_tiers(rows)
    for tier in dict.fromkeys(row.when.tier for row in rows):
        ours = sorted((row for row in rows if row.when.tier == tier), key=lambda r: r.valid_from)
        if any(row.when != When(tier=tier) for row in ours):
            yield from _find_in_conditions(ours)
        yield from _find_late_starts(ours)
        yield from _find_early_ends(ours)


def _find_half_tiers(rows: Sequence[PriceRow]) -> Iterator[Flaw]:
    """A service tier has a price for input and for output, or for neither."""
    tiers: dict[str, dict[str, PriceRow]] = {}
    for row in rows:
        if row.klass in CORE:
            tiers.setdefault(row.when.tier, {})[row.klass] = row
    wanted = tiers.get(STANDARD, {})
    for tier, classes in tiers.items():
        for klass in wanted.keys() - classes.keys():
            row = next(iter(classes.values()))
            yield Flaw("gap", row, f"{row.provider}/{row.model} has no {klass} price under tier={tier}")


def _find_flat_tiers(rows: Sequence[PriceRow]) -> Iterator[Flaw]:
    """A long-context price of the standard tier has its like in every other tier of that time."""
    inputs = [row for row in rows if row.klass == "input"]
    bands = [row for row in inputs if row.usd is not None and row.when == When(row.when.context_over)]
    for band in bands if any(row.when.tier != STANDARD for row in inputs) else ():
        if band.when.context_over < 0:
            continue
        ended = [r.valid_from for r in inputs if r.when == band.when and r.usd is None]
        for base in inputs:
            tier = base.when.tier
            if (
                tier == STANDARD
                or base.when != When(tier=tier)
                or base.valid_from >= max(ended, default=_FOREVER)
            ):
                continue
            if not any(r.when == When(band.when.context_over, tier) for r in inputs):
                name = f"{base.provider}/{base.model}"
                yield Flaw("flat", base, f"{name} has prices under [{band.when}], but none under tier={tier}")


_FOREVER: Final = 2**63


def _find_in_conditions(rows: Sequence[PriceRow]) -> Iterator[Flaw]:
    live: dict[tuple[str, When], PriceRow] = {}
    for _, starting in itertools.groupby(rows, key=lambda r: r.valid_from):
        for row in starting:
            if row.usd is None:
                live.pop((row.klass, row.when), None)
            else:
                live[row.klass, row.when] = row
        yield from _find_overlaps(live)
        yield from _find_baseless(live.values())
        yield from _find_partial(live.values())


def meet(a: When, b: When) -> When | None:
    """The conditions of both; None when no request can be under both."""
    if any(getattr(a, n) and getattr(b, n) and getattr(a, n) != getattr(b, n) for n in _WORDS):
        return None
    return When(
        max(a.context_over, b.context_over), a.tier, *(getattr(a, n) or getattr(b, n) for n in _WORDS)
    )


_WORDS: Final = ("window", "region", "speed")


def _find_overlaps(live: dict[tuple[str, When], PriceRow]) -> Iterator[Flaw]:
    by_class: dict[str, list[PriceRow]] = {}
    for row in live.values():
        if str(row.when):
            by_class.setdefault(row.klass, []).append(row)
    for klass, rows in by_class.items():
        for first, second in itertools.combinations(rows, 2):
            both = meet(first.when, second.when)
            if both is not None and (klass, both) not in live:
                yield Flaw(
                    "overlap",
                    second,
                    f"{second.rate_id} and {first.rate_id} both match [{both}], which has no row of its own",
                )


def _find_baseless(live: Iterable[PriceRow]) -> Iterator[Flaw]:
    based = {row.klass for row in live if row.when == When(tier=row.when.tier)}
    for row in live:
        if row.klass not in based:
            base = str(When(tier=row.when.tier)) or "without conditions"
            yield Flaw(
                "gap", row, f"{row.rate_id} holds only under its conditions: no {row.klass} row {base} then"
            )


def _find_partial(live: Iterable[PriceRow]) -> Iterator[Flaw]:
    """Conditions that change the price of some classes of tokens and say nothing of others."""
    tokens = [row for row in live if row.klass not in UNIT_CLASSES]
    have: dict[When, set[str]] = {}
    for row in tokens:
        have.setdefault(row.when, set()).add(row.klass)
    for row in tokens:
        for when, classes in have.items():
            if row.klass in classes or meet(row.when, when) != when:
                continue
            yield Flaw(
                "partial",
                row,
                f"{row.provider}/{row.model} has prices under [{when}], but none for {row.klass}",
            )


def _find_late_starts(rows: Sequence[PriceRow]) -> Iterator[Flaw]:
    """Input and output have their first price at the same instant."""
    first: dict[str, PriceRow] = {}
    for row in rows:
        if row.klass in CORE and row.usd is not None:
            first.setdefault(row.klass, row)
    if len(first) == len(CORE):
        early, late = sorted(first.values(), key=lambda r: r.valid_from)
        if early.valid_from < late.valid_from:
            yield Flaw(
                "gap",
                late,
                f"{late.rate_id} starts after {early.rate_id}: no price for {late.klass} until then",
            )


def _find_early_ends(rows: Sequence[PriceRow]) -> Iterator[Flaw]:
    """Input and output of a tier end together, and what has ended without successor has ended for all."""
    state: dict[str, PriceRow] = {}
    for start, starting in itertools.groupby(rows, key=lambda r: r.valid_from):
        for row in starting:
            if row.klass in CORE and row.when == When(tier=row.when.tier):
                state[row.klass] = row
        ended = [row for row in state.values() if row.usd is None]
        alive = [row for row in state.values() if row.usd is not None]
        for row in ended if alive else ():
            yield Flaw(
                "gap", row, f"{row.rate_id} has ended, {alive[0].rate_id} goes on after {instant_text(start)}"
            )
