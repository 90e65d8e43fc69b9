"""The files of a directory of price tables, read as they stand: nothing is judged here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec

from costaudit.errors import TableError, did_you_mean
from costaudit.outputs import reads
from costaudit.prices.folders import Folder, table_text
from costaudit.prices.rows import (
    ALIAS_COLUMNS,
    MODEL_COLUMNS,
    OWN_PRICES_MAY_LACK,
    PRICE_COLUMNS,
    RowCells,
    WindowRow,
    load_windows,
    read_cells,
)
from costaudit.toml.load import parse_toml

ModelKey = tuple[str, str]
"""Provider id and canonical model id."""

SUPPRESSIONS: Final = "suppressions.toml"
"""Which violations of rules are known and right; says nothing of prices, and is in no digest."""


class Provider(msgspec.Struct, frozen=True):
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
    cache_read_assumed: bool = False
    """No source says that cached reads are billed so: it is the most that they can cost."""


class Tables(msgspec.Struct, frozen=True, dict=True):
    """What one directory holds."""

    shown: str
    """The directory as error messages name it."""
    sha256: str
    """Digest of every table's bytes: the same data, the same digest."""
    providers: dict[str, Provider] = msgspec.field(default_factory=dict)
    prices: dict[ModelKey, list[RowCells]] = msgspec.field(default_factory=dict)
    facts: dict[ModelKey, list[RowCells]] = msgspec.field(default_factory=dict)
    aliases: dict[ModelKey, list[RowCells]] = msgspec.field(default_factory=dict)
    """By provider id and alias."""
    windows: list[WindowRow] = msgspec.field(default_factory=list)

    @cached_property
    def recorded_on(self) -> str:
        """The newest day on which a price was recorded, or nothing."""
        return max((cells.last("recorded_on") for rows in self.prices.values() for cells in rows), default="")


def read_tables(
    place: Folder,
    shown: str,
    known_on: str = "",
    folders: Iterable[str] | None = None,
    *,
    own: bool = False,
) -> Tables:
    """The tables of a directory, without rows recorded after a day (ISO date; empty for no limit).

    Tables of one's `own` prices may do without the columns that say where a price is from.

    Without `folders`, providers.toml is needed and says which folders there are. Raises TableError for
    a directory or table that cannot be read.
    """
    if not place.is_dir():
        raise TableError("there is no such directory of price tables", path=shown)
    listed = place / "providers.toml"
    needed = folders is None or listed.exists()
    providers = load_providers(listed, f"{shown}/providers.toml") if needed else {}
    found: list[Any] = sorted(place.rglob("*"))
    files = [p for p in found if p.suffix in (".csv", ".toml") and p.is_file()]
    for path in files:
        if isinstance(path, Path):
            reads(path)
    sha256, read = _digest(files, place)
    windows = read.get("windows.csv")
    tables = Tables(
        shown=shown,
        sha256=sha256,
        providers=providers,
        windows=[]
        if windows is None
        else load_windows(place / "windows.csv", f"{shown}/windows.csv", known_on, windows),
    )
    for provider in dict.fromkeys([*providers, *(folders or ())]):
        nothing: frozenset[str] = frozenset()
        for held, table, columns, lacks in (
            (tables.prices, "prices.csv", PRICE_COLUMNS, OWN_PRICES_MAY_LACK if own else nothing),
            (tables.facts, "models.csv", MODEL_COLUMNS, nothing),
            (tables.aliases, "aliases.csv", ALIAS_COLUMNS, nothing),
        ):
            name = f"{provider}/{table}"
            if name in read or (place / provider / table).exists():
                path = place / provider / table
                rows = read_cells(path, f"{shown}/{name}", columns, read.get(name), lacks)
                _hold(held, provider, rows, "" if table == "models.csv" else known_on)
    return tables


