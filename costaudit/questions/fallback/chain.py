"""Fallback chains: what is asked next when an attempt fails, how often that helps, and what it costs.

Chances are exact fractions of counts in the log. A chance is always that of a *further* attempt: the failures
that a request has already had are taken out of the counts that its next attempt is judged by, as in drawing
without replacement. So in an hour in which everything failed the same provider helps nobody, a failure that
stood alone is not held against its provider, and with failures spread by chance the mean is the
overall rate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from fractions import Fraction
from typing import Final

import msgspec

from costaudit.errors import UsageError, did_you_mean

SAME: Final = "same"
"""The model that the request failed on, once more."""
CHEAPER: Final = "cheaper"
"""The own provider's cheapest adequate model of the roster that costs less: of the same class, else of the
next lower."""
OTHER: Final = "other"
"""The cheapest adequate model of the same class in the roster at another provider."""

KEYWORDS: Final = (SAME, CHEAPER, OTHER)

LONGEST: Final = 6
"""Members of a chain at most."""

ENOUGH: Final = 5
"""Other attempts that a model or provider must have in an hour (or day) to be judged by that alone."""

HOURS_PER_DAY: Final = 24


class Chain(msgspec.Struct, frozen=True):
    """What is asked after the first attempt has failed, in this order."""

    name: str
    members: tuple[str, ...]
    """Keywords, or models by name (provider/model)."""
    by_number: Mapping[int, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """Other members for requests that a policy treats apart: its own fallbacks, by the policy's numbers."""

    def of(self, number: int) -> tuple[str, ...]:
        """The members for a request that the policy treats under a number."""
        return self.by_number.get(number, self.members)

    @property
    def all_members(self) -> tuple[str, ...]:
        """Every member for any request, each once."""
        return tuple(dict.fromkeys((*self.members, *(m for some in self.by_number.values() for m in some))))


def parse_chain(text: str) -> Chain:
    """`MEMBER,MEMBER…`; raises UsageError that says what is wrong with it.

    >>> parse_chain("same, openai/gpt-4o-mini").members
    ('same', 'openai/gpt-4o-mini')
    """
    members = tuple(part.strip() for part in text.split(","))
    if not all(members):
        raise UsageError(f"--chain {text!r} has an empty member", hint="like same,anthropic/claude-haiku-4-5")
    if len(members) > LONGEST:
        raise UsageError(f"--chain {text!r} has more than {LONGEST} members")
    for member in members:
        provider, slash, model = member.partition("/")
        if member not in KEYWORDS and not (provider and slash and model):
            raise UsageError(
                f"--chain: {member!r} is no member of a chain",
                hint=did_you_mean(member, KEYWORDS) or "same, cheaper, other, or provider/model",
            )
    return Chain(",".join(members), members)


class Basis(StrEnum):
    """What a chance was taken from, the nearest first."""

    MODEL_HOUR = "model_hour"
    PROVIDER_HOUR = "provider_hour"
    PROVIDER_DAY = "provider_day"
    PROVIDER_LOG = "provider_log"
    ALL = "all_providers"
    """The provider is not in the log: all attempts of it stand in, which is an assumption."""


class Tally(msgspec.Struct):
    """Attempts, and how many of them failed."""

    attempts: int = 0
    failed: int = 0

    def add(self, attempts: int, failed: int) -> None:
        """Count some more."""
        self.attempts += attempts
        self.failed += failed


_Pool = tuple[Basis, str | None, str | None, int | None]
"""Basis, provider, model, hour or day: those that the basis does not go by are None."""


class FailureRates:
    """How often attempts failed, by model, provider, hour and day."""

    def __init__(self) -> None:
        self._pools: dict[_Pool, Tally] = defaultdict(Tally)

    def add(self, provider: str | None, model: str | None, hour: int | None, tally: Tally) -> None:
        """Count attempts. `hour` is counted from 1970 (UTC), None for attempts without a time."""
        for pool in _pools(provider, model, hour):
            self._pools[pool].add(tally.attempts, tally.failed)

    def of_provider(self, provider: str | None) -> Tally:
        """All attempts of a provider."""
        return self._pools.get((Basis.PROVIDER_LOG, provider, None, None), Tally())

    def knows(self, provider: str | None) -> bool:
        """Whether the provider has attempts in the log."""
        return self.of_provider(provider).attempts > 0

    def draw(self) -> Draw:
        """The chances of a request that has had no attempt yet."""
        return Draw(self._pools, [])


