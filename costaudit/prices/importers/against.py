"""A source as a rule of `pricing check`: disagreements are warnings, because an observer may be wrong."""

from __future__ import annotations

from costaudit.prices.book import PriceBook
from costaudit.prices.importers.compare import Comparison, ObservationVerdict, compare
from costaudit.prices.importers.load import load_source
from costaudit.prices.rows import instant_text
from costaudit.prices.rules.registry import OBSERVED
from costaudit.prices.rules.rule import BrokenAt, Violation, violation


def check_against(book: PriceBook, source: str, now: int) -> list[Violation]:
    """Where our rows and a source (a package, a file or a URL) state different prices, as warnings.

    Raises UsageError or TableError when the source cannot be read. `now` in microseconds UTC.
    """
    loaded = load_source(source)
    check = compare(book, loaded.observations(book.windows), now)
    found = {_violation(c, loaded.id) for c in check.of(ObservationVerdict.DIFFERS) if c.ours is not None}
    return sorted(found)


def _violation(c: Comparison, source: str) -> Violation:
    ours, item = c.ours, c.observation
    if ours is None or ours.usd is None:  # by definition of Verdict.DIFFERS
        raise AssertionError(c)
    case = f" [{item.when}]" if item.when != ours.when else ""
    message = (
        f"{ours.rate_id} is {ours.usd:f} ({ours.confidence}), but {source} says {item.usd:f}{case} "
        f"for {instant_text(c.at)[:10]} at {item.place}"
    )
    return violation(OBSERVED, BrokenAt(ours.path, ours.line, ours.rate_id, message))
