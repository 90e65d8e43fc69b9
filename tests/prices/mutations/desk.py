"""What whoever edits tables needs: a random generator, today, and rows to start from."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from costaudit.prices.rows import instant_us
from tests.prices.mutations.shelf import Row, Shelf, plain

D = Decimal


class NotHere(Exception):  # noqa: N818 - no error: another provider is drawn
    """The tables drawn have nothing that this edit could start from."""


@dataclass
class Desk:
    """One edit of one provider's tables."""

    random: random.Random
    shelf: Shelf
    today: date
    odd: frozenset[str] = frozenset()
    """Models with a suppression: what is odd of them would be odd of a copy, too."""

    def day(self, days: int = 0) -> str:
        """A day from today on."""
        return (self.today + timedelta(days=days)).isoformat()

    def draw(self, rows: list[Row]) -> Row:
        """One of them; raises NotHere."""
        if not rows:
            raise NotHere
        return self.random.choice(rows)

    def past(self) -> list[Row]:
        """Rows that were in force before the last month and are not corrected."""
        limit = self.day(-40)
        fixed = {_fact(row) for row in self.shelf.prices if row["status"] == "correction"}
        return [
            row
            for row in self.shelf.prices
            if row["usd"]
            and row["status"] == ""
            and row["valid_from"][:10] < limit
            and _fact(row) not in fixed
            and row["usd"] != "0"
        ]

    def rows_of(self, model: str) -> list[Row]:
        return [row for row in self.shelf.prices if row["model"] == model]

    def current(self, model: str) -> list[Row]:
        """The last row of every class and condition that is in force, not free and has no future."""
        last: dict[tuple[str, str], Row] = {}
        for row in sorted(self.rows_of(model), key=lambda r: (instant_us(r["valid_from"]), r["recorded_on"])):
            last[row["class"], row["when"]] = row
        return [r for r in last.values() if r["usd"] not in ("", "0") and r["valid_from"][:10] <= self.day()]

    def steady(self, *classes: str, plain_only: bool = False) -> str:
        """A model whose series all go on into today, with prices for some classes."""
        names = list(dict.fromkeys(row["model"] for row in self.shelf.prices))
        self.random.shuffle(names)
        for name in (n for n in names if n not in self.odd):
            rows, now = self.rows_of(name), self.current(name)
            have = {row["class"] for row in now if not row["when"]}
            calm = len(now) == len({(r["class"], r["when"]) for r in rows}) and not any(
                r["status"] in ("scheduled", "correction") or r["valid_from"][:10] > self.day(-40)
                for r in rows
            )
            if (
                calm
                and {"input", "output", *classes} <= have
                and not (plain_only and any(r["when"] for r in rows))
            ):
                return name
        raise NotHere

    def klass(self, model: str) -> str:
        return next((row["class"] for row in self.shelf.models if row["model"] == model), "")

    def row(self, like: Row, **cells: str) -> Row:
        """A new row, typed today."""
        today = {"valid_from": self.day(), "recorded_on": self.day(), "checked_on": self.day(), "note": ""}
        return {**like, "status": "", **today, **cells}

    def new_model(self, factor: str = "1", *classes: str, like: str | None = None) -> tuple[str, list[Row]]:
        """A model released today with the rows of another times a factor, in the tables already."""
        like = like or self.steady(*classes)
        name = f"{like}-next"
        if any(row["model"] == name for row in self.shelf.models):
            raise NotHere
        rows = [
            self.row(row, model=name, usd=plain(D(row["usd"]) * D(factor), 9)) for row in self.current(like)
        ]
        facts = next(row for row in self.shelf.models if row["model"] == like)
        self.shelf.models.append({**facts, "model": name, "released_on": self.day(), "retired_on": ""})
        self.shelf.add(*rows)
        return name, rows

    def change(self, factor: str, *classes: str, **cells: str) -> list[Row]:
        """A change of every price of a model, in the tables already."""
        model = self.steady(*classes)
        rows = [self.row(r, usd=plain(D(r["usd"]) * D(factor), 9), **cells) for r in self.current(model)]
        self.shelf.add(*rows)
        return rows


def _fact(row: Row) -> tuple[str, ...]:
    return row["model"], row["class"], row["when"], row["valid_from"]


def find(rows: list[Row], klass: str, when: str = "") -> Row:
    """The row of a class; raises NotHere."""
    found = next((row for row in rows if row["class"] == klass and row["when"] == when), None)
    if found is None:
        raise NotHere
    return found
