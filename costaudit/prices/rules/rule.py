"""What a rule is, what it looks at, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import cached_property
from typing import Final, NamedTuple

import msgspec

from costaudit.prices.book import ModelKey, PriceBook
from costaudit.prices.conditions import When
from costaudit.prices.folders import Folder
from costaudit.prices.gateways import Gateways
from costaudit.prices.proof import Flaw, find_flaws
from costaudit.prices.rows import PriceRow
from costaudit.prices.rules.deltas import Delta, find_deltas
from costaudit.prices.semantics import SemanticsTable
from costaudit.prices.tables import header_line
from costaudit.times import DAY_US

ERROR: Final = "error"
WARNING: Final = "warning"
PLAIN: Final = When()
"""The conditions of the standard price: none."""


class BrokenAt(NamedTuple):
    """A place where a rule is broken."""

    file: str
    line: int
    subject: str
    """What it is about, whatever line it stands on: a rate id, provider/model, provider/alias."""
    message: str


class Rule(msgspec.Struct, frozen=True):
    """A rule: what it looks for, why, and what to do when it is broken."""

    code: str
    """CA, a digit for the family, two for the rule: CA303. Selected by any beginning of it."""
    name: str
    severity: str
    """error or warning."""
    why: str
    """What goes wrong when it is broken; real cases."""
    fix: str
    """What to do, in one sentence."""
    example: str
    """A row, or two, that break it."""
    find: Callable[[CheckedTables], Iterable[BrokenAt]]
    needs: str = ""
    """base, now, max_age, against, traffic or logs: without it the rule is not judged."""


class Violation(msgspec.Struct, frozen=True, order=True):
    """A rule that is broken somewhere. Sorts by file and line."""

    file: str
    line: int
    """0 for a whole file."""
    code: str
    severity: str
    message: str
    subject: str = ""
    """A name for what it is about that survives moves of its line."""
    name: str = ""
    """The name of the rule."""
    help: str = ""
    """Why the rule is there."""
    fix: str = ""
    """What to do."""


def violation(rule: Rule, found: BrokenAt) -> Violation:
    """A finding of a rule, with all that a renderer needs."""
    return Violation(
        found.file,
        found.line,
        rule.code,
        rule.severity,
        found.message,
        found.subject,
        rule.name,
        rule.why,
        rule.fix,
    )


class Wanted(msgspec.Struct, frozen=True):
    """Models of which a policy needs one: successive models of a seat, the last the newest."""

    names: tuple[str, ...]
    """provider/model."""
    file: str
    line: int
    shipped: bool = False
    """Of the roster that comes with costaudit: a book of one's own need not have it."""


class UnpricedTraffic(msgspec.Struct, frozen=True):
    """Requests of real traffic that the tables give no price."""

    name: str
    """The model as it was logged, with its provider where that is known."""
    reason: str
    """unknown_model, no_price_at_that_time …"""
    requests: int
    file: str
    """The logs or the ledger, as the user named them."""
    detail: str = ""
    """A suggestion, for the eye."""


class Base(msgspec.Struct, frozen=True):
    """What the tables said before a change."""

    book: PriceBook
    gateways: Gateways


