"""What was set aside while reading, and why: counted by reason, with the first few places named."""

from __future__ import annotations

from typing import Final

import msgspec

REASONS: Final[dict[str, str]] = {
    "not_json": "the line is not valid JSON",
    "not_utf8": "the line is not valid UTF-8",
    "not_object": "the line is JSON, but not an object",
    "line_too_long": "the line, row or JSON value is longer than is read (see --limit: 64 MB)",
    "wrong_columns": "the row has another number of fields than the header",
    "unrecognised": "the record has no known log format",
    "aggregate": "the record sums up many calls: it is no log of them",
    "runs_no_model": "the request runs no model: it reads, lists, cancels or manages something",
    "no_usage_in_log": "logs of this kind state no token counts",
    "no_model": "the record names no model",
    "model_not_text": "the model is not text",
    "negative_usage": "a token count is negative",
    "fractional_usage": "a token count has a fraction",
    "not_integer_usage": "a token count is not an integer",
    "usage_too_large": "a token count is beyond what a request can have: a clock, or an overflow",
    "unreadable_file": "the file could not be read as a log",
    "truncated_file": "the file ends in the middle of its data",
    "damaged_data": "the data here is damaged and cannot be decoded",
    "not_a_bill": "it is no page, bucket or result of a known bill",
    "bad_time": "the times of a bill's line cannot be read",
    "bad_amount": "an amount of money cannot be read",
    "no_currency": "an amount has no currency",
    "no_tokens": "the line counts something other than tokens",
    "inconsistent_usage": "the parts of a count do not add up to it",
}
"""Every reason code with its meaning in one line."""

NO_RECORD: Final = (
    "not_json",
    "not_utf8",
    "not_object",
    "line_too_long",
    "unreadable_file",
    "truncated_file",
    "damaged_data",
)
"""Reasons for which there was not even a record."""

EXAMPLES: Final = 5
"""Places that are kept per reason."""


class Place(msgspec.Struct, frozen=True, order=True):
    """Where a record stands. Places sort by file, then position, so that examples are stable."""

    file: str
    """The file as the user named it."""
    line: int
    """Line (or Parquet row) counted from 1."""
    byte: int | None
    """Offset of the line's first byte in the uncompressed file; None for Parquet."""
    detail: str = ""
    """Field names and types only, never a value."""


class Quarantine(msgspec.Struct):
    """Counts and example places by reason. Merging is commutative: the smallest places are kept."""

    counts: dict[str, int] = msgspec.field(default_factory=dict)
    places: dict[str, list[Place]] = msgspec.field(default_factory=dict)

    def add(self, reason: str, place: Place) -> None:
        """Count one record; `reason` must be a key of REASONS."""
        self.add_many(reason, 1, [place])

    def add_many(self, reason: str, number: int, places: list[Place]) -> None:
        """Count some records at once, with the first of their places."""
        if reason not in REASONS:
            raise KeyError(reason)
        self._add(reason, number, places)

    def merge(self, other: Quarantine) -> None:
        """Take in another quarantine's counts and places."""
        for reason, number in other.counts.items():
            self._add(reason, number, other.places[reason])

    def _add(self, reason: str, number: int, places: list[Place]) -> None:
        self.counts[reason] = self.counts.get(reason, 0) + number
        kept = self.places.setdefault(reason, [])
        if len(kept) < EXAMPLES or places[0] < kept[-1]:
            kept.extend(places)
            kept.sort()
            del kept[EXAMPLES:]

    @property
    def total(self) -> int:
        """How many records were set aside."""
        return sum(self.counts.values())
