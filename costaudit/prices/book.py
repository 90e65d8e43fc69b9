"""The price book: every dated price, alias and model fact of a directory of tables, read-only."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

from costaudit.errors import TableError
from costaudit.prices.rows import (
    ALIAS_COLUMNS,
    MODEL_COLUMNS,
    PRICE_COLUMNS,
    Alias,
    Cells,
    ModelFacts,
    PriceRow,
    WindowRow,
    load_windows,
    parse_alias,
    parse_model,
    parse_price,
    read_cells,
)

T = TypeVar("T")

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
    aliases: Mapping[ModelKey, tuple[Alias, ...]]
    """By provider id and alias."""
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
    def alias_keys(self) -> Mapping[str, Mapping[str, tuple[ModelKey, ...]]]:
        """Keys of `aliases` by lower-case alias, per provider."""
        names: dict[str, dict[str, tuple[ModelKey, ...]]] = {p: {} for p in self.providers}
        for key in self.aliases:
            lower = key[1].lower()
            names[key[0]][lower] = (*names[key[0]].get(lower, ()), key)
        return names

    def aliases_named(self, provider: str, name: str) -> tuple[Alias, ...]:
        """The alias rows of a name at a provider, whatever its case, oldest first."""
        rows = [row for key in self.alias_keys[provider].get(name.lower(), ()) for row in self.aliases[key]]
        return tuple(sorted(rows, key=lambda row: row.valid_from or 0))


SHIPPED: Final = "pricing"
"""Name of the directory of tables, in the installed package and in the checkout."""


def shipped_directory() -> Path:
    """Where the shipped tables are: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / SHIPPED
    return inside if inside.is_dir() else package.parent / SHIPPED


def load_book(directory: Path | str | None = None) -> PriceBook:
    """Read the tables of a directory (the shipped ones by default).

    Raises TableError for a table that is no CSV of the right columns; a row that cannot be read raises
    TableError, naming file and line, when its model is first asked for. Whether every row can be read
    and the rows make sense together is for `costaudit.prices.check`.
    """
    place = Path(directory) if directory is not None else shipped_directory()
    if not place.is_dir():
        raise TableError("there is no such directory of price tables", path=str(directory or place))
    shown = str(directory) if directory is not None else SHIPPED
    tables = sorted(p for p in place.rglob("*") if p.suffix in (".csv", ".toml") and p.is_file())
    providers = load_providers(place / "providers.toml", f"{shown}/providers.toml")
    prices: dict[ModelKey, list[Cells]] = {}
    facts: dict[ModelKey, list[Cells]] = {}
    aliases: dict[ModelKey, list[Cells]] = {}
    for provider in providers:
        for held, table, columns, key in (
            (prices, "prices.csv", PRICE_COLUMNS, "model"),
            (facts, "models.csv", MODEL_COLUMNS, "model"),
            (aliases, "aliases.csv", ALIAS_COLUMNS, "alias"),
        ):
            path = place / provider / table
            if path.exists():
                for cells in read_cells(path, f"{shown}/{provider}/{table}", columns):
                    held.setdefault((provider, cells[key]), []).append(cells)
    windows = load_windows(place / "windows.csv", f"{shown}/windows.csv") if (place / "windows.csv").exists() else []
    recorded = max((c["recorded_on"] for rows in prices.values() for c in rows), default="")
    return PriceBook(
        directory=shown,
        version=recorded.replace("-", ".") or "undated",
        sha256=_digest(tables, place),
        providers=providers,
        rows=_Lazy(prices, lambda key, rows: tuple(parse_price(c, key[0]) for c in rows)),
        facts=_Lazy(facts, lambda key, rows: parse_model(rows[-1], key[0])),
        aliases=_Lazy(aliases, lambda key, rows: tuple(parse_alias(c, key[0]) for c in rows)),
        windows={name: tuple(w for w in windows if w.window == name) for name in {w.window for w in windows}},
    )


class _Lazy(Mapping[ModelKey, T]):
    """Rows that are parsed when their model is asked for: a run touches a few models of thousands."""

    def __init__(self, cells: Mapping[ModelKey, list[Cells]], parse: Callable[[ModelKey, list[Cells]], T]) -> None:
        self._cells, self._parse = cells, parse
        self._parsed: dict[ModelKey, T] = {}

    def __getitem__(self, key: ModelKey) -> T:
        found = self._parsed.get(key)
        if found is None:
            found = self._parsed[key] = self._parse(key, self._cells[key])
        return found

    def __iter__(self) -> Iterator[ModelKey]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    def __contains__(self, key: object) -> bool:
        return key in self._cells


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
