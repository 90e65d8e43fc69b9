"""A policy by hand: plain Python over single requests, with fractions, and nothing of choice or costing.

Prices over time come from the timelines, which have tests of their own; everything that a policy decides and
adds is written down here a second time.
"""

# ruff: noqa: C901, PLR0911 - a policy written down step by step, as one would on paper
from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from costaudit.engine.plan import Plan
from costaudit.engine.shares import request_hashes
from costaudit.ingest.canonical import batch_of
from costaudit.ingest.fields import timestamp_us
from costaudit.prices.cards import NO_TS, Card, Timeline, name_timeline
from costaudit.prices.conditions import service_tier
from costaudit.routing.candidates import candidate_timeline, candidates_of
from costaudit.schema import Call
from costaudit.tape.columns import Batch
from costaudit.tape.record import Keeps, recorded

INPUT = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "input_audio")
OUTPUT = ("output", "output_audio")
CLASSES = (*INPUT, *OUTPUT, "web_search", "request")
FEMTO = 10**15
MTOK = 10**6


def random_calls(seed: int, count: int) -> list[Call]:
    """Requests of an application: many features, tiers, sessions and abilities, some of them extreme."""
    chance = random.Random(seed)  # noqa: S311 - the same calls on every run
    start, end = timestamp_us("2025-09-01") or 0, timestamp_us("2026-11-20") or 0
    models = (
        ("openai", "gpt-4o"), ("openai", "gpt-4o-mini"), ("openai", "gpt-5"), ("openai", "gpt-5.4"),
        ("anthropic", "claude-sonnet-4-5"), ("anthropic", "claude-opus-4-1"), ("google", "gemini-2.5-pro"),
        ("deepseek", "deepseek-chat"), ("mistral", "mistral-large-latest"), ("openai", "acme-9"),
        ("openai", "text-embedding-3-small"), ("perplexity", "sonar"),
    )  # fmt: skip
    features = (None, "/search", "/chat", "legal/review", "summarize", "extract")
    calls = []
    for number in range(count):
        provider, model = chance.choice(models)
        size = chance.choice([*[chance.randrange(6000)] * 20, 131_000, 199_999, 200_001, 1_100_000])
        read = chance.choice([0, 0, chance.randrange(size + 1)])
        calls.append(Call(
            provider=provider, model=model, call_id=f"c{number}", feature=chance.choice(features),
            tier_tag=chance.choice([None, 0, 1, 2, 3]),
            ts=chance.choice([None, *[chance.randrange(start, end)] * 30]),
            input=size - read, cache_read=read, cache_write_5m=chance.choice([0] * 9 + [50]),
            output=chance.choice([*[chance.randrange(900)] * 20, 9_000, 70_000]),
            input_audio=chance.choice([0] * 60 + [7]), web_searches=chance.choice([0] * 40 + [2]),
            has_tools=chance.choice([None, True]), has_images=chance.choice([None] * 5 + [True]),
            response_format=chance.choice([None, None, "json_schema", "text"]),
            status=chance.choice(["ok"] * 20 + ["error"]),
            service_tier=chance.choice([None] * 8 + ["default", "batch", "priority"]),
            region=chance.choice([None, None, "eu-west-1"]), user=chance.choice([None, "ann", "bob"]),
            gateway=chance.choice([None, None, "my-own"]),
        ))  # fmt: skip
    return calls


def _rounded(value: Fraction) -> int:
    return round(value)


@dataclass
class Outcome:
    """What the requests come to under a policy; money in 1e-25 USD."""

    kept: Counter[str] = field(default_factory=Counter)
    lacks: Counter[str] = field(default_factory=Counter)
    list_: Fraction = Fraction(0)
    overspecification: Fraction = Fraction(0)
    lock_in: Fraction = Fraction(0)
    reliability: Fraction = Fraction(0)
    verification: Fraction = Fraction(0)
    router: Fraction = Fraction(0)
    after: Fraction = Fraction(0)
    causes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Bid:
    """The expected cost of one candidate for one request, by cause, in 1e-15 USD."""

    parts: dict[str, Fraction]

    @property
    def total(self) -> Fraction:
        return sum(self.parts.values(), Fraction(0))


