"""What comes on top of list: a percentage, an amount per request, per token or per month, exactly applied.

Written like `5%`, `+0.0004/request`, `5%+500/month`. See docs/markup.md for every form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal

import msgspec

from costaudit.errors import UsageError, did_you_mean
from costaudit.money import is_amount
from costaudit.prices.rows import instant_us

HIGHEST_PERCENT: Final = 1000
MOST_STEPS: Final = 4
"""Steps that a range is shown in, at most."""

FORMS: Final = "like 5%, 0%-15%, +0.0004/request, 5%+500/month or gateway:openrouter@2026-06-01"

_UNITS: Final = {
    "request": "usd_per_request", "requests": "usd_per_request", "req": "usd_per_request",
    "mtok": "usd_per_mtok", "month": "usd_per_month", "mo": "usd_per_month",
}  # fmt: skip
_NUMBER: Final = r"\d+(?:\.\d+)?|\.\d+"
_TERM: Final = re.compile(rf"\s*+([+-]?)\s*+\$?\s*+({_NUMBER})\s*+(%|/\s*+\w+|)\s*+(?=[+-]|$)")
_RANGE: Final = re.compile(rf"\s*+(-?(?:{_NUMBER}))\s*+%?\s*+[-–]\s*+(-?(?:{_NUMBER}))\s*+%\s*+")


class Volume(msgspec.Struct, frozen=True):
    """Traffic of some time."""

    list_usd: Fraction
    requests: Fraction
    tokens: Fraction | None = None
    """None where they are not known."""

    def times(self, factor: Fraction) -> Volume:
        """So many times the traffic, of the same mix."""
        tokens = None if self.tokens is None else self.tokens * factor
        return Volume(self.list_usd * factor, self.requests * factor, tokens)


class MarkupTerms(msgspec.Struct, frozen=True):
    """What is paid on top of list."""

    label: str
    percent: Decimal = Decimal(0)
    """Of the list price; -100 where nothing is paid by list."""
    usd_per_request: Decimal = Decimal(0)
    usd_per_mtok: Decimal = Decimal(0)
    """USD per 1M tokens of all classes."""
    usd_per_month: Decimal = Decimal(0)
    free_usd: Decimal = Decimal(0)
    """List spend of a month that `percent` is not taken of."""
    free_percent_requests: int = 0
    """Requests of a month that `percent` is not taken of: they cost the mean of all."""
    free_requests: int = 0
    """Requests of a month without `usd_per_request`."""
    evidence: Literal["given", "table"] = "given"
    notes: tuple[str, ...] = ()
    """Where the figures are from and what is not in them."""

    @property
    def is_percent(self) -> bool:
        """Whether it is a percentage and nothing else."""
        return not (
            self.usd_per_request or self.usd_per_mtok or self.usd_per_month or self.free_usd
            or self.free_percent_requests
        )  # fmt: skip

    @property
    def is_monthly(self) -> bool:
        """Whether it has a part that only exists per month: a subscription, an allowance."""
        return bool(
            self.usd_per_month or self.free_usd or self.free_percent_requests
            or (self.free_requests and self.usd_per_request)
        )  # fmt: skip

    def month_usd(self, month: Volume) -> Fraction:
        """What comes on top of the list price of a month's traffic, exactly."""
        return self.variable_usd(month) + Fraction(self.usd_per_month)

    def variable_usd(self, volume: Volume) -> Fraction:
        """The same without the fee per month; allowances are those of one month."""
        requests = (
            max(volume.requests - self.free_requests, Fraction(0)) if self.usd_per_request else Fraction(0)
        )
        usd = self._taxed(volume) * Fraction(self.percent) / 100 + requests * Fraction(self.usd_per_request)
        if self.usd_per_mtok:
            if volume.tokens is None:
                raise UsageError(f"{self.label}: the tokens are not known", hint="leave out what is per mtok")
            usd += volume.tokens * Fraction(self.usd_per_mtok) / 10**6
        return usd

    def _taxed(self, volume: Volume) -> Fraction:
        """The list spend that the percentage is taken of."""
        usd = volume.list_usd
        if self.free_percent_requests:
            if volume.requests <= self.free_percent_requests:
                return Fraction(0)
            usd -= usd * self.free_percent_requests / volume.requests
        return max(usd - Fraction(self.free_usd), Fraction(0)) if self.free_usd else usd


class GatewayFees(msgspec.Struct, frozen=True):
    """The dated fees of a gateway, to be looked up once it is known for which day."""

    name: str
    at: int | None
    """Microseconds UTC; None for the day that the report is about."""
    own_key: bool = False
    """With one's own provider key: the provider bills the tokens, the gateway its fee for that."""


Asked = MarkupTerms | GatewayFees
"""What was written, before fees are looked up."""


def parse_markups(text: str) -> list[Asked]:
    """Forms with commas between them; a range becomes its steps. Raises UsageError.

    >>> [markup.label for markup in parse_markups("5%,10%-12%")]
    ['5%', '10%', '10.5%', '11%', '11.5%', '12%']
    """
    return [asked for part in text.split(",") for asked in _parse_part(part, text)]


def _parse_part(part: str, text: str) -> Iterator[Asked]:
    if not part.strip():
        raise UsageError(f"{text!r} has an empty part", hint=FORMS)
    found = _RANGE.fullmatch(part)
    if found is None:
        yield parse_form(part)
        return
    low, high = (_limited(Decimal(end), part) for end in found.groups())
    if low >= high:
        raise UsageError(f"{part.strip()!r} is no range: its first end is not the lower one", hint=FORMS)
    step = step_of(low, high)
    told = f"a step of {plain(step)} points between {plain(low)}% and {plain(high)}%"
    for percent in steps_of(low, high, step):
        yield MarkupTerms(f"{plain(percent)}%", percent=percent, notes=(told,))


