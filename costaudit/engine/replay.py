"""Failed first attempts replayed along fallback chains, and what the log itself did with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.engine.attempts import (
    ANSWERED,
    TIER,
    AttemptLog,
    Serving,
    hours_of,
    money_of,
    offered_cells,
    reason_codes,
    serving,
)
from costaudit.engine.chains import Members
from costaudit.engine.failures import REASONS, TRANSIENT
from costaudit.engine.ledger import NO_PERIOD, Cells
from costaudit.engine.plan import Plan
from costaudit.engine.retries import Family
from costaudit.engine.rows import DISJOINT, PricedRows, price_rows, total_of
from costaudit.routing.fallback import SAME, Basis, Chain, FailureRates, Step, Tally, expect
from costaudit.schema import COUNTS, Quality, Status

Who = tuple[str | None, str | None]
"""Provider and model."""

_TRANSIENT: Final = frozenset(REASONS.index(reason) for reason in TRANSIENT)


class Mix(StrEnum):
    """Where the tokens that a failed attempt would have taken are known from."""

    OWN = "own"
    """From itself: an answer that came and was not used, or what was billed before it failed."""
    ANSWER = "answer"
    """From the attempt of the same request that was answered."""
    FEATURE = "feature"
    """The mean of the answered requests of the same model and feature."""
    MODEL = "model"
    """The mean of the answered requests of the same model."""
    NONE = "none"
    """Not known: the attempt counts for availability, and not for money."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The kept attempts of a log, with what they come to; arrays have one entry per attempt."""

    rows: PricedRows
    """As logged."""
    served: Serving
    hour: npt.NDArray[np.int64]
    reason: npt.NDArray[np.int64]
    """ANSWERED, or an index into REASONS."""
    mix: tuple[Mix | None, ...]
    """Of failed attempts."""
    whole: PricedRows
    """Failed attempts as if they had been answered."""
    tier: npt.NDArray[np.int64]

    def who(self, row: int) -> Who:
        """Who served an attempt."""
        place = int(self.served.provider.codes[row])
        return self.served.provider.values[place], self.served.model.values[place]

    def hour_of(self, row: int) -> int | None:
        """The hour of an attempt, None where unknown."""
        hour = int(self.hour[row])
        return None if hour == NO_PERIOD else hour

    def failed(self, row: int) -> bool:
        """Whether an attempt failed for reasons of who served it."""
        return int(self.reason[row]) in _TRANSIENT

    def answered(self, row: int) -> bool:
        """Whether an attempt was answered."""
        return int(self.reason[row]) == ANSWERED

    def units(self, row: int) -> int:
        """What was billed for an attempt, in 1e-15 USD; 0 where it has no price."""
        return max(int(self.rows.list_units[row]), 0)

    def own_units(self, row: int) -> int | None:
        """What an answer of its own model costs; None where that is not known."""
        units = int(self.whole.list_units[row])
        return units if units >= 0 else None


def judge_kept(log: AttemptLog, plan: Plan) -> Kept:
    """The kept attempts priced as logged, and as if they had been answered."""
    rows = price_rows(log.kept, plan)
    served, reason = serving(rows, plan), reason_codes(rows)
    mix, counts = _mixes(log, rows, served, reason)
    return Kept(
        rows=rows,
        served=served,
        hour=hours_of(rows.ts),
        reason=reason,
        mix=mix,
        whole=price_rows(_as_answered(log.kept, mix, counts), plan),
        tier=np.asarray(log.kept.column(TIER), np.int64),
    )


def _mixes(
    log: AttemptLog, rows: PricedRows, served: Serving, reason: npt.NDArray[np.int64]
) -> tuple[tuple[Mix | None, ...], dict[str, npt.NDArray[np.int64]]]:
    counts = {
        name: np.zeros(rows.calls.rows, np.int64) if column is None else column.copy()
        for name, column in rows.counts.items()
    }
    used = (total_of(rows.counts, DISJOINT, rows.calls.rows) > 0) & ~rows.words["quality"].among(Quality.NONE)
    donor = _donors(log.families, reason, used)
    means = _means(log.answered)
    feature = rows.words["feature"]
    replaced = rows.words["status"].among(Status.SUPERSEDED)
    found: list[Mix | None] = []
    for row in range(rows.calls.rows):
        if reason[row] == ANSWERED:
            found.append(None)
            continue
        place = int(served.provider.codes[row])
        who = served.provider.values[place], served.model.values[place]
        keyed = (*who, feature.values[int(feature.codes[row])])
        if used[row] and (replaced[row] or row not in donor):
            found.append(Mix.OWN)
        elif row in donor:
            found.append(Mix.ANSWER)
            for name in COUNTS:
                counts[name][row] = counts[name][donor[row]]
        elif keyed in means or who in means:
            found.append(Mix.FEATURE if keyed in means else Mix.MODEL)
            for name, mean in zip(COUNTS, means.get(keyed) or means[who], strict=True):
                counts[name][row] = mean
        else:
            found.append(Mix.NONE)
    return tuple(found), counts