class ByHand:
    """A policy over some requests."""

    def __init__(
        self, plan: Plan, calls: Sequence[Call], confidence: Sequence[int], tiers: Sequence[int]
    ) -> None:
        self.plan, self.policy, self.calls = plan, plan.policy, calls
        self.confidence, self.tiers = confidence, tiers
        self.ts = np.array([NO_TS if c.ts is None else c.ts for c in calls], np.int64)
        self.context = np.array([sum(getattr(c, n) for n in INPUT) for c in calls], np.int64)
        self.service = [service_tier(c.service_tier) for c in calls]
        self.looked: dict[Any, list[Card | None]] = {}
        self.bids: dict[Any, Any] = {}
        batch = Batch(recorded(batch_of(calls), plan.tagger, Keeps()))
        self.bucket = (request_hashes(batch, np.arange(len(calls))) % np.uint64(10_000)).tolist()
        self.units: dict[str, dict[str, int]] = {}

    def all(self) -> Outcome:
        out = Outcome()
        for row in range(len(self.calls)):
            self.one(row, out)
        return out

    # prices

    def looked_up(self, timeline: Timeline, extra: int = 0) -> list[Card | None]:
        codes, cards = timeline.lookup(self.ts, self.context + extra), timeline.cards
        return [cards[c] if c >= 0 else None for c in codes.tolist()]

    def today(self, row: int) -> Card | None:
        call = self.calls[row]
        key = (call.provider, call.model, self.service[row])
        if key not in self.looked:
            periods = self.plan.prices.resolver.periods(call.provider, call.model)
            self.looked[key] = self.looked_up(
                name_timeline(self.plan.prices.book, periods, self.service[row])
            )
        return self.looked[key][row]

    def seat(self, names: tuple[str, ...], service: str, row: int) -> Card | None:
        key = (names, service)
        if key not in self.looked:
            found = candidates_of([names], self.plan.prices.book, self.policy.providers)
            if not found:
                self.looked[key] = [None] * len(self.calls)
            else:
                timeline = candidate_timeline(
                    found[0], self.plan.prices.book, self.plan.prices.resolver, service
                )
                self.looked[key] = self.looked_up(timeline)
        return self.looked[key][row]

    def rates(self, card: Card) -> dict[str, int]:
        """In 1e-15 USD per token or unit."""
        if card.id not in self.units:
            found = {"request": 0}
            for name, rate in card.rates.items():
                if name in CLASSES:
                    whole = FEMTO if name in ("web_search", "request") else FEMTO // MTOK
                    found[name] = int(rate.usd * whole)
            self.units[card.id] = found
        return self.units[card.id]

    @staticmethod
    def amounts(call: Call) -> dict[str, int]:
        told = {n: getattr(call, n) for n in (*INPUT, *OUTPUT)}
        return {n: v for n, v in (told | {"web_search": call.web_searches, "request": 1}).items() if v}

    def cost(self, card: Card, amounts: dict[str, int]) -> int | None:
        rates = self.rates(card)
        if any(name not in rates for name in amounts):
            return None
        return sum(rates[name] * number for name, number in amounts.items())

    # the policy

    def number(self, call: Call, tier: int, card: Card) -> int | None:
        """Which part of the policy decides; None for requests that are never moved, -1 for no part."""

        def fits(patterns: Sequence[str], *names: str | None) -> bool:
            return any(
                name is not None and (name.startswith(p[:-1]) if p.endswith("*") else name == p)
                for p in patterns
                for name in names
            )

        never = self.policy.never
        resolved = f"{card.provider}/{card.model}"
        if (
            fits(never.features, call.feature)
            or fits(never.models, call.model, resolved)
            or fits(never.users, call.user)
        ):
            return None
        for place, rule in enumerate(self.policy.rules):
            if (
                (not rule.features or fits(rule.features, call.feature))
                and (not rule.models or fits(rule.models, call.model, resolved))
                and (not rule.providers or fits(rule.providers, card.provider))
                and (not rule.gateways or fits(rule.gateways, call.gateway))
                and (
                    not rule.service_tiers
                    or fits(rule.service_tiers, call.service_tier, service_tier(call.service_tier))
                )
                and (not rule.tiers or tier in rule.tiers)
            ):
                return 4 + place
        return tier

    def allowed(self, call: Call, card: Card, provider: str) -> bool:
        if self.policy.same_provider and provider != card.provider:
            return False
        for rule in self.policy.residency:
            here = (call.region or "").startswith("eu") and "eu*" in rule.regions
            here = here or call.feature in rule.features
            if here and provider not in rule.providers:
                return False
        return True

    def ratios(self, card: Card, other: Card) -> tuple[Fraction, Fraction]:
        own, new = f"{card.provider}/{card.model}", f"{other.provider}/{other.model}"
        if own == new:
            return Fraction(1), Fraction(1)
        for pair in self.policy.pairs:
            ends = ((pair.from_, own), (pair.to, new))
            if all(name.startswith(p[:-1]) if p.endswith("*") else name == p for p, name in ends):
                return Fraction(pair.input_ratio), Fraction(pair.output_ratio)
        return Fraction(1), Fraction(1)

    def lack(self, call: Call, card: Card, read: Fraction, written: Fraction) -> str | None:
        facts = self.plan.prices.book.facts.get((card.provider, card.model))
        context = sum(getattr(call, n) for n in INPUT)
        if call.has_images and not (facts and "image" in facts.input_modalities):
            return "image"
        if call.input_audio and not (facts and "audio" in facts.input_modalities):
            return "audio"
        if call.has_tools and not (facts and facts.tools):
            return "tools"
        if (call.response_format or "").startswith("json") and not (facts and facts.json_mode):
            return "json_mode"
        if facts and facts.context_window and context * read + call.output * written > facts.context_window:
            return "context_window"
        if facts and facts.max_output and call.output * written > facts.max_output:
            return "max_output"
        rates = self.rates(card)
        return "price" if any(name not in rates for name in self.amounts(call)) else None

    def pass_rate(self, name: str, number: int, tier: int, feature: str | None) -> Any:
        evals = self.plan.evals
        if evals is None:
            return None
        scope = tier if number >= 4 else number
        return evals.rate(name, None if scope < 0 else scope, feature)

    def bid(self, row: int, number: int, card: Card, other: Card) -> Bid | None:
        """The expected cost of a candidate; None where its evals do not reach the floor."""
        call, treatment = self.calls[row], self.policy.treatment(number)
        assert treatment is not None
        success = Fraction(treatment.success_rate)
        if self.plan.evals is not None:
            rate = self.pass_rate(f"{other.provider}/{other.model}", number, self.tiers[row], call.feature)
            floor = (
                treatment.quality_floor if treatment.quality_floor is not None else self.policy.quality_floor
            )
            if floor is not None and (rate is None or not rate.meets(floor)):
                return None
            if rate is not None:
                success = Fraction(_rounded(Fraction(rate.passes * 10_000, rate.trials)), 10_000)
        read, written = self.ratios(card, other)
        tries = treatment.max_attempts if treatment.retry_rate else 1
        broken = Fraction(treatment.retry_rate)
        attempts = sum((broken**n for n in range(tries)), Fraction(0))
        never_parsed = broken**tries if treatment.retry_rate else Fraction(0)
        fails = Fraction(_rounded(10_000 * (1 - success * (1 - never_parsed))), 10_000)
        check = treatment.verification
        checker = self.checker(row, number) if check.model and check.on == "routed" else None
        fallback = self.fallback(row, number, card)
        rates, amounts = self.rates(other), self.amounts(call)
        parts = dict.fromkeys(("price", "tokens", "retries", "checks", "fallback"), Fraction(0))
        for name, units in amounts.items():
            ratio = read if name in INPUT else written if name in OUTPUT else Fraction(1)
            price = rates[name]
            once, tried = _rounded(price * ratio), _rounded(price * ratio * attempts)
            parts["price"] += price * units
            parts["tokens"] += (once - price) * units
            parts["retries"] += (tried - once) * units
            if check.on == "routed" and check.multiple:
                parts["checks"] += _rounded(price * ratio * Fraction(check.multiple)) * units
            if checker is not None and name in (*INPUT, *OUTPUT):
                parts["checks"] += _rounded(self.rates(checker)["input"] * ratio) * units
            if fallback is not None:
                after_read, after_written = self.ratios(card, fallback)
                after = after_read if name in INPUT else after_written if name in OUTPUT else Fraction(1)
                parts["fallback"] += _rounded(fails * self.rates(fallback).get(name, 0) * after) * units
        if checker is not None:
            parts["checks"] += (
                check.output_tokens * self.rates(checker)["output"] + self.rates(checker)["request"]
            )
        if fallback is None:
            today = self.cost(card, amounts)
            assert today is not None
            parts["fallback"] += fails * today
        return Bid(parts)

    def checker(self, row: int, number: int) -> Card:
        treatment = self.policy.treatment(number)
        assert treatment is not None
        name = treatment.verification.model or ""
        key = ("checker", name)
        if key not in self.looked:
            (candidate,) = candidates_of([(name,)], self.plan.prices.book)
            timeline = candidate_timeline(
                candidate, self.plan.prices.book, self.plan.prices.resolver, "standard"
            )
            output = np.array([c.output for c in self.calls], np.int64)
            codes, cards = timeline.lookup(self.ts, self.context + output), timeline.cards
            self.looked[key] = [
                cards[c] if c >= 0 else cards[-1 if ts == NO_TS else 0]
                for c, ts in zip(codes.tolist(), self.ts.tolist(), strict=True)
            ]
        found = self.looked[key][row]
        assert found is not None
        return found

    def fallback(self, row: int, number: int, card: Card) -> Card | None:
        call, treatment = self.calls[row], self.policy.treatment(number)
        assert treatment is not None
        for name in treatment.fallbacks:
            if self.allowed(call, card, name.partition("/")[0]):
                other = self.seat((name,), self.service[row], row)
                if other is not None and self.lack(call, other, Fraction(1), Fraction(1)) is None:
                    return other
        return None

    def choose(
        self, row: int, number: int, card: Card, today: int, used: frozenset[str] | None
    ) -> tuple[Bid | None, bool, list[str]]:
        """The best bid, whether any candidate is adequate, and what the others lack."""
        call, treatment = self.calls[row], self.policy.treatment(number)
        assert treatment is not None
        lacks, fitted = [], False
        for group in self.policy.groups[number]:
            best, found = None, False
            for names in group:
                provider = names[0].partition("/")[0]
                if used is not None and provider not in used:
                    continue
                if (self.policy.providers and provider not in self.policy.providers) or not self.allowed(
                    call, card, provider
                ):
                    lacks.append("provider")
                    continue
                other = self.seat(names, self.service[row], row)
                if other is None:
                    lacks.append("in_service")
                    continue
                lack = self.lack(call, other, *self.ratios(card, other))
                if lack is not None:
                    lacks.append(lack)
                    continue
                bid = self.bid(row, number, card, other)
                if bid is None:
                    lacks.append("quality")
                    continue
                found = fitted = True
                if treatment.always and (other.provider, other.model) == (card.provider, card.model):
                    bid = Bid({"price": Fraction(today), "stays": Fraction(0)})
                if bid.total < (today if best is None else best.total) or (treatment.always and best is None):
                    best = bid
            if found:
                return best, True, lacks
        return None, fitted, lacks

    def one(self, row: int, out: Outcome) -> None:
        """Add one request."""
        call, tier = self.calls[row], self.tiers[row]
        card = self.today(row)
        amounts = self.amounts(call)
        used_nothing = not any(getattr(call, n) for n in (*INPUT, *OUTPUT)) and not call.web_searches
        today = (
            0
            if call.status == "error" and used_nothing
            else None
            if card is None
            else self.cost(card, amounts)
        )
        if today is None or card is None:
            out.kept["unpriced"] += 1
            return
        out.list_ += today
        if call.status != "ok":
            out.kept["not_billed"] += 1
            out.reliability += today
            return
        kept, same, any_, number = self.route(row, card, today, out)
        out.kept[kept] += 1
        treatment = self.policy.treatment(number) if number >= 0 else None
        rule = number >= 4 and not self.policy.rules[number - 4].tiers
        acts = treatment is not None and (
            rule or (tier >= 0 and self.confidence[row] >= self.policy.min_confidence)
        )
        now, cheap, used = Fraction(today), Fraction(today), Fraction(today)
        if acts:
            cheap = now if any_ is None else any_.total
            used = now if same is None else same.total
            if any_ is not None:
                out.causes["price"] += now - any_.parts["price"]
                for name in ("tokens", "retries", "checks", "fallback"):
                    out.causes[name] -= any_.parts[name]
        out.overspecification += now - used
        out.lock_in += used - cheap
        verification = router = Fraction(0)
        if acts and treatment is not None:
            check = treatment.verification
            if check.on == "all" and check.multiple:
                verification = cheap * Fraction(check.multiple)
            if check.on == "all" and check.model:
                rates = self.rates(self.checker(row, number))
                read = sum(getattr(call, n) for n in (*INPUT, *OUTPUT))
                verification = Fraction(
                    read * rates["input"] + check.output_tokens * rates["output"] + rates["request"]
                )
            if not treatment.keep:
                router = Fraction(self.policy.router_usd_per_request) * FEMTO
        out.verification += verification
        out.router += router
        out.after += cheap + verification + router

    def route(
        self, row: int, card: Card, today: int, out: Outcome
    ) -> tuple[str, Bid | None, Bid | None, int]:
        """What becomes of a billed request: why it stays, both bids, the number that decides."""
        call, tier = self.calls[row], self.tiers[row]
        facts = self.plan.prices.book.facts.get((card.provider, card.model))
        if facts is not None and facts.klass in ("embedding", "other"):
            return "not_chat", None, None, -1
        number = self.number(call, tier, card)
        if number is None:
            return "never", None, None, -1
        if number < 0:
            return "untagged", None, None, -1
        treatment = self.policy.treatment(number)
        if treatment is None:
            return "tier_keeps", None, None, -1
        if treatment.keep:
            return "tier_keeps", None, None, number
        same, fits_same, _ = self.choose(row, number, card, today, self.plan.providers_used)
        any_, fits, lacks = self.choose(row, number, card, today, None)
        if same is not None and (any_ is None or same.total < any_.total):
            any_ = same
        same, any_ = (None if bid is not None and "stays" in bid.parts else bid for bid in (same, any_))
        if same is None and any_ is None:
            if fits or fits_same:
                return "not_cheaper", None, None, number
            order = (
                "provider",
                "in_service",
                "image",
                "audio",
                "tools",
                "json_mode",
                "context_window",
                "max_output",
                "price",
                "quality",
            )
            out.lacks[max(lacks or ["provider"], key=order.index)] += 1
            return "no_adequate_candidate", None, None, number
        if self.bucket[row] >= int(Fraction(treatment.share) * 10_000):
            return "outside_share", None, None, number
        return "routed", same, any_, number
