"""CA3, prices beside each other: classes of one model, service tiers, what the provider does elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from costaudit.prices.conditions import When
from costaudit.prices.rows import instant_text
from costaudit.prices.rules.rule import ERROR, PLAIN, BrokenAt, CheckedTables, PricePair, Rule

D = Decimal

BOUNDS: Final = {
    "output": (D("0"), D("20")),
    "cache_read": (D("0.005"), D("1")),
    "input_audio": (D("0.5"), D("100")),
    "output_audio": (D("2"), D("150")),
    "input_image": (D("0.5"), D("20")),
    "output_image": (D("2"), D("150")),
}
"""What a class may cost, in times of input. The dearest of 13,000 rows: speech at 20 (Gemini TTS), images at
120; the cheapest cache read, at 0.008."""


def _find_dear_cache(case: CheckedTables) -> Iterator[BrokenAt]:
    for row, usd, _, base_usd in case.pairs.inputs:
        if row.klass == "cache_read" and usd > base_usd:
            told = f"{row.rate_id}: a cached token costs {usd:f}, a new one {base_usd:f}"
            yield BrokenAt(row.path, row.line, row.rate_id, told)
    for states in case.pairs.live.values():
        for live in states:
            for (klass, when), row in live.items():
                new = live.get(("input_audio", when)) if klass == "cache_read_audio" else None
                if new is not None and row.usd is not None and new.usd is not None and row.usd > new.usd:
                    told = f"{row.rate_id}: a cached token costs {row.usd:f}, a new one {new.usd:f}"
                    yield BrokenAt(row.path, row.line, row.rate_id, told)


def _find_cheap_output(case: CheckedTables) -> Iterator[BrokenAt]:
    for row, usd, _, base_usd in case.pairs.inputs:
        if row.klass == "output" and usd < base_usd:
            told = f"{row.rate_id}: output costs {usd:f}, input {base_usd:f}; are the two swapped?"
            yield BrokenAt(row.path, row.line, row.rate_id, told)


def _find_odd_classes(case: CheckedTables) -> Iterator[BrokenAt]:
    for row, usd, _, base_usd in case.pairs.inputs:
        bounds = BOUNDS.get(row.klass)
        if bounds is None or (row.klass == "cache_read" and usd > base_usd):
            continue
        low, high = bounds
        if not low * base_usd <= usd <= high * base_usd:
            told = f"{row.rate_id}: {usd:f} is {_times(usd, base_usd)} times input ({base_usd:f})"
            yield BrokenAt(row.path, row.line, row.rate_id, told)


def _times(a: Decimal, b: Decimal) -> str:
    return f"{float(a / b):.3g}"


def _find_odd_writes(case: CheckedTables) -> Iterator[BrokenAt]:
    for states in case.pairs.live.values():
        for live in states:
            for (klass, when), row in live.items():
                if not klass.startswith("cache_write") or not row.usd:
                    continue
                base, short = live.get(("input", when)), live.get(("cache_write_5m", when))
                told = None
                if base is not None and base.usd and not base.usd <= row.usd <= base.usd * D("2.5"):
                    told = f"{_times(row.usd, base.usd)} times input ({base.usd:f}), where 1 to 2.5 is known"
                elif short is not None and short.usd is not None and row.usd < short.usd:
                    told = f"less than keeping it for five minutes ({short.usd:f})"
                if told is not None:
                    yield BrokenAt(row.path, row.line, row.rate_id, f"{row.rate_id}: {row.usd:f} is {told}")


def _find_odd_tiers(case: CheckedTables) -> Iterator[BrokenAt]:
    for row, usd, _, base_usd in case.pairs.plain:
        when = row.when
        if when == When(tier=when.tier):
            wrong = usd < base_usd if when.tier == "priority" else usd > base_usd
        elif when == When(when.context_over):
            wrong = usd < base_usd
        else:
            continue
        if wrong:
            more = "more" if usd > base_usd else "less"
            told = f"{row.rate_id}: {usd:f} is {more} than the standard price ({base_usd:f})"
            yield BrokenAt(row.path, row.line, row.rate_id, told)


class _Habit(msgspec.Struct, frozen=True):
    """The ratio that most models of a provider keep."""

    ratio: Decimal
    models: int
    of: int


MOSTLY: Final = D("0.75")
"""The share of a provider's models from which on a ratio is its habit."""
FEWEST: Final = 4
"""Models that a habit needs."""
SLACK: Final = D("0.15")
"""Of the ratio: clouds round their prices to two digits."""


