"""The rules against mistakes and against honest work, planted at random places of the shipped tables.

Each mutant is one provider's tables with one edit, checked with the tables before as the base. `make mutants`
runs many more and prints the table.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import date, timedelta
from functools import cache

import pytest

from costaudit.prices.book import load_book, shipped_directory
from costaudit.prices.check import Checked, CheckTerms, judge_tables, load_base
from costaudit.prices.rows import instant_us
from costaudit.prices.rules.rule import Wanted
from tests.prices.mutations.desk import Desk, NotHere
from tests.prices.mutations.mistakes import MISTAKES
from tests.prices.mutations.shelf import Shelf, take
from tests.prices.mutations.updates import UPDATES

PLACE = shipped_directory()
NEWEST = max(date.fromisoformat(load_book().version.replace(".", "-")), date(2026, 11, 21))
TODAY = NEWEST + timedelta(days=3)
NOW = instant_us(TODAY.isoformat())
PROVIDERS = (
    "alibaba", "anthropic", "azure", "bedrock", "deepinfra", "deepseek", "fireworks", "google", "groq",
    "mistral", "openai", "openrouter", "together", "vertex", "xai",
)  # fmt: skip
WANTED = {
    "openai": ("openai/gpt-6.1-terra",),
    "google": ("google/gemini-2.5-pro",),
    "anthropic": ("anthropic/claude-haiku-5-5",),
}
ROUNDS = int(os.environ.get("COSTAUDIT_MUTANTS", "3"))
"""Mutants of every kind."""


WHOLE = ROUNDS > 3
"""Whether large providers are taken with all their models."""


@cache
def original(provider: str) -> Shelf:
    needed = tuple(name.partition("/")[2] for name in WANTED.get(provider, ()))
    return take(PLACE, provider, None if WHOLE else 60, needed)


@cache
def odd(provider: str) -> frozenset[str]:
    """Models with a violation that is suppressed."""
    found = judge_tables(original(provider).held(), terms=terms(provider)).suppressed
    subjects = [s.violation.subject.removeprefix(f"{provider}/") for s in found]
    models = [row["model"] for row in original(provider).models]
    return frozenset(m for m in models if any(subject.startswith(f"{m}/") for subject in subjects))


@cache
def terms(provider: str) -> CheckTerms:
    wanted = tuple(Wanted((name,), "roster.toml", 1) for name in WANTED.get(provider, ()))
    return CheckTerms(base=load_base(original(provider).held()), now=NOW, wanted=wanted)


@cache
def known(provider: str) -> frozenset[tuple[str, str]]:
    """What is reported without any edit, because the other providers are not there to compare with."""
    checked = judge_tables(original(provider).held(), terms=terms(provider))
    assert checked.errors <= 5, checked.violations
    return frozenset((v.code, v.subject) for v in checked.violations)


def judge(shelf: Shelf) -> list[tuple[str, str, str]]:
    """Code, subject and message of every error that the edit has brought."""
    checked: Checked = judge_tables(shelf.held(), terms=terms(shelf.provider))
    found = [v for v in checked.violations if v.severity == "error"]
    return [(v.code, v.subject, v.message) for v in found if (v.code, v.subject) not in known(shelf.provider)]


def edited(make, seed: str) -> Shelf | None:
    """Some provider's tables after an edit; None where no provider drawn has anything to edit so."""
    for attempt in range(40):
        chance = random.Random(f"{seed}/{attempt}")  # noqa: S311
        provider = chance.choice(PROVIDERS)
        shelf = original(provider).copy()
        try:
            make(Desk(chance, shelf, TODAY, odd(provider)))
        except NotHere:
            continue
        return shelf
    return None


def count_caught(rounds: int) -> dict[str, tuple[int, int, Counter[str]]]:
    """By kind of mistake: caught with a right code, made, and the codes that were reported instead."""
    told = {}
    for mistake in MISTAKES:
        caught, made, instead = 0, 0, Counter[str]()
        for number in range(rounds):
            shelf = edited(mistake.make, f"{mistake.name}/{number}")
            if shelf is None:
                continue
            made += 1
            codes = {code for code, _, _ in judge(shelf)}
            if codes & mistake.codes:
                caught += 1
            else:
                instead.update(codes or {"nothing"})
        told[mistake.name] = (caught, made, instead)
    return told


def show(told: dict[str, tuple[int, int, Counter[str]]]) -> str:
    lines = [
        f"{name.replace('_', ' '):<52} {caught:>4} of {made:<4} {dict(instead) or ''}".rstrip()
        for name, (caught, made, instead) in told.items()
    ]
    caught, made = (sum(row[place] for row in told.values()) for place in (0, 1))
    return "\n".join([*lines, f"{len(told)} kinds, {caught} of {made} caught ({caught / made:.1%})"])


def test_mistakes_are_caught_with_the_right_code():
    told = count_caught(ROUNDS)
    print(show(told))  # noqa: T201 - the table that `make mutants` shows
    assert len(told) >= 40
    assert [name for name, (_, made, _) in told.items() if not made] == [], "kinds that were never made"
    caught, made = (sum(row[place] for row in told.values()) for place in (0, 1))
    assert caught >= 0.95 * made, show(told)
    assert [name for name, (some, _, _) in told.items() if not some] == [], "kinds that are never caught"


@pytest.mark.parametrize("seed", range(max(100, 10 * ROUNDS) // 20))
def test_honest_work_is_not_reported(seed: int):
    for number in range(20):
        make = UPDATES[(seed * 20 + number) % len(UPDATES)]
        shelf = edited(make, f"honest/{seed}/{number}")
        if shelf is not None:
            assert judge(shelf) == [], f"{make.__name__} at {shelf.provider}"


def test_every_honest_update_was_made():
    made = {make.__name__ for make in UPDATES for n in range(5) if edited(make, f"made/{n}") is not None}
    assert made == {make.__name__ for make in UPDATES}
