"""What can be set: the model that a settings file must fit, and its published JSON Schema is made from."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, field_validator

from costaudit.config.gates import Gates
from costaudit.ingest.notation import DateOrder, DecimalMark

STRICT: Final = ConfigDict(extra="forbid", frozen=True)


class DiscountSetting(BaseModel):
    """A discount as a project states it."""

    model_config = STRICT

    provider: str
    """Of the price book."""
    model: str = "*"
    """A pattern of model names; every model by default."""
    percent: Decimal | str
    """Off the listed prices; below 0 for a surcharge."""
    valid_from: date | str | None = None
    """The first day; from the beginning by default."""
    valid_to: date | str | None = None
    """The first day after it; without end by default."""
    name: str = "discount"
    """What the rates that it touched are marked with: `overlay:NAME/…`."""


class Config(BaseModel):
    """All settings; paths are relative to the file that states them."""

    model_config = STRICT

    prices: Path | None = None
    """Price tables to use instead of the shipped ones."""
    overlays: tuple[Path, ...] = ()
    """Directories of own prices, laid over the book in this order."""
    tier_rules: Path | None = None
    """Rules for tiers that are asked before the shipped ones."""
    map: dict[str, str] = {}
    """`PROVIDER/MODEL` of the book by a name in the logs."""
    discounts: tuple[DiscountSetting, ...] = ()
    """Percentages off listed prices."""
    calibration: Path | None = None
    """A calibration of the text scores, as `costaudit label --save` writes it."""
    cache: bool = False
    """Keep what logs come to for the next question, as `--cache` does."""
    dates: DateOrder | None = None
    """In which order dates stand whose columns do not tell, as `--dates` says it."""
    decimals: DecimalMark | None = None
    """What separates fractions of amounts whose columns do not tell, as `--decimals` says it."""
    labels: Path | None = None
    """A labelled sample of the project's logs, for `costaudit analyze`."""
    formats: dict[str, Any] = {}
    """The project's own log formats by name, as stated: `costaudit.ingest.mapping` reads them with a log."""
    gates: Gates | None = None
    """What `costaudit check` judges."""

    @field_validator("map")
    @classmethod
    def _targets(cls, value: dict[str, str]) -> dict[str, str]:
        for name, target in value.items():
            if "/" not in target:
                raise ValueError(f"{name!r} is mapped to {target!r}, which is not PROVIDER/MODEL")
        return value

    def beside(self, base: Path) -> Config:
        """The same with its paths seen from the directory of its file."""
        paths = ("prices", "tier_rules", "calibration", "labels")
        named = {name: getattr(self, name) for name in paths}
        return self.model_copy(
            update={
                **{name: base / path if path else None for name, path in named.items()},
                "overlays": tuple(base / overlay for overlay in self.overlays),
                "gates": self.gates.beside(base) if self.gates is not None else None,
            }
        )
