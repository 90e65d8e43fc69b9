"""What the counts of a source include: from the shipped semantics.csv, by provider and API flavour.

How a log is to be read is a fact about the program that wrote it, not about anybody's prices: a team's own
tables do not change it. What a mapping of the settings says of its own format comes before it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from costaudit.stated import Includes

if TYPE_CHECKING:
    from costaudit.prices.semantics import Semantics, SemanticsTable


@cache
def _table() -> SemanticsTable:
    from costaudit.prices.semantics import load_semantics  # noqa: PLC0415 - not before there is a log to read

    return load_semantics()


@cache
def includes(provider: str | None, flavour: str) -> Includes:
    """What prompt and completion hold at a provider's API; raises KeyError for a flavour without a row.

    >>> includes("anthropic", "messages").cache, includes("xai", "chat").reasoning
    (False, False)
    """
    row = _table().of(provider or "", flavour)
    if row is None:
        raise KeyError(flavour)
    return _includes(row)


def _includes(row: Semantics) -> Includes:
    """A row as the rule takes it.

    No provider counts what was read from the cache in one way and what was written to it in another; a row
    that names reads alone is of one that has no writes. A source that includes nothing on either side counts
    every class apart, sound and images too.
    """
    cached, reasoning = "cache_read" in row.input_includes, "reasoning" in row.output_includes
    return Includes(cache=cached, reasoning=reasoning, media=bool(row.input_includes or row.output_includes))
