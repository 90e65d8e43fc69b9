"""Failed first attempts replayed along fallback chains, and what the log itself did with them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction

import msgspec
import numpy as np

from costaudit.engine.ledger import NO_PERIOD, Cells
from costaudit.questions.fallback.attempts import ANSWERED, AttemptLog, money_of, offered_cells, rows_of
from costaudit.questions.fallback.chain import (
    SAME,
    Basis,
    Chain,
    ChainExpected,
    ChainStep,
    FailureRates,
    Tally,
    expect,
    lasting,
)
from costaudit.questions.fallback.kept import TRANSIENT_CODES, Billing, KeptAttempts, TokensFrom, Who
from costaudit.questions.fallback.members import ChainMembers
from costaudit.questions.fallback.retries import Family


def failure_rates(tried: Cells) -> FailureRates:
    """How often attempts failed. Requests that were refused or cancelled say nothing of who served them."""
    rates = FailureRates()
    for provider, model, hour, reason, requests in rows_of(tried, "requests"):
        if reason == ANSWERED or reason in TRANSIENT_CODES:
            failed = requests if reason in TRANSIENT_CODES else 0
            rates.add(provider, model, None if hour == NO_PERIOD else hour, Tally(requests, failed))
    return rates


class ChainOutcome(msgspec.Struct):
    """What becomes of some requests along a chain; expected values are exact."""

    requests: int = 0
    served: Fraction = Fraction(0)
    units: Fraction = Fraction(0)
    """Of all attempts of the chain, in 1e-15 USD."""
    attempts: Fraction = Fraction(0)
    own_units: Fraction = Fraction(0)
    """What the served requests cost on their own model."""
    without: int = 0
    """Requests that no member can serve."""
    priced: int = 0
    """Requests whose cost is known: amounts are of those."""
    priced_served: Fraction = Fraction(0)
    """How many of them are served."""
    models: dict[Who, int] | None = None
    """Requests by the models that the first adequate members name."""
    basis: dict[Basis, int] | None = None
    """Chances of requests × members by what they were taken from."""

    def add(self, other: ChainOutcome) -> None:
        """Take in some more requests."""
        self.requests += other.requests
        self.served += other.served
        self.units += other.units
        self.attempts += other.attempts
        self.own_units += other.own_units
        self.without += other.without
        self.priced += other.priced
        self.priced_served += other.priced_served


class Odds(msgspec.Struct, frozen=True):
    """What chains are judged by."""

    rates: FailureRates
    billing: Billing
    persistence: Fraction = Fraction(0)
    """See `Check.persistence`."""


def replay(cells: Cells, chain: Chain, odds: Odds, *, down: str | None = None) -> list[ChainOutcome]:
    """For every cell of requests what the chain makes of them, given that their first attempt failed.

    With `down`, attempts at that provider all fail, and cost nothing: the first ones failed because of that.
    """
    found = []
    members = [name for name in chain.all_members if name != SAME]
    words = {name: cells.words(f"to {name}") for name in members}
    money = {name: money_of(cells, f"to {name}").tolist() for name in members}
    own = money_of(cells, "own").tolist()
    numbers = (cells.keys[name].tolist() for name in ("hour", "number"))
    keyed = zip(cells.words("provider"), cells.words("model"), *numbers, strict=True)
    requests = cells.measures["requests"].tolist()
    unpriced = cells.measures["unpriced"].tolist()
    forecasts = _Forecasts(odds, down)
    for place, (provider, model, period, number) in enumerate(keyed):
        asked: list[Who] = []
        costs = []
        for name in chain.of(number):
            if name == SAME:
                asked.append((provider, model))
                costs.append(own[place])
            elif (to := words[name][place]) is not None:
                host, _, its = to.partition("/")
                asked.append((host, its))
                costs.append(money[name][place])
        hour = None if period == NO_PERIOD else period
        forecast = forecasts.of((provider, model), hour, tuple(asked))
        some = _Some(requests[place], requests[place] - unpriced[place], own[place])
        found.append(_outcome(some, forecast, costs))
    return found


class _Forecast(msgspec.Struct, frozen=True):
    """What is expected of each of some equal requests."""

    expected: ChainExpected
    asked: tuple[Who, ...]
    basis: tuple[Basis, ...]
    """What each chance was taken from."""


class _Forecasts:
    """Forecasts by where and when requests failed first, and whom they ask then."""

    def __init__(self, odds: Odds, down: str | None) -> None:
        self.odds, self.down = odds, down
        self._known: dict[tuple[Who, int | None, tuple[Who, ...]], _Forecast] = {}

    def of(self, first: Who, hour: int | None, asked: tuple[Who, ...]) -> _Forecast:
        key = (first, hour, asked)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._make(first, hour, asked)
        return found

    def _make(self, first: Who, hour: int | None, asked: tuple[Who, ...]) -> _Forecast:
        draw = self.odds.rates.draw()
        basis: list[Basis] = []
        if self.down is None:
            draw.failed(*first, hour)

        def failing(step: ChainStep) -> Fraction:
            if self._is_down(step.provider):
                return Fraction(1)
            chance, how = draw.chance(step.provider, step.model, hour)
            basis.append(how)
            return lasting(chance, self.odds.persistence) if draw.has_failed_at(step.provider) else chance

        def failed(step: ChainStep) -> None:
            if not self._is_down(step.provider):  # what is only imagined is not in the log's counts
                draw.failed(step.provider, step.model, hour)

        steps = [ChainStep(*who, self._billed(who[0])) for who in asked]
        return _Forecast(expect(steps, failing, failed), asked, tuple(basis))

    def _is_down(self, provider: str | None) -> bool:
        return self.down is not None and provider == self.down

    def _billed(self, provider: str | None) -> Fraction:
        """Nobody is billed by a provider that does not answer."""
        return Fraction(0) if self._is_down(provider) else self.odds.billing.part(provider)


class _Some(msgspec.Struct, frozen=True):
    """Equal requests: how many, how many of them with a price, what they cost on their own model."""

    requests: int
    priced: int
    own: int


def _outcome(some: _Some, forecast: _Forecast, costs: Sequence[int]) -> ChainOutcome:
    expected, basis, requests = forecast.expected, Counter(forecast.basis), some.requests
    return ChainOutcome(
        requests=requests,
        served=expected.served * requests,
        units=expected.cost(costs),
        attempts=expected.attempts * requests,
        own_units=expected.served * some.own,
        without=0 if costs else requests,
        priced=some.priced,
        priced_served=expected.served * some.priced,
        models={forecast.asked[0]: requests} if costs else {},
        basis={how: number * requests for how, number in basis.items()},
    )


def total_outcome(outcomes: Sequence[ChainOutcome]) -> ChainOutcome:
    """Some outcomes together."""
    whole = ChainOutcome(models={}, basis={})
    models: dict[Who, int] = defaultdict(int)
    basis: dict[Basis, int] = defaultdict(int)
    for one in outcomes:
        whole.add(one)
        for name, number in (one.models or {}).items():
            models[name] += number
        for how, number in (one.basis or {}).items():
            basis[how] += number
    whole.models, whole.basis = dict(models), dict(basis)
    return whole


class Heads(msgspec.Struct, frozen=True):
    """The requests whose first attempt failed for reasons of who served it."""

    families: tuple[Family, ...]
    cells: Cells
    """As `AttemptLog.answered`: costs are those of an answer."""
    billed_units: int
    """What the failed first attempts were billed, in 1e-15 USD."""
    mixes: Mapping[TokensFrom, int]


def heads_of(log: AttemptLog, kept: KeptAttempts, members: ChainMembers) -> Heads:
    """Requests to be replayed: their first attempt is in the log, and failed."""
    families = [f for f in log.families if not f.orphan and kept.failed(f.rows[0])]
    first = np.array([f.rows[0] for f in families], np.intp)
    mixes: dict[TokensFrom, int] = defaultdict(int)
    for row in first.tolist():
        mixes[kept.mix[row] or TokensFrom.NONE] += 1
    cells = offered_cells(kept.whole, members, kept.tier, first)
    return Heads(tuple(families), cells, sum(kept.units(row) for row in first.tolist()), mixes)


def as_logged(heads: Heads, kept: KeptAttempts) -> ChainOutcome:
    """What the log did with them."""
    found = ChainOutcome(models={}, basis={})
    for family in heads.families:
        later = family.rows[1:]
        served = any(kept.answered(row) for row in later)
        own = kept.own_units(family.rows[0])
        found.add(
            ChainOutcome(
                requests=1,
                served=Fraction(served),
                units=Fraction(sum(kept.units(row) for row in later)),
                attempts=Fraction(len(later)),
                own_units=Fraction(own or 0 if served else 0),
                without=0 if later else 1,
                priced=int(own is not None),
                priced_served=Fraction(served and own is not None),
            )
        )
    return found
