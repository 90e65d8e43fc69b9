"""What another price table says: an observation, not a price. Importers emit these and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from costaudit.prices.conditions import When
from costaudit.prices.rows import WindowRow

Windows = Mapping[str, Sequence[WindowRow]]
"""The named time windows of the book, which is what a time of day has to be told in."""


class Observation(msgspec.Struct, frozen=True):
    """One price as one source states it."""

    source: str
    """The kind of importer: genai-prices, litellm, models-dev, openrouter."""
    provider_hint: str
    """Who bills, as the source names it."""
    model: str
    """The model as the source names it, without a prefix that names the provider."""
    klass: str
    """A price class of the book."""
    usd: Decimal
    """USD per 1M tokens, or per unit; always more than 0."""
    when: When
    valid_from: int | None
    """Microseconds UTC from which the source says that it holds; None when it does not say."""
    place: str
    """Where in the source, like claude-haiku-4-5.input_mtok."""
    valid_to: int | None = None
    """Microseconds UTC of the source's own next price; None while it is the last one."""


class SkippedStatement(msgspec.Struct, frozen=True):
    """A statement of the source that is no observation, and why."""

    reason: str
    """One of few sentences, so that they can be counted."""
    place: str = ""


NO_PRICE = "no price"
"""Missing or 0. A table says 0 for what it does not know, so 0 is never taken for free of charge."""
DYNAMIC_PRICE = "the price is decided per request"
NOT_AN_AMOUNT = "not an amount"
OTHER_UNIT = "priced by a unit that the book does not have"
OTHER_CONDITION = "priced under a condition that the book does not have"
OTHER_HOURS = "priced by hours that no window of the book has"
OTHER_SHAPE = "not in the shape that this source is known to have"
NOT_THEN = "not in force at the time of the comparison"
