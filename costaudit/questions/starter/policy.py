"""A routing policy to begin with: the default one, with what each tier of the log runs on beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from costaudit.money import percent_of
from costaudit.money import shown as dollars
from costaudit.questions.starter.toml import can_be_written, literal, shown, string, strings
from costaudit.questions.starter.usage import TierUse, Usage
from costaudit.render.safe import wrap
from costaudit.routing.policy import Policy, Treatment
from costaudit.schema import Tier

FILE: Final = "routing-policy.toml"
MODELS: Final = 6
"""Models of a tier that are told one by one, and named as candidates."""
FEATURES: Final = 3
"""Features in examples."""
COLUMNS: Final = 100
"""Of a comment."""

HEAD: Final = """\
# A routing policy: which model each kind of request may run on.
#   costaudit simulate LOGS --policy {file}     what it would come to
#   costaudit policy export --policy {file}     the same for a router
#
# It begins as the policy "{policy}". A line that begins with # and no space is an example: take the # away.
# The names and figures are those of {log}.
schema = "costaudit/policy@1"
name = "mine"
title = {title}

# Requests whose tag is less certain (percent) keep their model. The range of the projection believes all
# tags at its low end, and only the strong ones at its high end.
min_confidence = {min_confidence}
strong_confidence = {strong_confidence}
"""

LIMITS: Final = """\

# Only these may serve: here those that serve today.
#providers = {providers}
# One decision for a whole session, so that its prompt cache is kept.
#sessions = "together"
# With --evals: a model is adequate where the lower bound of its pass rate reaches this.
#quality_floor = "0.90"
# What deciding costs, for every request that the policy acts on.
#router_usd_per_request = "0.00001"
"""

NEVER: Final = """\

# --- Requests that keep their model, whatever the rest says. Names may have * and ?.
{features}
#[never]
#features = {names}
#models = []
#users = []
"""

RESIDENCY: Final = """\

# --- Requests that only some providers may serve: by the region in the log, or by feature.
#[[residency]]
#regions = {regions}
#features = {features}
#providers = {providers}
"""

RULES: Final = """\

