"""The price book: every dated price, alias and model fact of a directory of tables, read-only."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from costaudit.errors import TableError
from costaudit.prices.rows import (
    Alias,
    ModelFacts,
    PriceRow,
    WindowRow,
    load_aliases,
    load_models,
    load_prices,
    load_windows,
)

ModelKey = tuple[str, str]
"""Provider id and canonical model id."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A party that bills for tokens."""

    id: str
    name: str
    kind: str
    """vendor, host, cloud or gateway."""
    log_names: tuple[str, ...]
    """How logs name it, lower case, its id included."""
    api_hosts: tuple[str, ...]
    same_list_as: str | None
    """A provider whose prices hold where this one has no row of its own."""
    cache_read_as_input: bool
    """Cached reads without a price of their own are billed as plain input."""
    cache_write_as_input: bool


@dataclass(frozen=True)
class PriceBook:
    """All tables of a directory. Build one with `load_book`."""

    directory: str
    version: str
    """The newest day on which a row was recorded, as CalVer: 2026.11.20."""
    sha256: str
    """Digest of every table's bytes: the same data, the same digest."""
    providers: Mapping[str, Provider]
    rows: Mapping[ModelKey, tuple[PriceRow, ...]]
    facts: Mapping[ModelKey, ModelFacts]
    aliases: Mapping[str, tuple[Alias, ...]]
    """By provider id."""
    windows: Mapping[str, tuple[WindowRow, ...]]

    @cached_property
    def provider_by_log_name(self) -> Mapping[str, str]:
        """Provider id by every name that logs use, lower case."""
        return {name: p.id for p in self.providers.values() for name in p.log_names}

    @cached_property
    def provider_by_host(self) -> Mapping[str, str]:
        """Provider id by API host name."""
        return {host: p.id for p in self.providers.values() for host in p.api_hosts}

    @cached_property
    def model_by_name(self) -> Mapping[str, Mapping[str, str]]:
        """Canonical id by lower-case id, per provider."""
        names: dict[str, dict[str, str]] = {p: {} for p in self.providers}
        for provider, model in self.rows:
            names[provider][model.lower()] = model
        return names

    @cached_property
    def aliases_by_name(self) -> Mapping[str, Mapping[str, tuple[Alias, ...]]]:
        """Alias rows by lower-case alias, per provider, oldest first."""
        names: dict[str, dict[str, list[Alias]]] = {p: {} for p in self.providers}
        for provider, aliases in self.aliases.items():
            for alias in aliases:
                names[provider].setdefault(alias.alias.lower(), []).append(alias)
        return {
            p: {a: tuple(sorted(rows, key=lambda r: r.valid_from or 0)) for a, rows in by.items()}
            for p, by in names.items()
        }


SHIPPED: Final = "pricing"
"""Name of the directory of tables, in the installed package and in the checkout."""


def shipped_directory() -> Path:
    """Where the shipped tables are: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / SHIPPED
    return inside if inside.is_dir() else package.parent / SHIPPED


def load_book(directory: Path | str | None = None) -> PriceBook:
    """Read the tables of a directory (the shipped ones by default).

    Raises TableError naming file and line for the first row that cannot be read; whether the rows
    make sense together is for `costaudit.prices.check`.
    """
    place = Path(directory) if directory is not None else shipped_directory()
    if not place.is_dir():
        raise TableError("there is no such directory of price tables", path=str(directory or place))
    shown = str(directory) if directory is not None else SHIPPED
    tables = sorted(p for p in place.rglob("*") if p.suffix in (".csv", ".toml") and p.is_file())
    providers = load_providers(place / "providers.toml", f"{shown}/providers.toml")
    rows: list[PriceRow] = []
    facts: list[ModelFacts] = []
    aliases: list[Alias] = []
    for provider in providers:
        folder, name = place / provider, f"{shown}/{provider}"
        if (folder / "prices.csv").exists():
            rows += load_prices(folder / "prices.csv", provider, f"{name}/prices.csv")
        if (folder / "models.csv").exists():
            facts += load_models(folder / "models.csv", provider, f"{name}/models.csv")
        if (folder / "aliases.csv").exists():
            aliases += load_aliases(folder / "aliases.csv", provider, f"{name}/aliases.csv")
    windows = load_windows(place / "windows.csv", f"{shown}/windows.csv") if (place / "windows.csv").exists() else []
    recorded = max((r.recorded_on for r in rows if r.recorded_on), default=None)
    return PriceBook(
        directory=shown,
        version=recorded.strftime("%Y.%m.%d") if recorded else "undated",
        sha256=_digest(tables, place),
        providers=providers,
        rows=_grouped((r.provider, r.model, r) for r in rows),
        facts={(f.provider, f.model): f for f in facts},
        aliases={p: tuple(a for a in aliases if a.provider == p) for p in providers},
        windows={name: tuple(w for w in windows if w.window == name) for name in {w.window for w in windows}},
    )


def _grouped(rows: Iterable[tuple[str, str, PriceRow]]) -> dict[ModelKey, tuple[PriceRow, ...]]:
    groups: dict[ModelKey, list[PriceRow]] = {}
    for provider, model, row in rows:
        groups.setdefault((provider, model), []).append(row)
    return {key: tuple(group) for key, group in groups.items()}


def _digest(tables: Iterable[Path], place: Path) -> str:
    digest = hashlib.sha256()
    for table in tables:
        digest.update(table.relative_to(place).as_posix().encode() + b"\0")
        digest.update(table.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


def load_toml(path: Path, shown: str) -> dict[str, Any]:
    """A TOML table file; raises TableError naming it when it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TableError(f"cannot be read: {error}", path=shown) from error


_PROVIDER_KEYS = {
    "name", "kind", "log_names", "api_hosts", "same_list_as", "cache_read_without_price",
    "cache_write_without_price", "source", "note",
}  # fmt: skip


def load_providers(path: Path, shown: str) -> dict[str, Provider]:
    """Every provider of providers.toml, by id."""
    providers = {}
    for ident, table in load_toml(path, shown).items():
        unknown = set(table) - _PROVIDER_KEYS
        if unknown:
            raise TableError(f"unknown key {sorted(unknown)[0]!r} in [{ident}]", path=shown)
        providers[ident] = Provider(
            id=ident,
            name=table["name"],
            kind=table["kind"],
            log_names=tuple(dict.fromkeys([ident, *(n.lower() for n in table.get("log_names", []))])),
            api_hosts=tuple(table.get("api_hosts", [])),
            same_list_as=table.get("same_list_as"),
            cache_read_as_input=table.get("cache_read_without_price", "unpriced") == "input",
            cache_write_as_input=table.get("cache_write_without_price", "unpriced") == "input",
        )
    return providers
