"""Hold the price book against other tables where two independent ones agree.

A point is a model, class and condition at a time. Tables that are made from each other are one lineage:
veqen-pricebook is made from LiteLLM's, model-prices from models.dev. Where two lineages state the same price,
the book should have it; what it has otherwise is listed, with the note of its row, which is to say why.

usage: python tools/price_agreement.py [--at DAY] [SOURCE ...]

SOURCE is what `costaudit pricing import` takes: a package that is installed beside costaudit, or a file.
Without any, every package that is known and installed. Exit code 1 where a difference has no note.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from costaudit.errors import CostauditError
from costaudit.prices.book import PriceBook, load_book
from costaudit.prices.importers.compare import ROUNDING, Comparison, ObservationVerdict, compare
from costaudit.prices.importers.load import load_source
from costaudit.prices.importers.registry import IMPORTERS
from costaudit.times import time_us

LINEAGES = {"veqen-pricebook": "litellm", "model-prices": "models-dev"}
"""The lineage of a kind of source, where it is not its own."""

Point = tuple[str, str, str, str]
"""Provider, model, class and condition."""


@dataclass(frozen=True)
class Agreed:
    """A price that two lineages state, and what the book says."""

    point: Point
    usd: Decimal
    lineages: tuple[str, ...]
    verdict: ObservationVerdict
    ours: str
    note: str


def main() -> int:
    """Print the table; the exit code of the program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sources", nargs="*")
    parser.add_argument("--at", default=datetime.now(UTC).date().isoformat())
    options = parser.parse_args()
    at = time_us(options.at)
    if at is None:
        parser.error(f"{options.at} is not a day")
    book = load_book()
    agreed = list(find_agreed(observe(book, options.sources or known_packages(), at)))
    show(agreed)
    return int(any(a.verdict is not ObservationVerdict.AGREES and not a.note for a in agreed))


def known_packages() -> list[str]:
    """The packages that an importer knows and that are installed."""
    found = []
    for package in (i.package for i in IMPORTERS if i.package):
        try:
            load_source(package)
        except CostauditError:
            continue
        found.append(package)
    return found


def observe(book: PriceBook, sources: Iterable[str], at: int) -> Iterator[tuple[str, Comparison]]:
    """What every source says at a time, by its lineage, held against the book."""
    for name in sources:
        source = load_source(name)
        kind = source.importer.kind
        crosscheck = compare(book, source.observations(book.windows), at, at)
        print(f"{source.id}: {len(crosscheck.comparisons)} prices", file=sys.stderr)
        for comparison in crosscheck.comparisons:
            if comparison.provider is not None and comparison.how is not None:
                yield LINEAGES.get(kind, kind), comparison


def find_agreed(observed: Iterable[tuple[str, Comparison]]) -> Iterator[Agreed]:
    """The points at which two lineages state one price."""
    points: dict[Point, dict[str, list[Comparison]]] = defaultdict(lambda: defaultdict(list))
    for lineage, found in observed:
        when = str(found.observation.when)
        points[str(found.provider), found.model, found.observation.klass, when][lineage].append(found)
    for point, by_lineage in sorted(points.items()):
        best = _common(by_lineage)
        if best is not None:
            usd, lineages, found = best
            row = found.ours
            ours = "none" if row is None or row.usd is None else f"{row.usd:f}"
            yield Agreed(point, usd, lineages, found.verdict, ours, row.note if row else "")


def _common(
    by_lineage: Mapping[str, list[Comparison]],
) -> tuple[Decimal, tuple[str, ...], Comparison] | None:
    """The price that most lineages state, two at least; ours where more than one is stated so often."""
    best: tuple[int, bool, Decimal, tuple[str, ...], Comparison] | None = None
    for found in (c for of in by_lineage.values() for c in of):
        usd = found.observation.usd
        same = tuple(
            sorted(
                lineage
                for lineage, others in by_lineage.items()
                if any(abs(o.observation.usd - usd) <= usd * ROUNDING for o in others)
            )
        )
        rank = (len(same), found.verdict is ObservationVerdict.AGREES)
        if len(same) > 1 and (best is None or rank > best[:2]):
            best = (*rank, usd, same, found)
    return best[2:] if best else None


def show(agreed: list[Agreed]) -> None:
    """Print what differs, and the share that does not."""
    right = sum(a.verdict is ObservationVerdict.AGREES for a in agreed)
    for found in agreed:
        if found.verdict is not ObservationVerdict.AGREES:
            provider, model, klass, when = found.point
            condition = f" [{when}]" if when else ""
            print(
                f"{provider}/{model} {klass}{condition}: {'+'.join(found.lineages)} {found.usd:f}, "
                f"ours {found.ours} ({found.verdict}){': ' + found.note if found.note else ''}"
            )
    share = 100 * right / len(agreed) if agreed else 0.0
    unsaid = sum(a.verdict is not ObservationVerdict.AGREES and not a.note for a in agreed)
    print(
        f"{len(agreed)} points where two lineages agree, {right} as ours ({share:.2f} %), "
        f"{unsaid} of the others without a note"
    )


if __name__ == "__main__":
    sys.exit(main())
