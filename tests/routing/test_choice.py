"""The route of every request is what trying all candidates one by one with Decimal comes to."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from costaudit.engine.choose import KEPT
from costaudit.engine.plan import Plan
from costaudit.ingest.fields import timestamp_us
from costaudit.prices.cards import Card, Timeline, name_timeline
from costaudit.prices.conditions import service_tier
from costaudit.prices.resolver import Resolver
from costaudit.routing.candidates import candidate_timeline, candidates_of
from costaudit.routing.policy_load import load_policy
from costaudit.schema import INPUT_SIDE, TOKEN_CLASSES, Call
from tests.engine.audits import book, cells_of, segment_of, tagger

CUSTOM = """
schema = "costaudit/policy@1"
name = "custom"
providers = ["openai", "anthropic", "deepseek", "mistral"]
[[tiers]]
tier = 0
candidates = ["deepseek/deepseek-chat", "openai/gpt-4o-mini", "openai/gpt-4o", "mistral/mistral-small-latest"]
[[tiers]]
tier = 1
classes = ["mid", "flagship"]
[[tiers]]
tier = 2
candidates = ["google/gemini-2.5-flash", "openai/gpt-4.1", "openai/gpt-4.1", "anthropic/claude-opus-4-1"]
[[tiers]]
tier = 3
classes = ["economy"]
"""
KEEP = 'schema = "costaudit/policy@1"\nname = "keep"\n' + "".join(
    f"[[tiers]]\ntier = {t}\nkeep = true\n" for t in range(4)
)

MODELS = (
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini"),
    ("openai", "gpt-5"),
    ("openai", "o3"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-opus-4-1"),
    ("google", "gemini-2.5-pro"),
    ("deepseek", "deepseek-chat"),
    ("mistral", "mistral-large-latest"),
    ("perplexity", "sonar"),
    ("openai", "gpt-4o-audio-preview"),
    ("xai", "grok-4-0709"),
    ("openai", "text-embedding-3-small"),
    ("openai", "acme-9"),
)


def policy_file(folder: Path, text: str) -> str:
    (folder / "policy.toml").write_text(text, encoding="utf-8")
    return str(folder / "policy.toml")


def random_calls(chance: random.Random, count: int) -> list[Call]:
    start, end = timestamp_us("2024-05-01") or 0, timestamp_us("2026-11-20") or 0
    models = chance.sample(MODELS, chance.randint(2, len(MODELS)))  # so that not every provider is in use
    calls = []
    for number in range(count):
        provider, model = chance.choice(models)
        size = chance.choice([*[chance.randrange(4000)] * 7, 199_999, 200_001, 1_100_000])
        read = chance.choice([0, 0, chance.randrange(size + 1)])
        calls.append(
            Call(
                provider=provider,
                model=model,
                feature=str(number),
                tier_tag=chance.randrange(4),
                ts=chance.choice([None, *[chance.randrange(start, end)] * 9]),
                input=size - read,
                cache_read=read,
                cache_write_5m=chance.choice([0] * 9 + [50]),
                output=chance.choice([*[chance.randrange(900)] * 6, 9_000, 70_000]),
                input_audio=chance.choice([0] * 19 + [7]),
                web_searches=chance.choice([0] * 19 + [2]),
                has_tools=chance.choice([None, True]),
                has_images=chance.choice([None, None, True]),
                response_format=chance.choice([None, "json_schema", "text"]),
                status=chance.choice(["ok"] * 9 + ["error"]),
                service_tier=chance.choice([None, None, "default", "batch", "flex", "priority"]),
            )
        )
    return calls


class ByHand:
    """Every candidate tried one after the other."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.timelines = plan, {}  # type: ignore[var-annotated]

    def timeline(self, candidate: Any, service: str) -> Timeline:
        key = (candidate.names, service)
        if key not in self.timelines:
            self.timelines[key] = candidate_timeline(
                candidate, self.plan.prices.book, self.plan.prices.resolver, service
            )
        return self.timelines[key]  # type: ignore[no-any-return]

    def cost(self, card: Card, call: Call) -> Decimal | None:
        total = card.rates["request"].usd if "request" in card.rates else Decimal(0)
        for name in TOKEN_CLASSES:
            if tokens := getattr(call, name):
                if name not in card.rates:
                    return None
                total += card.rates[name].usd * tokens / 1_000_000
        if call.web_searches:
            if "web_search" not in card.rates:
                return None
            total += card.rates["web_search"].usd * call.web_searches
        return total

    def able(self, card: Card, call: Call) -> bool:
        facts = self.plan.prices.book.facts.get((card.provider, card.model))
        context = sum(getattr(call, n) for n in INPUT_SIDE)
        if facts is None:
            return not (
                call.has_images
                or call.has_tools
                or call.input_audio
                or (call.response_format or "").startswith("json")
            )
        return (
            (facts.context_window is None or context + call.output <= facts.context_window)
            and (facts.max_output is None or call.output <= facts.max_output)
            and (not call.has_images or "image" in facts.input_modalities)
            and (not call.input_audio or "audio" in facts.input_modalities)
            and (not call.has_tools or bool(facts.tools))
            and (not (call.response_format or "").startswith("json") or bool(facts.json_mode))
        )

    def choose(
        self, call: Call, now: Decimal, used: frozenset[str] | None
    ) -> tuple[str | None, Decimal, str]:
        """Card id, cost and what became of the request; `used` restricts the providers."""
        policy, context = self.plan.policy, sum(getattr(call, n) for n in INPUT_SIDE)
        fitted = False
        for seats in policy.groups.get(call.tier_tag or 0, ()):
            best, best_cost, found = None, now, False
            for candidate in candidates_of(seats, self.plan.prices.book, policy.providers):
                if used is not None and candidate.provider not in used:
                    continue
                card = self.timeline(candidate, service_tier(call.service_tier)).at(call.ts, context)
                cost = None if isinstance(card, str) or not self.able(card, call) else self.cost(card, call)
                if cost is not None:
                    found = fitted = True
                    if cost < best_cost:
                        best, best_cost = card.id, cost  # type: ignore[union-attr]
            if found:
                return best, best_cost, "routed" if best else "not_cheaper"
        if not policy.groups.get(call.tier_tag or 0):
            return None, now, "tier_keeps"
        return None, now, "not_cheaper" if fitted else "no_adequate_candidate"