class Draw(msgspec.Struct):
    """The attempts of one request (or of equal ones), one after the other."""

    pools: Mapping[_Pool, Tally]
    failures: list[tuple[str | None, str | None, int | None]]
    """Provider, model and hour of the failures that it has had."""

    def failed(self, provider: str | None, model: str | None, hour: int | None) -> None:
        """The request has failed there."""
        self.failures.append((provider, model, hour))

    def has_failed_at(self, provider: str | None) -> bool:
        """Whether an attempt of the request has failed at the provider."""
        return any(failure[0] == provider for failure in self.failures)

    def chance(self, provider: str | None, model: str | None, hour: int | None) -> tuple[Fraction, Basis]:
        """How probable it is that its next attempt fails there, and what says so."""
        for pool in _pools(provider, model, hour):
            tally = self.pools.get(pool)
            if tally is None:
                continue
            used = sum(pool in _pools(*failure) for failure in self.failures)
            left = tally.attempts - used
            if left >= (ENOUGH if pool[3] is not None else 1):
                return Fraction(max(tally.failed - used, 0), left), pool[0]
        return Fraction(0), Basis.ALL


def _pools(provider: str | None, model: str | None, hour: int | None) -> tuple[_Pool, ...]:
    """The pools that an attempt belongs to, the nearest first."""
    whole: tuple[_Pool, ...] = (
        (Basis.PROVIDER_LOG, provider, None, None),
        (Basis.ALL, None, None, None),
    )
    if hour is None:
        return whole
    return (
        (Basis.MODEL_HOUR, provider, model, hour),
        (Basis.PROVIDER_HOUR, provider, None, hour),
        (Basis.PROVIDER_DAY, provider, None, hour // HOURS_PER_DAY),
        *whole,
    )


class ChainStep(msgspec.Struct, frozen=True):
    """One member of a chain as equal requests meet it."""

    provider: str | None
    model: str | None
    billed: Fraction
    """The part of an answer's cost that is billed when the attempt fails."""


class ChainExpected(msgspec.Struct, frozen=True):
    """What a chain comes to for one request, before it is known which attempt succeeds."""

    served: Fraction
    """Probability that some member answers."""
    weights: tuple[Fraction, ...]
    """By step, how much of the cost of its answer is expected to be billed."""
    attempts: Fraction
    """Expected number of attempts."""

    def cost(self, of_answers: Sequence[int]) -> Fraction:
        """Expected cost of all attempts, from that of an answer of each step."""
        return sum((w * c for w, c in zip(self.weights, of_answers, strict=True)), Fraction(0))


Failing = Callable[[ChainStep], Fraction]


def expect(
    steps: Sequence[ChainStep], failing: Failing, failed: Callable[[ChainStep], None] = lambda _: None
) -> ChainExpected:
    """Go along a chain: E = Σ reach·((1−q)·c + q·b·c), reach multiplied by q from step to step.

    `failing` says with which probability q a step fails, given that all before it did; `failed` is told of
    each step as if it had failed, before the next is asked for.

    >>> steps = [ChainStep("a", "m", Fraction(1)), ChainStep("b", "m", Fraction(0))]
    >>> half = expect(steps, lambda _: Fraction(1, 2))
    >>> half.served, half.cost([10, 4]), half.attempts
    (Fraction(3, 4), Fraction(11, 1), Fraction(3, 2))
    """
    reach, attempts = Fraction(1), Fraction(0)
    weights = []
    for step in steps:
        if not reach:
            weights.append(Fraction(0))
            continue
        chance = failing(step)
        weights.append(reach * (1 - chance + chance * step.billed))
        attempts += reach
        reach *= chance
        failed(step)
    return ChainExpected(1 - reach, tuple(weights), attempts)


def lasting(chance: Fraction, persistence: Fraction) -> Fraction:
    """The chance that an attempt fails at a provider that has just failed."""
    return chance + (1 - chance) * persistence
