"""The price book: every dated price, alias and model fact of a directory of tables, read-only."""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from costaudit.prices.changes import PriceChange, change_rows
from costaudit.prices.folders import SHIPPED, Folder, open_folder, shipped_directory
from costaudit.prices.layers import Discount, discount_rows, lay_rows, settle_rows
from costaudit.prices.names import Suggester
from costaudit.prices.overlays import Overlay, load_overlay
from costaudit.prices.rows import (
    Alias,
    ModelFacts,
    PriceRow,
    RowCells,
    WindowRow,
    parse_alias,
    parse_model,
    parse_price,
)
from costaudit.prices.tables import (
    ModelKey,
    Provider,
    Tables,
    load_providers,
    load_toml,
    read_tables,
)

__all__ = [
    "SHIPPED",
    "ModelKey",
    "PriceBook",
    "Provider",
    "load_book",
    "load_providers",
    "load_toml",
    "shipped_directory",
]

K = TypeVar("K")
T = TypeVar("T")


class PriceBook(msgspec.Struct, frozen=True, dict=True):
    """All tables of a directory. Build one with `load_book`."""

    directory: str
    version: str
    """The newest day on which a row was recorded, as CalVer: 2026.11.20."""
    sha256: str
    """Digest of every table's bytes: the same data, the same digest."""
    providers: Mapping[str, Provider]
    rows: Mapping[ModelKey, tuple[PriceRow, ...]]
    """Every row that was ever written, corrected ones too; those of overlays last."""
    facts: Mapping[ModelKey, ModelFacts]
    aliases: Mapping[ModelKey, tuple[Alias, ...]]
    """By provider id and alias; an overlay's alias takes the place of the shipped one."""
    windows: Mapping[str, tuple[WindowRow, ...]]
    known_on: str | None = None
    """The day (ISO date) whose knowledge this is: rows recorded later are not in it."""
    overlays: tuple[str, ...] = ()
    """Names of what was laid over the tables, in this order."""
    discounts: tuple[Discount, ...] = ()
    user_map: Mapping[str, str] | None = None
    """Names that the overlays map to a `provider/model`."""
    changes: tuple[PriceChange, ...] = ()
    """What is supposed of prices, above all else: see `costaudit.prices.what_if`."""

    @cached_property
    def in_force(self) -> Mapping[ModelKey, tuple[PriceRow, ...]]:
        """The rows that prices are taken from: after corrections, overlays, discounts and changes."""
        return _Lazy(self.rows, self._in_force)

    def _in_force(self, key: ModelKey, rows: tuple[PriceRow, ...]) -> tuple[PriceRow, ...]:
        layer = settle_rows(row for row in rows if not row.overlay)
        for name in dict.fromkeys(row.overlay for row in rows if row.overlay):
            layer = lay_rows(layer, settle_rows(row for row in rows if row.overlay == name))
        return change_rows(discount_rows(layer, self.discounts, *key), self.changes, *key)

    @cached_property
    def context_edges(self) -> tuple[int, ...]:
        """Every number of input-side tokens above which some price of the book is another one, rising."""
        overs = {row.when.context_over for rows in self.rows.values() for row in rows}
        return tuple(sorted(over for over in overs if over >= 0))

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

    @cached_property
    def suggester(self) -> Suggester:
        """Finds the names closest to an unknown one."""
        return Suggester(name for models in self.model_by_name.values() for name in models)

    def aliases_named(self, provider: str, name: str) -> tuple[Alias, ...]:
        """The alias rows of a name at a provider, whatever its case, oldest first."""
        rows = [row for key in self.alias_keys[provider].get(name.lower(), ()) for row in self.aliases[key]]
        return tuple(sorted(rows, key=lambda row: row.valid_from or 0))


def load_book(
    directory: Folder | str | None = None,
    *,
    known_on: date | None = None,
    overlays: Sequence[Path | str] = (),
    discounts: Sequence[Discount] = (),
) -> PriceBook:
    """Read the tables of a directory (the shipped ones by default), and lay overlays over them.

    `known_on` gives the book as it stood at the end of that day: rows recorded later are left out.
    Raises TableError for a table that is no CSV of the right columns; a row that cannot be read raises
    TableError, naming file and line, when its model is first asked for. Whether every row can be read
    and the rows make sense together is for `costaudit.prices.check`.
    """
    if directory is None and not overlays and not discounts:
        return _shipped_book(known_on)
    return _laid(directory, known_on, overlays, discounts)


@functools.lru_cache(maxsize=2)
def _shipped_book(known_on: date | None) -> PriceBook:
    """The book that comes with costaudit, made once: whoever audits again need not make it again."""
    return _laid(None, known_on, (), ())