def step_of(low: Decimal, high: Decimal) -> Decimal:
    """The smallest of 1, 2.5, 5 times a power of ten that goes into a range four times or less.

    >>> str(step_of(Decimal(0), Decimal(15))), str(step_of(Decimal(5), Decimal(6)))
    ('5', '0.25')
    """
    width = high - low
    power = width.adjusted() - 1
    sizes = (Decimal(size).scaleb(p) for p in range(power, power + 3) for size in ("1", "2.5", "5"))
    return next(size for size in sizes if size * MOST_STEPS >= width)


def steps_of(low: Decimal, high: Decimal, step: Decimal) -> Iterator[Decimal]:
    """Both ends and the multiples of the step between them."""
    yield low
    at = (low // step) * step
    while at < high:
        if at > low:
            yield at
        at += step
    yield high


def parse_form(text: str) -> Asked:
    """One form that is no range; raises UsageError that says what it does not understand."""
    stripped = text.strip()
    kind, colon, rest = stripped.partition(":")
    if colon:
        return _parse_gateway(kind.strip(), rest.strip(), stripped)
    parts: dict[str, Decimal] = {}
    for field, amount in _terms(stripped):
        if field in parts:
            raise UsageError(f"{stripped!r} says twice what comes {_PER[field]}", hint="add them up")
        if field != "percent" and amount < 0:
            raise UsageError(f"{stripped!r}: only a percentage can be negative", hint=FORMS)
        parts[field] = _limited(amount, stripped) if field == "percent" else amount
    return MarkupTerms(
        label_of(parts),
        percent=parts.get("percent", Decimal(0)),
        usd_per_request=parts.get("usd_per_request", Decimal(0)),
        usd_per_mtok=parts.get("usd_per_mtok", Decimal(0)),
        usd_per_month=parts.get("usd_per_month", Decimal(0)),
    )


def _terms(text: str) -> Iterator[tuple[str, Decimal]]:
    """What each term of a sum is an amount of, and the amount."""
    at = 0
    while at < len(text) or not text:
        term = _TERM.match(text, at)
        if term is None or (at and not term[1]):
            raise UsageError(f"{text!r} is not a percentage, and no fee", hint=FORMS)
        amount = Decimal(term[2])
        if not is_amount(amount):
            raise UsageError(f"{text!r}: no fee has so many digits", hint=FORMS)
        yield _field(term[3], term[0].strip("+-$ "), text), -amount if term[1] == "-" else amount
        at = term.end()


_PER: Final = {
    "percent": "as a percentage",
    "usd_per_request": "per request",
    "usd_per_mtok": "per 1M tokens",
    "usd_per_month": "per month",
}


def _field(unit: str, term: str, whole: str) -> str:
    """Which part of a markup a unit names."""
    if unit == "%":
        return "percent"
    if not unit:
        raise UsageError(
            f"{whole!r}: {term!r} has no unit", hint=f"a percentage is {term}%; else {term}/request or /month"
        )
    name = unit.lstrip("/ ").lower()
    if name not in _UNITS:
        units = "request, mtok, month"
        raise UsageError(
            f"{whole!r}: {name!r} is no unit", hint=did_you_mean(name, _UNITS) or f"units are % and / {units}"
        )
    return _UNITS[name]


def _limited(percent: Decimal, text: str) -> Decimal:
    if not -100 <= percent <= HIGHEST_PERCENT or not is_amount(percent):
        raise UsageError(f"{text.strip()!r} is outside -100% .. {HIGHEST_PERCENT}%")
    return percent


def label_of(parts: Mapping[str, Decimal]) -> str:
    """The canonical way to write a markup of some parts.

    >>> label_of({"usd_per_month": Decimal(1200), "percent": Decimal("5.50")})
    '5.5% + $1,200/month'
    """
    units = (
        ("percent", ""),
        ("usd_per_request", "request"),
        ("usd_per_mtok", "mtok"),
        ("usd_per_month", "month"),
    )
    return " + ".join(
        f"${grouped(parts[field])}/{unit}" if unit else f"{plain(parts[field])}%"
        for field, unit in units
        if field in parts
    )


def plain(number: Decimal) -> str:
    """A number without trailing zeros or an exponent."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def grouped(number: Decimal) -> str:
    """The same with thousands apart."""
    whole, dot, fraction = plain(number).partition(".")
    return f"{int(whole):,}{dot}{fraction}"


def _parse_gateway(kind: str, rest: str, text: str) -> GatewayFees:
    if kind not in {"gateway", "byok"}:
        hint = (
            did_you_mean(kind, ("gateway", "byok")) or "gateway:NAME@DATE, or byok:NAME@DATE for your own key"
        )
        raise UsageError(f"{text!r}: {kind!r} is neither gateway nor byok", hint=hint)
    name, _, day = (part.strip() for part in rest.partition("@"))
    if not name:
        raise UsageError(f"{text!r} names no gateway", hint=FORMS)
    return GatewayFees(name, _day(day, text) if "@" in rest else None, own_key=kind == "byok")


def _day(text: str, whole: str) -> int:
    try:
        return instant_us(text)
    except ValueError as error:
        raise UsageError(
            f"{whole!r}: {text!r} is not a date", hint="like gateway:openrouter@2026-06-01"
        ) from error
