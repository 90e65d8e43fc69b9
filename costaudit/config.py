"""The settings of a project: `[tool.costaudit]` of pyproject.toml, or a costaudit.toml.

Imported only when there is such a file: pydantic takes longer to import than most commands take to run.
"""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from costaudit.errors import ConfigError, did_you_mean


class DiscountSetting(BaseModel):
    """A discount as a project states it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: str
    model: str = "*"
    percent: Decimal | str
    valid_from: date | str | None = None
    valid_to: date | str | None = None
    name: str = "discount"
    """What the rates that it touched are marked with: `overlay:NAME/…`."""


class Config(BaseModel):
    """All settings; paths are relative to the file that states them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prices: Path | None = None
    """Price tables to use instead of the shipped ones."""
    overlays: tuple[Path, ...] = ()
    """Directories of own prices, laid over the book in this order."""
    tier_rules: Path | None = None
    """Rules for tiers that are asked before the shipped ones."""
    map: dict[str, str] = {}
    """`PROVIDER/MODEL` of the book by a name in the logs."""
    discounts: tuple[DiscountSetting, ...] = ()
    calibration: Path | None = None
    """A calibration of the text scores, as `costaudit label --save` writes it."""
    labels: Path | None = None
    """A labelled sample of the project's logs, for `costaudit analyze`."""
    formats: dict[str, Any] = {}
    """The project's own log formats by name, as stated: `costaudit.ingest.mapping` reads them with a log."""

    @field_validator("map")
    @classmethod
    def _targets(cls, value: dict[str, str]) -> dict[str, str]:
        for name, target in value.items():
            if "/" not in target:
                raise ValueError(f"{name!r} is mapped to {target!r}, which is not PROVIDER/MODEL")
        return value


def find_config(start: Path) -> tuple[Path, dict[str, Any]] | None:
    """The nearest file with settings, from a directory upwards, and what it says.

    A pyproject.toml without `[tool.costaudit]` says nothing. Raises ConfigError for an unreadable file.
    """
    for folder in (start, *start.parents):
        for name in ("costaudit.toml", "pyproject.toml"):
            path = folder / name
            if path.is_file():
                table = _read(path)
                table = table if name == "costaudit.toml" else table.get("tool", {}).get("costaudit")
                if table is not None:
                    return path, table
    return None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", path=str(path)) from error


def parse_config(table: dict[str, Any], path: Path) -> Config:
    """Settings as a file states them; raises ConfigError that names the first one that is wrong."""
    known = [*Config.model_fields]
    for key in table:
        if key not in known:
            hint = did_you_mean(key, known) or f"known are {', '.join(known)}"
            raise ConfigError(f"unknown setting {key!r}", path=str(path), hint=hint)
    try:
        config = Config.model_validate(table)
    except ValidationError as error:
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")  # explains the rest
        where = ".".join(str(part) for part in first["loc"])
        fields = [*DiscountSetting.model_fields] if first["type"] == "extra_forbidden" else []
        close = did_you_mean(str(first["loc"][-1]), fields)
        raise ConfigError(f"{where}: {first['msg'].lower()}", path=str(path), hint=close) from error
    base = path.parent
    return config.model_copy(
        update={
            "prices": base / config.prices if config.prices else None,
            "tier_rules": base / config.tier_rules if config.tier_rules else None,
            "calibration": base / config.calibration if config.calibration else None,
            "labels": base / config.labels if config.labels else None,
            "overlays": tuple(base / overlay for overlay in config.overlays),
        }
    )
