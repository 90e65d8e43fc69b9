"""Chains and chances by themselves: arithmetic by hand, and what must hold of any."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.errors import UsageError
from costaudit.questions.fallback.chain import (
    Basis,
    ChainStep,
    FailureRates,
    Tally,
    expect,
    lasting,
    parse_chain,
)

HOUR = 490_000


def rates(*counted: tuple[str, str, int | None, int, int]) -> FailureRates:
    found = FailureRates()
    for provider, model, hour, attempts, failed in counted:
        found.add(provider, model, hour, Tally(attempts, failed))
    return found


def test_two_attempts_by_hand():
    # First a: half the time it fails and bills a quarter: 8·(1/2 + 1/2·1/4) = 5. Then, half the time, b,
    # which fails a third of the time for nothing: 6·2/3·1/2 = 2. Unserved: 1/2·1/3.
    chance = {"a": Fraction(1, 2), "b": Fraction(1, 3)}
    found = expect(
        [ChainStep("a", "m", Fraction(1, 4)), ChainStep("b", "m", Fraction(0))],
        lambda step: chance[str(step.provider)],
    )
    assert (found.served, found.cost([8, 6]), found.attempts) == (Fraction(5, 6), 7, Fraction(3, 2))


def test_a_chain_without_members_serves_nothing_for_nothing():
    found = expect([], lambda _: Fraction(1, 2))
    assert (found.served, found.cost([]), found.attempts) == (0, 0, 0)


def test_in_an_hour_in_which_everything_failed_the_same_provider_fails_again():
    draw = rates(("openai", "gpt-4o", HOUR, 10, 10), ("openai", "gpt-4o", HOUR + 1, 500, 0)).draw()
    for _ in range(3):
        draw.failed("openai", "gpt-4o", HOUR)
        assert draw.chance("openai", "gpt-4o", HOUR) == (1, Basis.MODEL_HOUR)


def test_a_failure_that_stood_alone_is_not_held_against_its_provider():
    draw = rates(("openai", "gpt-4o", HOUR, 10, 1)).draw()
    assert draw.chance("openai", "gpt-4o", HOUR) == (Fraction(1, 10), Basis.MODEL_HOUR)
    draw.failed("openai", "gpt-4o", HOUR)
    assert draw.chance("openai", "gpt-4o", HOUR) == (0, Basis.MODEL_HOUR)


def test_too_few_attempts_are_judged_by_more():
    found = rates(
        ("openai", "gpt-4o", HOUR, 4, 2),
        ("openai", "gpt-4o-mini", HOUR, 6, 1),
        ("openai", "gpt-4o", HOUR + 1, 10, 0),
        ("openai", "gpt-4o", HOUR + 48, 80, 0),
    ).draw()
    assert found.chance("openai", "gpt-4o", HOUR) == (Fraction(3, 10), Basis.PROVIDER_HOUR)
    assert found.chance("openai", "gpt-4o-mini", HOUR) == (Fraction(1, 6), Basis.MODEL_HOUR)
    assert found.chance("openai", "o3", HOUR + 2) == (Fraction(3, 20), Basis.PROVIDER_DAY)
    assert found.chance("openai", "gpt-4o", HOUR + 480) == (Fraction(3, 100), Basis.PROVIDER_LOG)
    assert found.chance("openai", "gpt-4o", None) == (Fraction(3, 100), Basis.PROVIDER_LOG)
    assert found.chance("mistral", "mistral-large", HOUR) == (Fraction(3, 100), Basis.ALL)


def test_failures_spread_by_chance_have_the_overall_rate():
    # Every way to spread 3 failures over two hours of 6 attempts: another attempt of the hour of a failure
    # fails on average 2 times of 11, as when it is drawn from all the others.
    seen = []
    for failed in combinations(range(12), 3):
        early = sum(place < 6 for place in failed)
        found = rates(("a", "m", HOUR, 6, early), ("a", "m", HOUR + 1, 6, 3 - early))
        for place in failed:
            draw = found.draw()
            draw.failed("a", "m", HOUR + (place >= 6))
            seen.append(draw.chance("a", "m", HOUR + (place >= 6))[0])
    assert sum(seen) / len(seen) == Fraction(2, 11)


chances = st.fractions(0, 1, max_denominator=50)
steps = st.tuples(st.builds(ChainStep, st.just("p"), st.just("m"), chances), st.integers(0, 10**12), chances)
"""A step, what its answer costs, and how probably it fails."""


def along(chain):
    odds = iter([q for _, _, q in chain])
    found = expect([step for step, _, _ in chain], lambda _: next(odds))
    return found, found.cost([cost for _, cost, _ in chain])


@given(st.lists(steps, max_size=5), steps)
def test_a_further_member_never_lowers_availability_nor_cost(chain, more):
    (shorter, less), (longer, all_of_it) = along(chain), along([*chain, more])
    assert 0 <= shorter.served <= longer.served <= 1
    assert less <= all_of_it
    assert longer.attempts <= len(chain) + 1


@given(st.lists(steps, max_size=5))
def test_the_expected_cost_is_the_mean_over_all_ways_in_which_attempts_end(chain):
    served = units = Fraction(0)
    for first_success in range(len(chain) + 1):  # len(chain): none succeeds
        weight, total = Fraction(1), Fraction(0)
        for place, (step, cost, chance) in enumerate(chain[: first_success + 1]):
            weight *= 1 - chance if place == first_success else chance
            total += cost * (1 if place == first_success else step.billed)
        served += weight if first_success < len(chain) else 0
        units += weight * total
    found, cost = along(chain)
    assert (found.served, cost) == (served, units)


@given(chances, chances)
def test_persistence_raises_a_chance_and_leaves_certainty(chance, persistence):
    assert chance <= lasting(chance, persistence) <= 1
    assert lasting(Fraction(1), persistence) == 1
    assert lasting(chance, Fraction(0)) == chance


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("same,,other", "empty member"),
        ("", "empty member"),
        ("sane", "did you mean 'same'"),
        ("gpt-4o", "no member of a chain"),
        ("openai/", "no member of a chain"),
        ("same,same,same,same,same,same,same", "more than 6"),
    ],
)
def test_a_chain_that_makes_no_sense_is_refused(text, told):
    with pytest.raises(UsageError, match=told.replace("'", ".")):
        parse_chain(text)
