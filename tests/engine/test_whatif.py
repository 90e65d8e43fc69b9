"""Policies on a tape: the same as in the pass, sessions as a whole, and what they lose of their caches."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from costaudit.engine.audit import Pass, audit_tape, informed
from costaudit.engine.plan import Plan
from costaudit.engine.rows import judge_rows
from costaudit.engine.shares import session_hashes
from costaudit.engine.whatif import Evaluated, evaluate
from costaudit.ingest.files import find_logs
from costaudit.prices.gateways import load_gateways
from costaudit.questions.audit.savings import causes_of
from costaudit.questions.audit.work import Audited, audited
from costaudit.routing.policy_load import load_policy
from costaudit.routing.projection import exact_sum
from costaudit.tape.columns import Batch
from costaudit.tape.read import HowToRead, read_tape
from costaudit.tape.tape import Tape
from costaudit.tiers.tagger import Judged
from tests.engine.audits import Record, plan, random_log, write_jsonl
from tests.often import often

HEAD = 'schema = "costaudit/policy@1"\nname = "mine"\n'
KEEP = HEAD + "".join(f"[[tiers]]\ntier = {t}\nkeep = true\n" for t in range(4))


def policy_file(folder: Path, text: str) -> str:
    (folder / "policy.toml").write_text(text, encoding="utf-8")
    return str(folder / "policy.toml")


@contextmanager
def recorded(log: Path, policy: str | None = None) -> Iterator[tuple[Tape, Pass]]:
    files, refused = find_logs([str(log)])
    chosen = plan(policy=policy)
    with read_tape(files, chosen.tagger, HowToRead(threads=1), refused=refused) as tape:
        yield tape, audit_tape(tape, informed(tape, chosen))


def evaluated(log: Path, policy: str | None = None) -> Evaluated:
    with recorded(log, policy) as (tape, passed):
        return evaluate(tape, passed, passed.plan)


def work_of(one: Evaluated) -> Audited:
    return audited(one.passed, load_gateways(), cache=one.cache)


def rows_of(cells: Any) -> list[tuple[Any, ...]]:
    keys = {
        name: cells.words(name) if name in cells.values else cells.keys[name].tolist() for name in cells.keys
    }
    measures = {name: column.tolist() for name, column in cells.measures.items()}
    return sorted(map(repr, zip(*keys.values(), *measures.values(), strict=True)))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("policy", [None, "documents", "cheapest-adequate", "same-provider"])
def test_a_tape_comes_to_the_ledger_of_the_pass(tmp_path: Path, seed: int, policy: str | None):
    with recorded(write_jsonl(tmp_path / "log.jsonl", random_log(seed)), policy) as (tape, passed):
        again = evaluate(tape, passed, passed.plan).passed
        assert rows_of(again.cells) == rows_of(passed.cells)


def test_another_policy_on_the_tape_is_that_policy_on_the_log(tmp_path: Path):
    log = write_jsonl(tmp_path / "log.jsonl", random_log(3))
    with recorded(log, "default") as (tape, passed):
        there = evaluate(tape, passed, passed.plan.under(load_policy("documents")))
        with recorded(log, "documents") as (_, own):
            assert exact_sum(work_of(there).projected.after) == exact_sum(
                work_of(Evaluated(own, None)).projected.after
            )


def conversation(session: str, *turns: dict[str, Any]) -> list[Record]:
    """Turns a minute apart on gpt-4o, each reading from the cache what the one before had sent."""
    log, sent = [], 0
    for place, turn in enumerate(turns):
        size = 2000 * (place + 1)
        log.append({
            "timestamp": f"2026-03-01T10:{place:02}:00Z",
            "request_id": f"{session}-{place}", "session": session,
            "provider": "openai", "model": "gpt-4o-2024-08-06", "input_tokens": size, "cached_tokens": sent,
            "output_tokens": 100, **turn,
        })  # fmt: skip
        sent = size
    return log


ONE_CHEAP = (
    HEAD + '[[tiers]]\ntier = 0\ncandidates = ["openai/gpt-4o-mini"]\n[[tiers]]\ntier = 2\nkeep = true\n'
)


def test_a_session_that_parts_pays_for_the_tokens_that_are_no_longer_cached(tmp_path: Path):
    """The easy second turn goes to gpt-4o-mini and loses 2,000 cached tokens, the third 2,000 of its own.

    gpt-4o-mini: $0.15 new, $0.075 cached; gpt-4o: $2.50 and $1.25. Lost: 2,000 × 0.075 + 2,000 × 1.25 per 1M.
    The third turn finds the first 2,000 of its 4,000 cached tokens: those that the first turn sent.
    """
    log = conversation("s", {"tier": 2}, {"tier": 0}, {"tier": 2})
    one = evaluated(write_jsonl(tmp_path / "log.jsonl", log), policy_file(tmp_path, ONE_CHEAP))
    assert one.cache is not None
    assert (one.cache.read, one.cache.kept, one.cache.sessions_kept) == (6000, 2000, 0)
    work = work_of(one)
    lost = Decimal(2000) * Decimal("0.075") / 10**6 + Decimal(2000) * Decimal("1.25") / 10**6
    assert {c.name: c.usd for c in causes_of(work)}["cache"] == -lost
    before = (2000 * Decimal("2.5") + 100 * 10) / 10**6 + (2000 * Decimal("3.75") + 1000) / 10**6
    before += (2000 * Decimal("2.5") + 4000 * Decimal("1.25") + 1000) / 10**6
    second = (2000 * Decimal("0.15") + 2000 * Decimal("0.075") + 100 * Decimal("0.6")) / 10**6
    after = before - (2000 * Decimal("3.75") + 1000) / 10**6 + second + lost
    assert Decimal(exact_sum(work.projected.after)).scaleb(-21) == after


def test_a_session_that_would_lose_more_than_it_saves_keeps_its_models(tmp_path: Path):
    """Turns ten minutes apart with a long prompt: each that parts finds nothing, there and where it was."""
    turns = [
        {
            "tier": 0 if n % 2 else 2,
            "input_tokens": 100_000,
            "cached_tokens": 99_000 if n else 0,
            "timestamp": f"2026-03-01T1{n}:00:00Z",
        }
        for n in range(8)
    ]
    text = ONE_CHEAP.replace('"openai/gpt-4o-mini"', '"google/gemini-2.5-pro"')
    one = evaluated(
        write_jsonl(tmp_path / "log.jsonl", conversation("s", *turns)), policy_file(tmp_path, text)
    )
    assert one.cache is not None
    assert one.cache.sessions_kept == 1
    assert one.cache.kept == one.cache.read
    work = work_of(one)
    assert exact_sum(work.projected.after) == exact_sum(work.groups.billed)


def sessions_log(seed: int) -> list[Record]:
    chance = random.Random(seed)  # noqa: S311 - the same log on every run
    log = []
    for number in range(40):
        turns = [{"tier": chance.choice([0, 0, 1, 2]), "input_tokens": chance.randrange(50, 9000),
                  "cached_tokens": 0,
                  "output_tokens": chance.randrange(900)} for _ in range(chance.randint(1, 6))]  # fmt: skip
        for turn in turns[1:]:
            turn["cached_tokens"] = chance.randrange(turn["input_tokens"] + 1)
        log += conversation(f"s{number}", *turns)
    return log


TOGETHER = HEAD + 'sessions = "together"\n' + "".join(
    f'[[tiers]]\ntier = {t}\nclasses = ["{c}"]\n' for t, c in ((0, "economy"), (1, "mid"), (2, "flagship"))
)  # fmt: skip


@pytest.mark.parametrize("seed", range(often(2, 12)))
def test_sessions_that_stay_together_have_one_model_and_lose_no_cache(tmp_path: Path, seed: int):
    log = write_jsonl(tmp_path / "log.jsonl", sessions_log(seed))
    with recorded(log, policy_file(tmp_path, TOGETHER)) as (tape, passed):
        one = evaluate(tape, passed, passed.plan)
        assert one.cache is not None
        assert one.cache.kept == one.cache.read
        targets = defaultdict(set)
        evaluation_plan: Plan = one.passed.plan
        from costaudit.engine.sessions import SessionTags  # noqa: PLC0415 - what the evaluation does, once more

        reels = [
            (reel.segment, session_hashes(Batch(reel.batch)), evaluation_plan.tagger.tag(reel.batch))
            for reel in tape.reels()
        ]
        tags = SessionTags.of((session, own) for _, session, own in reels)
        for segment, sessions, own in reels:
            rows = judge_rows(segment, evaluation_plan, tags.applied(Judged(own, None, None), sessions))
            for session, offer in zip(sessions.tolist(), rows.route.any.tolist(), strict=True):
                card = evaluation_plan.offering.offered(offer)
                targets[session].add(None if card is None else card.model)
        assert all(len(models) == 1 for models in targets.values())
        assert sum(models != {None} for models in targets.values()) > 10
        work = work_of(one)
        saved = np.array(work.projected.overspecification + work.projected.lock_in)
        assert exact_sum(saved) > 0


@pytest.mark.parametrize("seed", range(often(2, 12)))
def test_a_session_is_decided_by_what_all_its_requests_would_cost(tmp_path: Path, seed: int):
    """The tier of a session is its highest, its model the one whose sum over all requests is lowest."""
    records = sessions_log(seed)
    two = 'candidates = ["openai/gpt-4o-mini", "google/gemini-2.5-flash"]\n'
    text = HEAD + 'sessions = "together"\n' + "".join(f"[[tiers]]\ntier = {t}\n{two}" for t in (0, 1))
    text += "[[tiers]]\ntier = 2\nkeep = true\n"
    one = evaluated(write_jsonl(tmp_path / "log.jsonl", records), policy_file(tmp_path, text))
    rates = {"own": ("2.5", "1.25", "10"), "mini": ("0.15", "0.075", "0.6"), "flash": ("0.3", "0.03", "2.5")}
    sessions: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        sessions[record["session"]].append(record)

    def cost(turns: list[Record], name: str) -> Decimal:
        new, cached, out = map(Decimal, rates[name])
        return sum((
            r["input_tokens"] * new + r["cached_tokens"] * (cached - new) + r["output_tokens"] * out
            for r in turns
        ), Decimal(0)) / 10**6  # fmt: skip

    after = Decimal(0)
    for turns in sessions.values():
        stays = max(r["tier"] for r in turns) == 2
        after += cost(turns, "own") if stays else min(cost(turns, name) for name in rates)
    assert Decimal(exact_sum(work_of(one).projected.after)).scaleb(-21) == after


def test_a_policy_that_keeps_everything_saves_nothing_and_loses_nothing(tmp_path: Path):
    log = write_jsonl(tmp_path / "log.jsonl", sessions_log(9))
    one = evaluated(log, policy_file(tmp_path, KEEP))
    assert one.cache is not None
    assert one.cache.kept == one.cache.read
    assert exact_sum(work_of(one).projected.after) == exact_sum(work_of(one).groups.billed)


@pytest.mark.parametrize(
    "policy", ["default", "documents", "cheapest-adequate", "same-provider", "conservative"]
)
@pytest.mark.parametrize("seed", range(often(2, 9)))
def test_the_range_holds_the_point_and_the_causes_add_up(tmp_path: Path, seed: int, policy: str):
    log = write_jsonl(tmp_path / "log.jsonl", [*sessions_log(seed), *random_log(seed)])
    work = work_of(evaluated(log, policy))
    p = work.projected
    after = exact_sum(p.after)
    assert work.range.low <= after <= work.range.high
    assert sum(c.usd for c in causes_of(work)) == Decimal(exact_sum(work.groups.billed) - after).scaleb(-21)
