"""What is read from a log, field by field: costaudit/format-test@1."""

from __future__ import annotations

from typing import Any, Literal

from costaudit.render.part import SCHEMA, Part

FROM = {"from_": "from"}
"""A name that Python keeps for itself."""


class FieldRead(Part, frozen=True, kw_only=True, rename=FROM):
    """A field of a call, and the keys that it was read from."""

    value: Any
    from_: list[str]


class TextRead(Part, frozen=True, kw_only=True, rename=FROM):
    """A private text: how long it is, and itself only where it is asked for."""

    value: str | None
    characters: int
    from_: list[str]


class ExampleRead(Part, frozen=True, kw_only=True):
    """The first record of a format."""

    line: int
    format: str
    calls: int
    fields: dict[str, FieldRead | TextRead]
    """Of its first call."""
    unused: dict[str, str]
    """Keys that made no difference, with the kinds of their values."""
    unexamined: int


class SkippedRead(Part, frozen=True, kw_only=True):
    """Records that were set aside."""

    reason: str
    count: int
    line: int
    """Of the first."""
    detail: str | None


class UnclearRead(Part, frozen=True, kw_only=True):
    """A column whose dates or amounts can be meant in several ways."""

    column: str
    reason: str
    records: int
    line: int


class UnknownRead(Part, frozen=True, kw_only=True):
    """The first record of no known format."""

    line: int
    nearest: str
    """The format that it is nearest to."""
    needs: list[str]
    missing: list[str]
    starter: str | None
    """A mapping to begin with, guessed."""


class FormatTest(Part, frozen=True, kw_only=True, rename=SCHEMA):
    """A look at a log: its first records, or one of them."""

    schema_: Literal["costaudit/format-test@1"]
    file: str
    container: str
    compression: str
    detected: str | None
    forced: bool
    line: int | None
    records: int
    calls: int
    not_calls: int
    votes: dict[str, int]
    """Records by format."""
    unmatched: int
    examples: list[ExampleRead]
    skipped: list[SkippedRead]
    unclear: list[UnclearRead]
    unknown: UnknownRead | None