def _habit_key(pair: PricePair) -> tuple[str, str, str] | None:
    row, when = pair.row, pair.row.when
    if pair.to.klass == row.klass:
        single = when in (When(tier=when.tier), When(region=when.region), When(speed=when.speed))
        return (row.provider, row.klass, str(when)) if single and when != PLAIN else None
    return (row.provider, row.klass, "input") if row.klass.startswith("cache_write") else None


def _find_breaks_of_habit(case: CheckedTables) -> Iterator[BrokenAt]:
    pairs = [
        (key, pair)
        for pair in (*case.pairs.plain, *case.pairs.inputs)
        if (key := _habit_key(pair)) is not None
    ]
    habits = _habits(pairs)
    for key, pair in pairs:
        habit = habits.get(key)
        ratio = pair.usd / pair.to_usd
        if habit is not None and abs(ratio - habit.ratio) > SLACK * habit.ratio:
            later = pair.to.valid_from > pair.row.valid_from
            since = f" from {instant_text(pair.to.valid_from)} on" if later else ""
            told = (
                f"{pair.row.rate_id}: {pair.usd:f} is {float(ratio):.3g} times {pair.to_usd:f}{since}, where "
                f"{habit.models} of {habit.of} models of {pair.row.provider} have {float(habit.ratio):.3g}"
            )
            yield BrokenAt(pair.row.path, pair.row.line, pair.row.rate_id, told)


def _habits(pairs: list[tuple[tuple[str, str, str], PricePair]]) -> dict[tuple[str, str, str], _Habit]:
    """Ratios that most models of a provider keep, a model counted once with each of its ratios."""
    seen: dict[tuple[str, str, str], set[tuple[str, Decimal]]] = {}
    for key, pair in pairs:
        ratio = (pair.usd / pair.to_usd).quantize(D("0.01"))
        seen.setdefault(key, set()).add((pair.row.model, ratio))
    found = {}
    for key, ratios in seen.items():
        models = {model for model, _ in ratios}
        ratio, count = max(Counter(r for _, r in ratios).items(), key=lambda item: (item[1], item[0]))
        if len(models) >= FEWEST and count >= MOSTLY * len(models):
            found[key] = _Habit(ratio, count, len(models))
    return found


RULES: Final = (
    Rule(
        "CA301", "cache-read-above-input", ERROR,
        "A cached token never costs more than a new one. models.dev had cached input of gpt-3.5-turbo at "
        "1.25 above input "
        "at 0.5 for ten months, and read and write of Claude Sonnet 4 swapped for a week.",
        "Look whether cache_read and cache_write, or two rows, are swapped.",
        "input 3, cache_read 3.75",
        _find_dear_cache,
    ),
    Rule(
        "CA302", "output-below-input", ERROR,
        "Of 4,500 known prices of output one is below that of input, that of a classifier: mostly the "
        "two are swapped.",
        "Compare both figures with the provider's page.",
        "input 10, output 2.5",
        _find_cheap_output,
    ),
    Rule(
        "CA307", "class-out-of-proportion", ERROR,
        "A class is far from input: a slip of a digit. litellm had Qwen3-235B on Together with output at "
        "6.00 instead of "
        "0.60 for a year.",
        "Compare both figures with the provider's page; mind the unit.",
        "input 0.2, output 6",
        _find_odd_classes,
    ),
    Rule(
        "CA308", "cache-write-out-of-proportion", ERROR,
        "Writing to a cache costs between 1 and 2 times input everywhere, an hour more than five "
        "minutes. litellm had "
        "Claude 3.5 Haiku's hour at 7.5 times.",
        "Compare with the provider's page; look whether two cache rows are swapped.",
        "input 3, cache_write_5m 0.3",
        _find_odd_writes,
    ),
    Rule(
        "CA309", "breaks-the-habit", ERROR,
        "Providers discount alike: batch at half, an hour of cache at twice input, a region at 1.1 "
        "times. A model that "
        "differs is rare, a figure typed into the wrong row is not.",
        "Compare with the provider's page; if it is so, suppress it with that as the reason.",
        "tier=batch at 2 where standard is 2, and every other model of the provider has half",
        _find_breaks_of_habit,
    ),
    Rule(
        "CA310", "tier-out-of-order", ERROR,
        "Batch and flex never cost more than standard, priority and long contexts never less.",
        "Look whether two rows are swapped.",
        "input 2.5, tier=batch input 5",
        _find_odd_tiers,
    ),
)  # fmt: skip
