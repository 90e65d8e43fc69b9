"""What stands against a comparison of two arms: too few days, other work, other prices, gaps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import numpy as np

from costaudit.prices.cards import NO_TS
from costaudit.questions.shadow import contrast as c
from costaudit.questions.shadow import result as m
from costaudit.questions.shadow.arms import ArmCalls, CostSource, days_of
from costaudit.stats.sizing import WEEK

MIX_DISTANCE: Final = 0.05
MIX_CHANCE: Final = 0.01
"""Mixes are called different when they are further apart than chance explains, and by more than a little."""

UNBALANCED: Final = 0.1
"""Standardised difference from which on groups count as unbalanced (Austin 2009)."""

COVERED: Final = 0.99
"""Share of an arm's requests that must have a price for its cost to stand for all of it."""


def warn_of_time(a: ArmCalls, b: ArmCalls, units: c.Units) -> list[str]:
    """Too few days, days that are not the same, requests without a time."""
    warnings = []
    undated = [int((arm.ts == NO_TS).sum()) for arm in (a, b)]
    fewest = min(units.days_a, units.days_b)
    if any(undated):
        warnings.append(f"{sum(undated):,} requests have no time: days cannot be told apart.")
    if 0 < fewest < WEEK:
        warnings.append(
            f"Fewer than {WEEK} days ({fewest} in the shorter arm): weekdays differ, and single requests "
            "were resampled, which takes days for alike. The intervals are too narrow."
        )
    elif units.kind == "days" and fewest < 2 * WEEK:
        warnings.append(f"{fewest} days in the shorter arm: under 14, intervals of whole days are rough.")
    days = [np.unique(days_of(arm.ts)[arm.ts != NO_TS]) for arm in (a, b)]
    if all(map(len, days)) and 2 * len(np.intersect1d(days[0], days[1])) < len(np.union1d(days[0], days[1])):
        warnings.append(
            "The arms did not run on the same days: whatever else changed in between counts as their "
            "difference."
        )
    return warnings


def is_mixed(mix: c.FeatureMix) -> bool:
    """Whether the features of the arms differ by more than chance and more than a little."""
    return mix.distance > MIX_DISTANCE and mix.chance < MIX_CHANCE


def warn_of_mix(mix: c.FeatureMix) -> list[str]:
    """Other features, or requests of another size."""
    warnings = []
    if is_mixed(mix):
        told = "no feature has 30 priced requests in both, so nothing can be compared within features"
        if mix.strata:
            most = max(mix.strata, key=lambda s: abs(s.standardised))
            told = "compare within features"
            if abs(most.standardised) > UNBALANCED:
                name = "no feature" if most.feature is None else most.feature
                told = f"most of all {name} ({most.standardised:+.2f} standard deviations); {told}"
        warnings.append(
            f"The arms have different mixes of features: {100 * mix.distance:.0f}% of the requests of one "
            f"would have to be of another feature; {told}."
        )
    if mix.tokens_in is not None and abs(mix.tokens_in) > UNBALANCED:
        warnings.append(
            f"Requests differ in size: input tokens per request are {mix.tokens_in:+.2f} standard deviations "
            "apart (other prompts, or another tokenizer)."
        )
    return warnings


def warn_of_prices(a: ArmCalls, b: ArmCalls, cost: CostSource) -> list[str]:
    """Cards of one model that were in force at different times."""
    if cost != "list":
        return []
    dates: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for side, arm in enumerate((a, b)):
        for card in arm.cards:
            name, at, rest = card.partition("@")
            if at:
                dates[name + _condition(rest)][side].add(rest.partition("[")[0])
    warnings = []
    for name, (in_a, in_b) in sorted(dates.items()):
        if in_a and in_b and in_a != in_b:
            warnings.append(
                f"{name} had other prices in A (from {_listed(in_a)}) than in B (from {_listed(in_b)}): "
                "--prices-at prices both as on one date."
            )
        elif max(len(in_a), len(in_b)) > 1:
            where = "both arms" if len(in_a) > 1 and len(in_b) > 1 else "A" if len(in_a) > 1 else "B"
            changed = sorted(in_a if len(in_a) > 1 else in_b)[1:]
            warnings.append(
                f"The price of {name} changed within {where} (on {_listed(changed)}): --prices-at prices "
                "both as on one date."
            )
    return warnings


def _condition(rest: str) -> str:
    return "[" + rest.partition("[")[2] if "[" in rest else ""


def _listed(dates: Iterable[str]) -> str:
    return ", ".join(sorted(dates))


def warn_of_coverage(arms: tuple[m.Arm, m.Arm], cost: CostSource) -> list[str]:
    """Requests that no cost is known of."""
    warnings = []
    for letter, arm in zip("AB", arms, strict=True):
        missing = arm.requests - arm.priced
        if arm.priced < COVERED * arm.requests:
            what = "no price" if cost == "list" else "no stated cost"
            warnings.append(
                f"{missing:,} of {arm.requests:,} requests of {letter} have {what}: cost is that of the "
                "others."
            )
    return warnings
