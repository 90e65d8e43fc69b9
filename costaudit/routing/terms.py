"""What a candidate is expected to cost per token, once everything that comes with it is counted.

An answer of a candidate costs more than its price: a tokenizer that cuts finer, a longer answer, answers
that cannot be parsed and are asked again, a check of each answer, and those that are not good enough,
which another model serves after all. Each of these is linear in the tokens, so it is a rate, and an
expected cost can be summed from token sums as exactly as a list cost.

Rates are integers of 1e-15 USD per token or unit (1e-9 USD per 1M tokens). Every part of an expected rate is
rounded to that, half to even; nothing is rounded after that.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec

from costaudit.routing.policy import Treatment
from costaudit.schema import INPUT_SIDE
from costaudit.tokens import OUTPUT_SIDE

WHOLE: Final = 10_000
"""Shares are counted in ten-thousandths: 10,000 is all."""


Rates = Mapping[str, int]
"""By price class; a class that is missing has no price."""


class Terms(msgspec.Struct, frozen=True):
    """On what terms one model serves in the place of another."""

    input_ratio: Decimal = Decimal(1)
    """Its tokens per token today, for what it reads …"""
    output_ratio: Decimal = Decimal(1)
    """… and for what it writes."""
    success: int = WHOLE
    """Share of its answers that are good enough, in ten-thousandths."""
    retry_rate: Decimal = Decimal(0)
    """Share of its answers that cannot be parsed."""
    max_attempts: int = 1
    checked_multiple: Decimal = Decimal(0)
    """A check of each answer as a multiple of what the answer costs."""
    checked_output: int = 0
    """Tokens that a checking model writes."""

    @property
    def attempts(self) -> Fraction:
        """How often it is asked on average: 1 + f + f² … for a share f that cannot be parsed."""
        f = Fraction(self.retry_rate)
        return sum((f**n for n in range(1, self.max_attempts)), Fraction(1))

    @property
    def fails(self) -> int:
        """Share of the requests that another model has to serve after all, in ten-thousandths.

        Those whose answer is not good enough, and those that can never be parsed.
        """
        parsed = 1 - Fraction(self.retry_rate) ** self.max_attempts if self.retry_rate else Fraction(1)
        return round(WHOLE * (1 - Fraction(self.success, WHOLE) * parsed))

    @property
    def at_list(self) -> bool:
        """Whether one attempt of the same tokens is all that is paid, and no check."""
        return self.input_ratio == self.output_ratio == self.attempts == 1 and not self.checked_multiple

    def ratio(self, klass: str) -> Decimal:
        """Units of a price class per unit today."""
        if klass in INPUT_SIDE:
            return self.input_ratio
        return self.output_ratio if klass in OUTPUT_SIDE else Decimal(1)


NO_TERMS: Final = Terms()
"""Nothing but the price counts."""


def terms_of(treatment: Treatment, success: int | None = None) -> Terms:
    """The terms of a treatment; `success` is what evals say, in ten-thousandths, if they say anything."""
    check = treatment.verification
    retries = treatment.retry_rate
    return Terms(
        success=int(treatment.success_rate * WHOLE) if success is None else success,
        retry_rate=retries,
        max_attempts=treatment.max_attempts if retries else 1,
        checked_multiple=check.multiple if check.on == "routed" else Decimal(0),
        checked_output=check.output_tokens if check.on == "routed" and check.model else 0,
    )


class Expected(msgspec.Struct, frozen=True):
    """What a request is expected to cost, by cause: each part is a rate per unit, and a fixed amount.

    Every list has one rate per price class, in the order of the classes. `price` is the model's own rate for
    the tokens as they are today.
    """

    price: tuple[int, ...]
    tokens: tuple[int, ...]
    """What more or fewer tokens add."""
    retries: tuple[int, ...]
    checks: tuple[int, ...]
    fallback: tuple[int, ...]
    """What fallback models add; where the model of today serves, see `own_share`."""
    fixed_checks: int
    """What the check of a request costs whatever its size."""
    own_share: int
    """Share of today's cost that is paid all the same, in ten-thousandths."""

    @property
    def rates(self) -> tuple[int, ...]:
        """The whole expected rate of each class."""
        parts = zip(self.price, self.tokens, self.retries, self.checks, self.fallback, strict=True)
        return tuple(sum(part) for part in parts)


def expect(
    classes: tuple[str, ...],
    rates: Rates,
    terms: Terms,
    checker: Rates | None = None,
    fallback: tuple[Rates, Terms] | None = None,
) -> Expected:
    """The expected rates of a model on some terms, for some price classes; -1 where it has no price.

    `checker` are the rates of a model that reads prompt and answer as new input; `fallback` those of the
    model that serves what fails, with the terms whose ratios hold for it. Without one, that of today does.
    """
    fails, attempts = terms.fails, terms.attempts
    if terms.at_list and checker is None and fallback is None:
        alone, no = tuple(rates.get(k, 0 if k == "request" else -1) for k in classes), (0,) * len(classes)
        return Expected(alone, no, no, no, no, fixed_checks=0, own_share=fails)
    parts: dict[str, list[int]] = {name: [] for name in ("price", "tokens", "retries", "checks", "fallback")}
    for klass in classes:
        price = rates.get(klass, 0 if klass == "request" else -1)
        if price < 0:
            for name, part in parts.items():
                part.append(-1 if name == "price" else 0)
            continue
        ratio = Fraction(terms.ratio(klass))
        once, tried = round(price * ratio), round(price * ratio * attempts)
        check = round(price * ratio * Fraction(terms.checked_multiple))
        if checker is not None and klass in (*INPUT_SIDE, *OUTPUT_SIDE):
            check += round(checker.get("input", 0) * ratio)
        after = 0
        if fallback is not None:
            after = round(
                Fraction(fails, WHOLE)
                * max(fallback[0].get(klass, 0), 0)
                * Fraction(fallback[1].ratio(klass))
            )
        for name, value in zip(parts, (price, once - price, tried - once, check, after), strict=True):
            parts[name].append(value)
    fixed = 0
    if checker is not None:
        fixed = terms.checked_output * checker.get("output", 0) + checker.get("request", 0)
    return Expected(
        **{name: tuple(part) for name, part in parts.items()},
        fixed_checks=fixed,
        own_share=fails if fallback is None else 0,
    )