def _hold(held: dict[ModelKey, list[RowCells]], provider: str, rows: list[RowCells], known_on: str) -> None:
    """Hold rows by their first cell: the model, or the alias. Those of one mostly stand together."""
    name, group = None, []
    for cells in rows:
        if not known_on or cells["recorded_on"] <= known_on:
            first = cells.first
            if first != name:
                name = first
                group = held.setdefault((provider, name), [])
            group.append(cells)


def _digest(tables: Iterable[Any], place: Folder) -> tuple[str, dict[str, bytes]]:
    """The digest of tables, and the bytes of each by its path in the folder."""
    digest, read = hashlib.sha256(), {}
    for table in tables:
        if table.name == SUPPRESSIONS:
            continue
        name = table.relative_to(place).as_posix()
        read[name] = data = table.read_bytes()
        digest.update(name.encode() + b"\0")
        digest.update(data.replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest(), read


def load_toml(path: Folder, shown: str) -> dict[str, Any]:
    """A TOML table file; raises TableError naming it when it cannot be read."""
    return parse_toml(table_text(path, shown), shown, error=TableError).table


_PROVIDER_KEYS: Final = (
    "name", "kind", "log_names", "api_hosts", "same_list_as", "cache_read_without_price",
    "cache_write_without_price", "source", "note",
)  # fmt: skip


def load_providers(path: Folder, shown: str) -> dict[str, Provider]:
    """Every provider of providers.toml, by id."""
    return {provider.id: provider for provider in _providers(load_toml(path, shown), shown)}


def _providers(tables: dict[str, Any], shown: str) -> Iterator[Provider]:
    for ident, table in tables.items():
        _check_shape(ident, table, shown)
        odd = next((key for key in sorted(table) if key not in _PROVIDER_KEYS), None)
        if odd is not None:
            hint = did_you_mean(odd, _PROVIDER_KEYS)
            raise TableError(f"unknown key {odd!r} in [{ident}]", path=shown, hint=hint)
        yield Provider(
            id=ident,
            name=table.get("name", ident),
            kind=table.get("kind", "host"),
            log_names=tuple(dict.fromkeys([ident, *(n.lower() for n in table.get("log_names", []))])),
            api_hosts=tuple(table.get("api_hosts", [])),
            same_list_as=table.get("same_list_as"),
            cache_read_as_input=_without_price(ident, table, "cache_read_without_price", shown) != UNPRICED,
            cache_write_as_input=_without_price(ident, table, "cache_write_without_price", shown) != UNPRICED,
            cache_read_assumed=_without_price(ident, table, "cache_read_without_price", shown) == ASSUMED,
        )


UNPRICED: Final = "unpriced"
ASSUMED: Final = "assumed"
_WITHOUT_PRICE: Final = ("input", ASSUMED, UNPRICED)


def _without_price(ident: str, table: dict[str, Any], key: str, shown: str) -> str:
    """What becomes of tokens of a class without a price; raises TableError for a word that says nothing."""
    word = table.get(key, UNPRICED)
    if word not in _WITHOUT_PRICE:
        raise TableError(
            f"{key} of [{ident}] is {word!r}", path=shown, hint=f"one of {', '.join(_WITHOUT_PRICE)}"
        )
    return str(word)


def _check_shape(ident: str, table: object, shown: str) -> None:
    """Raises TableError for what is no table of a provider, with lists of texts."""
    if not isinstance(table, dict):
        raise TableError(f"{ident} is not a table of a provider", path=shown, hint=f"write [{ident}]")
    for name in ("log_names", "api_hosts"):
        entries = table.get(name, [])
        if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
            raise TableError(f"{name} of [{ident}] must be a list of texts", path=shown)


def header_line(place: Folder, table: str, header: str, nth: int = 0) -> int:
    """The line of the nth `[header]` or `[[header]]` of a TOML table, from 0; 0 when there is none.

    tomllib does not say on which line a value stands.
    """
    path = place / table
    if not path.exists():
        return 0
    marks = (f"[{header}]", f"[[{header}]]")
    lines = enumerate(table_text(path, table).splitlines(), 1)
    found = [number for number, line in lines if line.split("#")[0].strip() in marks]
    return found[nth] if nth < len(found) else 0
