"""Which format a record has: decided for the file by its first records, with a fallback per record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from costaudit.errors import UsageError, did_you_mean
from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.settle import settled
from costaudit.schema import Call

SAMPLE: Final = 200
"""Records that the decision for a file looks at."""


def adapter_named(name: str, adapters: Sequence[Adapter] = ADAPTERS) -> Adapter:
    """The adapter of that name; raises UsageError with the nearest names otherwise."""
    for adapter in adapters:
        if adapter.name == name:
            return adapter
    names = [adapter.name for adapter in adapters]
    raise UsageError(
        f"no log format is called {name!r}", hint=did_you_mean(name, names) or "formats: " + ", ".join(names)
    )


def matching(record: Record, adapters: Sequence[Adapter] = ADAPTERS) -> Adapter | None:
    """The first adapter in the given order whose marks the record has."""
    for adapter in adapters:
        if adapter.matches(record):
            return adapter
    return None


def detect(records: Sequence[Record], adapters: Sequence[Adapter] = ADAPTERS) -> Adapter | None:
    """The adapter that most of the sample belongs to; ties go to the more specific one."""
    votes: Counter[str] = Counter()
    for record in records:
        adapter = matching(record, adapters)
        if adapter is not None:
            votes[adapter.name] += 1
            if 2 * votes[adapter.name] > len(records):
                return adapter
    return next((a for a in adapters if votes[a.name] == max(votes.values())), None) if votes else None


def rank(adapter: Adapter, adapters: Sequence[Adapter] = ADAPTERS) -> int:
    """Place of an adapter in the order of specificity: the smaller, the more specific."""
    return next(i for i, known in enumerate(adapters) if known.name == adapter.name)


def read_record(
    record: Record,
    expected: Adapter | None,
    *,
    forced: bool = False,
    adapters: Sequence[Adapter] = ADAPTERS,
) -> tuple[Adapter, list[Call]]:
    """The settled calls of one record by the file's adapter or, if it does not match, by any other.

    Raises Skip when no format matches or the record cannot be counted.
    """
    adapter = expected
    if adapter is None or not (forced or adapter.matches(record)):
        adapter = matching(record, adapters)
    if adapter is None:
        raise Skip("unrecognised")
    return adapter, settled(adapter.calls(record))
