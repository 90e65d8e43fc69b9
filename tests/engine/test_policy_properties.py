"""What holds of every policy: more choice never costs more, and nothing moves for nothing."""

from __future__ import annotations

import random
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from costaudit.engine.costing import cost_cells
from costaudit.engine.plan import Plan
from costaudit.ingest.canonical import batch_of
from costaudit.prices.gateways import load_gateways
from costaudit.prices.resolver import Resolver
from costaudit.routing.policy_load import load_policy
from costaudit.routing.projection import exact_sum
from costaudit.tape.segment import Segment
from tests.engine.audits import book, cells_of, tagger
from tests.engine.policy_oracle import random_calls
from tests.often import often

NAMES = (
    "openai/gpt-4o-mini", "openai/gpt-5-mini", "openai/gpt-4.1", "google/gemini-2.5-flash",
    "deepseek/deepseek-chat", "mistral/mistral-small-latest", "anthropic/claude-haiku-4-5",
    "google/gemini-2.5-pro",
)  # fmt: skip

ALL = frozenset(name.partition("/")[0] for name in NAMES)


@cache
def calls() -> object:
    return batch_of(random_calls(5, 4000))


def expected(folder: Path, text: str, used: frozenset[str] = ALL) -> tuple[int, int]:
    """Expected cost of all requests among providers used, and among all."""
    (folder / "policy.toml").write_text(
        'schema = "costaudit/policy@1"\nname = "p"\n' + text, encoding="utf-8"
    )
    plan = Plan.of(
        book(), Resolver(book()), tagger(), load_policy(folder / "policy.toml"), providers_used=used
    )
    costed = cost_cells(cells_of(Segment.of(calls()), plan), plan, load_gateways())
    return exact_sum(costed.same_units), exact_sum(costed.any_units)


def tiers(names: list[str], terms: str = "") -> str:
    listed = ", ".join(f'"{name}"' for name in names)
    return "".join(f"[[tiers]]\ntier = {tier}\ncandidates = [{listed}]\n{terms}" for tier in range(4))


@pytest.mark.parametrize("seed", range(often(2, 20)))
def test_another_candidate_never_raises_the_cost(tmp_path: Path, seed: int):
    chance = random.Random(seed)  # noqa: S311 - the same on every run
    terms = chance.choice(["", 'success_rate = "0.9"\n', 'retry_rate = "0.05"\nverification = "0.1"\n'])
    names = chance.sample(NAMES, len(NAMES))
    costs = [expected(tmp_path, tiers(names[:size], terms)) for size in range(1, len(names) + 1)]
    for before, after in pairwise(costs):
        assert after[0] <= before[0]
        assert after[1] <= before[1]
    assert costs[-1] < costs[0]


@pytest.mark.parametrize("seed", range(often(2, 10)))
def test_the_providers_used_are_never_cheaper_than_all_and_the_order_never_matters(tmp_path: Path, seed: int):
    chance = random.Random(seed)  # noqa: S311
    names = list(NAMES)
    used = frozenset(chance.sample(sorted(ALL), 2))
    same, any_ = expected(tmp_path, tiers(names), used)
    chance.shuffle(names)
    assert expected(tmp_path, tiers(names), used) == (same, any_)
    assert any_ <= same


def test_worse_terms_never_make_it_cheaper(tmp_path: Path):
    names = list(NAMES[:4])
    costs = [
        expected(tmp_path, tiers(names, terms))[1]
        for terms in ("", 'success_rate = "0.98"\n', 'success_rate = "0.9"\n', 'success_rate = "0.5"\n')
    ]
    assert costs == sorted(costs)
    assert len(set(costs)) == len(costs)


def test_a_policy_without_tiers_changes_nothing(tmp_path: Path):
    keep = "".join(f"[[tiers]]\ntier = {tier}\nkeep = true\n" for tier in range(4))
    assert expected(tmp_path, "") == expected(tmp_path, keep)
