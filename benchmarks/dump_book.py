"""What the hand-written queries need of the price book, the policy and the tier rules, as Parquet tables.

This is set-up and not timed: a team that writes its own query has such tables. Units are those of the
kernel: integers of 1e-15 USD per token, so that sums are exact. The tables cover what the generated logs hold
and no more; whatever they could not express (time-of-day prices, a fall-back class of models) stops the
benchmark.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.drawn import DAYS, MODELS, START
from costaudit.engine.plan import Plan
from costaudit.prices.book import load_book
from costaudit.prices.cards import Timeline
from costaudit.prices.numbered import PRICED
from costaudit.prices.resolver import Resolver
from costaudit.routing.policy_load import load_policy
from costaudit.schema import Tier
from costaudit.tiers.rules import load_rules
from costaudit.tiers.tagger import Tagger

END: Final = START + DAYS * 86_400_000_000
NO_LIMIT: Final = 2**62
SEATS: Final = 4
"""Candidates per tier that the queries have columns for."""
COLUMNS: Final = ("card", "input", "cache_read", "output", "context_window", "max_output")
LONGEST: Final = 8_000
"""Output tokens that no generated request exceeds."""
LARGEST: Final = 300_000
"""Tokens that no generated request reaches."""


def shipped_plan() -> Plan:
    """The plan that `costaudit analyze` uses without options."""
    book = load_book()
    return Plan.of(book, Resolver(book), Tagger(load_rules()), load_policy())


def steps(plan: Plan, timeline: Timeline, codes: Any) -> Iterator[dict[str, int]]:
    """Every stretch of time and context of a timeline within the month, with its rates."""
    cards = {card.id: int(code) for card, code in zip(timeline.cards, codes, strict=True)}
    for segment, following in itertools.zip_longest(timeline.segments, timeline.segments[1:]):
        until = NO_LIMIT if following is None else following.start
        if segment.reason is not None or segment.start >= END or until <= START:
            continue
        if len(segment.ladders) > 1:
            raise SystemExit("a price of the month depends on the time of day")
        ladder = segment.ladders[""]
        for step, above in itertools.zip_longest(ladder, ladder[1:]):
            card = cards[step.card.id]
            matrix = plan.prices.rates()
            rates = {n: int(matrix.rates[card, PRICED.index(n)]) for n in ("input", "cache_read", "output")}
            if min(rates.values()) < 0:
                raise SystemExit(f"{step.card.id} has no price for one of {', '.join(rates)}")
            yield {
                "from_us": segment.start,
                "until_us": until,
                "over": step.over,
                "up_to": NO_LIMIT if above is None else above.over,
                "card": card,
                **rates,
                "context_window": int(matrix.context_window[card]),
                "max_output": int(matrix.max_output[card]),
            }


def prices(plan: Plan) -> list[dict[str, Any]]:
    """The rates of every model of the logs."""
    rows = []
    for provider, model in MODELS:
        found = plan.prices.subject((provider, model, None, None, None, None))
        rows += [
            {"provider": provider, "model": model, **s} for s in steps(plan, found.timeline, found.codes)
        ]
    return rows


def seats(plan: Plan) -> list[dict[str, Any]]:
    """Per tier and stretch of time and context, the candidates side by side: s1_card, s1_input and so on."""
    used = {provider for provider, _ in MODELS}
    rows = []
    for tier in Tier:
        groups = plan.offering.routes(tier, "standard")
        if groups:
            seated = [route.candidate.provider in used for route in groups[0]]
            offers = [list(steps(plan, route.timeline, route.codes)) for route in groups[0]]
            if len(offers) > SEATS or not any(map(serves_all, offers, seated)):
                raise SystemExit(f"tier {tier} needs more candidates, or a fall-back")
            rows += [{"tier": int(tier), **row} for row in side_by_side(offers, seated)]
    return rows


def serves_all(offer: Sequence[Mapping[str, int]], used: bool) -> bool:
    """Whether a candidate takes every request, so that no later group of the policy is ever asked."""
    wide = all(s["context_window"] > LARGEST and s["max_output"] >= LONGEST for s in offer)
    return used and wide and bool(offer) and offer[0]["from_us"] <= START


def side_by_side(
    offers: Sequence[Sequence[Mapping[str, int]]], used: Sequence[bool]
) -> Iterator[dict[str, Any]]:
    """One row for every stretch in which no candidate changes."""
    ends = {time for offer in offers for s in offer for time in (s["from_us"], s["until_us"])}
    times = sorted({START, END, *(time for time in ends if START < time < END)})
    edges = sorted({-1, NO_LIMIT, *(s["over"] for offer in offers for s in offer)})
    for start, until in itertools.pairwise(times):
        for over, up_to in itertools.pairwise(edges):
            row: dict[str, Any] = {"from_us": start, "until_us": until, "over": over, "up_to": up_to}
            for place in range(SEATS):
                offer = offers[place] if place < len(offers) else []
                live = next((s for s in offer if holds(s, start, over)), None)
                row |= {f"s{place + 1}_{name}": live[name] if live else None for name in COLUMNS}
                row[f"s{place + 1}_used"] = live is not None and used[place]
            yield row


def holds(step: Mapping[str, int], start: int, over: int) -> bool:
    """Whether a step covers the stretch that begins there."""
    return step["from_us"] <= start < step["until_us"] and step["over"] <= over < step["up_to"]


def rules() -> list[dict[str, Any]]:
    """The metadata rules that look at a feature's name, in the order in which they are asked."""
    return [
        {
            "place": place,
            "tier": rule.tier,
            "confidence": rule.confidence,
            "words": rf"\b(?:{rule.words})\b",
            "unless": rf"\b(?:{rule.unless or 'a^'})\b",
        }
        for place, rule in enumerate(load_rules().metadata)
        if "feature" in rule.columns and rule.words is not None
    ]


def dump(folder: Path) -> None:
    """Write the three tables."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = shipped_plan()
    for name, rows in (("prices", prices(plan)), ("seats", seats(plan)), ("rules", rules())):
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")


def main() -> None:
    """Dump into the folder of the command line."""
    parser = argparse.ArgumentParser(description="Dump price tables for the hand-written queries.")
    parser.add_argument("folder", type=Path)
    dump(parser.parse_args().folder)


if __name__ == "__main__":
    main()
