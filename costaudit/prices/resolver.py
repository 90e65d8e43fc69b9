"""From a model's name as logs write it to the model in the price book, with how it was found.

Exact before alias before pattern; a name that fits several models is reported, never guessed; a name
that fits none is unpriced with a reason, never free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Final

import msgspec

from costaudit.prices.book import PriceBook
from costaudit.prices.conditions import FAST
from costaudit.prices.gateways import load_gateways
from costaudit.prices.names import (
    FREE_MODEL,
    LONGEST,
    cloud_route,
    fast_base,
    is_government,
    shape_of,
    short_name,
    states_profile,
    stems_of,
    tuned_base,
    variant_of,
    without_profile,
)


class How(StrEnum):
    """The way in which a name was resolved; kept with every number."""

    EXACT = "exact"
    ALIAS = "alias"
    OVERLAY_ALIAS = "overlay_alias"
    """An alias of the user's own tables."""
    DATED_SUFFIX = "dated_suffix"
    """The name without a date, version or `-latest` at its end."""
    PROVIDER_PREFIX = "provider_prefix"
    SAME_LIST = "same_list"
    """The provider bills by another provider's list."""
    USER_MAP = "user_map"
    INFERENCE_PROFILE = "inference_profile"
    """A Bedrock id without its geographic profile (`us.`, `eu.` …), which costs the same."""
    PROFILE_UNSTATED = "profile_unstated"
    """A Claude of Bedrock by the id of the model: such a call goes through a profile that the log leaves out
    (AWS refuses the bare id, "on-demand throughput isn't supported"). Taken to be the global one, which costs
    less than the geographic ones."""
    SHORT_NAME = "short_name"
    """The one model of a cloud or host whose id ends so: without Bedrock vendor and version, without path."""
    VARIANT = "variant"
    """An OpenRouter variant (`:nitro`, `:thinking` …) of a model, at the list price of the model."""
    FREE_VARIANT = "free_variant"
    """An OpenRouter `:free` variant, which the book prices at an explicit zero."""
    FINE_TUNE = "fine_tune"
    """A fine-tuned model, at the price of fine-tunes of its base."""
    OTHER_PROVIDER = "other_provider"
    """The vendor or gateway that the log names has no such model; the vendor that makes it has."""


class NoModelReason(StrEnum):
    """Why a name has no model in the book."""

    NO_MODEL = "no_model"
    UNKNOWN_MODEL = "unknown_model"
    UNKNOWN_PROVIDER = "unknown_provider"
    """The log names who served the call, and the book has no such provider: its prices are its own affair."""
    AMBIGUOUS_MODEL = "ambiguous_model"
    NOT_IN_SERVICE = "alias_without_target"
    """The alias pointed at nothing at that time."""
    NEEDS_MAP = "needs_map"
    """The name is the user's own (a deployment, an inference profile) and does not say the model."""
    FINE_TUNE = "fine_tune_without_price"
    """A fine-tuned model whose base has no fine-tune price in the book."""


class Resolved(msgspec.Struct, frozen=True):
    """A name found in the book."""

    provider: str
    model: str
    how: How
    region: str = ""
    """The region that the name itself states (bedrock/eu-west-2/…, an ARN); empty for none."""
    tier: str = ""
    """The service tier that the name itself states (gpt-4o:batch); empty for none."""
    speed: str = ""
    """The speed that the name itself states (claude-opus-4.8-fast); empty for none."""


class Unresolved(msgspec.Struct, frozen=True):
    """A name that is not in the book, and why."""

    reason: NoModelReason
    detail: str = ""
    """Candidates or a suggestion, for the eye."""


Resolution = Resolved | Unresolved
Periods = tuple[tuple[int, Resolution], ...]
"""What a name stands for from each instant (microseconds UTC) on; the first starts at 0."""

_OF_THE_USER: Final = frozenset({How.USER_MAP, How.OVERLAY_ALIAS})

Place = tuple[str, str, bool]
"""Provider id, the name there, and whether a prefix of the name said so."""

_MOST_OWNERS: Final = 8
"""Providers before a name (openrouter/anthropic/…), and words of a route behind one, that are looked at."""

_HOW_TO_MAP: Final = "say what it is: --map 'NAME=PROVIDER/MODEL', or [tool.costaudit.map]"