def _laid(
    directory: Folder | str | None,
    known_on: date | None,
    overlays: Sequence[Path | str],
    discounts: Sequence[Discount],
) -> PriceBook:
    place, shown = open_folder(directory)
    day = known_on.isoformat() if known_on else ""
    base = _shipped_tables(day) if directory is None else read_tables(place, shown, day)
    layers = [load_overlay(path, base.providers, day) for path in overlays]
    held = [base, *(layer.tables for layer in layers)]
    names = ["", *(layer.name for layer in layers)]
    discounts = (*(d for layer in layers for d in layer.discounts), *discounts)
    return PriceBook(
        directory=base.shown,
        version=(base.recorded_on or "undated").replace("-", "."),
        sha256=_digest(base, layers, discounts, day),
        providers={ident: p for tables in held for ident, p in tables.providers.items()},
        rows=_Lazy(
            _stack(zip(names, (t.prices for t in held), strict=True)),
            _prices,
        ),
        facts=_Lazy(
            {key: cells for tables in held for key, cells in tables.facts.items()},
            _facts,
        ),
        aliases=_Lazy(
            _replaced(zip(names, (t.aliases for t in held), strict=True)),
            _aliases,
        ),
        windows=_windows(held),
        known_on=day or None,
        overlays=tuple(dict.fromkeys([*(o.name for o in layers), *(d.name for d in discounts)])),
        discounts=discounts,
        user_map={name: target for layer in layers for name, target in layer.user_map.items()},
    )


@functools.lru_cache(maxsize=2)
def _shipped_tables(day: str) -> Tables:
    """The tables that come with costaudit, read once, whatever is laid over them."""
    return read_tables(*open_folder(None), day)


_Named = tuple[str, list[RowCells]]
"""Rows with the overlay that they are of."""


def _stack(layers: Iterable[tuple[str, dict[ModelKey, list[RowCells]]]]) -> dict[ModelKey, list[_Named]]:
    """The rows of every layer, for every model."""
    found: dict[ModelKey, list[_Named]] = {}
    for name, rows in layers:
        for key, cells in rows.items():
            found.setdefault(key, []).append((name, cells))
    return found


def _replaced(layers: Iterable[tuple[str, dict[ModelKey, list[RowCells]]]]) -> dict[ModelKey, _Named]:
    """The rows of the uppermost layer that has any, for every name whatever its case."""
    found: dict[ModelKey, _Named] = {}
    for name, rows in layers:
        if name:
            hidden = {(provider, alias.lower()) for provider, alias in rows}
            found = {key: held for key, held in found.items() if (key[0], key[1].lower()) not in hidden}
        found.update({key: (name, cells) for key, cells in rows.items()})
    return found


def _prices(key: ModelKey, rows: Sequence[_Named]) -> tuple[PriceRow, ...]:
    return tuple(parse_price(c, key[0], name) for name, cells in rows for c in cells)


def _facts(key: ModelKey, rows: Sequence[RowCells]) -> ModelFacts:
    return parse_model(rows[-1], key[0])


def _aliases(key: ModelKey, rows: _Named) -> tuple[Alias, ...]:
    return tuple(parse_alias(c, key[0], rows[0]) for c in rows[1])


def _windows(layers: Sequence[Tables]) -> dict[str, tuple[WindowRow, ...]]:
    found: dict[str, tuple[WindowRow, ...]] = {}
    for tables in layers:
        for name in dict.fromkeys(w.window for w in tables.windows):
            found[name] = tuple(w for w in tables.windows if w.window == name)
    return found


def _digest(base: Tables, layers: Sequence[Overlay], discounts: Sequence[Discount], day: str) -> str:
    """The digest of the tables, and of all that was laid over them if anything was."""
    if not layers and not discounts and not day:
        return base.sha256
    parts = [base.sha256, day, *(f"{o.name} {o.tables.sha256}" for o in layers), *map(repr, discounts)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def changed_keys(base: Mapping[ModelKey, T], head: Mapping[ModelKey, T]) -> list[ModelKey]:
    """Keys whose rows differ between the tables of two books, compared as text: nothing is parsed."""
    old, new = (m._source if isinstance(m, _Lazy) else m for m in (base, head))  # noqa: SLF001
    return [key for key in dict.fromkeys([*old, *new]) if old.get(key) != new.get(key)]


def restated_facts(book: PriceBook) -> Iterator[tuple[RowCells, RowCells]]:
    """Rows of models.csv for a model that stands already, each with the one before it."""
    facts: Any = book.facts
    for key in facts if isinstance(facts, _Lazy) else ():
        yield from itertools.pairwise(facts._source[key])  # noqa: SLF001


class _Lazy(Mapping[ModelKey, T]):
    """Rows that are parsed when their model is asked for: a run touches a few models of thousands."""

    def __init__(self, source: Mapping[ModelKey, K], parse: Callable[[ModelKey, K], T]) -> None:
        self._source, self._parse = source, parse
        self._parsed: dict[ModelKey, T] = {}

    def __reduce__(self) -> tuple[object, ...]:
        """What was parsed is parsed again by another process."""
        return type(self), (self._source, self._parse)

    def __getitem__(self, key: ModelKey) -> T:
        found = self._parsed.get(key)
        if found is None:
            found = self._parsed[key] = self._parse(key, self._source[key])
        return found

    def __iter__(self) -> Iterator[ModelKey]:
        return iter(self._source)

    def __len__(self) -> int:
        return len(self._source)

    def __contains__(self, key: object) -> bool:
        return key in self._source
