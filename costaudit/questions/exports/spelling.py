"""How other systems spell providers and models: tables, and an error for what they do not hold."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Final

import msgspec

from costaudit.errors import ConfigError
from costaudit.prices.book import ModelKey, PriceBook
from costaudit.prices.resolver import Resolved, Resolver
from costaudit.questions.exports.model import ServingModel

_HERE: Final = Path(__file__).parent
GATEWAY: Final = "openrouter"


class Speller(msgspec.Struct, frozen=True, dict=True):
    """The spellings of a price book's models."""

    book: PriceBook
    resolver: Resolver
    at: int
    """Microseconds UTC: what aliases stand for."""

    @cached_property
    def _providers(self) -> Mapping[str, Mapping[str, str]]:
        text = (_HERE / "providers.csv").read_text(encoding="utf-8")
        return {row["provider"]: row for row in csv.DictReader(text.splitlines())}

    def provider(self, place: ServingModel, column: str, system: str) -> str:
        """What a system calls the provider of a model; raises ConfigError where it is not known there."""
        spelled = self._providers.get(place.provider, {}).get(column, "")
        if not spelled:
            raise ConfigError(
                f"{place.model}: it is not known what {system} calls the provider {place.provider!r}",
                hint="name the model at another provider, or leave it out of the policy",
            )
        return spelled

    def parameters(self, place: ServingModel) -> dict[str, str]:
        """LiteLLM's parameters of a provider, each with the environment variable that holds its value."""
        pairs = self.provider(place, "litellm_params", "LiteLLM").split()
        return dict(pair.split("=", 1) for pair in pairs)

    def slug(self, place: ServingModel) -> str:
        """OpenRouter's name of a model; raises ConfigError where it is not known there."""
        names = self._providers.get(place.provider, {}).get("openrouter_names", "")
        if names == GATEWAY:
            return place.book_model
        found = self.resolver.resolve(names, place.name, self.at) if names else None
        slugs = self._slugs.get((found.provider, found.model), ()) if isinstance(found, Resolved) else ()
        own = [slug for name in (place.name, place.book_model) for slug in slugs if slug.endswith(f"/{name}")]
        if own or len(slugs) == 1:
            return (own or slugs)[0]
        which = f"may be {' or '.join(slugs)}" if slugs else "is not known"
        raise ConfigError(
            f"{place.model}: OpenRouter's name of this model {which}",
            hint="name it as OpenRouter does: openrouter/AUTHOR/MODEL",
        )

    @cached_property
    def _slugs(self) -> Mapping[ModelKey, tuple[str, ...]]:
        """OpenRouter's names of vendors' models, by the model that they are in the book."""
        listed = (_HERE / "openrouter_slugs.txt").read_text(encoding="utf-8").splitlines()
        known = [slug for slug in listed if slug and not slug.startswith("#")]
        known += [model for provider, model in self.book.rows if provider == GATEWAY and ":" not in model]
        slugs: dict[ModelKey, list[str]] = defaultdict(list)
        for slug in dict.fromkeys(known):
            author, _, name = slug.partition("/")
            vendor = self.book.provider_by_log_name.get(author)
            found = self.resolver.resolve(vendor, name, self.at) if vendor else None
            if isinstance(found, Resolved) and found.provider == vendor:
                slugs[found.provider, found.model].append(slug)
        return {key: tuple(names) for key, names in slugs.items()}
