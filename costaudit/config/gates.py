"""The settings of `costaudit check`: every gate with its limits.

A limit is a plain value, which fails the check, or a table of `deny` and `warn`. Money and shares are
strings: TOML's numbers with a point are floats, and a limit is compared exactly.
"""

from __future__ import annotations

import decimal
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from costaudit.textfile import is_there

_STRICT: Final = ConfigDict(extra="forbid", frozen=True)

Level = Literal["deny", "warn"]


def _usd(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise ValueError('write an amount of dollars as a string, like "1200.50"')  # noqa: TRY004 - pydantic wants it
    try:
        amount = Decimal(value)
    except decimal.InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount < 10**12 or -int(amount.as_tuple().exponent) > 9:
        raise ValueError(f'{str(value)!r} is no amount of dollars: like "1200.50"')
    return amount


def _percent(value: Any) -> Decimal:
    hint = 'write a share as a string with a percent sign, like "2.5%"'
    if not isinstance(value, (str, Decimal)):
        raise ValueError(hint)  # noqa: TRY004 - pydantic wants it
    try:
        share = value if isinstance(value, Decimal) else Decimal(value.strip().removesuffix("%").strip())
    except decimal.InvalidOperation:
        share = Decimal("NaN")
    if not share.is_finite() or (isinstance(value, str) and not value.strip().endswith("%")):
        raise ValueError(f"{str(value)!r} is no share: {hint}")
    if not 0 <= share <= 1000 or -int(share.as_tuple().exponent) > 6:
        raise ValueError(f"{str(value)!r} is outside 0% to 1000%, or has more than 6 decimals")
    return share


def _share(value: Any) -> Decimal:
    share = _percent(value)
    if share > 100:
        raise ValueError(f"{str(value)!r} is more than the whole")
    return share


_AMOUNT_SCHEMA: Final = {"type": ["string", "integer"], "pattern": r"^[0-9]+(\.[0-9]{1,9})?$", "minimum": 0}
_PERCENT_SCHEMA: Final = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,6})? ?%$"}

_AS_PERCENT: Final = PlainSerializer(lambda value: f"{value:f}%", return_type=str)

Usd = Annotated[Decimal, BeforeValidator(_usd), PlainSerializer(str), WithJsonSchema(_AMOUNT_SCHEMA)]
"""Dollars, as a string."""
Percent = Annotated[Decimal, BeforeValidator(_percent), _AS_PERCENT, WithJsonSchema(_PERCENT_SCHEMA)]
"""A percentage, like "5.5%"."""
Share = Annotated[Decimal, BeforeValidator(_share), _AS_PERCENT, WithJsonSchema(_PERCENT_SCHEMA)]
"""A part of a whole, like "95%"."""
Days = Annotated[int, Field(ge=0, le=36_500)]

T = TypeVar("T")


