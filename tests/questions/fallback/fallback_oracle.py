"""Fallback chains computed a second time, from the raw records, in plain Python and fractions.

It shares no code with costaudit. It knows flat records with parent ids, four models at constant list prices,
and chains of `same` and named models.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

PRICES = {
    "openai/gpt-4o": ("2.5", "10"),
    "openai/gpt-4o-mini": ("0.15", "0.6"),
    "anthropic/claude-haiku-4-5": ("1", "5"),
    "google/gemini-2.5-flash": ("0.3", "2.5"),
}
"""USD per 1M tokens in and out in November 2025, from the providers' price pages."""

START = datetime(2025, 11, 10, tzinfo=UTC)
ENOUGH = 5
ENOUGH_RETRIES = 30

Record = dict[str, Any]


def random_log(seed: int, size: int = 250, hours: int = 30) -> list[Record]:
    """Requests of three providers, each with bad hours; failures may be billed, and are often asked again."""
    chance = random.Random(seed)  # noqa: S311 - the same log on every run
    bad = {
        (p, h): chance.random()
        for p in ("openai", "anthropic", "google")
        for h in range(hours)
        if chance.random() < 0.2
    }
    log: list[Record] = []
    for number in range(size):
        hour, name = chance.randrange(hours), chance.choice(list(PRICES)[: 4 - seed % 2])
        record = _record(chance, f"r{number}", name, hour, chance.randrange(1800))
        log.append(record)
        attempt = 0
        while _fails(chance, record, bad, hour):
            if attempt == 3 or chance.random() < 0.3:
                break
            attempt += 1
            name = name if chance.random() < 0.8 else chance.choice(list(PRICES)[: 4 - seed % 2])
            later = _record(chance, f"r{number}-{attempt}", name, hour, 1800 + attempt)
            record = later | {"attempt": attempt, "parent_id": f"r{number}", "feature": record["feature"]}
            log.append(record)
    chance.shuffle(log)
    return log


