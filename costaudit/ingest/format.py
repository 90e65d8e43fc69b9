"""What a log format adapter is: a name, a detection rule, and a mapping from one record to calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from costaudit.schema import Call

Record = Mapping[str, Any]
"""One decoded log record: a JSON object, or a Parquet row as nested Python values."""


class Inner(dict[str, Any]):
    """A record that was in envelopes."""

    __slots__ = ("around",)
    around: Sequence[Record]
    """The envelopes, the nearest first."""

    def __init__(self, record: Record, around: Sequence[Record]) -> None:
        super().__init__(record)
        self.around = around


def around_of(record: Record) -> Sequence[Record]:
    """The envelopes that a record was in, the nearest first."""
    return record.around if isinstance(record, Inner) else ()


class Skip(Exception):  # noqa: N818 - control flow between adapter and reader, never shown to the user
    """Raised by an adapter for a record that cannot be counted: a reason code and, maybe, a detail.

    The detail names fields and types, never values that could be prompt text or a secret.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        """A code from `costaudit.ingest.quarantine.REASONS`."""
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Adapter:
    """One log format. A new format is a new file with one of these and a line in the registry."""

    name: str
    """The name in `inputs.formats` and for `--input-format`."""
    title: str
    """One line for `costaudit formats`."""
    matches: Callable[[Record], bool]
    """True when the record has this format's marks. Must not raise on odd values."""
    calls: Callable[[Record], list[Call]]
    """The calls that the record describes: usually one, none for a record that is not a call
    (a header, an aggregate). Raises `Skip` for a call that cannot be counted."""
    needs: tuple[str, ...] = ()
    """Fields whose absence is named when a file comes near this format but does not match."""
    session: Callable[[], Callable[[Record], list[Call]]] | None = None
    """For formats whose lines are understood only in their order (a header names the session, a turn
    the model): makes a reader of one file that remembers. `calls` then reads a line on its own."""

    traced: Callable[[Record], list[Call]] | None = None
    """For formats of spans: what `calls` gives, and beside it the spans that are no calls, as calls with
    a `span` of such a kind. Who is inside whom is decided over the whole run."""

    holds: Callable[[Record], list[Record]] | None = None
    """For formats that also carry lines of others: what a record holds of them, to be read by their own
    formats."""

    told: str = ""
    """What a user's own format is: all that its name does not say."""

    counts: frozenset[str] = frozenset()
    """Keys of a user's own format that hold counts, though their names do not say so."""

    def for_one_file(self) -> Adapter:
        """The adapter to read one file's records with, in their order, by one thread."""
        return self if self.session is None else replace(self, calls=self.session(), session=None)


def counts_in(adapters: Sequence[Adapter]) -> frozenset[str]:
    """The keys that formats of the user hold counts under."""
    return frozenset().union(*(adapter.counts for adapter in adapters if adapter.counts))