class Limit(BaseModel, Generic[T]):
    """Where a gate warns, and where it fails; one of the two will do."""

    model_config = _STRICT

    at_least: ClassVar[bool] = False
    """Whether the measured value must not be below the limit, instead of above it."""

    deny: T | None = None
    """Beyond this the check fails."""
    warn: T | None = None
    """Beyond this it warns."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        deny: Any = self.deny
        warn: Any = self.warn
        if deny is None and warn is None:
            raise ValueError("a limit is needed: deny, warn, or both")
        if deny is not None and warn is not None and (warn <= deny if self.at_least else warn >= deny):
            side = "above" if self.at_least else "below"
            raise ValueError(f"warn must be {side} deny, or it would never be heard")
        return self


class Floor(Limit[T], Generic[T]):
    """Where a gate warns, and where it fails, when a value is too low."""

    at_least: ClassVar[bool] = True


def _table(value: Any) -> Any:
    return value if isinstance(value, (dict, BaseModel)) else {"deny": value}


class ShareAtMost(Limit[Share]):
    """The most that a share may be."""


class ShareAtLeast(Floor[Share]):
    """The least that a share must be."""


class PercentAtMost(Limit[Percent]):
    """The most that a percentage may be."""


class DaysAtMost(Limit[Days]):
    """The most days."""


ShareLimit = Annotated[ShareAtMost, BeforeValidator(_table, json_schema_input_type=Share | ShareAtMost)]
ShareFloor = Annotated[ShareAtLeast, BeforeValidator(_table, json_schema_input_type=Share | ShareAtLeast)]
PercentLimit = Annotated[
    PercentAtMost, BeforeValidator(_table, json_schema_input_type=Percent | PercentAtMost)
]
DaysLimit = Annotated[DaysAtMost, BeforeValidator(_table, json_schema_input_type=Days | DaysAtMost)]


class BudgetGate(Limit[Usd]):
    """CA701: what some requests may cost. Without feature, tier and model it is the whole bill."""

    per: Literal["log", "day", "month", "peak-day"]
    """log: as it is. day, month: scaled to 1 or 30 days. peak-day: the dearest day (UTC) of the log."""
    feature: str | None = None
    """Only requests of features that fit this pattern (`*` and `?`), whatever the case."""
    tier: Literal[0, 1, 2, 3, "untagged"] | None = None
    """Only requests of this tier."""
    model: str | None = None
    """Only requests served by models that fit this pattern: PROVIDER/MODEL of the book, or as logged."""


class _SharesGate(BaseModel):
    """A gate on several shares, of which one must be limited."""

    model_config = _STRICT

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        limits = [name for name in type(self).model_fields if name != "tiers"]
        if all(getattr(self, name) is None for name in limits):
            raise ValueError(f"a limit is needed: {' or '.join(limits)}")
        return self


class CoverageGate(_SharesGate):
    """CA702: how much of the log must have a price. Below `deny` nothing is judged: exit 2."""

    requests: ShareFloor | None = None
    """Share of requests."""
    tokens: ShareFloor | None = None
    """Share of tokens."""


class FlagshipGate(_SharesGate):
    """CA703: how much of the simple traffic may run on flagship models."""

    requests: ShareLimit | None = None
    """Share of the requests of these tiers."""
    spend: ShareLimit | None = None
    """Share of what the requests of these tiers cost."""
    tiers: tuple[Literal[0, 1, 2, 3], ...] = Field(default=(0, 1), min_length=1)
    """Which tiers are simple."""


class MarkupGate(BaseModel):
    """CA704: how much gateways may add to list, in percent of list."""

    model_config = _STRICT

    deny: Percent | None = None
    """Beyond this the check fails, for every gateway without a limit of its own."""
    warn: Percent | None = None
    """Beyond this it warns."""
    gateways: dict[str, PercentLimit] = {}
    """Limits of single gateways, by their name in the logs."""

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if self.deny is None and self.warn is None and not self.gateways:
            raise ValueError("a limit is needed: deny, warn, or gateways")
        if self.deny is not None or self.warn is not None:
            PercentAtMost(deny=self.deny, warn=self.warn)
        return self


class PolicyGate(BaseModel):
    """CA707: every model that the policies name has a price and is in service."""

    model_config = _STRICT

    level: Level = "deny"
    """Whether a model that is missing fails the check."""
    files: tuple[str, ...] = ()
    """Policy files, or names of shipped policies; that of --policy, else the default policy, without any."""


class UntaggedGate(_SharesGate):
    """CA708: how much of the traffic may be without a tier."""

    requests: ShareLimit | None = None
    """Share of requests."""
    spend: ShareLimit | None = None
    """Share of the bill."""


class UnpricedGate(BaseModel):
    """CA709: no model is without a price, but for those that are allowed."""

    model_config = _STRICT

    level: Level = "deny"
    """Whether another model without a price fails the check."""
    allow: tuple[str, ...] = ()
    """Patterns (`*` and `?`) of names as the coverage lists them, whatever the case; - is no name."""


class Gates(BaseModel):
    """What `costaudit check` judges: a gate that is not set is not asked."""

    model_config = _STRICT

    budget: tuple[BudgetGate, ...] = ()
    """CA701: what requests may cost."""
    coverage: CoverageGate | None = None
    """CA702: how much of the log must have a price."""
    flagship: FlagshipGate | None = None
    """CA703: how much of the simple traffic may run on flagship models."""
    markup: MarkupGate | None = None
    """CA704: how much gateways may add to list."""
    price_age: DaysLimit | None = None
    """CA705: how many days ago a price that is used may have been checked last."""
    failure_cost: ShareLimit | None = None
    """CA706: which share of the bill may go to attempts without an answer."""
    policy: PolicyGate | None = None
    """CA707: every model that the policies name has a price and is in service."""
    untagged: UntaggedGate | None = None
    """CA708: how much of the traffic may be without a tier."""
    unpriced: UnpricedGate | None = None
    """CA709: no model is without a price, but for those that are allowed."""

    def beside(self, base: Path) -> Gates:
        """The same with the policy files seen from the directory of the settings."""
        if self.policy is None:
            return self
        files = tuple(str(base / name) if is_there(base / name) else name for name in self.policy.files)
        return self.model_copy(update={"policy": self.policy.model_copy(update={"files": files})})