def _record(chance: random.Random, ident: str, name: str, hour: int, second: int) -> Record:
    provider, _, model = name.partition("/")
    return {
        "request_id": ident,
        "timestamp": (START + timedelta(hours=hour, seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "provider": provider,
        "model": model,
        "input_tokens": chance.randrange(1, 5000),
        "output_tokens": chance.randrange(1, 900),
        "feature": chance.choice(["chat", "faq"]),
        "status": "ok",
    }


def _fails(chance: random.Random, record: Record, bad: dict[tuple[str, int], float], hour: int) -> bool:
    if chance.random() >= bad.get((record["provider"], hour), 0.04):
        return False
    record["status"], record["error"] = "error", chance.choice(["429", "timeout", "503"])
    kind = chance.random()
    if kind < 0.6:
        record["input_tokens"] = record["output_tokens"] = 0
    elif kind < 0.8:
        record["output_tokens"] //= 2
    return True


@dataclass
class Answer:
    """What one chain comes to."""

    served: Fraction
    usd: Fraction
    own: Fraction
    attempts: Fraction


def cost(name: str, tokens: tuple[int, int]) -> Fraction:
    return sum((Fraction(p) * n for p, n in zip(PRICES[name], tokens, strict=True)), Fraction(0)) / 10**6


def name_of(record: Record) -> str:
    return f"{record['provider']}/{record['model']}"


def tokens_of(record: Record) -> tuple[int, int]:
    return record["input_tokens"], record["output_tokens"]


def hour_of(record: Record) -> int:
    moment = datetime.fromisoformat(record["timestamp"])
    return int(moment.timestamp()) // 3600


class Oracle:
    """A log of `random_log`."""

    def __init__(self, log: Sequence[Record]) -> None:
        self.log = log
        self.families: dict[str, list[Record]] = defaultdict(list)
        for record in sorted(log, key=lambda r: r.get("attempt", 0)):
            self.families[record.get("parent_id", record["request_id"])].append(record)
        self.at_once = [f[0] for f in self.families.values() if f[0]["status"] == "ok"]
        self.heads = [f for f in self.families.values() if f[0]["status"] == "error"]
        self.part, self.whole_part = self._billed_parts()
        again, failed, expected = self.retries()
        self.persistence = Fraction(0)
        if again >= ENOUGH_RETRIES and failed > expected:
            self.persistence = (failed - expected) / (again - expected)

    def tokens(self, family: list[Record], record: Record) -> tuple[int, int] | None:
        """What an answer to a failed attempt would have taken."""
        answers = [r for r in family if r["status"] == "ok"]
        if answers:
            return tokens_of(answers[-1])
        if sum(tokens_of(record)):
            return tokens_of(record)
        for same in (("provider", "model", "feature"), ("provider", "model")):
            alike = [r for r in self.at_once if all(r[k] == record[k] for k in same)]
            if alike:
                n = len(alike)
                return tuple((2 * sum(tokens_of(r)[i] for r in alike) + n) // (2 * n) for i in (0, 1))  # type: ignore[return-value]
        return None

    def _billed_parts(self) -> tuple[dict[str, Fraction], Fraction]:
        sums: dict[str, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
        for family in self.families.values():
            for record in family:
                tokens = self.tokens(family, record) if record["status"] == "error" else None
                if tokens is not None:
                    sums[record["provider"]][0] += cost(name_of(record), tokens_of(record))
                    sums[record["provider"]][1] += cost(name_of(record), tokens)
        billed, own = (sum((s[i] for s in sums.values()), Fraction(0)) for i in (0, 1))
        return {p: a / b for p, (a, b) in sums.items() if b}, billed / own if own else Fraction(0)

    def chance(self, name: str, hour: int, had: list[tuple[str, int]]) -> Fraction:
        """How probable a further attempt fails, given the failures that the request has had."""
        provider = name.partition("/")[0]

        def same_provider(other: str) -> bool:
            return other.partition("/")[0] == provider

        for alike, enough in (
            (lambda n, h: n == name and h == hour, ENOUGH),
            (lambda n, h: same_provider(n) and h == hour, ENOUGH),
            (lambda n, h: same_provider(n) and h // 24 == hour // 24, ENOUGH),
            (lambda n, _: same_provider(n), 1),
            (lambda _n, _h: True, 1),
        ):
            pool = [r for r in self.log if alike(name_of(r), hour_of(r))]
            used = sum(1 for n, h in had if alike(n, h))
            if not pool or len(pool) - used < enough:
                continue
            failed = sum(r["status"] == "error" for r in pool) - used
            return Fraction(max(failed, 0), len(pool) - used)
        return Fraction(0)

    def retries(self) -> tuple[int, int, Fraction]:
        """Retries where the attempt before failed at the same provider: number, failed, expected to fail."""
        number, failed, expected = 0, 0, Fraction(0)
        for family in self.heads:
            had = [(name_of(family[0]), hour_of(family[0]))]
            for before, record in pairwise(family):
                if before["provider"] == record["provider"]:
                    number += 1
                    failed += record["status"] == "error"
                    expected += self.chance(name_of(record), hour_of(record), had)
                had.append((name_of(record), hour_of(record)))
        return number, failed, expected

    def replay(self, members: Sequence[str]) -> Answer:
        """A chain over all requests whose first attempt failed."""
        whole = Answer(Fraction(0), Fraction(0), Fraction(0), Fraction(0))
        for family in self.heads:
            first = family[0]
            tokens, hour = self.tokens(family, first), hour_of(first)
            one = self._along(members, name_of(first), tokens, hour, [(name_of(first), hour)], None)
            for field in ("served", "usd", "own", "attempts"):
                setattr(whole, field, getattr(whole, field) + getattr(one, field))
        return whole

    def outage(self, provider: str, start: int, hours: int, members: Sequence[str]) -> tuple[int, Answer]:
        """All requests that were first sent to the provider in these hours (since 1970)."""
        whole, number = Answer(Fraction(0), Fraction(0), Fraction(0), Fraction(0)), 0
        for family in self.families.values():
            first = family[0]
            if first["provider"] != provider or not start <= hour_of(first) < start + hours:
                continue
            number += 1
            tokens = tokens_of(first) if first["status"] == "ok" else self.tokens(family, first)
            one = self._along(members, name_of(first), tokens, hour_of(first), [], provider)
            for field in ("served", "usd", "own", "attempts"):
                setattr(whole, field, getattr(whole, field) + getattr(one, field))
        return number, whole

    def _along(
        self,
        members: Sequence[str],
        own: str,
        tokens: tuple[int, int] | None,
        hour: int,
        had: list[tuple[str, int]],
        down: str | None,
    ) -> Answer:
        reach, usd, attempts = Fraction(1), Fraction(0), Fraction(0)
        had = list(had)
        for member in members:
            name = own if member == "same" else member
            if member != "same" and tokens is None:
                continue
            provider = name.partition("/")[0]
            price = Fraction(0) if tokens is None else cost(name, tokens)
            if provider == down:
                attempts += reach
                continue
            chance = self.chance(name, hour, had)
            if any(n.partition("/")[0] == provider for n, _ in had):
                chance += (1 - chance) * self.persistence
            part = self.part.get(provider, self.whole_part)
            usd += reach * price * (1 - chance + chance * part)
            attempts += reach
            reach *= chance
            had.append((name, hour))
        price = Fraction(0) if tokens is None else cost(own, tokens)
        return Answer(1 - reach, usd, (1 - reach) * price, attempts)