def current(plan: Plan, call: Call) -> Card | str:
    periods = plan.prices.resolver.periods(call.provider, call.model)
    timeline = name_timeline(plan.prices.book, periods, service_tier(call.service_tier))
    return timeline.at(call.ts, sum(getattr(call, n) for n in INPUT_SIDE))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("policy", ["default", "custom"])
def test_the_route_is_the_cheapest_adequate_candidate(tmp_path: Path, seed: int, policy: str):
    source = policy_file(tmp_path, CUSTOM) if policy == "custom" else None
    chance = random.Random(seed)  # noqa: S311 - the same calls on every run
    calls = random_calls(chance, 150)
    used = frozenset(chance.sample(["openai", "anthropic", "google", "deepseek"], chance.randrange(4)))
    plan = Plan.of(book(), Resolver(book()), tagger(), load_policy(source), providers_used=used)
    cells = cells_of(segment_of(calls), plan)
    row_of = {feature: row for row, feature in enumerate(cells.words("feature"))}
    by_hand, routed = ByHand(plan), 0
    for call in calls:
        row = row_of[call.feature]
        kept = KEPT[cells.keys["kept"][row]]
        same, any_ = (int(cells.keys[name][row]) for name in ("route_same", "route_any"))
        found = tuple(
            card.id if (card := plan.offering.offered(o)) is not None else None for o in (same, any_)
        )
        card = current(plan, call)
        now = None if isinstance(card, str) else by_hand.cost(card, call)
        facts = None if isinstance(card, str) else plan.prices.book.facts.get((card.provider, card.model))
        if now is None or call.status != "ok" or (facts and facts.klass in ("embedding", "other")):
            assert found == (None, None)
            assert kept in ("unpriced", "not_billed", "not_chat")
            continue
        among_used, cost_used, said_used = by_hand.choose(call, now, used)
        among_all, cost_all, said = by_hand.choose(call, now, None)
        if cost_used < cost_all:  # a later class that opened for the providers used
            among_all = among_used
        assert found == (among_used, among_all), call
        assert kept == (
            "routed"
            if among_used or among_all
            else "not_cheaper"
            if "not_cheaper" in (said, said_used)
            else said
        )
        routed += kept == "routed"
    assert routed > 3


