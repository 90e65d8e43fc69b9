"""What a price book knows of values: names of models and providers, and what a call comes to at list."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from costaudit.prices.book import PriceBook
from costaudit.prices.quote import NoQuote, quote, split_name
from costaudit.prices.resolver import How, NoModelReason, Resolved, Resolver

_SHOWN = frozenset({How.EXACT, How.ALIAS, How.DATED_SUFFIX, How.PROVIDER_PREFIX, How.SHORT_NAME})
"""Ways to find a name in which it is that of a public model, and none of the user's own."""


AFTER_ALL = 4_000_000_000_000_000
"""A time after all prices: what a record without one is priced at."""


class KnownPrices:
    """One book, asked about values of unknown columns."""

    def __init__(self, book: PriceBook, resolver: Resolver) -> None:
        self._book, self._resolver = book, resolver
        self.model_of = lru_cache(maxsize=1 << 14)(self._model_of)

    def _model_of(self, name: str) -> tuple[str, str] | None:
        """Provider and model of a name; None for one that the book does not have."""
        found = self._resolved(name)
        if found is not None:
            return found.provider, found.model
        periods = self._resolver.periods(*split_name(self._book, name))
        ambiguous = any(
            not isinstance(one, Resolved) and one.reason is NoModelReason.AMBIGUOUS_MODEL
            for _, one in periods
        )
        return ("", name) if ambiguous else None

    def _resolved(self, name: str) -> Resolved | None:
        periods = self._resolver.periods(*split_name(self._book, name.strip()))
        return next((one for _, one in reversed(periods) if isinstance(one, Resolved)), None)

    def may_be_shown(self, name: str) -> bool:
        """Whether a name is that of a public model, which a message may quote."""
        found = self._resolved(name)
        return found is not None and found.how in _SHOWN

    def has_provider(self, name: str) -> bool:
        """Whether a word is a provider's name."""
        return name.strip().lower() in self._book.provider_by_log_name

    def list_usd(self, name: str, provider: str | None, at: int, counts: dict[str, int]) -> Decimal | None:
        """What a call with counts by price class comes to at list; None without a price."""
        known = provider if provider is not None and self.has_provider(provider) else None
        priced = quote(self._book, self._resolver, name.strip(), counts, at, provider=known)
        return None if isinstance(priced, NoQuote) else priced.list_usd
