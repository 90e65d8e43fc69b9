"""Named cases: tables of what is tried and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import pytest

Data = bytes | Callable[[], bytes]
"""The bytes of a file; a function where they are many."""

TRUST = pytest.mark.trust
"""Only in `make trust`."""


@dataclass(frozen=True, slots=True)
class Log:
    """A file that is read: each of its requests has 10 tokens of input and 1 of output."""

    data: Data
    requests: int
    skipped: dict[str, int] | None = field(default_factory=dict)
    """Records set aside, by reason; None where any will do."""
    name: str = "x.jsonl"


@dataclass(frozen=True, slots=True)
class Refused:
    """A file of which nothing can be read: exit 2 and one line."""

    data: Data
    said: tuple[str, ...]
    """One of these words is said, in any case."""
    name: str = "x.jsonl"


def named(table: Mapping[str, object], *, slow: Collection[str] = ()) -> pytest.MarkDecorator:
    """Run a test once for each entry of a table, as `case`; the slow ones only in `make trust`."""
    assert set(slow) <= set(table), "a slow case that is not in the table"
    return pytest.mark.parametrize(
        "case",
        [pytest.param(case, id=name, marks=TRUST if name in slow else ()) for name, case in table.items()],
    )