def test_a_policy_that_keeps_everything_saves_nothing(tmp_path: Path):
    from tests.engine.audits import audit, random_log, write_jsonl  # noqa: PLC0415 - one test needs the engine

    report = audit(write_jsonl(tmp_path / "log.jsonl", random_log(5)), policy=policy_file(tmp_path, KEEP))
    assert report.drivers.overspecification_usd == report.drivers.lock_in_usd == 0
    assert "routed" not in report.projection.kept
    assert (
        report.projection.steps[-1].usd
        == report.spend.billed_usd - report.drivers.markup_usd - report.drivers.reliability_usd
    )


def test_of_equally_cheap_candidates_the_first_is_taken(tmp_path: Path):
    """gpt-4.1 stands twice; so does a price: gpt-4o-2024-08-06 and gpt-4o-2024-11-20 cost the same."""
    text = 'schema = "costaudit/policy@1"\nname = "tie"\n[[tiers]]\ntier = 0\ncandidates = [{}]\n'
    names = ['"openai/gpt-4o-2024-08-06"', '"openai/gpt-4o-2024-11-20"']
    call = Call(
        provider="anthropic",
        model="claude-opus-4-1",
        ts=timestamp_us("2026-01-01"),
        tier_tag=0,
        input=900,
        output=90,
    )
    for order in (names, names[::-1]):
        plan = Plan.of(
            book(),
            Resolver(book()),
            tagger(),
            load_policy(policy_file(tmp_path, text.format(", ".join(order)))),
        )
        cells = cells_of(segment_of([call]), plan)
        assert f'"openai/{plan.offering.offered(int(cells.keys["route_any"][0])).model}"' == order[0]


def test_only_models_in_service_are_candidates():
    plan = Plan.of(book(), Resolver(book()), tagger(), load_policy())
    for moment in ("2024-06-01", "2025-01-01", "2025-09-01", "2026-05-01", "2026-11-20"):
        at = timestamp_us(moment)
        assert at is not None
        for tier in (0, 1, 2):
            for group in plan.offering.routes(tier, "standard"):
                for route in group:
                    card = route.timeline.at(at, 1000)
                    if isinstance(card, str):
                        continue
                    facts = plan.prices.book.facts[card.provider, card.model]
                    released, retired = facts.released_on, facts.retired_on
                    assert released is None or released.isoformat() <= moment, card.id
                    assert retired is None or moment < retired.isoformat(), card.id


def test_a_seat_offers_its_newest_model_in_service():
    """By the facts alone: of the seat's models that are released, priced and not retired, the last."""
    plan = Plan.of(book(), Resolver(book()), tagger(), load_policy())
    for seats in {seat for groups in plan.policy.groups.values() for group in groups for seat in group}:
        (candidate,) = candidates_of([seats], plan.prices.book)
        timeline = candidate_timeline(candidate, plan.prices.book, plan.prices.resolver, "standard")
        for moment in (f"{year}-{month:02}-15" for year in (2024, 2025, 2026) for month in range(1, 12)):
            at = timestamp_us(moment)
            assert at is not None
            singles = [
                candidate_timeline(
                    candidates_of([(name,)], plan.prices.book)[0],
                    plan.prices.book,
                    plan.prices.resolver,
                    "standard",
                ).at(at, 9)
                for name in seats
            ]
            live = [card.model for card in singles if isinstance(card, Card)]
            card = timeline.at(at, 9)
            assert (card.model if isinstance(card, Card) else None) == (live[-1] if live else None), (
                seats,
                moment,
            )
