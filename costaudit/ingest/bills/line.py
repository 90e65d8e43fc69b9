"""What a provider's export says: lines of a bill, and what a format of such exports is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from costaudit.ingest.quarantine import Quarantine

Row = Mapping[str, Any]
"""A row of a CSV export, or a result of a JSON page with the times of its bucket."""

Kind = Literal["usage", "cost"]
"""Whether a line counts tokens or states money."""

CLASSES: Final = (
    "input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "input_audio", "output_audio",
    "web_searches",
)  # fmt: skip
"""The counts that a line may state, in the order in which they are shown; disjoint, as in the ledger."""


class DaySpan(msgspec.Struct, frozen=True):
    """The days that a bucket touches, in UTC, both included."""

    first: date
    last: date
    utc: bool = True
    """Whether the bucket begins and ends with a UTC day, or lies within one."""


class BillLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a bill. Token classes are disjoint; None where the export does not state a class."""

    kind: Kind
    format: str
    file: str
    provider: str
    """The provider of the price book that sends the bill."""
    span: DaySpan
    model: str | None = None
    """As the bill names it; None where the export is not grouped by model, or for what has no model."""
    input: int | None = None
    """Neither read from nor written to a cache."""
    cache_read: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None
    output: int | None = None
    """Reasoning included."""
    input_audio: int | None = None
    output_audio: int | None = None
    web_searches: int | None = None
    requests: int | None = None
    usd: Decimal | None = None
    service_tier: str | None = None
    batch: bool | None = None
    region: str | None = None
    speed: str | None = None
    context: int = 0
    """A number of input tokens within the context band that the line is for; 0 for the lowest."""
    line_item: str | None = None
    """What is charged, where the bill says it; None for the sum of everything in the bucket."""

    @property
    def day(self) -> date | None:
        """The UTC day, where the line is for one."""
        return self.span.first if self.span.first == self.span.last else None

    @property
    def tokens(self) -> dict[str, int]:
        """The counts that the line states."""
        stated = {name: getattr(self, name) for name in CLASSES}
        return {name: count for name, count in stated.items() if count is not None}


class BillPlace(msgspec.Struct, frozen=True):
    """Which file and provider a line is for: what a format needs beside the row."""

    file: str
    span: DaySpan


class BillFormat(msgspec.Struct, frozen=True):
    """One kind of export. A new one is a new file with one of these and a line in the registry."""

    name: str
    title: str
    """As it is called in messages: `an Anthropic cost report`."""
    kind: Kind
    provider: str
    matches: Callable[[Row], bool]
    """True when a row or result has this format's marks. Must not raise on odd values."""
    line: Callable[[Row, BillPlace], BillLine | None]
    """The line that a row states, None for a row that states nothing. Raises `Skip` for one that cannot
    be counted, InputError for what makes the whole bill useless."""
    columns: tuple[str, ...] = ()
    """Columns of the CSV that must be there; empty for JSON alone."""


class ReadBill(msgspec.Struct):
    """One file of a bill, read."""

    file: str
    lines: list[BillLine]
    spans: dict[tuple[str, Kind], list[DaySpan]]
    """By provider and kind, every bucket that the file has, also the empty ones."""
    formats: tuple[str, ...]
    sha256: str
    """Of the bytes: the same bill given twice would count twice."""
    incomplete: bool = False
    """The last page says that there are more."""
    quarantine: Quarantine = msgspec.field(default_factory=Quarantine)