class Resolver:
    """Resolves names against one book, each distinct name once.

    `user_map` maps a name as logged (or provider/name) to `provider/model` of the book: deployments,
    fine-tunes, inference profiles. It is tried before all else, and before the maps of overlays.
    """

    def __init__(self, book: PriceBook, user_map: Mapping[str, str] | None = None) -> None:
        self._book = book
        maps = {**(book.user_map or {}), **(user_map or {})}
        self._user_map = {name.lower(): target for name, target in maps.items()}
        self.periods: Callable[[str | None, str | None], Periods] = lru_cache(maxsize=None)(self._periods)

    def __reduce__(self) -> tuple[object, ...]:
        """Names are resolved again by another process."""
        return Resolver, (self._book, self._user_map)

    def resolve(self, provider: str | None, name: str | None, at: int) -> Resolution:
        """What the name stood for at an instant (microseconds UTC)."""
        periods = self.periods(provider, name)
        current = periods[0][1]
        for start, resolution in periods:
            if start <= at:
                current = resolution
        return current

    def periods_through(
        self, provider: str | None, gateway: str | None, name: str | None, region: str | None = None
    ) -> Periods:
        """What a name of a log stands for: of its provider, or of its gateway that may be one."""
        found = self.periods(provider or (gateway if self._provider_id(gateway) else None), name)
        if name is None or states_profile(name) or is_government(region):
            return found
        return tuple((start, self._unprofiled(resolution)) for start, resolution in found)

    def _unprofiled(self, found: Resolution) -> Resolution:
        """A Claude of Bedrock through the global profile, where its name states no profile and no region."""
        if not isinstance(found, Resolved) or found.provider != "bedrock" or found.region:
            return found
        model = f"global.{found.model}"
        if found.how in _OF_THE_USER or "claude" not in model or ("bedrock", model) not in self._book.rows:
            return found
        return msgspec.structs.replace(found, model=model, how=How.PROFILE_UNSTATED)

    @property
    def user_map(self) -> Mapping[str, str]:
        """The maps of the user and of overlays together, by name in lower case."""
        return self._user_map

    def suggestion(self, name: str) -> str | None:
        """The names of the book closest to an unknown one, as a question."""
        return self._book.suggester.suggest(name)

    def _periods(self, provider: str | None, name: str | None) -> Periods:
        if not name:
            return ((0, Unresolved(NoModelReason.NO_MODEL)),)
        mapped = self._user_map.get(f"{provider or ''}/{name}".lower()) or self._user_map.get(name.lower())
        if mapped:
            vendor, _, model = mapped.partition("/")
            found = self._within(self._provider_id(vendor) or vendor, model, prefixed=False)
            return _as(found, How.USER_MAP) if found else self._unknown(mapped)
        if len(name) > LONGEST:
            return ((0, Unresolved(NoModelReason.UNKNOWN_MODEL, f"longer than {LONGEST} characters")),)
        shape = shape_of(name)
        hint = shape.provider or self._provider_id(provider) or self._provider_id(_without_api(provider))
        if shape.opaque:
            return (
                (
                    0,
                    Unresolved(
                        NoModelReason.NEEDS_MAP, f"{shape.opaque} does not say the model; {_HOW_TO_MAP}"
                    ),
                ),
            )
        found = self._find(hint, shape.name)
        if found is None and hint is None and _is_somebody(provider):
            return (
                (0, Unresolved(NoModelReason.UNKNOWN_PROVIDER, f"the book has no {provider}; {_HOW_TO_MAP}")),
            )
        found = found or self._anywhere(hint, shape.name, name)
        return _in_region(found, shape.region)

    def _find(self, hint: str | None, name: str) -> Periods | None:
        """The name at the providers that the log or the name itself says."""
        places = list(self._places(hint, name))
        for vendor, rest, prefixed in places:
            found = self._within(vendor, rest, prefixed=prefixed)
            if found:
                return found
        for place in places:
            found = self._by_shape(*place, hint)
            if found:
                return found
        return None if places else self._by_shape_alone(name)

    def _places(self, hint: str | None, name: str) -> Iterator[Place]:
        """Where to look, most specific first."""
        if name.startswith(_OPENROUTER_MARK):
            yield "openrouter", name, False
        if hint:
            yield hint, name, False
        rest = name
        owners: list[tuple[str, str]] = []
        while "/" in rest and len(owners) < _MOST_OWNERS:
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
        chain: list[str] = []
        current: str | None = provider
        while current is not None and current in self._book.providers and current not in chain:
            found = self._named(current, name, prefixed=prefixed)
            if found:
                return _as(found, How.SAME_LIST) if chain else found
            chain.append(current)
            current = self._book.providers[current].same_list_as
        return None

    def _named(self, provider: str, name: str, *, prefixed: bool) -> Periods | None:
        found = self._listed(provider, name, How.PROVIDER_PREFIX if prefixed else How.EXACT)
        for stem in () if found else stems_of(name):
            found = self._listed(provider, stem, How.DATED_SUFFIX)
            if found:
                return _as(found, How.DATED_SUFFIX)
        return found

    def _listed(self, provider: str, name: str, exact: How) -> Periods | None:
        """The name as it stands in the tables: an alias of the user's own, a model, a shipped alias."""
        rows = self._book.aliases_named(provider, name)
        own = bool(rows and rows[0].overlay)
        model = self._book.model_by_name[provider].get(name.lower())
        if model is not None and not own:
            return ((0, Resolved(provider, model, exact)),)
        if not rows:
            return None
        how = How.OVERLAY_ALIAS if own else How.ALIAS
        periods: list[tuple[int, Resolution]] = []
        nothing = Unresolved(NoModelReason.NOT_IN_SERVICE)
        if rows[0].valid_from is not None:
            periods.append((0, nothing))
        for place, row in enumerate(rows):
            periods.append((row.valid_from or 0, Resolved(provider, row.model, how)))
            following = rows[place + 1].valid_from if place + 1 < len(rows) else None
            if row.valid_to is not None and row.valid_to != following:
                periods.append((row.valid_to, nothing))
        return tuple(periods)

    def _by_shape(
        self, provider: str, name: str, prefixed: bool, hint: str | None, most: int = _MOST_OWNERS
    ) -> Periods | None:
        """The model inside a name that clouds, gateways and tuners have dressed up."""
        route = cloud_route(provider, name)
        if route.name != name and most:
            found = self._within(provider, route.name, prefixed=prefixed)
            found = found or self._by_shape(provider, route.name, prefixed, hint, most - 1)
            return _in_region(found, route.region) if found else None
        found = self._profile(name) if provider == "bedrock" else None
        found = found or self._tuned(provider, name)
        if found:
            return found
        variant = variant_of(name)
        if variant and (provider == "openrouter" or variant[1] != "free"):
            return self._variant(*variant, hint)
        return self._fast(provider, name) or self._by_short_name(provider, name)

    def _by_shape_alone(self, name: str) -> Periods | None:
        """A name without a provider whose shape gives the provider away."""
        return self._profile(name) or self._tuned("openai", name)

    def _profile(self, name: str) -> Periods | None:
        bare = without_profile(name)
        found = (
            self._within("bedrock", bare, prefixed=False)
            if bare and "bedrock" in self._book.providers
            else None
        )
        return _as(found, How.INFERENCE_PROFILE) if found else None

    def _tuned(self, provider: str, name: str) -> Periods | None:
        tuned = tuned_base(name)
        if tuned is None:
            return None
        found = self._listed(provider, tuned, How.FINE_TUNE) if provider in self._book.providers else None
        return (
            _as(found, How.FINE_TUNE)
            if found
            else ((0, Unresolved(NoModelReason.FINE_TUNE, f"no price for {tuned}")),)
        )

    def _variant(self, base: str, variant: str, hint: str | None) -> Periods | None:
        if variant == "free":
            priced = ("openrouter", FREE_MODEL) in self._book.rows
            return ((0, Resolved("openrouter", FREE_MODEL, How.FREE_VARIANT)),) if priced else None
        found = self._find(hint or "openrouter", base)
        return _as(found, How.VARIANT, tier="batch" if variant == "batch" else "") if found else None

    def _fast(self, provider: str, name: str) -> Periods | None:
        """The fast mode of a model that is sold so, by whatever condition: OpenAI's is its priority tier."""
        base = fast_base(name)
        found = self._find(provider, base) if base else None
        for _, resolution in found or ():
            if isinstance(resolution, Resolved):
                conditions = {r.when for r in self._book.rows[resolution.provider, resolution.model]}
                if any(when.speed == FAST for when in conditions):
                    return _as(found or (), How.VARIANT, speed=FAST)
                if any(when.tier == "priority" for when in conditions):
                    return _as(found or (), How.VARIANT, tier="priority")
        return None

    def _by_short_name(self, provider: str, name: str) -> Periods | None:
        models = self._short_names(provider).get(name.lower(), ()) if "/" not in name else ()
        if len(models) == 1:
            return ((0, Resolved(provider, models[0], How.SHORT_NAME)),)
        if models:
            return ((0, Unresolved(NoModelReason.AMBIGUOUS_MODEL, f"{provider} has {', '.join(models)}")),)
        return None

    def _short_names(self, provider: str) -> Mapping[str, tuple[str, ...]]:
        """Models of a cloud or host by the end of their ids."""
        if provider not in self._short:
            found: dict[str, tuple[str, ...]] = {}
            listed = self._book.providers[provider].kind in ("cloud", "host")
            for lower, model in self._book.model_by_name[provider].items() if listed else ():
                found[short_name(lower)] = (*found.get(short_name(lower), ()), model)
            self._short[provider] = found
        return self._short[provider]

    @cached_property
    def _short(self) -> dict[str, Mapping[str, tuple[str, ...]]]:
        return {}

    def _anywhere(self, hint: str | None, clean: str, name: str) -> Periods:
        """A name that is not where the log says: the vendor of the model, or the one provider that has it.

        What a cloud or host asks for a model is its own affair: the price of another would be a guess.
        """
        if hint in ("azure", "azure_ai"):
            return (
                (
                    0,
                    Unresolved(
                        NoModelReason.NEEDS_MAP, f"an Azure deployment can have any name; {_HOW_TO_MAP}"
                    ),
                ),
            )
        if hint and self._book.providers[hint].kind in ("cloud", "host"):
            return self._unknown(name, hint)
        owners = {}
        for owner in self._named_at({stem.lower() for stem in (clean, *stems_of(clean))}):
            found = self._named(owner, clean, prefixed=False)
            if found:
                owners[owner] = (self._book.providers[owner].kind, found)
        vendors = {owner: found for owner, (kind, found) in owners.items() if kind == "vendor"}
        # Several vendors sell deepseek-chat; its own name says whose it is.
        makers = {owner: found for owner, found in vendors.items() if self._is_named_in(owner, clean)}
        everyone = self._sellers(clean) | owners.keys()
        only = {owner: found for owner, (_, found) in owners.items() if len(everyone) == 1}
        for group in (vendors, makers, only):
            if len(group) == 1:
                found = next(iter(group.values()))
                return _as(found, How.OTHER_PROVIDER) if hint else found
        if owners:
            hosts = ", ".join(sorted(everyone))
            return (
                (
                    0,
                    Unresolved(
                        NoModelReason.AMBIGUOUS_MODEL, f"offered by {hosts}; the log names no provider"
                    ),
                ),
            )
        return self._unknown(name)

    def _sellers(self, name: str) -> set[str]:
        """Providers with a model of that name, also behind an owner: meta-llama/llama-3.1-70b-instruct."""
        return self._by_tail.get(name.lower(), set())

    def _named_at(self, names: set[str]) -> list[str]:
        """Providers with a model, or an alias of one, that has one of these names in lower case."""
        listed = (self._book.model_by_name, self._book.alias_keys)
        return [p for p in self._book.providers if any(name in of[p] for of in listed for name in names)]

    @cached_property
    def _by_tail(self) -> Mapping[str, set[str]]:
        """Providers by what stands behind a slash in the ids of their models."""
        found: dict[str, set[str]] = {}
        for provider, models in self._book.model_by_name.items():
            for model in models:
                at = model.find("/")
                while at >= 0:
                    found.setdefault(model[at + 1 :], set()).add(provider)
                    at = model.find("/", at + 1)
        return found

    def _is_named_in(self, provider: str, name: str) -> bool:
        """Whether a model's name begins with a name of the provider, as in deepseek-v4-flash."""
        words = self._book.providers[provider].log_names
        return any(name.lower().startswith(f"{word}-") for word in words)

    def _unknown(self, name: str, hint: str | None = None) -> Periods:
        sellers = [p for p, models in self._book.model_by_name.items() if name.lower() in models]
        if hint and sellers:
            detail = f"{hint} does not list it, {', '.join(sellers[:5])} does"
        else:
            detail = self.suggestion(name) or ""
        return ((0, Unresolved(NoModelReason.UNKNOWN_MODEL, detail)),)