class CheckedTables(msgspec.Struct, frozen=True, dict=True):
    """Tables that are checked, with what they are checked against."""

    book: PriceBook
    place: Folder
    """Where the tables are."""
    gateways: Gateways
    semantics: SemanticsTable
    base: Base | None = None
    now: int | None = None
    """Microseconds UTC; what depends on the day is not judged without it."""
    max_age_days: int | None = None
    """After how many days a price should be compared with its source again."""
    grace_days: int = 14
    """How far in the past a new row may start without a word."""
    wanted: tuple[Wanted, ...] = ()
    unpriced: tuple[UnpricedTraffic, ...] = ()
    """What logs or a ledger hold that has no price by these tables."""

    @property
    def rows(self) -> Iterator[PriceRow]:
        """Every row that was ever written."""
        return (row for rows in self.book.rows.values() for row in rows)

    @property
    def standing(self) -> Iterator[PriceRow]:
        """The rows that still hold: a price that was corrected need not be plausible."""
        return (row for rows in self.book.in_force.values() for row in rows)

    @cached_property
    def pairs(self) -> PricePairs:
        """Prices that hold at the same time of the same model."""
        return _pair(self.book)

    @cached_property
    def flaws(self) -> tuple[Flaw, ...]:
        """Where not exactly one row matches."""
        return tuple(find_flaws(self.book))

    @cached_property
    def deltas(self) -> tuple[Delta, ...]:
        """What was written since the base; nothing without one."""
        return tuple(find_deltas(self.base.book, self.book)) if self.base is not None else ()

    @property
    def settled(self) -> int:
        """The instant before which the past is settled: what was billed then has been reported."""
        return (self.now or 0) - self.grace_days * DAY_US

    def shown(self, table: str) -> str:
        """A table as messages name it."""
        return f"{self.book.directory}/{table}"

    def fee_line(self, gateway: str, nth: int) -> int:
        """The line of the nth fee of a gateway, from 0; 0 where it is not known."""
        return header_line(self.place, "gateways.toml", f"{gateway}.fees", nth)


class PricePair(NamedTuple):
    """Two prices of a model, at an instant at which at least one of them starts."""

    row: PriceRow
    usd: Decimal
    to: PriceRow
    to_usd: Decimal


class PricePairs(msgspec.Struct, frozen=True):
    """Prices beside those that they are compared with; prices of 0 are not compared."""

    inputs: tuple[PricePair, ...]
    """A class beside input, under the same conditions."""
    plain: tuple[PricePair, ...]
    """A price under conditions beside that of its class without any."""
    steps: tuple[PricePair, ...]
    """A price beside the one that it followed on."""
    live: dict[ModelKey, list[dict[tuple[str, When], PriceRow]]]
    """Every state of every model: what held, from each start of a price on."""


def _pair(book: PriceBook) -> PricePairs:
    inputs: list[PricePair] = []
    plain: list[PricePair] = []
    steps: list[PricePair] = []
    states: dict[ModelKey, list[dict[tuple[str, When], PriceRow]]] = {}
    for key, rows in book.in_force.items():
        live: dict[tuple[str, When], PriceRow] = {}
        mine = states[key] = []
        ordered = sorted(rows, key=_start)
        place = 0
        while place < len(ordered):
            start = ordered[place].valid_from
            began = []
            while place < len(ordered) and ordered[place].valid_from == start:
                row = ordered[place]
                place += 1
                series = (row.klass, row.when)
                before = live.get(series)
                if before is not None and before.usd and row.usd and before.overlay == row.overlay:
                    steps.append(PricePair(row, row.usd, before, before.usd))
                if row.usd is None:
                    live.pop(series, None)
                else:
                    live[series] = row
                    began.append(row)
            mine.append(dict(live))
            inputs += _beside(live, began, lambda r: ("input", r.when), "input")
            plain += _beside(live, began, lambda r: (r.klass, PLAIN), "")
    return PricePairs(tuple(inputs), tuple(plain), tuple(steps), states)


def _start(row: PriceRow) -> int:
    return row.valid_from


def _beside(
    live: dict[tuple[str, When], PriceRow],
    began: list[PriceRow],
    other: Callable[[PriceRow], tuple[str, When]],
    klass: str,
) -> Iterator[PricePair]:
    """Pairs of live rows with the row that `other` names, where one of the two has just begun."""
    fresh = {(row.klass, row.when) for row in began}
    moved = any((r.klass == klass) if klass else (r.when == PLAIN) for r in began)
    for row in live.values() if moved else began:
        series = other(row)
        base = live.get(series)
        if base is None or base is row or not row.usd or not base.usd or row.overlay != base.overlay:
            continue  # a negotiated price is no slip of the list beside it
        if (row.klass, row.when) in fresh or series in fresh:
            yield PricePair(row, row.usd, base, base.usd)
