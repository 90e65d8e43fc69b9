"""What changes between two states of the price tables: every price, name, fact and fee, classified.

A change of a price is told by its effect: what a class costs at an instant by the base, and by the head.
So the diff of base and head is the diff of head and base with old and new exchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import msgspec

from costaudit.money import percent_of
from costaudit.prices.book import PriceBook, changed_keys, load_book
from costaudit.prices.folders import Folder
from costaudit.prices.gateways import Gateway, Gateways, load_gateways
from costaudit.prices.rows import UNIT_CLASSES, Alias, ModelFacts, WindowRow, instant_text
from costaudit.prices.rules.deltas import Delta, Writing, applied_usd, find_deltas
from costaudit.prices.semantics import Semantics, SemanticsTable, load_semantics
from costaudit.prices.tables import Provider, header_line
from costaudit.prices.trees import Opened
from costaudit.times import DAY_US

_EDITED: Final = "edited in place"
_MOVED: Final = "moved from"


class ChangeKind(StrEnum):
    """What sort of change it is."""

    RETROACTIVE = "retroactive"
    """A new row that prices anew what another price was in force for."""
    CORRECTION = "correction"
    """A price of the past is another one now: by a correction row, or edited in place."""
    REMOVED = "removed"
    REMOVED_MODEL = "removed-model"
    CHANGE = "change"
    """A new price from about now on, or the first of a class or condition."""
    SCHEDULED = "scheduled"
    """A price that starts in the future."""
    NEW_MODEL = "new-model"
    ALIAS = "alias"
    FACT = "fact"
    PROVIDER = "provider"
    GATEWAY = "gateway"
    WINDOW = "window"
    SEMANTICS = "semantics"
    PROVENANCE = "provenance"
    """Only source, confidence, days or note of a row."""


ORDER: Final = tuple(ChangeKind)
"""What should be looked at first stands first."""


class Change(msgspec.Struct, frozen=True):
    """One thing that differs."""

    kind: ChangeKind
    subject: str
    """provider/model, provider/alias, a gateway, a provider, a window."""
    what: str
    """The class with its conditions, the fact, the kind of fee."""
    at: int | None
    """From when it holds, microseconds UTC; None where it has no date."""
    old: str | None
    new: str | None
    unit: str
    """usd_per_mtok, usd_per_unit, percent or usd where old and new are numbers; else empty."""
    file: str
    line: int
    side: str
    """The side on which file and line are: head, or base for what is gone."""
    note: str = ""
    """What a number does not say: edited in place, a start that moved, the note of a correction."""

    @property
    def unsaid(self) -> bool:
        """Whether a price of the past was changed without a row that says so: edited, or its start moved."""
        return self.kind is ChangeKind.CORRECTION and self.note.startswith((_EDITED, _MOVED))

    @property
    def ratio(self) -> Decimal | None:
        """The change in percent of the old value, exact; None where there are no two numbers, or no whole."""
        if not self.unit or self.old is None or self.new is None or "undisclosed" in (self.old, self.new):
            return None
        old, new = Decimal(self.old), Decimal(self.new)
        return (new - old) * 100 / old if old else None

    @property
    def percent(self) -> str | None:
        """The change in percent with a sign, for the eye."""
        ratio = self.ratio
        text = None if ratio is None else percent_of(ratio, Decimal(100))
        return text if not ratio or text is None or text.startswith("-") else f"+{text}"


class Side(msgspec.Struct, frozen=True):
    """One of the two states that are compared."""

    shown: str
    book: PriceBook
    gateways: Gateways
    semantics: SemanticsTable
    place: Folder
    file: str | None = None
    """The single table that is all of it."""

    def path(self, path: str) -> str:
        """A table as messages name it."""
        return self.file or path


def load_side(opened: Opened) -> Side:
    """Tables as one side of a comparison; raises TableError when they cannot be read.

    A row that cannot be read raises TableError when it is compared.
    """
    folder = opened.folder
    book, gateways, semantics = load_book(folder), load_gateways(folder), load_semantics(folder)
    return Side(opened.shown, book, gateways, semantics, folder, opened.file)


def diff_sides(base: Side, head: Side, now: int, grace_days: int = 14) -> tuple[Change, ...]:
    """Everything that differs, by kind, subject and date. `now` in microseconds UTC.

    A new row that starts earlier than `grace_days` ago where another price held is retroactive.
    """
    found = [
        *_prices(base, head, now, now - grace_days * DAY_US),
        *_aliases(base, head),
        *_facts(base, head),
        *_providers(base, head),
        *_fees(base, head),
        *_windows(base, head),
        *_semantics(base, head),
    ]
    return tuple(sorted(found, key=_order))


def _order(change: Change) -> tuple[Any, ...]:
    return ORDER.index(change.kind), change.subject, change.at or 0, change.what, change.line, change.note


def _prices(base: Side, head: Side, now: int, settled: int) -> Iterator[Change]:
    for delta in find_deltas(base.book, head.book):
        row, side = delta.row, head if delta.new is not None else base
        key = (row.provider, row.model)
        old, new = (applied_usd(s.book, key, row.klass, row.when, delta.at) for s in (base, head))
        yield Change(
            kind=_kind_of(delta, base, head, now, settled if old not in (None, new) else 0),
            subject="/".join(key),
            what=row.klass + (f" [{row.when}]" if str(row.when) else ""),
            at=delta.at,
            old=_usd(old),
            new=_usd(new),
            unit="usd_per_unit" if row.klass in UNIT_CLASSES else "usd_per_mtok",
            file=side.path(row.path),
            line=row.line,
            side="head" if delta.new is not None else "base",
            note=_remark(delta),
        )


def _usd(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _kind_of(delta: Delta, base: Side, head: Side, now: int, settled: int) -> ChangeKind:  # noqa: PLR0911 - one per kind
    key = (delta.row.provider, delta.row.model)
    if key not in base.book.rows:
        return ChangeKind.NEW_MODEL
    if key not in head.book.rows:
        return ChangeKind.REMOVED_MODEL
    if delta.writing is Writing.ANNOTATED:
        return ChangeKind.PROVENANCE
    if delta.writing is Writing.REMOVED:
        return ChangeKind.REMOVED
    if delta.at > now:
        return ChangeKind.SCHEDULED
    if delta.writing is not Writing.ADDED:
        return ChangeKind.CORRECTION
    return ChangeKind.RETROACTIVE if delta.at < settled else ChangeKind.CHANGE


def _remark(delta: Delta) -> str:
    old, new = delta.old, delta.new
    if delta.writing is Writing.EDITED:
        return _EDITED
    if delta.writing is Writing.REDATED and old is not None and new is not None:
        return f"{_MOVED} {instant_text(old.valid_from)} to {instant_text(new.valid_from)}"
    if delta.writing is Writing.ANNOTATED and old is not None and new is not None:
        names = ("source", "confidence", "checked_on", "recorded_on", "note")
        return ", ".join(name for name in names if getattr(old, name) != getattr(new, name))
    return delta.row.note if delta.writing is Writing.CORRECTED else ""


def _aliases(base: Side, head: Side) -> Iterator[Change]:
    for key in changed_keys(base.book.aliases, head.book.aliases):
        old, new = base.book.aliases.get(key, ()), head.book.aliases.get(key, ())
        gone = [row for row in old if _alias_content(row) not in map(_alias_content, new)]
        come = [row for row in new if _alias_content(row) not in map(_alias_content, old)]
        edges = sorted(
            {row.valid_from for row in (*gone, *come)} | {r.valid_to for r in (*gone, *come)}, key=_first
        )
        for at in [edge for edge in edges if _stands_for(old, edge) != _stands_for(new, edge)]:
            row = next((r for r in (*come, *new) if r.valid_from == at), (come or list(new) or gone)[0])
            side = head if new else base
            yield Change(
                ChangeKind.ALIAS, "/".join(key), "alias", at, _stands_for(old, at), _stands_for(new, at), "",
                side.path(row.path), row.line, "head" if new else "base",
            )  # fmt: skip


def _first(edge: int | None) -> int:
    return edge or 0


def _alias_content(row: Alias) -> tuple[object, ...]:
    return row.alias, row.model, row.valid_from, row.valid_to


def _stands_for(rows: Iterable[Alias], at: int | None) -> str | None:
    for row in rows:
        if (row.valid_from or 0) <= (at or 0) and (row.valid_to is None or (at or 0) < row.valid_to):
            return row.model
    return None


_FACTS: Final = tuple(
    name for name in ModelFacts.__struct_fields__ if name not in ("provider", "model", "path", "line")
)


def _facts(base: Side, head: Side) -> Iterator[Change]:
    """Facts of models that both have; those of a new model come with its prices."""
    for key in changed_keys(base.book.facts, head.book.facts):
        old, new = base.book.facts.get(key), head.book.facts.get(key)
        if old is None or new is None:
            whole = new or old
            if whole is not None and (key in base.book.rows) == (key in head.book.rows):
                side = head if new is not None else base
                yield Change(
                    ChangeKind.FACT, "/".join(key), "model", None, None if old is None else "listed",
                    None if new is None else "listed", "", side.path(whole.path), whole.line,
                    "head" if new is not None else "base",
                )  # fmt: skip
            continue
        for name in _FACTS:
            was, now = _plain(getattr(old, name)), _plain(getattr(new, name))
            if was != now:
                what = "class" if name == "klass" else name
                yield Change(
                    ChangeKind.FACT,
                    "/".join(key),
                    what,
                    None,
                    was,
                    now,
                    "",
                    head.path(new.path),
                    new.line,
                    "head",
                )


def _plain(value: Any) -> str | None:
    if value is None or value in ("", frozenset()):
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (frozenset, tuple)):
        return "+".join(sorted(map(str, value)))
    return str(value)


def _providers(base: Side, head: Side) -> Iterator[Change]:
    names = [name for name in Provider.__struct_fields__ if name != "id"]
    if base.file or head.file:
        return
    for ident in dict.fromkeys([*base.book.providers, *head.book.providers]):
        old, new = base.book.providers.get(ident), head.book.providers.get(ident)
        side = head if new is not None else base
        place = f"{side.book.directory}/providers.toml"
        line, where = header_line(side.place, "providers.toml", ident), "head" if new else "base"
        if old is None or new is None:
            values = ("listed" if old else None, "listed" if new else None)
            yield Change(ChangeKind.PROVIDER, ident, "provider", None, *values, "", place, line, where)
            continue
        for name in names:
            was, now = _plain(getattr(old, name)), _plain(getattr(new, name))
            if was != now:
                yield Change(ChangeKind.PROVIDER, ident, name, None, was, now, "", place, line, where)


def _fees(base: Side, head: Side) -> Iterator[Change]:
    olds, news = _gateways(base), _gateways(head)
    for ident in dict.fromkeys([*olds, *news]):
        old, new = olds.get(ident), news.get(ident)
        side = head if new is not None else base
        place, where = f"{side.book.directory}/gateways.toml", "head" if new is not None else "base"
        starts = [(f.kind, f.valid_from) for g in (old, new) if g is not None for f in g.fees]
        if old is None or new is None or (old.name, old.log_names) != (new.name, new.log_names):
            line = header_line(side.place, "gateways.toml", ident)
            told = [None if g is None else "+".join((g.name, *g.log_names)) for g in (old, new)]
            yield Change(ChangeKind.GATEWAY, ident, "gateway", None, told[0], told[1], "", place, line, where)
        for kind, start in dict.fromkeys(starts):
            was, now = _fee(old, kind, start), _fee(new, kind, start)
            if was != now:
                held = [(f.kind, f.valid_from) for g in (new, old) if g is not None for f in g.fees]
                nth = held.index((kind, start))
                line = header_line(side.place, "gateways.toml", f"{ident}.fees", nth)
                unit = "percent" if "percent" in kind else "usd"
                yield Change(ChangeKind.GATEWAY, ident, kind, start, was, now, unit, place, line, where)


def _gateways(side: Side) -> dict[str, Gateway]:
    return {gateway.id: gateway for gateway in side.gateways.by_log_name.values()}


def _fee(gateway: Gateway | None, kind: str, at: int) -> str | None:
    fee = gateway.fee(kind, at) if gateway is not None else None
    if fee is None:
        return None
    return "undisclosed" if fee.value is None else f"{fee.value:f}"


def _windows(base: Side, head: Side) -> Iterator[Change]:
    for name in dict.fromkeys([*base.book.windows, *head.book.windows]):
        olds, news = ({_hours(row): row for row in s.book.windows.get(name, ())} for s in (base, head))
        for text in dict.fromkeys([*olds, *news]):
            if (text in olds) == (text in news):
                continue
            row = news.get(text) or olds[text]
            told = (text if text in olds else None, text if text in news else None)
            where = "head" if text in news else "base"
            yield Change(
                ChangeKind.WINDOW, name, "hours", row.valid_from, *told, "", row.path, row.line, where
            )


def _hours(row: WindowRow) -> str:
    clock = "-".join(f"{s // 3600:02}:{s % 3600 // 60:02}" for s in (row.start_s, row.end_s))
    end = f" until {instant_text(row.valid_to)}" if row.valid_to is not None else ""
    free = f" without {';'.join(map(str, sorted(row.holidays)))}" if row.holidays else ""
    days = "".join(map(str, sorted(row.weekdays)))
    return f"{clock} on {days} {row.timezone} from {instant_text(row.valid_from)}{end}{free}"


def _semantics(base: Side, head: Side) -> Iterator[Change]:
    olds, news = base.semantics.rows, head.semantics.rows
    for key in dict.fromkeys([*olds, *news]):
        was, now = _includes(olds.get(key)), _includes(news.get(key))
        if was != now:
            side = "head" if key in news else "base"
            directory = (head if key in news else base).book.directory
            place = f"{directory}/semantics.csv"
            yield Change(ChangeKind.SEMANTICS, key[0], key[1], None, was, now, "", place, 0, side)


def _includes(row: Semantics | None) -> str | None:
    if row is None:
        return None
    return f"input {_plain(row.input_includes) or 'alone'}, output {_plain(row.output_includes) or 'alone'}"


def effect(change: Change) -> tuple[object, ...]:
    """What a change does, whatever it is called: exchange old and new for that of the way back."""
    return change.subject, change.what, change.at, change.old, change.new
