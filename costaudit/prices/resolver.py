"""From a model's name as logs write it to the model in the price book, with how it was found.

Exact before alias before dated suffix; a name that fits several models is reported, never guessed;
a name that fits none is unpriced with a reason, never free.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from costaudit.errors import did_you_mean
from costaudit.prices.book import PriceBook


class How(StrEnum):
    """The way in which a name was resolved; kept with every number."""

    EXACT = "exact"
    ALIAS = "alias"
    DATED_SUFFIX = "dated_suffix"
    PROVIDER_PREFIX = "provider_prefix"
    SAME_LIST = "same_list"
    """The provider bills by another provider's list."""
    USER_MAP = "user_map"


class Reason(StrEnum):
    """Why a name has no model in the book."""

    NO_MODEL = "no_model"
    UNKNOWN_MODEL = "unknown_model"
    AMBIGUOUS_MODEL = "ambiguous_model"
    NOT_IN_SERVICE = "alias_without_target"
    """The alias pointed at nothing at that time."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A name found in the book."""

    provider: str
    model: str
    how: How


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A name that is not in the book, and why."""

    reason: Reason
    detail: str = ""
    """Candidates or a suggestion, for the eye."""


Resolution = Resolved | Unresolved
Periods = tuple[tuple[int, Resolution], ...]
"""What a name stands for from each instant (microseconds UTC) on; the first starts at 0."""

_SUFFIX: Final = re.compile(r"(-\d{8}|-\d{4}-\d{2}-\d{2}|@\d{8}|@latest|-latest|-v\d+:\d+|:\d+)$")
_LEADING: Final = re.compile(r"^(models/|publishers/[^/]+/models/|projects/.+?/models/)", re.IGNORECASE)
_TRAILING: Final = re.compile(r"\[\w+\]$")  # Claude Code writes claude-opus-4-8[1m]


class Resolver:
    """Resolves names against one book, each distinct name once.

    `user_map` maps a name as logged (or provider/name) to `provider/model` of the book: deployments,
    fine-tunes, inference profiles.
    """

    def __init__(self, book: PriceBook, user_map: Mapping[str, str] | None = None) -> None:
        self._book = book
        self._user_map = {k.lower(): v for k, v in (user_map or {}).items()}
        self.periods = lru_cache(maxsize=None)(self._periods)

    def resolve(self, provider: str | None, name: str | None, at: int) -> Resolution:
        """What the name stood for at an instant (microseconds UTC)."""
        current = self.periods(provider, name)[0][1]
        for start, resolution in self.periods(provider, name):
            if start <= at:
                current = resolution
        return current

    def _periods(self, provider: str | None, name: str | None) -> Periods:
        if not name:
            return ((0, Unresolved(Reason.NO_MODEL)),)
        mapped = self._user_map.get(f"{provider or ''}/{name}".lower()) or self._user_map.get(name.lower())
        if mapped:
            vendor, _, model = mapped.partition("/")
            found = self._within(vendor, model, prefixed=False)
            return tuple((s, _as_mapped(r)) for s, r in found) if found else _unknown(mapped, self._book)
        clean = _TRAILING.sub("", _LEADING.sub("", name.strip()))
        for vendor, rest, prefixed in self._places(provider, clean):
            found = self._within(vendor, rest, prefixed=prefixed)
            if found:
                return found
        return self._anywhere(clean, name)

    def _places(self, provider: str | None, name: str) -> Iterator[tuple[str, str, bool]]:
        """(provider id, name there, whether a prefix named it), most specific first."""
        hint = self._provider_id(provider)
        if hint:
            yield hint, name, False
        rest, owners = name, []
        while "/" in rest:
            head, _, rest = rest.partition("/")
            owner = self._provider_id(head)
            if owner is None:
                break
            owners.append((owner, rest))
        for owner, tail in reversed(owners):
            if hint is None or owner == hint or self._book.providers[hint].kind == "gateway":
                yield owner, tail, True
        # A gateway of its own list: openrouter/meta-llama/llama-3 is a model of OpenRouter.
        for owner, tail in owners:
            yield owner, tail, True

    def _provider_id(self, name: str | None) -> str | None:
        return self._book.provider_by_log_name.get(name.strip().lower()) if name else None

    def _within(self, provider: str, name: str, *, prefixed: bool) -> Periods | None:
        """The name at one provider, following its `same_list_as`."""
        if provider not in self._book.providers:
            return None
        found = self._named(provider, name, prefixed=prefixed)
        if found:
            return found
        other = self._book.providers[provider].same_list_as
        found = self._named(other, name, prefixed=prefixed) if other else None
        return tuple((s, _as_same_list(r)) for s, r in found) if found else None

    def _named(self, provider: str, name: str, *, prefixed: bool) -> Periods | None:
        exact = How.PROVIDER_PREFIX if prefixed else How.EXACT
        found = self._listed(provider, name, exact)
        stem = name
        while not found and _SUFFIX.search(stem):
            stem = _SUFFIX.sub("", stem)
            found = self._listed(provider, stem, How.DATED_SUFFIX)
            if found:
                found = tuple((s, _as_dated(r)) for s, r in found)
        return found

    def _listed(self, provider: str, name: str, exact: How) -> Periods | None:
        model = self._book.model_by_name[provider].get(name.lower())
        if model is not None:
            return ((0, Resolved(provider, model, exact)),)
        rows = self._book.aliases_named(provider, name)
        if not rows:
            return None
        periods: list[tuple[int, Resolution]] = []
        nothing = Unresolved(Reason.NOT_IN_SERVICE)
        if rows[0].valid_from is not None:
            periods.append((0, nothing))
        for place, row in enumerate(rows):
            periods.append((row.valid_from or 0, Resolved(provider, row.model, How.ALIAS)))
            following = rows[place + 1].valid_from if place + 1 < len(rows) else None
            if row.valid_to is not None and row.valid_to != following:
                periods.append((row.valid_to, nothing))
        return tuple(periods)

    def _anywhere(self, clean: str, name: str) -> Periods:
        """A bare name: the vendor that makes the model, or the one provider that has it."""
        owners = {}
        for provider in self._book.providers.values():
            found = self._named(provider.id, clean, prefixed=False)
            if found:
                owners[provider.id] = (provider.kind, found)
        vendors = [found for kind, found in owners.values() if kind == "vendor"]
        if len(vendors) == 1:
            return vendors[0]
        if len(owners) == 1:
            return next(iter(owners.values()))[1]
        if owners:
            hosts = ", ".join(sorted(owners))
            return ((0, Unresolved(Reason.AMBIGUOUS_MODEL, f"offered by {hosts}; the log names no provider")),)
        return _unknown(name, self._book)


def _unknown(name: str, book: PriceBook) -> Periods:
    return ((0, Unresolved(Reason.UNKNOWN_MODEL, suggestion(name, book) or "")),)


def suggestion(name: str, book: PriceBook) -> str | None:
    """The names of the book closest to an unknown one, as a question."""
    tail = name.rsplit("/", 1)[-1].lower()
    known = {m for models in book.model_by_name.values() for m in models}
    return did_you_mean(tail, sorted(known))


def _as_mapped(resolution: Resolution) -> Resolution:
    if isinstance(resolution, Resolved):
        return Resolved(resolution.provider, resolution.model, How.USER_MAP)
    return resolution


def _as_same_list(resolution: Resolution) -> Resolution:
    if isinstance(resolution, Resolved):
        return Resolved(resolution.provider, resolution.model, How.SAME_LIST)
    return resolution


def _as_dated(resolution: Resolution) -> Resolution:
    if isinstance(resolution, Resolved):
        return Resolved(resolution.provider, resolution.model, How.DATED_SUFFIX)
    return resolution
