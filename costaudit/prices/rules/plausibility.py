"""CA3, single prices: jumps, zeros, magnitudes, siblings, copies, markups."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from costaudit.prices.book import ModelKey, PriceBook
from costaudit.prices.proof import CORE
from costaudit.prices.rows import UNIT_CLASSES, PriceRow
from costaudit.prices.rules.deltas import Writing
from costaudit.prices.rules.rule import ERROR, PLAIN, BrokenAt, CheckedTables, PricePair, Rule

D = Decimal

JUMP_UP, JUMP_DOWN = D(10), D("0.1")
"""Of 977 changes in the book, six went up tenfold or more and four down to a tenth."""
STEP_UP, STEP_DOWN = D(5), D("0.19")
"""A new change of this size needs a note: 3 in 100 go up fivefold, 1 in 100 down to less than a fifth."""
DEAREST: Final = D(1000)
"""USD per 1M tokens; the dearest known is 270."""
DEAREST_UNIT: Final = D("0.5")
"""USD per request or web search; the dearest known is 0.035."""
CHEAPEST: Final = D("0.0001")
"""USD per 1M tokens; the cheapest known, cached tokens of small models, is ten times that."""
CHEAPEST_OF: Final = {"flagship": D("0.05"), "mid": D("0.02"), "economy": D("0.004")}
"""USD per 1M new and written tokens of a class; the cheapest known cost 0.5, 0.05, 0.005. A table
in USD per 1K tokens has a thousandth of its prices."""
DIGITS: Final = 7
"""Significant digits of the longest known price, 1.71875 and the like, have 6."""
SIBLING: Final = D(30)
"""Times the middle price of a capability class, or a 30th of it."""
CAPABLE: Final = frozenset({"flagship", "mid", "economy"})
"""Capability classes of which one costs more than the next."""


def _find_jumps(case: CheckedTables) -> Iterator[BrokenAt]:
    for pair in case.pairs.steps:
        ratio = pair.usd / pair.to_usd
        if ratio >= JUMP_UP or ratio <= JUMP_DOWN:
            yield _step(pair, "mind the unit; if it is right, suppress it with the reason")


def _find_steps(case: CheckedTables) -> Iterator[BrokenAt]:
    fresh = {id(d.new) for d in case.deltas if d.writing in (Writing.ADDED, Writing.CORRECTED)}
    for pair in case.pairs.steps:
        ratio = pair.usd / pair.to_usd
        if id(pair.row) in fresh and not pair.row.note and (ratio >= STEP_UP or ratio <= STEP_DOWN):
            yield _step(pair, "say in the note where it stands")


def _step(pair: PricePair, advice: str) -> BrokenAt:
    row = pair.row
    times = f"{float(pair.usd / pair.to_usd):.3g} times"
    told = f"{row.rate_id}: {pair.to_usd:f} became {pair.usd:f}, {times}; {advice}"
    return BrokenAt(row.path, row.line, row.rate_id, told)


def _find_extremes(case: CheckedTables) -> Iterator[BrokenAt]:
    for row in case.standing:
        if not row.usd:
            continue
        unit = row.klass in UNIT_CLASSES
        least = CHEAPEST_OF.get(_klass(case.book, row), CHEAPEST) if row.klass in CORE else CHEAPEST
        if row.usd > (DEAREST_UNIT if unit else DEAREST) or (not unit and row.usd < least):
            per = "apiece" if unit else "per 1M tokens"
            told = f"{row.rate_id}: {row.usd:f} USD {per}; is the unit right?"
            yield BrokenAt(row.path, row.line, row.rate_id, told)


def _find_silent_zero(case: CheckedTables) -> Iterator[BrokenAt]:
    for row in case.standing:
        if row.usd == 0 and _FREE.search(row.note) is None:
            told = f"{row.rate_id} is 0 without a note that says why it is free"
            yield BrokenAt(row.path, row.line, row.rate_id, told)


_FREE: Final = re.compile(r"\bfree\b", re.IGNORECASE)


def _find_half_free(case: CheckedTables) -> Iterator[BrokenAt]:
    for states in case.pairs.live.values():
        for live in states:
            for (klass, when), row in live.items():
                other = live.get((CORE[1 - CORE.index(klass)], when)) if klass in CORE else None
                if row.usd == 0 and other is not None and other.usd:
                    told = f"{row.rate_id} is free, but {other.klass} costs {other.usd:f}"
                    yield BrokenAt(row.path, row.line, row.rate_id, told)


def _find_long_figures(case: CheckedTables) -> Iterator[BrokenAt]:
    for row in case.standing:
        if row.usd is not None and not row.overlay and len(row.usd.normalize().as_tuple().digits) > DIGITS:
            told = f"{row.rate_id}: {row.usd:f} has more digits than a price; was it rounded by a program?"
            yield BrokenAt(row.path, row.line, row.rate_id, told)


def _find_outliers(case: CheckedTables) -> Iterator[BrokenAt]:
    """Prices far from those of the same capability class: at the provider, and everywhere."""
    classes: dict[tuple[str, str], list[Decimal]] = {}
    for row in _standard(case.book):
        classes.setdefault((row.klass, _klass(case.book, row)), []).append(row.usd or D(0))
        classes.setdefault((row.klass, f"{row.provider}/{_klass(case.book, row)}"), []).append(
            row.usd or D(0)
        )
    middles = {key: sorted(prices)[len(prices) // 2] for key, prices in classes.items() if len(prices) >= 4}
    for row in _standard(case.book):
        klass, usd = _klass(case.book, row), row.usd or D(0)
        everywhere = middles.get((row.klass, klass))
        here = middles.get((row.klass, f"{row.provider}/{klass}"), everywhere)
        if here is not None and everywhere is not None and _is_far(usd, here) and _is_far(usd, everywhere):
            told = (
                f"{row.rate_id}: {usd:f}, where {klass} models cost about {everywhere:f}; is the unit right?"
            )
            yield BrokenAt(row.path, row.line, row.rate_id, told)


def _standard(book: PriceBook) -> Iterator[PriceRow]:
    """The first standard prices of every model; what follows is judged by them (CA303)."""
    for rows in book.in_force.values():
        for klass in CORE:
            ours = [row for row in rows if row.klass == klass and row.usd and row.when == PLAIN]
            if ours:
                yield min(ours, key=lambda r: r.valid_from)


def _klass(book: PriceBook, row: PriceRow) -> str:
    facts = book.facts.get((row.provider, row.model))
    return facts.klass if facts is not None else ""


def _is_far(usd: Decimal, middle: Decimal) -> bool:
    return usd > middle * SIBLING or usd * SIBLING < middle


def _find_copies(case: CheckedTables) -> Iterator[BrokenAt]:
    """New models with the prices of one of another capability; changes that make unlike prices alike."""
    if case.base is None:
        return
    yield from _copied_models(case, case.base.book)
    yield from _copied_changes(case)


def _copied_models(case: CheckedTables, base: PriceBook) -> Iterator[BrokenAt]:
    new = [key for key in case.book.rows if key not in base.rows]
    providers = {provider for provider, _ in new}
    prices = {key: _vector(case.book, key) for key in case.book.rows if key[0] in providers} if new else {}
    for key in new:
        facts, mine = case.book.facts.get(key), prices[key]
        # Hosts price by size: two figures that agree are no copy there.
        fewest = 2 if case.book.providers[key[0]].kind == "vendor" else 3
        said = any("same" in row.note.lower() for row in case.book.rows[key])
        if facts is None or len(mine) < fewest or said:
            continue
        same = [other for other, theirs in prices.items() if other[0] == key[0] and theirs == mine]
        classes = {
            other: case.book.facts[other].klass for other in same if other in case.book.facts and other != key
        }
        if facts.klass not in CAPABLE or facts.klass in classes.values():
            continue  # a price band of a host, or a successor at the price of its predecessor
        for other, klass in classes.items():
            if klass in CAPABLE:
                row = case.book.rows[key][0]
                told = (
                    f"{'/'.join(key)} ({facts.klass}) has exactly the prices of {other[1]} ({klass}); "
                    f"if they are right, say so in a note: the same as …"
                )
                yield BrokenAt(row.path, row.line, "/".join(key), told)
                break


def _vector(book: PriceBook, key: ModelKey) -> dict[tuple[str, str], Decimal]:
    """The latest price of every class and condition that is not free."""
    rows = sorted(book.in_force[key], key=lambda r: r.valid_from)
    return {(row.klass, str(row.when)): row.usd for row in rows if row.usd}


def _copied_changes(case: CheckedTables) -> Iterator[BrokenAt]:
    fresh = {id(d.new) for d in case.deltas if d.writing is Writing.ADDED}
    seen: dict[tuple[object, ...], PricePair] = {}
    for pair in case.pairs.steps:
        row = pair.row
        if id(row) not in fresh or row.note:
            continue
        first = seen.setdefault((row.provider, row.klass, row.when, row.valid_from, row.usd), pair)
        if first is not pair and first.row.model != row.model and first.to_usd != pair.to_usd:
            told = (
                f"{row.rate_id} becomes {pair.usd:f} like {first.row.model}, though it was "
                f"{pair.to_usd:f} and that "
                f"one {first.to_usd:f}; if both are right, say so in a note"
            )
            yield BrokenAt(row.path, row.line, row.rate_id, told)


def _find_odd_markups(case: CheckedTables) -> Iterator[BrokenAt]:
    gateways = {gateway.id: gateway for gateway in case.gateways.by_log_name.values()}
    for ident, gateway in gateways.items():
        for nth, fee in enumerate(gateway.fees):
            if fee.value is None or fee.value == 0:
                continue
            low, high = FEES[fee.kind]
            if not low <= fee.value <= high:
                told = f"{ident}: {fee.kind} of {fee.value:f} is outside {low:f} to {high:f}"
                line = case.fee_line(ident, nth)
                yield BrokenAt(case.shown("gateways.toml"), line, f"{ident}/{fee.kind}", told)


FEES: Final = {
    "percent": (D("0.1"), D(50)),
    "credit_purchase_percent": (D("0.1"), D(30)),
    "byok_percent": (D("0.1"), D(50)),
    "per_request_usd": (D("0.000001"), D("0.1")),
    "subscription_usd_month": (D(1), D(100_000)),
}
"""What gateways may ask. 0.05 percent is most likely a fraction that should be 5."""


RULES: Final = (
    Rule(
        "CA303", "unexplained-jump", ERROR,
        "A tenfold change is mostly a slip: Langfuse shipped Gemini 2.0 Flash at $37.50 a million, a "
        "thousand times its "
        "price.",
        "Mind the unit (1K, 1M tokens) and the decimal point; a real one is suppressed with its reason.",
        "input 2.5, then 2500",
        _find_jumps,
    ),
    Rule(
        "CA304", "price-out-of-range", ERROR,
        "No model has ever cost that: a price per 1K tokens, per token, or in another currency.",
        "Convert to USD per 1M tokens, or per piece for web_search and request.",
        "input 2500; web_search 10",
        _find_extremes,
    ),
    Rule(
        "CA305", "silent-zero", ERROR,
        "Unknown is not free. On launch days tables show 0 for what is not known yet: models.dev had "
        "Kimi K2.5 and GLM 5 "
        "at 0 for days.",
        "Leave the model out until its price is known, or say in the note why it is free.",
        "input 0, output 0, no note",
        _find_silent_zero,
    ),
    Rule(
        "CA306", "sibling-outlier", ERROR,
        "Thirty times what models of the class cost, or a thirtieth: a price per 1K tokens, or of "
        "another model.",
        "Mind the unit; look whether the class in models.csv is right.",
        "an economy model with input at 150",
        _find_outliers,
    ),
    Rule(
        "CA311", "copied-neighbour", ERROR,
        "Rows are written by copying those of a neighbour, and then not all figures are changed: "
        "models.dev launched "
        "Claude Haiku 4.5 with the prices of Sonnet.",
        "Enter the model's own prices; if they are the same, say so in a note.",
        "gpt-7-mini added with every price of gpt-7",
        _find_copies,
        "base",
    ),
    Rule(
        "CA312", "markup-out-of-range", ERROR,
        "Fees are in percent: 0.05 is a twentieth of one, 550 a slip.",
        "Write 5.5 for 5.5 percent.",
        'kind = "percent", value = "0.055"',
        _find_odd_markups,
    ),
    Rule(
        "CA313", "absurd-precision", ERROR,
        "Prices have few digits. Many come from a division by a program, and were rounded by it.",
        "Enter the price as its page has it.",
        "input 0.14999999",
        _find_long_figures,
    ),
    Rule(
        "CA314", "half-free", ERROR,
        "No model gives away output and bills input. litellm had the output of Gemini 1.5 Flash at 0 for "
        "a year.",
        "Enter the missing price.",
        "input 0.075, output 0",
        _find_half_free,
    ),
    Rule(
        "CA315", "big-step", ERROR,
        "Fivefold up or below a fifth is rare enough that whoever reviews should read why: another "
        "currency is sevenfold.",
        "Say in the note where the new price stands.",
        "input 2.5, then 17.5, without a note",
        _find_steps,
        "base",
    ),
)  # fmt: skip
