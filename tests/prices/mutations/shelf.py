"""Price tables as lists of cells in memory, to be edited by a test like a person edits the files."""

from __future__ import annotations

import copy
import csv
import io
import random
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from costaudit.prices.conditions import parse_when
from costaudit.prices.folders import Held
from costaudit.prices.rows import instant_us
from costaudit.prices.tables import load_providers

Row = dict[str, str]
SHOWN = "pricing"


@dataclass
class Shelf:
    """One provider's tables, with what all providers share."""

    provider: str
    prices: list[Row]
    models: list[Row]
    aliases: list[Row]
    files: dict[str, bytes]
    """Everything else by path."""
    heads: dict[str, list[str]] = field(default_factory=dict)

    def copy(self) -> Shelf:
        """To be edited."""
        rows = (copy.deepcopy(t) for t in (self.prices, self.models, self.aliases))
        return Shelf(self.provider, *rows, dict(self.files), self.heads)

    def add(self, *rows: Row) -> None:
        """Prices, put in their places."""
        self.prices += rows
        self.sort()

    def sort(self) -> None:
        self.prices.sort(key=_order)

    def held(self) -> Held:
        """As the program reads it."""
        tables = {"prices.csv": self.prices, "models.csv": self.models, "aliases.csv": self.aliases}
        written = {f"{self.provider}/{name}": _csv(rows, self.heads[name]) for name, rows in tables.items()}
        return Held({**self.files, **written}, SHOWN)

    def replace(self, path: str, old: str, new: str) -> None:
        """Edit a file that all share; fails where the text is not there."""
        text = self.files[path].decode()
        assert old in text, f"{path} has no {old!r}"
        self.files[path] = text.replace(old, new, 1).encode()


def _order(row: Row) -> tuple[object, ...]:
    when = str(parse_when(row["when"])) if row["when"] else ""
    return row["model"], row["class"], when, instant_us(row["valid_from"])


def _csv(rows: list[Row], head: list[str]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([row[name] for name in head] for row in rows)
    return text.getvalue().encode()


def take(place: Path, provider: str, most: int | None = None, needed: tuple[str, ...] = ()) -> Shelf:
    """The tables of one provider of a directory, alone; of a large one some models, always the needed "
    "ones."""
    read, heads = {}, {}
    for name in ("prices.csv", "models.csv", "aliases.csv"):
        with (place / provider / name).open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            read[name] = list(reader)
            heads[name] = list(reader.fieldnames or ())
    models = [row["model"] for row in read["models.csv"]]
    if most is not None and len(models) > most:
        kept = {*random.Random(provider).sample(models, most), *needed}  # noqa: S311
        read = {name: [row for row in rows if row["model"] in kept] for name, rows in read.items()}
    shared = ("windows.csv", "sources.csv", "gateways.toml")
    files = {name: (place / name).read_bytes() for name in shared}
    files["suppressions.toml"] = (place / "suppressions.toml").read_bytes()
    kind = load_providers(place / "providers.toml", "providers.toml")[provider].kind
    files["providers.toml"] = f'["{provider}"]\nkind = "{kind}"\n'.encode()
    files["semantics.csv"] = (
        b"provider,flavour,input_includes,output_includes,source,note\n*,chat,cache_read,reasoning,s,\n"
    )
    return Shelf(provider, read["prices.csv"], read["models.csv"], read["aliases.csv"], files, heads)


def plain(amount: Decimal, places: int = 6) -> str:
    """A price as somebody would type it."""
    return f"{amount.quantize(Decimal(1).scaleb(-places)).normalize():f}"