_OPENROUTER_MARK: Final = "~"
"""How OpenRouter's names begin that stand for the newest model of a line (~openai/gpt-latest)."""

_NOBODY: Final = frozenset({
    "", "-", "unknown", "none", "n/a", "null", "other", "default", "auto", "llm", "ai", "proxy", "gateway",
    "kong", "envoy", "langchain", "llamaindex", "internal",
})  # fmt: skip
"""What logs write for a provider that names nobody, or what passed the request on, beside the gateways."""


_APIS: Final = frozenset({
    "chat", "responses", "messages", "completion", "embedding", "embeddings", "image", "speech",
    "transcription",
})  # fmt: skip


def _without_api(provider: str | None) -> str | None:
    """A provider without the API of it that a client was made for, as the AI SDK names both.

    >>> _without_api("google.vertex.chat"), _without_api("openai")
    ('google.vertex', None)
    """
    name, dot, api = (provider or "").strip().lower().rpartition(".")
    return name if dot and api in _APIS else None


def _is_somebody(provider: str | None) -> bool:
    """Whether a log says with these words who served a call."""
    name = (provider or "").strip().lower()
    return name not in _NOBODY and load_gateways().named(name) is None


def _as(periods: Periods, how: How, **stated: str) -> Periods:
    """The same models, found in another way, with what else the name states of the call."""
    return tuple(
        (s, msgspec.structs.replace(r, how=how, **stated) if isinstance(r, Resolved) else r)
        for s, r in periods
    )


def _in_region(periods: Periods, region: str) -> Periods:
    if not region:
        return periods
    return tuple(
        (s, msgspec.structs.replace(r, region=region) if isinstance(r, Resolved) else r) for s, r in periods
    )