def _donors(
    families: Sequence[Family], reason: npt.NDArray[np.int64], used: npt.NDArray[np.bool_]
) -> dict[int, int]:
    """For the failed attempts of a request, the attempt that was answered."""
    found = {}
    for family in families:
        answers = [row for row in family.rows if reason[row] == ANSWERED and used[row]]
        if answers:
            found |= dict.fromkeys((row for row in family.rows if reason[row] != ANSWERED), answers[-1])
    return found


def _means(answered: Cells) -> dict[tuple[str | None, ...], list[int]]:
    """Mean counts of answered requests, rounded half up, by (provider, model, feature) and (provider, model)."""
    sums: dict[tuple[str | None, ...], list[int]] = defaultdict(lambda: [0] * (1 + len(COUNTS)))
    if not answered.rows or not answered.keys:
        return {}
    named = zip(*(answered.words(n) for n in ("provider", "model", "feature")), strict=True)
    columns = [answered.measures[name].tolist() for name in ("requests", *COUNTS)]
    for key, row in zip(named, zip(*columns, strict=True), strict=True):
        for wanted in (key, key[:2]):
            sums[wanted] = [a + b for a, b in zip(sums[wanted], row, strict=True)]
    return {
        key: [(2 * total + number) // (2 * number) for total in totals]
        for key, (number, *totals) in sums.items()
        if number and any(totals)
    }


def _as_answered(
    kept: pa.RecordBatch, mix: Sequence[Mix | None], counts: Mapping[str, npt.NDArray[np.int64]]
) -> pa.RecordBatch:
    known = [how is not Mix.NONE for how in mix]
    quality = [Quality.EXACT.value if k else Quality.NONE.value for k in known]
    columns = {
        **{name: pa.array(column, pa.int64()) for name, column in counts.items()},
        "status": pa.array([Status.OK.value] * kept.num_rows, pa.string()),
        "quality": pa.array(quality, pa.string()),
    }
    for name, column in columns.items():
        kept = kept.set_column(kept.schema.get_field_index(name), name, column)
    return kept


def failure_rates(tried: Cells) -> FailureRates:
    """How often attempts failed. Requests that were refused or cancelled say nothing of who served them."""
    rates = FailureRates()
    for provider, model, hour, reason, requests in rows_of(tried, "requests"):
        if reason == ANSWERED or reason in _TRANSIENT:
            failed = requests if reason in _TRANSIENT else 0
            rates.add(provider, model, None if hour == NO_PERIOD else hour, Tally(requests, failed))
    return rates


def rows_of(tried: Cells, *measures: str) -> list[tuple[Any, ...]]:
    """Provider, model, hour, reason and some measures of every cell of attempts."""
    if not tried.keys:
        return []
    columns = [tried.measures[name].tolist() for name in measures]
    numbers = [tried.keys[name].tolist() for name in ("hour", "reason")]
    return list(zip(tried.words("provider"), tried.words("model"), *numbers, *columns, strict=True))


@dataclass(frozen=True, slots=True)
class Billing:
    """Which part of an answer's cost a failed attempt was billed, from the log."""

    by_provider: Mapping[str | None, Fraction]
    overall: Fraction

    def part(self, provider: str | None) -> Fraction:
        """The part at a provider; that of all failures for one without any."""
        return self.by_provider.get(provider, self.overall)


def billing_of(kept: Kept) -> Billing:
    """Σ billed / Σ cost of an answer, over the failed attempts of each provider whose tokens are known."""
    billed: dict[str | None, list[int]] = defaultdict(lambda: [0, 0])
    for row in range(len(kept.mix)):
        own = kept.own_units(row)
        if not kept.failed(row) or own is None or kept.rows.list_units[row] < 0:
            continue
        sums = billed[kept.who(row)[0]]
        sums[0] += kept.units(row)
        sums[1] += own
    whole = [sum(sums[i] for sums in billed.values()) for i in (0, 1)]
    return Billing(
        {provider: Fraction(*sums) for provider, sums in billed.items() if sums[1]},
        Fraction(*whole) if whole[1] else Fraction(0),
    )


@dataclass(slots=True)
class Outcome:
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
    models: dict[str, int] | None = None
    """Requests by the models that the first adequate members name."""
    basis: dict[Basis, int] | None = None
    """Chances of requests × members by what they were taken from."""

    def add(self, other: Outcome) -> None:
        """Take in some more requests."""
        self.requests += other.requests
        self.served += other.served
        self.units += other.units
        self.attempts += other.attempts
        self.own_units += other.own_units
        self.without += other.without


@dataclass(frozen=True, slots=True)
class Odds:
    """What chains are judged by."""

    rates: FailureRates
    billing: Billing


def replay(cells: Cells, chain: Chain, odds: Odds, *, down: str | None = None) -> list[Outcome]:
    """For every cell of requests what the chain makes of them, given that their first attempt failed.

    With `down`, attempts at that provider all fail, and cost nothing; the first attempts failed because of that.
    """
    found = []
    members = sorted({m for t in range(-1, 4) for m in chain.of(t)} - {SAME})
    words = {name: cells.words(f"to {name}") for name in members}
    money = {name: money_of(cells, f"to {name}").tolist() for name in members}
    own = money_of(cells, "own").tolist()
    keyed = zip(
        cells.words("provider"), cells.words("model"), cells.keys["hour"].tolist(), cells.keys["tier"].tolist(),
        strict=True,
    )  # fmt: skip
    requests = cells.measures["requests"].tolist()
    for place, (provider, model, period, tier) in enumerate(keyed):
        hour = None if period == NO_PERIOD else period
        steps = []
        for name in chain.of(tier):
            if name == SAME:
                steps.append(Step(provider, model, own[place], odds.billing.part(provider)))
            elif (to := words[name][place]) is not None:
                host, _, its = to.partition("/")
                steps.append(Step(host, its, money[name][place], odds.billing.part(host)))
        found.append(_outcome(requests[place], own[place], steps, _Hour(odds, (provider, model), hour, down)))
    return found


@dataclass(frozen=True, slots=True)
class _Hour:
    """Where and when some equal requests failed first."""

    odds: Odds
    first: Who
    hour: int | None
    down: str | None


def _outcome(requests: int, own: int, steps: Sequence[Step], at: _Hour) -> Outcome:
    draw = at.odds.rates.draw()
    basis: dict[Basis, int] = defaultdict(int)
    if at.down is None:
        draw.failed(*at.first, at.hour)

    def failing(step: Step) -> Fraction:
        if step.provider == at.down and at.down is not None:
            return Fraction(1)
        chance, how = draw.chance(step.provider, step.model, at.hour)
        basis[how] += requests
        return chance

    if at.down is not None:  # nobody is billed by a provider that does not answer
        steps = [Step(s.provider, s.model, s.units, Fraction(0)) if s.provider == at.down else s for s in steps]
    found = expect(steps, failing, lambda step: draw.failed(step.provider, step.model, at.hour))
    first = f"{steps[0].provider}/{steps[0].model}" if steps else None
    return Outcome(
        requests=requests,
        served=found.served * requests,
        units=found.units,
        attempts=found.attempts * requests,
        own_units=found.served * own,
        without=0 if steps else requests,
        models={first: requests} if first else {},
        basis=dict(basis),
    )


def total_outcome(outcomes: Sequence[Outcome]) -> Outcome:
    """Some outcomes together."""
    whole = Outcome(models={}, basis={})
    models: dict[str, int] = defaultdict(int)
    basis: dict[Basis, int] = defaultdict(int)
    for one in outcomes:
        whole.add(one)
        for name, number in (one.models or {}).items():
            models[name] += number
        for how, number in (one.basis or {}).items():
            basis[how] += number
    whole.models, whole.basis = dict(models), dict(basis)
    return whole


@dataclass(frozen=True, slots=True)
class Heads:
    """The requests whose first attempt failed for reasons of who served it."""

    families: tuple[Family, ...]
    cells: Cells
    """As `AttemptLog.answered`: costs are those of an answer."""
    billed_units: int
    """What the failed first attempts were billed, in 1e-15 USD."""
    mixes: Mapping[Mix, int]


def heads_of(log: AttemptLog, kept: Kept, members: Members) -> Heads:
    """Requests to be replayed: their first attempt is in the log, and failed."""
    families = [f for f in log.families if not f.orphan and kept.failed(f.rows[0])]
    first = np.array([f.rows[0] for f in families], np.intp)
    mixes: dict[Mix, int] = defaultdict(int)
    for row in first.tolist():
        mixes[kept.mix[row] or Mix.NONE] += 1
    cells = offered_cells(kept.whole, members, kept.tier, first)
    return Heads(tuple(families), cells, sum(kept.units(row) for row in first.tolist()), mixes)


def as_logged(heads: Heads, kept: Kept) -> Outcome:
    """What the log did with them."""
    found = Outcome(models={}, basis={})
    for family in heads.families:
        later = family.rows[1:]
        served = any(kept.answered(row) for row in later)
        own = kept.own_units(family.rows[0]) or 0
        found.add(
            Outcome(
                requests=1,
                served=Fraction(served),
                units=Fraction(sum(kept.units(row) for row in later)),
                attempts=Fraction(len(later)),
                own_units=Fraction(own if served else 0),
                without=0 if later else 1,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Check:
    """Further attempts as logged, against what the chances say of them."""

    attempts: int
    failed: int
    expected: Fraction
    """Sum of the chances that they fail."""


def check_retries(heads: Heads, kept: Kept, rates: FailureRates) -> Check:
    """How well the chances foretell the retries of the log itself."""
    attempts = failed = 0
    expected = Fraction(0)
    for family in heads.families:
        draw = rates.draw()
        for place, row in enumerate(family.rows):
            if not kept.answered(row) and not kept.failed(row):
                break
            at = (*kept.who(row), kept.hour_of(row))
            if place:
                attempts += 1
                failed += kept.failed(row)
                expected += draw.chance(*at)[0]
            draw.failed(*at)
    return Check(attempts, failed, expected)
