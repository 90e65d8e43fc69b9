"""Whether tables hold together: every rule asked, what is known and right left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from costaudit.errors import CostauditError, TableError
from costaudit.prices.book import PriceBook, load_book
from costaudit.prices.folders import Folder, open_folder
from costaudit.prices.gateways import load_gateways
from costaudit.prices.rules.registry import OBSERVED, RULES, UNREADABLE, UNUSED
from costaudit.prices.rules.rule import (
    Base,
    BrokenAt,
    CheckedTables,
    Rule,
    UnpricedTraffic,
    Violation,
    Wanted,
    violation,
)
from costaudit.prices.rules.suppressions import Suppressed, Suppression, load_suppressions, split_suppressed
from costaudit.prices.semantics import load_semantics

__all__ = ["CheckTerms", "Checked", "Violation", "check_tables", "judge_tables", "load_base"]


class CheckTerms(msgspec.Struct, frozen=True):
    """What tables are judged by."""

    rules: tuple[Rule, ...] = RULES
    base: Base | None = None
    """What they said before; without it nothing is judged that only a comparison shows."""
    now: int | None = None
    """Microseconds UTC; without it nothing is judged that depends on the day."""
    max_age_days: int | None = None
    grace_days: int = 14
    wanted: tuple[Wanted, ...] = ()
    """What policies need prices for."""
    against: Callable[[PriceBook], Iterable[Violation]] | None = None
    """Where another source states other prices."""
    traffic: Callable[[], Iterable[UnpricedTraffic]] | None = None
    """Requests that these tables give no price, asked once the tables are known to be readable."""


class Checked(msgspec.Struct, frozen=True):
    """What was found."""

    violations: tuple[Violation, ...]
    """By file and line."""
    suppressed: tuple[Suppressed, ...] = ()
    unreadable: bool = False
    """A table could not be read, so nothing else was judged."""

    @property
    def errors(self) -> int:
        """Violations that fail the check."""
        return sum(v.severity == "error" for v in self.violations)


def check_tables(
    directory: Folder | str | None = None, overlays: Sequence[Path | str] = ()
) -> list[Violation]:
    """Everything that is wrong with a directory of tables (the shipped one by default) and its overlays."""
    return list(judge_tables(directory, overlays).violations)


def judge_tables(
    directory: Folder | str | None = None,
    overlays: Sequence[Path | str] = (),
    terms: CheckTerms | None = None,
) -> Checked:
    """The rules of `terms` on a directory of tables (the shipped one by default) and its overlays.

    Tables that cannot be read are violations of CA101, all of them named, and nothing else is judged.
    """
    terms = terms or CheckTerms()
    place, shown = open_folder(directory)
    try:
        book = load_book(directory, overlays=overlays)
        gateways, semantics = load_gateways(directory), load_semantics(directory)
        suppressions = load_suppressions(place, shown)
        for overlay in overlays:
            suppressions += load_suppressions(Path(overlay), str(overlay))
            load_gateways(directory, [overlay])  # whether they can be read
    except CostauditError as error:
        return Checked((_unreadable(error),), unreadable=True)
    broken = [_unreadable(error) for error in _read_everything(book)]
    if broken:
        return Checked(tuple(sorted(set(broken))), unreadable=True)
    unpriced, impossible = _unpriced(terms)
    case = CheckedTables(
        book, place, gateways, semantics,
        terms.base, terms.now, terms.max_age_days, terms.grace_days, terms.wanted,
        unpriced,
    )  # fmt: skip
    asked = [rule for rule in terms.rules if _can_judge(rule, terms)]
    try:
        found = [*impossible, *(violation(rule, item) for rule in asked for item in rule.find(case))]
    except CostauditError as error:  # of the base, which is parsed while it is compared
        broken = [_unreadable(error, "in the base: ")]
        return Checked(tuple(broken), unreadable=True)
    if terms.against is not None and OBSERVED in asked:
        found += terms.against(book)
    stays, hidden, unused = split_suppressed(found, suppressions)
    if UNUSED in terms.rules:
        codes = {rule.code for rule in asked}
        stays += [_unused(entry) for entry in unused if entry.code in codes]
    return Checked(tuple(sorted(stays)), tuple(hidden))


def _unpriced(terms: CheckTerms) -> tuple[tuple[UnpricedTraffic, ...], list[Violation]]:
    """The traffic without a price; or why nothing can be priced by such tables."""
    if terms.traffic is None:
        return (), []
    try:
        return tuple(terms.traffic()), []
    except TableError as error:
        return (), [_unreadable(error)]


def _can_judge(rule: Rule, terms: CheckTerms) -> bool:
    has = {
        "": True,
        "base": terms.base is not None and terms.now is not None,
        "now": terms.now is not None,
        "max_age": terms.max_age_days is not None,
        "against": terms.against is not None,
        "logs": False,  # what a change does to a bill is for a diff
        "traffic": terms.traffic is not None,
    }
    return has[rule.needs]


def _read_everything(book: PriceBook) -> Iterator[CostauditError]:
    """The first error of every model and alias."""
    for table in (book.rows, book.facts, book.aliases, book.in_force):
        for key in table:
            try:
                table[key]
            except CostauditError as error:
                yield error
                if table is book.in_force:
                    return


def _unreadable(error: CostauditError, where: str = "") -> Violation:
    message = where + error.message + (f" ({error.hint})" if error.hint else "")
    return violation(UNREADABLE, BrokenAt(error.path or "", error.line or 0, error.path or "", message))


def _unused(entry: Suppression) -> Violation:
    told = f"nothing breaks {entry.code} at {entry.subject!r}: the suppression has no use"
    return violation(UNUSED, BrokenAt(entry.path, entry.line, f"{entry.code} {entry.subject}", told))


def load_base(directory: Folder | str) -> Base:
    """The tables that others are compared with; raises TableError when they cannot be read."""
    return Base(load_book(directory), load_gateways(directory))
