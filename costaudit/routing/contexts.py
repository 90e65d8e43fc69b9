"""Contexts: what of a request, besides its tokens, decides where it may go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.prices.conditions import service_tier
from costaudit.routing.policy import RULES_FROM, Policy, matches
from costaudit.schema import UNTAGGED
from costaudit.tape.columns import Words
from costaudit.tape.groups import group_rows

if TYPE_CHECKING:
    from costaudit.prices.cards import Card

Mask = npt.NDArray[np.bool_]

NOT_ACTED_ON = -1
"""The number of a request that the policy leaves alone."""


class Context(NamedTuple):
    """Requests that have the same candidates on the same terms."""

    number: int
    """Of the policy's treatment."""
    service: str
    """Service tier, normalised."""
    allowed: frozenset[str] | None = None
    """The providers that may serve; None for any."""
    origin: str = ""
    """provider/model that serves today, where it makes a difference."""
    feature: str | None = None
    """Where evals may speak of it."""
    tier: int | None = None
    """The tag, where evals may speak of it and the number does not say it."""


class Reads(msgspec.Struct, frozen=True):
    """What of a request a policy looks at: nothing else splits its contexts."""

    words: tuple[str, ...]
    """Columns of words."""
    origin: bool
    """The model of today as the book names it."""

    @classmethod
    def of(cls, policy: Policy, *, task_evals: bool) -> Reads:
        """What a policy reads; `task_evals` when evals speak of single features."""
        rules, never, residency = policy.rules, policy.never, policy.residency
        asked = {
            "feature": any(
                (task_evals, never.features, *(r.features for r in rules), *(r.features for r in residency))
            ),
            "model": any((never.models, *(r.models for r in rules))),
            "gateway": any(r.gateways for r in rules),
            "region": any(r.regions for r in residency),
        }
        origin = any(
            (policy.same_provider, policy.pairs, never.models, *(r.models or r.providers for r in rules))
        )
        return cls(tuple(name for name, read in asked.items() if read), origin)


class Contexts(msgspec.Struct, frozen=True):
    """The contexts of a batch."""

    known: list[Context]
    code: npt.NDArray[np.int64]
    """Index into `known` per request; NOT_ACTED_ON for those that the policy leaves alone."""
    never: Mask
    """Requests that the policy never moves."""


def contexts_of(  # noqa: PLR0913 - everything that may decide
    policy: Policy,
    reads: Reads,
    words: Mapping[str, Words],
    tier: npt.NDArray[np.int8],
    card: npt.NDArray[np.int32],
    cards: Sequence[Card],
    *,
    evals: bool,
    tasks: bool,
) -> Contexts:
    """The context of every request with a price and a tag.

    A rule that asks for no tier needs no tag, and what is never moved is so with or without one.
    """
    rows = len(tier)
    code, never = np.full(rows, NOT_ACTED_ON, np.int64), np.zeros(rows, bool)
    never_by_name = policy.never.features or policy.never.models
    untagged = bool(never_by_name) or any(not rule.tiers for rule in policy.rules)
    chosen = np.flatnonzero((card >= 0) if untagged else (tier != UNTAGGED) & (card >= 0))
    if not len(chosen):
        return Contexts([], code, never)
    kinds = sorted({service_tier(value) for value in words["service_tier"].values})
    kind_of = np.array([kinds.index(service_tier(v)) for v in words["service_tier"].values], np.int64)
    columns: dict[str, tuple[npt.NDArray[np.integer], int, int]] = {
        "tier": (tier[chosen], UNTAGGED, 3),
        "kind": (kind_of[words["service_tier"].codes[chosen]], 0, len(kinds) - 1),
    }
    if any(rule.service_tiers for rule in policy.rules):
        service = words["service_tier"]
        columns["service_tier"] = (service.codes[chosen], 0, len(service.values) - 1)
    for name in reads.words:
        columns[name] = (words[name].codes[chosen], 0, len(words[name].values) - 1)
    if reads.origin:
        columns["card"] = (card[chosen], 0, int(card[chosen].max()))
    distinct, group, size = group_rows(columns)
    known: dict[Context, int] = {}
    of_group, kept = np.empty(size, np.int64), np.zeros(size, bool)
    for i in range(size):
        told = {
            name: words[name].values[distinct[name][i]]
            for name in (*reads.words, "service_tier")
            if name in distinct
        }
        own = cards[distinct["card"][i]] if reads.origin else None
        context = _context(policy, told, int(distinct["tier"][i]), kinds[distinct["kind"][i]], own)
        if context is not None:
            context = context._replace(
                feature=context.feature if tasks else None, tier=context.tier if evals else None
            )
        kept[i] = context is None
        if context is None or context.number == UNTAGGED:
            of_group[i] = NOT_ACTED_ON
        else:
            of_group[i] = known.setdefault(context, len(known))
    code[chosen], never[chosen] = of_group[group], kept[group]
    return Contexts(list(known), code, never)


def _context(
    policy: Policy, told: Mapping[str, str | None], tier: int, kind: str, own: Card | None
) -> Context | None:
    """The context of some requests; None for those that are never moved."""
    feature = told.get("feature")
    resolved = None if own is None else f"{own.provider}/{own.model}"
    names = (told.get("model"), resolved)
    if matches(policy.never.features, feature) or matches(policy.never.models, *names):
        return None
    number = tier
    for place, rule in enumerate(policy.rules):
        asked = (
            (rule.features, (feature,)),
            (rule.models, names),
            (rule.providers, (None if own is None else own.provider,)),
            (rule.gateways, (told.get("gateway"),)),
            (rule.service_tiers, (told.get("service_tier"), kind)),
        )
        if all(not patterns or matches(patterns, *values) for patterns, values in asked) and (
            not rule.tiers or tier in rule.tiers
        ):
            number = RULES_FROM + place
            break
    allowed = [
        frozenset(rule.providers)
        for rule in policy.residency
        if matches(rule.regions, told.get("region")) or matches(rule.features, feature)
    ]
    if policy.same_provider and own is not None:
        allowed.append(frozenset({own.provider}))
    return Context(
        number,
        kind,
        frozenset.intersection(*allowed) if allowed else None,
        resolved if policy.pairs and resolved is not None else "",
        feature,
        tier if number >= RULES_FROM else None,
    )
