"""What calls lost of the caches of their providers, token by token, and why.

What a call sent beside what it read from a cache falls into two parts. As far as the call that it goes on
with (`conversations`) had sent the same before, a cache could have held it: that is lost. The rest is new. Of
what was not read the beginning was written to the cache, for an hour before five minutes; what follows is
plain input.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.engine.plan import Plan
from costaudit.questions.levers.cache_rules import rule_of
from costaudit.questions.levers.calls import Calls, rates_of
from costaudit.questions.levers.conversations import NONE, before_elsewhere, before_on_model

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

CAUSES: Final = (
    "expired", "prefix_changed", "not_found", "model_switched", "never_marked", "below_minimum",
)  # fmt: skip
"""Why tokens that were sent before were not read from a cache. Not found: a provider that caches by itself,
within the lifetime that it states."""

HOUR_S: Final = 3600
_SECOND_US: Final = 1_000_000
_WHOLE: Final = 2
"""A conversation goes on with another model where one part in so many of its prompt was sent before."""


class Rates(msgspec.Struct, frozen=True):
    """What a token costs by class, in 1e-15 USD; one entry per call in every array."""

    fresh: Ints
    read: Ints
    short: Ints
    hour: Ints
    has_hour: Mask
    """The model has a price for caches of an hour."""

    @classmethod
    def of(cls, calls: Calls, plan: Plan) -> Rates:
        """The rates of calls. Where a class has no price of its own it costs what plain input does."""
        fresh, read, short, hour = (
            rates_of(plan, calls.card, name)
            for name in ("input", "cache_read", "cache_write_5m", "cache_write_1h")
        )
        fresh = np.maximum(fresh, 0)
        return cls(
            fresh, np.where(read >= 0, read, fresh), np.where(short >= 0, short, fresh),
            np.where(hour >= 0, hour, fresh), (hour >= 0) & (short >= 0),
        )  # fmt: skip


class Losses(msgspec.Struct, frozen=True):
    """What each call lost; one entry per call in every array."""

    before: Ints
    """The call that it goes on with, on the same model; NONE without one."""
    gap_s: Ints
    """Seconds since that; -1 without one."""
    known: Ints
    """Tokens that a cache could have held of that: what it read and wrote, or all that it sent."""
    lifetime: Ints
    """Seconds for which a cache of this call is kept without use."""
    minimum: Ints
    marks: Mask
    """The caller has to mark what is to be cached."""
    cached: Mask
    """Some call of the session on the model read or wrote a cache."""
    cause: npt.NDArray[np.int8]
    """A place in CAUSES; NONE where nothing is lost."""
    hour: Ints
    """Of the lost tokens those that were written for an hour …"""
    short: Ints
    """… for five minutes …"""
    fresh: Ints
    """… and that were plain input."""

    @property
    def tokens(self) -> Ints:
        """Lost tokens."""
        return np.asarray(self.hour + self.short + self.fresh)

    def billed(self, rates: Rates) -> Ints:
        """What the lost tokens were billed, in 1e-15 USD."""
        billed = self.hour * rates.hour + self.short * rates.short + self.fresh * rates.fresh
        return np.asarray(billed)

    def usd(self, rates: Rates) -> Ints:
        """What the lost tokens cost beyond reading them from a cache, in 1e-15 USD."""
        return np.asarray(self.billed(rates) - self.tokens * rates.read)


def losses_of(calls: Calls) -> Losses:
    """What calls lost, and why."""
    rules = [rule_of(model) for model in calls.models]
    lifetime, minimum, block, marks = (
        np.array([getattr(rule, name) for rule in rules])[calls.model]
        for name in ("lifetime", "minimum", "block", "marked")
    )
    cached, an_hour = _among_session(calls, calls.read + calls.written > 0, calls.hour > 0)
    lifetime = np.where(an_hour, np.maximum(lifetime, HOUR_S), lifetime)
    context, before = calls.context, before_on_model(calls)
    held = np.where(marks & cached, calls.read + calls.written, context // block * block)
    gap, known = _since(calls, before, held)
    cause = np.full(len(calls), NONE, np.int8)
    late = (before == NONE) | (gap > lifetime)
    for name, where in (
        ("prefix_changed", marks & ~late), ("not_found", ~marks & ~late), ("expired", late),
        ("never_marked", marks & ~cached), ("below_minimum", known < minimum),
    ):  # fmt: skip
        cause[where & (before != NONE)] = CAUSES.index(name)  # the last that holds
    other = before_elsewhere(calls)
    away, sent = _since(calls, other, context)
    switched = late & (other != NONE) & (away <= lifetime) & (_WHOLE * sent >= context) & (sent >= minimum)
    switched &= ~(marks & ~cached)
    cause[switched] = CAUSES.index("model_switched")
    sent = np.where(switched, np.maximum(sent, known), known)
    lost = np.maximum(sent - calls.read, 0)
    hour = np.minimum(lost, calls.hour)
    short = np.minimum(lost - hour, calls.short)
    return Losses(
        before=before, gap_s=gap, known=known, lifetime=lifetime, minimum=minimum, marks=marks, cached=cached,
        cause=np.where(lost > 0, cause, NONE).astype(np.int8), hour=hour, short=short,
        fresh=lost - hour - short,
    )  # fmt: skip


def _since(calls: Calls, before: Ints, held: Ints) -> tuple[Ints, Ints]:
    """Seconds since another call, -1 without one, and what a cache `held` of it that was sent again."""
    there, place = before != NONE, np.maximum(before, 0)
    # A second that is begun counts: a cache of 300 seconds is gone after 300.2.
    gap = -((calls.ts[place] - calls.ts) // _SECOND_US)
    return np.where(there, gap, -1), np.where(there, np.minimum(held[place], calls.context), 0)


def _among_session(calls: Calls, *marks: Mask) -> list[Mask]:
    """Whether a mark holds for any call of the same session on the same model."""
    order = np.lexsort((calls.model, calls.session))
    session, model = calls.session[order], calls.model[order]
    starts = np.append(True, (session[1:] != session[:-1]) | (model[1:] != model[:-1]))
    group = np.empty(len(order), np.intp)
    group[order] = np.cumsum(starts) - 1
    return [np.bincount(group, weights=mark, minlength=1)[group] > 0 for mark in marks]


class CacheWork(msgspec.Struct, frozen=True):
    """Calls with their rates and losses."""

    calls: Calls
    rates: Rates
    losses: Losses

    @classmethod
    def of(cls, calls: Calls, plan: Plan) -> CacheWork:
        """The losses of calls at the prices of a plan."""
        return cls(calls, Rates.of(calls, plan), losses_of(calls))

    def dead_units(self) -> Ints:
        """What writing cost beyond plain input where no later call read it, in 1e-15 USD."""
        calls, rates = self.calls, self.rates
        most = np.zeros(len(calls), np.int64)
        follows = self.losses.before != NONE
        np.maximum.at(most, self.losses.before[follows], calls.read[follows])
        premium = calls.short * (rates.short - rates.fresh) + calls.hour * (rates.hour - rates.fresh)
        dead = (calls.written > 0) & (most <= calls.read)
        return np.where(dead, np.maximum(premium, 0), 0)
