"""Which price book a command uses: its options, and what the project's settings say."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from costaudit.errors import CostauditError, UsageError
from costaudit.textfile import decoded, is_there
from costaudit.toml.load import parse_toml

if TYPE_CHECKING:
    from costaudit.config import Config, Settings
    from costaudit.prices.book import PriceBook
    from costaudit.prices.folders import Folder
    from costaudit.prices.resolver import Resolver


class BookChoice(msgspec.Struct, frozen=True):
    """A price book that is asked for."""

    prices: Folder | None = None
    """Directory of tables; None for the shipped ones."""
    overlays: tuple[Path, ...] = ()
    known_on: date | None = None
    maps: Mapping[str, str] | None = None
    discounts: tuple[Mapping[str, Any], ...] = ()
    stated_in: str = ""
    """The file that states the discounts."""
    changes: tuple[str, ...] = ()
    """Prices that are only supposed: see `costaudit.prices.what_if`."""


def choose_book(
    prices: Path | None = None,
    overlays: Sequence[Path] | None = None,
    known_on: str | None = None,
    names: Mapping[str, str] | Sequence[str] | None = None,
    changes: Sequence[str] | None = None,
) -> BookChoice:
    """The book that the options name, over what the settings in force say.

    `names` are names of models in logs with what they stand for, or such words as `NAME=PROVIDER/MODEL`.
    """
    own = names if isinstance(names, Mapping) else _maps(names or ())
    day = _day(known_on)
    found = project_settings()
    if found is None:
        return BookChoice(prices, tuple(overlays or ()), day, own, changes=tuple(changes or ()))
    path, config = found
    return BookChoice(
        prices=prices or config.prices,
        overlays=(*config.overlays, *(overlays or ())),
        known_on=day,
        maps={**config.map, **own},
        discounts=tuple(entry.model_dump(exclude_none=True) for entry in config.discounts),
        stated_in=str(path),
        changes=tuple(changes or ()),
    )


def open_book(choice: BookChoice) -> tuple[PriceBook, Resolver]:
    """Load the book, and what resolves names against it."""
    from costaudit.prices.book import load_book  # noqa: PLC0415 - start-up
    from costaudit.prices.overlays import parse_discount  # noqa: PLC0415
    from costaudit.prices.resolver import Resolver  # noqa: PLC0415

    book = load_book(choice.prices, known_on=choice.known_on, overlays=choice.overlays)
    if choice.discounts:
        discounts = [
            parse_discount(d, "discount", book.providers, choice.stated_in) for d in choice.discounts
        ]
        book = load_book(
            choice.prices, known_on=choice.known_on, overlays=choice.overlays, discounts=discounts
        )
    resolver = Resolver(book, choice.maps)
    if choice.changes:
        from costaudit.prices.what_if import changed_book, parse_change  # noqa: PLC0415

        book = changed_book(book, [parse_change(text, book, resolver) for text in choice.changes])
        resolver = Resolver(book, choice.maps)
    return book, resolver


def project_settings() -> tuple[Path, Config] | None:
    """The nearest settings file from the working directory upwards, and what it says."""
    found = settings_in_force()
    return (found.path, found.config) if found else None


NEAREST: Final = "nearest"
"""The settings file that is nearest to the working directory, upwards."""

_named: ContextVar[Path | str | None] = ContextVar("settings file", default=NEAREST)


@contextlib.contextmanager
def settings_named(path: Path | str | None) -> Iterator[None]:
    """Take the settings of this file instead of the NEAREST one; none at all for None."""
    token = _named.set(path)
    try:
        yield
    finally:
        _named.reset(token)


def settings_in_force() -> Settings | None:
    """The same with the lines on which the settings stand."""
    path = _named.get()
    if path is None:
        return None
    if path != NEAREST:
        from costaudit.config.read import load_settings  # noqa: PLC0415 - start-up

        return load_settings(Path(path).resolve())
    try:
        folder = Path.cwd()
    except FileNotFoundError:
        return None  # the working directory is gone, and nothing is above it
    if not any(_may_have_settings(parent) for parent in (folder, *folder.parents)):
        return None  # spares the import of pydantic
    from costaudit.config import find_settings  # noqa: PLC0415

    return find_settings(folder)


def _may_have_settings(folder: Path) -> bool:
    if is_there(folder / "costaudit.toml"):
        return True
    path = folder / "pyproject.toml"
    try:
        data = path.read_bytes()
    except OSError:
        return False
    if b"costaudit" not in data:
        return False
    try:
        tools = parse_toml(decoded(data, str(path)), str(path)).table.get("tool")
    except CostauditError:
        return True  # it may have been meant for us: reading it says what is wrong
    return isinstance(tools, dict) and "costaudit" in tools


def _maps(entries: Sequence[str]) -> dict[str, str]:
    found = {}
    for entry in entries:
        name, equals, target = entry.rpartition("=")
        if not equals or not name or "/" not in target:
            raise UsageError(f"--map {entry!r} is not NAME=PROVIDER/MODEL")
        found[name] = target
    return found


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError(f"--known-on {text!r} is not a day", hint="like 2026-11-20") from None
