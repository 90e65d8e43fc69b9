"""A team's own prices: a directory of the same tables as the shipped ones, laid over the book."""

from __future__ import annotations

import decimal
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from costaudit.errors import ConfigError, TableError, did_you_mean
from costaudit.money import is_amount
from costaudit.prices.folders import open_folder
from costaudit.prices.layers import Discount
from costaudit.prices.rows import instant_us
from costaudit.prices.tables import SUPPRESSIONS, Tables, load_toml, read_tables

TABLE_NAMES: Final = ("prices.csv", "models.csv", "aliases.csv")
TOP_NAMES: Final = ("overlay.toml", "providers.toml", "gateways.toml", "windows.csv", SUPPRESSIONS)
_SETTINGS: Final = ("name", "map", "discounts")
_DISCOUNT_KEYS: Final = ("name", "provider", "model", "percent", "valid_from", "valid_to")


class Overlay(msgspec.Struct, frozen=True):
    """One directory of own prices."""

    name: str
    """What the rates that it states are marked with."""
    tables: Tables
    discounts: tuple[Discount, ...]
    user_map: Mapping[str, str]
    """`provider/model` of the book by a name as logged."""


def load_overlay(directory: Path | str, known: Iterable[str], known_on: str = "") -> Overlay:
    """Read an overlay; `known` are the providers of the book that it is laid over.

    Raises TableError for a directory that cannot be read, and for a file in it that would be ignored.
    """
    place = Path(directory)
    _, shown = open_folder(place)
    if not place.is_dir():
        raise TableError("there is no such directory of own prices", path=shown)
    _refuse_strangers(place, shown)
    own = (
        load_toml(place / "providers.toml", f"{shown}/providers.toml")
        if (place / "providers.toml").exists()
        else {}
    )
    folders = sorted(p.name for p in place.iterdir() if p.is_dir() and not p.name.startswith("."))
    providers = [*known, *own]
    for folder in folders:
        if folder not in providers:
            hint = did_you_mean(folder, providers) or "a provider of your own belongs into providers.toml"
            raise TableError(f"no provider {folder!r}", path=f"{shown}/{folder}", hint=hint)
    settings = (
        load_toml(place / "overlay.toml", f"{shown}/overlay.toml")
        if (place / "overlay.toml").exists()
        else {}
    )
    return _overlay(place, shown, settings, read_tables(place, shown, known_on, folders, own=True), providers)


def _overlay(
    place: Path, shown: str, settings: dict[str, Any], tables: Tables, providers: Iterable[str]
) -> Overlay:
    path = f"{shown}/overlay.toml"
    for key in settings:
        if key not in _SETTINGS:
            raise ConfigError(f"unknown key {key!r}", path=path, hint=did_you_mean(key, _SETTINGS))
    name = settings.get("name", place.resolve().name)
    user_map = settings.get("map", {})
    if not isinstance(name, str) or not name or not isinstance(user_map, dict):
        raise ConfigError("name is a word, and map a table of names", path=path)
    entries = settings.get("discounts", [])
    if not isinstance(entries, list):
        raise ConfigError("discounts must be a list of tables", path=path, hint="write [[discounts]]")
    discounts = tuple(parse_discount(entry, name, providers, path) for entry in entries)
    return Overlay(name, tables, discounts, {str(k): str(v) for k, v in user_map.items()})


def _refuse_strangers(place: Path, shown: str) -> None:
    for path in sorted(place.rglob("*")):
        depth = len(path.relative_to(place).parts)
        known = TOP_NAMES if depth == 1 else TABLE_NAMES
        if path.is_file() and path.suffix in (".csv", ".toml") and (depth > 2 or path.name not in known):
            where = f"{shown}/{path.relative_to(place).as_posix()}"
            hint = did_you_mean(path.name, known) or f"here belong {', '.join(known)}"
            raise TableError("not a table of an overlay: it would be ignored", path=where, hint=hint)


def parse_discount(entry: Mapping[str, Any], name: str, providers: Iterable[str], path: str) -> Discount:
    """One discount of a configuration; raises ConfigError that says what is wrong with it."""
    if not isinstance(entry, Mapping):
        raise ConfigError("a discount is a table", path=path, hint="write [[discounts]]")
    for key in entry:
        if key not in _DISCOUNT_KEYS:
            raise ConfigError(
                f"unknown key {key!r} in a discount", path=path, hint=did_you_mean(key, _DISCOUNT_KEYS)
            )
    provider = str(entry.get("provider", ""))
    if provider not in set(providers):
        raise ConfigError(
            f"a discount for no provider {provider!r}", path=path, hint=did_you_mean(provider, providers)
        )
    try:
        percent = Decimal(str(entry["percent"]))
        start, end = entry.get("valid_from"), entry.get("valid_to")
        discount = Discount(
            name=str(entry.get("name", name)),
            provider=provider,
            model=str(entry.get("model", "*")),
            percent=percent,
            valid_from=instant_us(str(start)) if start else 0,
            valid_to=instant_us(str(end)) if end else None,
        )
    except (KeyError, ValueError, decimal.InvalidOperation) as error:
        raise ConfigError(f"a discount for {provider} has no readable percent or date", path=path) from error
    if not is_amount(percent) or not -100 <= percent <= 100 or discount.end <= discount.valid_from:
        raise ConfigError(
            f"a discount for {provider} is not between -100 and 100 percent, or ends before it starts",
            path=path,
        )
    return discount