# --- Rules are asked in their order, before the tiers. They may also name models, providers, gateways,
# service_tiers and tiers. choice = "ordered" takes the first that is adequate, else the cheapest is taken.
#[[rules]]
#name = "first rule"
#features = {features}
{candidates}
#choice = "ordered"
"""

TERMS: Final = """\
#fallbacks = {fallbacks}    # asked when an answer fails; without them the model of today
#share = "0.5"              # only a part of the requests moves
#success_rate = "0.97"      # how often the answer is good enough, where no evals say it
#retry_rate = "0.02"        # how often an answer cannot be parsed and is asked for again
#max_attempts = 3
"""


def render_policy(usage: Usage, policy: Policy, file: str = FILE) -> str:
    """A policy file of the same decisions as `policy`, which must be one of tiers and classes."""
    features = [row.feature for row in usage.features if can_be_written(row.feature)]
    examples = [literal(name or "") for name in features[:FEATURES]] or ["legal*"]
    providers = strings(usage.providers or ("openai",))
    candidates = _candidates(usage.tiers[:1], policy)
    period = f" of {usage.start} to {usage.end}" if usage.start else ""
    parts = [
        HEAD.format(
            file=file,
            policy=policy.name,
            log=f"a log of {usage.requests:,} requests{period}, {dollars(usage.usd)} billed",
            title=string(policy.title),
            min_confidence=policy.min_confidence,
            strong_confidence=policy.strong_confidence,
        ),
        LIMITS.format(providers=providers),
        NEVER.format(features=_features(usage), names=strings(examples)),
        RESIDENCY.format(
            regions=strings(usage.regions[:FEATURES] or ("eu*",)),
            features=strings(examples[:1]),
            providers=providers,
        ),
        RULES.format(features=strings(examples[:1]), candidates=_example(candidates[:2])),
        *(_tier(use, usage, policy) for use in _tiers(usage)),
    ]
    return "".join(parts)


def _tiers(usage: Usage) -> Iterator[TierUse]:
    """All tiers, those without requests too, then what has none."""
    found = {use.tier: use for use in usage.tiers}
    for tier in (*Tier, None):
        empty = TierUse(None if tier is None else tier.value, 0, None, (), (), 0)
        yield found.get(empty.tier, empty)


def _features(usage: Usage) -> str:
    if not usage.features:
        return "# This log names no features."
    named = [f"{shown(row.feature)} ({dollars(row.billed_usd)})" for row in usage.features[:MODELS]]
    more = f" and {len(usage.features) - MODELS:,} more" if len(usage.features) > MODELS else ""
    told = f"Features of this log, by spend: {', '.join(named)}{more}."
    return "\n".join(f"# {line}" for line in wrap(told, COLUMNS - 2))


def _tier(use: TierUse, usage: Usage, policy: Policy) -> str:
    label = "Untagged" if use.tier is None else f"Tier {use.tier} {Tier(use.tier).label}"
    lines = ["", f"# --- {label}: {_size(use, usage)}", *_today(use), *_moves(use, policy)]
    if use.tier is None:
        return "\n".join([*lines, "# Without a tier nothing moves: rules may name such requests.", ""])
    treatment = policy.tier(use.tier)
    lines += ["[[tiers]]", f"tier = {use.tier}", *_treatment(treatment, _candidates([use], policy))]
    text = "\n".join([*lines, ""])
    if treatment is None or treatment.keep:
        return text
    return text + TERMS.format(fallbacks=strings(_fallbacks(use)))


def _size(use: TierUse, usage: Usage) -> str:
    if not use.requests:
        return "no requests in this log"
    share = percent_of(use.usd, usage.usd) if use.usd is not None and usage.usd else None
    money = f", {dollars(use.usd)} billed" if use.usd is not None else ", no known cost"
    part = f", {share}% of the bill" if share is not None else ""
    return f"{_requests(use.requests).strip()}{money}{part}"


def _today(use: TierUse) -> Iterator[str]:
    for place, model in enumerate(use.models[:MODELS]):
        share = percent_of(model.usd, use.usd) if model.usd is not None and use.usd else None
        of_tier = f"  {share}% of the tier" if share is not None else ""
        money = "not known" if model.usd is None else dollars(model.usd)
        first = "today" if place == 0 else ""
        yield f"# {first:<8} {_requests(model.requests)}  {money:>12}  {shown(model.name)}{of_tier}"
    if len(use.models) > MODELS:
        yield f"#          and {len(use.models) - MODELS:,} more models"


def _moves(use: TierUse, policy: Policy) -> Iterator[str]:
    word = policy.name[:8]
    for place, model in enumerate(use.routed[:MODELS]):
        yield f"# {word if place == 0 else '':<8} {_requests(model.requests)}  → {shown(model.name)}"
    if use.kept:
        yield f"# {'' if use.routed else word:<8} {_requests(use.kept)} kept on the model of today"


def _requests(number: int) -> str:
    return f"{number:>11,} {'request' if number == 1 else 'requests'}"


def _treatment(treatment: Treatment | None, candidates: Sequence[str]) -> Iterator[str]:
    """Where a tier may go, with its models of today as an example."""
    if treatment is None or treatment.keep:
        yield "keep = true"
    else:
        yield "any = true" if treatment.any else f"classes = {strings(treatment.classes)}"
    if candidates:
        yield "# Or instead of the line above these alone: models of this log, then the newest of the roster."
        yield _example(candidates)
    if treatment is not None and treatment.verification.multiple:
        multiple = f"{treatment.verification.multiple:f}"
        yield f"verification = {string(multiple)}    # a second pass, as a multiple of the request's cost"


def _example(candidates: Sequence[str]) -> str:
    """A list of candidates that is not switched on, a line each."""
    return "\n".join(["#candidates = [", *(f"#{string(name)}," for name in candidates), "#]"])


def _candidates(uses: Sequence[TierUse], policy: Policy) -> list[str]:
    """Models that serve these tiers today, then the newest of each seat of the policy for them."""
    today = [model.name for use in uses for model in use.models[:MODELS] if model.chat]
    seats = [
        seat[-1]
        for use in uses
        if use.tier is not None
        for group in policy.groups.get(use.tier, ())
        for seat in group
    ]
    return list(dict.fromkeys([*(name for name in today if name is not None), *seats]))


def _fallbacks(use: TierUse) -> list[str]:
    return [model.name for model in use.models if model.chat and model.name is not None][:1] or [
        "openai/gpt-4.1"
    ]
