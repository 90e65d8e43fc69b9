"""Token usage, the prices of October 2026, and the totals that the samples must add up to."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from .chance import MONTH, moment

MTOK: Final = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Usage:
    """Disjoint token classes; reasoning is an "of which" of output."""

    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    output: int = 0
    reasoning: int = 0

    @property
    def prompt(self) -> int:
        """The input side as most providers log it: cached tokens included."""
        return self.input + self.cache_read + self.cache_write_5m

    @property
    def total(self) -> int:
        """All tokens."""
        return self.prompt + self.output

    def counts(self) -> dict[str, int]:
        """The classes by name."""
        return {name: getattr(self, name) for name in TOKEN_CLASSES}


TOKEN_CLASSES: Final = ("input", "cache_read", "cache_write_5m", "output", "reasoning")


@dataclass(frozen=True, slots=True)
class Rate:
    """USD per million tokens."""

    input: Decimal
    cache_read: Decimal
    output: Decimal
    cache_write_5m: Decimal = Decimal(0)

    def usd(self, usage: Usage) -> Decimal:
        """What the usage costs, exactly."""
        parts = (
            usage.input * self.input,
            usage.cache_read * self.cache_read,
            usage.cache_write_5m * self.cache_write_5m,
            usage.output * self.output,
        )
        return sum(parts, Decimal(0)) / MTOK


def _rate(text: str) -> Rate:
    return Rate(*map(Decimal, text.split("/")))


# input/cached/output[/cache write 5m], as they were in October 2026
RATES: Final = {
    "gpt-4o": _rate("2.5/1.25/10"),
    "gpt-5.4": _rate("2.5/0.25/15"),
    "gpt-5.4-mini": _rate("0.75/0.075/4.5"),
    "gpt-6-luna": _rate("0.1/0.01/0.5"),
    "mistral-large-2512": _rate("0.5/0.05/1.5"),
    "gpt-6.1-sol": _rate("2/0.1/10"),
    "claude-haiku-4-5": _rate("1/0.1/5/1.25"),
    "claude-sonnet-4-6": _rate("3/0.3/15/3.75"),
    "claude-opus-4-8": _rate("5/0.5/25/6.25"),
    "claude-opus-5-5": _rate("4/0.2/20/5"),
    "gemini-2.5-flash": _rate("0.3/0.03/2.5"),
    "gemini-3.1-pro-preview": _rate("2/0.2/12"),
    "gemini-3.8-flash": _rate("0.75/0.075/3.75"),
}
LONG_CONTEXT: Final = {
    "gpt-5.4": (272_000, _rate("5/0.5/22.5")),
    "gemini-3.1-pro-preview": (200_000, _rate("4/0.4/18")),
}
"""Above this many tokens on the input side the whole request has the other rate."""
MISTRAL_LARGE_4: Final = (
    (datetime(2026, 10, 29, tzinfo=UTC), "from 2026-10-29", _rate("0.7/0.07/2.1")),
    (datetime(2026, 10, 20, tzinfo=UTC), "from 2026-10-20", _rate("1.36/0.14/4.18")),
    (MONTH, "before 2026-10-20", _rate("0.68/0.07/2.09")),
)
DEEPSEEK_V4_FLASH: Final = {"peak": _rate("0.3/0.006/1.2"), "off-peak": _rate("0.15/0.003/0.6")}
DEEPSEEK_PEAK_HOURS: Final = frozenset({1, 2, 3, 6, 7, 8, 9})
"""UTC; Monday to Friday."""


def rate_of(model: str, prompt: int, at_ms: int) -> tuple[str, Rate]:
    """The name of the price window and the rate of a model at an instant."""
    at = moment(at_ms)
    if model == "mistral-large-4":
        return next((name, rate) for start, name, rate in MISTRAL_LARGE_4 if at >= start)
    if model == "deepseek-v4-flash":
        peak = at.hour in DEEPSEEK_PEAK_HOURS and at.weekday() < 5
        name = "peak" if peak else "off-peak"
        return name, DEEPSEEK_V4_FLASH[name]
    edge, long_rate = LONG_CONTEXT.get(model, (0, RATES[model]))
    if edge and prompt > edge:
        return f"above {edge}", long_rate
    return "standard", RATES[model]


def number(usd: Decimal) -> float:
    """The amount as a JSON number that reads back as the same decimal."""
    value = float(usd)
    if Decimal(repr(value)) != usd:
        raise ValueError(f"{usd} has no exact short float")
    return value


@dataclass(frozen=True, slots=True)
class Counted:
    """What the totals need to know of one call."""

    model: str
    usage: Usage
    at_ms: int
    feature: str
    tier: int
    status: str = "ok"


@dataclass(slots=True)
class Tally:
    """The independent totals of one file: one `add` per call after merging duplicates."""

    counts: Counter[str] = field(default_factory=Counter)
    models: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    windows: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    features: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    tiers: dict[str, int] = field(default_factory=dict)
    model_usd: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    feature_usd: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    gateways: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    days: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """What a provider bills, by UTC day and model."""
    reported_usd: Decimal = Decimal(0)
    reported: bool = False

    def add(self, call: Counted) -> Decimal:
        """Count one call and return its list price (0 where nothing is billed or no price is public)."""
        model, usage = call.model, call.usage
        self.counts["requests"] += 1
        self.counts[call.status] += 1
        self.tiers[call.feature] = call.tier
        self.features[call.feature]["requests"] += 1
        if model not in RATES and model not in ("mistral-large-4", "deepseek-v4-flash"):
            self._count(self.models[f"{model} (no public price)"], usage)
            return Decimal(0)
        if call.status == "cache_hit":
            self._count(self.models[f"{model} (gateway cache hit)"], usage)
            return Decimal(0)
        window, rate = rate_of(model, usage.prompt, call.at_ms)
        usd = rate.usd(usage)
        self._count(self.models[model], usage)
        if window != "standard":
            self._count(self.windows[f"{model} {window}"], usage)
        self.model_usd[model] += usd
        if usage.total:
            self._count(self.days[f"{moment(call.at_ms):%Y-%m-%d}", model], usage)
        self.feature_usd[call.feature] += usd
        return usd

    def report(self, gateway: str, list_usd: Decimal, reported_usd: Decimal) -> None:
        """Count the cost that the log itself states."""
        self.reported = True
        self.reported_usd += reported_usd
        sums = self.gateways.setdefault(gateway, defaultdict(Decimal))
        sums["list_usd"] += list_usd
        sums["reported_usd"] += reported_usd

    @staticmethod
    def _count(into: Counter[str], usage: Usage) -> None:
        into["requests"] += 1
        into.update(usage.counts())

    def as_json(self) -> dict[str, Any]:
        """The totals in a fixed order, money as exact decimal strings."""
        tokens = {c: sum(m[c] for m in self.models.values()) for c in TOKEN_CLASSES}
        names = ("records", "broken_lines", "impossible_usage", "duplicates", "requests")
        return {
            **{name: self.counts[name] for name in names},
            "failures": self.counts["error"],
            "failures_billed": self.counts["error_billed"],
            "cache_hits": self.counts["cache_hit"],
            "retries": self.counts["retries"],
            "tokens": tokens,
            "list_usd": plain(sum(self.model_usd.values(), Decimal(0))),
            "reported_usd": plain(self.reported_usd) if self.reported else None,
            "by_gateway": {
                name: {key: plain(usd) for key, usd in sums.items()}
                for name, sums in sorted(self.gateways.items())
            },
            "by_model": {name: self._model(name) for name in sorted(self.models)},
            "by_price_window": {name: dict(self.windows[name]) for name in sorted(self.windows)},
            "by_feature": {name: self._feature(name) for name in sorted(self.features)},
        }

    def _feature(self, name: str) -> dict[str, Any]:
        return {
            "tier_meant": self.tiers[name],
            "requests": self.features[name]["requests"],
            "list_usd": plain(self.feature_usd[name]),
        }

    def _model(self, name: str) -> dict[str, Any]:
        usd = plain(self.model_usd[name]) if name in self.model_usd else None
        return {**dict(self.models[name]), "list_usd": usd}


def plain(usd: Decimal) -> str:
    """An exact decimal without exponent and without trailing zeros."""
    text = f"{usd:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
