"""The log formats that are known: those that come with costaudit, and those that a project describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costaudit.front.book import choose_book, open_book, project_settings

if TYPE_CHECKING:
    from costaudit.front.book import BookChoice
    from costaudit.ingest.format import Adapter
    from costaudit.ingest.guess.prices import KnownPrices


def known_formats() -> tuple[Adapter, ...]:
    """Every format in the order in which they are tried: the project's own, then the built-in ones."""
    from costaudit.ingest.adapters import ADAPTERS  # noqa: PLC0415 - start-up

    return (*own_formats(), *ADAPTERS)


def own_formats() -> tuple[Adapter, ...]:
    """The formats that the nearest settings file describes."""
    found = project_settings()
    if found is None or not found[1].formats:
        return ()
    from costaudit.ingest.adapters.mapped import mapped_adapter  # noqa: PLC0415 - start-up
    from costaudit.ingest.mapping import parse_formats  # noqa: PLC0415

    path, config = found
    return tuple(mapped_adapter(mapping) for mapping in parse_formats(config.formats, str(path)))


def known_prices(choice: BookChoice | None = None) -> KnownPrices:
    """What knows names of models in unknown logs: the book that is chosen, or that of the settings."""
    from costaudit.ingest.guess.prices import KnownPrices  # noqa: PLC0415 - start-up

    return KnownPrices(*open_book(choice or choose_book()))
