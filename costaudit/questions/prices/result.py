"""The answers about the price book. Prices are USD per 1M tokens, or per unit of counted tools."""

from __future__ import annotations

from typing import Literal

from costaudit.render.part import SCHEMA, Part, PricedLine, StatedRate, Usd

CLASS = {"class_": "class"}
"""A name that Python keeps for itself."""


class ListedModel(Part, frozen=True, kw_only=True, rename=CLASS):
    """A model with its standard prices at a time."""

    model: str
    """provider/model."""
    class_: str | None
    usd_per_mtok: dict[str, StatedRate]
    """By class of tokens."""


class PriceList(Part, frozen=True, kw_only=True):
    """Every model that has a price at a time."""

    version: str
    sha256: str
    models: list[ListedModel]


class NameResolved(Part, frozen=True, kw_only=True):
    """What a name stands for."""

    provider: str
    model: str
    how: str


class NamePeriod(Part, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What a name stood for from an instant on, or why for nothing."""

    from_: str | None
    provider: str | None
    model: str | None
    reason: str | None


class StatedPrice(Part, frozen=True, kw_only=True, rename=CLASS):
    """A row of a price table."""

    valid_from: str
    class_: str
    usd: StatedRate | None
    """Null where the price ended or was taken back."""
    when: str
    status: str | None
    in_force: bool
    """False for a row that a later one takes the place of."""
    overlay: str | None
    recorded_on: str | None
    confidence: str
    source: str
    file: str
    line: int
    note: str | None


class ModelPrices(Part, frozen=True, kw_only=True):
    """Every price of a model, the oldest first."""

    model: str
    resolved: NameResolved
    periods: list[NamePeriod]
    rows: list[StatedPrice]


class PriceStep(Part, frozen=True, kw_only=True, rename=CLASS):
    """A price that became another one."""

    at: str
    model: str
    class_: str
    when: str
    before_usd: StatedRate | None
    after_usd: StatedRate | None
    percent: str | None
    status: str | None
    rate_id: str
    note: str | None


class PriceHistory(Part, frozen=True, kw_only=True):
    """Price changes, the oldest first."""

    version: str
    sha256: str
    changes: list[PriceStep]


class DoubtfulPrice(Part, frozen=True, kw_only=True, rename=CLASS):
    """A price of low confidence: sources differ, or the figure or its day is derived."""

    rate_id: str
    model: str
    class_: str
    when: str | None
    usd: StatedRate | None
    source: str
    note: str
    file: str
    line: int


class PriceDoubts(Part, frozen=True, kw_only=True):
    """The prices in force of low confidence."""

    version: str
    sha256: str
    doubts: list[DoubtfulPrice]


class PricedCall(Part, frozen=True, kw_only=True, rename=SCHEMA):
    """What one call costs: costaudit/quote@1."""

    schema_: Literal["costaudit/quote@1"]
    model: str
    resolved: NameResolved
    at: str
    list_usd: Usd
    lines: list[PricedLine]


class UnpricedCall(Part, frozen=True, kw_only=True, rename=SCHEMA):
    """A call that has no price, and why: costaudit/quote@1."""

    schema_: Literal["costaudit/quote@1"]
    model: str
    at: str
    reason: str
    detail: str
    list_usd: None = None
    resolved: None = None
    lines: list[PricedLine]
