"""What the hand-written queries need of the price book, the policy and the tier rules, as small Parquet tables.

This is set-up and not timed: a team that writes its own query has such tables. Units are those of the kernel: integers
of 1e-15 USD per token, so that sums are exact. The tables cover what the generated logs hold and no more; whatever they
could not express (time-of-day prices, a fall-back class of models) stops the benchmark.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from make_data import DAYS, MODELS, START

from costaudit.engine.plan import PRICED, Plan
from costaudit.prices.book import load_book
from costaudit.prices.cards import Timeline
from costaudit.prices.resolver import Resolver
from costaudit.routing.policy import load_policy
from costaudit.schema import Tier
from costaudit.tiers.rules import load_rules
from costaudit.tiers.tagger import Tagger

END: Final = START + DAYS * 86_400_000_000
NO_LIMIT: Final = 2**62
SEATS: Final = 4
"""Candidates per tier that the queries have columns for."""
LARGEST: Final = 300_000
"""Tokens that no generated request reaches."""


def shipped_plan() -> Plan:
    """The plan that `costaudit analyze` uses without options."""
    book = load_book()
    return Plan(book, Resolver(book), Tagger(load_rules()), load_policy())


def steps(plan: Plan, timeline: Timeline, codes: Any) -> Iterator[dict[str, int]]:
    """Every stretch of time and context of a timeline within the month, with its rates."""
    cards = {card.id: int(code) for card, code in zip(timeline.cards, codes, strict=True)}
    for segment, following in itertools.zip_longest(timeline.segments, timeline.segments[1:]):
        until = NO_LIMIT if following is None else following.start
        if segment.reason is not None or segment.start >= END or until <= START:
            continue
        if len(segment.ladders) > 1:
            raise SystemExit("a price of March 2026 depends on the time of day: the queries cannot express that")
        ladder = segment.ladders[""]
        for step, above in itertools.zip_longest(ladder, ladder[1:]):
            card = cards[step.card.id]
            matrix = plan.rates()
            rates = {n: int(matrix.rates[card, PRICED.index(n)]) for n in ("input", "cache_read", "output")}
            if min(rates.values()) < 0:
                raise SystemExit(f"{step.card.id} has no price for one of {', '.join(rates)}")
            yield {
                "from_us": segment.start, "until_us": until,
                "over": step.over, "up_to": NO_LIMIT if above is None else above.over, "card": card, **rates,
                "context_window": int(matrix.context_window[card]), "max_output": int(matrix.max_output[card]),
            }  # fmt: skip


def prices(plan: Plan) -> list[dict[str, Any]]:
    """The rates of every model of the logs."""
    rows = []
    for provider, model in MODELS:
        found = plan.subject((provider, model, None, None, None, None))
        rows += [{"provider": provider, "model": model, **s} for s in steps(plan, found.timeline, found.codes)]
    return rows


def seats(plan: Plan) -> list[dict[str, Any]]:
    """Per tier and stretch of time and context, the candidates side by side: s1_card, s1_input …"""
    used = {provider for provider, _ in MODELS}
    rows = []
    for tier in Tier:
        groups = plan.routes(tier, "standard")
        if not groups:
            continue
        offers = [list(steps(plan, route.timeline, route.codes)) for route in groups[0]]
        usable = [
            all(s["context_window"] > LARGEST and s["max_output"] >= 8_000 for s in offer)
            and route.candidate.provider in used and offer and offer[0]["from_us"] <= START
            for route, offer in zip(groups[0], offers, strict=True)
        ]  # fmt: skip
        if len(offers) > SEATS or not any(usable):
            raise SystemExit(f"tier {tier} needs more candidates, or a fall-back: the queries cannot express that")
        times = sorted({START, END, *(t for o in offers for s in o for t in (s["from_us"], s["until_us"])
                                      if START < t < END)})  # fmt: skip
        edges = sorted({-1, NO_LIMIT, *(s["over"] for o in offers for s in o)})
        for (start, until), (over, up_to) in itertools.product(itertools.pairwise(times), itertools.pairwise(edges)):
            row: dict[str, Any] = {"tier": int(tier), "from_us": start, "until_us": until, "over": over, "up_to": up_to}
            for place in range(SEATS):
                offer = offers[place] if place < len(offers) else []
                live = [s for s in offer if s["from_us"] <= start < s["until_us"] and s["over"] <= over < s["up_to"]]
                for name in ("card", "input", "cache_read", "output", "context_window", "max_output"):
                    row[f"s{place + 1}_{name}"] = live[0][name] if live else None
                row[f"s{place + 1}_used"] = bool(live) and groups[0][place].candidate.provider in used
            rows.append(row)
    return rows


def rules() -> list[dict[str, Any]]:
    """The metadata rules that look at a feature's name, in the order in which they are asked."""
    return [
        {
            "place": place, "tier": rule.tier, "confidence": rule.confidence,
            "words": rf"\b(?:{rule.words})\b", "unless": rf"\b(?:{rule.unless or 'a^'})\b",
        }
        for place, rule in enumerate(load_rules().metadata)
        if "feature" in rule.columns and rule.words is not None
    ]  # fmt: skip


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
