"""The cache ledger by hand, against a plain reading of the same calls, and on real sessions."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from costaudit.front import api
from costaudit.questions.audit.result import LeverRow
from costaudit.questions.levers.cache_rules import rule_of
from costaudit.questions.levers.replay import blocks_found
from tests.engine.audits import write_jsonl

Record = dict[str, Any]

START = datetime(2026, 10, 5, 9, tzinfo=UTC)
CLAUDE, GPT = "claude-sonnet-4-5-20250929", "gpt-4o-2024-08-06"
PER_TOKEN = {
    CLAUDE: {"input": 3.0, "cache_read": 0.3, "cache_write_5m": 3.75, "cache_write_1h": 6.0},
    GPT: {"input": 2.5, "cache_read": 1.25},
}
"""Dollars per million tokens, by the pages of Anthropic and OpenAI."""


def call(at: float, model: str = CLAUDE, session: str = "s", **counts: int) -> Record:
    """A call so many seconds after the start: fresh, read, short and hour tokens."""
    fresh, read, short, hour = (counts.get(name, 0) for name in ("fresh", "read", "short", "hour"))
    written = {"cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": hour}}
    usage: Record = {"input_tokens": fresh, "output_tokens": 10}
    if model == CLAUDE:
        usage |= {"cache_read_input_tokens": read, "cache_creation_input_tokens": short + hour, **written}
    else:
        usage |= {"input_tokens": fresh + read, "input_tokens_details": {"cached_tokens": read}}
    return {
        "model": model, "session_id": session, "timestamp": (START + timedelta(seconds=at)).isoformat(),
        "provider": "anthropic" if model == CLAUDE else "openai", "usage": usage,
    }  # fmt: skip


def lever_of(path: Path, records: Iterable[Record], **options: Any) -> LeverRow:
    rows = [{"request_id": f"r{n}", **record} for n, record in enumerate(records)]
    (lever,) = (one for one in api.audit(write_jsonl(path, rows), **options).report.levers)
    return lever


def causes(lever: LeverRow) -> dict[str, tuple[int, int, Decimal]]:
    return {c["cause"]: (c["requests"], c["tokens"], Decimal(c["lost_usd"])) for c in lever.detail["causes"]}


def usd(*parts: tuple[int, float]) -> Decimal:
    """Tokens at dollars per million, added up."""
    return sum((tokens * Decimal(str(rate)) / 1_000_000 for tokens, rate in parts), Decimal(0))


KINDS: dict[str, tuple[list[Record], str, int, Decimal]] = {
    "expired": (
        [call(0, short=10_000), call(400, short=10_400, fresh=5)], "expired", 10_000, usd((10_000, 3.45)),
    ),
    "an hour is kept for an hour": (
        [call(0, hour=10_000), call(3000, read=10_000), call(7000, hour=10_200)], "expired", 10_000,
        usd((10_000, 5.7)),
    ),
    "the prompt began otherwise": (
        [call(0, short=10_000), call(60, read=4_000, short=6_500)], "prefix_changed", 6_000,
        usd((6_000, 3.45)),
    ),
    "half of what is lost was written, half was plain": (
        [call(0, short=10_000), call(60, read=4_000, short=2_000, fresh=4_000)], "prefix_changed", 6_000,
        usd((2_000, 3.45), (4_000, 2.7)),
    ),
    "another model answered before": (
        [call(0, GPT, fresh=8_000), call(30, CLAUDE, short=9_000)], "model_switched", 8_000,
        usd((8_000, 3.45)),
    ),
    "nothing is marked": (
        [call(0, fresh=5_000), call(60, fresh=6_000)], "never_marked", 5_000, usd((5_000, 2.7)),
    ),
    "too short": ([call(0, fresh=900), call(60, fresh=1_000)], "below_minimum", 900, usd((900, 2.7))),
    "the provider did not find it": (
        [call(0, GPT, fresh=2_000), call(60, GPT, fresh=2_300)], "not_found", 1_920, usd((1_920, 1.25)),
    ),
}  # fmt: skip
"""Calls, why tokens were lost, how many, and what they cost beyond reading them: by hand."""


@pytest.mark.parametrize("kind", KINDS)
def test_why_tokens_are_lost(tmp_path: Path, kind: str):
    records, cause, tokens, lost = KINDS[kind]
    lever = lever_of(tmp_path / "log.jsonl", records)
    assert causes(lever) == {cause: (1, tokens, lost)}
    assert Decimal(lever.detail["lost_usd"]) == lost


def test_what_is_read_and_grows_loses_nothing(tmp_path: Path):
    grown = [call(0, short=5_000), call(200, read=5_000, short=300), call(450, read=5_300, short=10, fresh=7)]
    lever = lever_of(tmp_path / "log.jsonl", grown)
    assert (causes(lever), lever.low_usd, lever.alone_usd, lever.high_usd) == ({}, 0, 0, 0)
    found = lever.detail
    assert Decimal(found["saved_usd"]) == usd((10_300, 2.7))
    assert Decimal(found["premium_usd"]) == usd((5_310, 0.75))
    assert Decimal(found["never_read_usd"]) == usd((10, 0.75))
    assert found["found_share"] == 1.0


def test_what_caches_of_an_hour_would_save(tmp_path: Path):
    """Two gaps of ten minutes: 10,000 tokens would be read each time. All that is written costs 2.25 more."""
    records = [call(0, short=10_000), call(600, short=10_000), call(1200, short=10_000)]
    lever = lever_of(tmp_path / "log.jsonl", records)
    saved = usd((2 * 10_000, 6.0 - 0.3)) - usd((3 * 10_000, 6.0 - 3.75))
    assert lever.alone_usd == lever.low_usd == lever.high_usd == saved == Decimal("0.0465")
    assert lever.detail["what_if"][0] == {
        "name": "hour_for_minutes", "usd": "0.0465", "high_usd": "0.0465", "requests": 2,
    }  # fmt: skip


def test_marking_everything_can_raise_the_bill(tmp_path: Path):
    apart = [call(n * 4000, session=f"s{n}", fresh=5_000) for n in range(4)]
    lever = lever_of(tmp_path / "log.jsonl", apart)
    (option,) = lever.detail["what_if"]
    assert (option["name"], Decimal(option["usd"])) == ("mark_everything", -usd((20_000, 0.75)))
    assert lever.alone_usd == 0


def test_a_log_without_sessions_is_not_judged(tmp_path: Path):
    records = [{k: v for k, v in call(n, fresh=5_000).items() if k != "session_id"} for n in range(3)]
    lever = lever_of(tmp_path / "log.jsonl", records)
    assert (lever.alone_usd, lever.high_usd, lever.detail) == (None, None, {})
    assert "no session has" in lever.evidence


def test_a_sum_of_prompts_is_no_prompt(tmp_path: Path):
    """Beyond any window, and beyond 64 bits at the price of a token."""
    lever = lever_of(
        tmp_path / "log.jsonl", [call(0, short=10**11), call(60, read=10**11), call(90, fresh=9)]
    )
    assert (lever.detail["requests"], causes(lever)) == (1, {})


# Against a plain reading


def random_calls(seed: int) -> list[Record]:
    """Sessions on two models that grow, pause, are summed up and change their beginnings."""
    rng, records = random.Random(seed), []  # noqa: S311 - the same every time
    for session in range(rng.randint(1, 5)):
        at, context = rng.random() * 5000, 0
        for _ in range(rng.randint(1, 14)):
            at += rng.choice([1, 20, 250, 320, 900, 4000])
            context = rng.choice([0, context]) + rng.choice([300, 1500, 9000])
            model = rng.choice([CLAUDE, CLAUDE, CLAUDE, GPT])
            read = rng.choice([0, context // 2, context * 9 // 10])
            rest = context - read
            short, hour = rng.choice([(0, 0), (rest, 0), (rest // 2, 0), (0, rest), (rest // 3, rest // 3)])
            written = {"short": short, "hour": hour} if model == CLAUDE else {}
            fresh = rest - sum(written.values())
            records.append(call(at, model, f"s{session}", fresh=fresh, read=read, **written))
    rng.shuffle(records)
    return records


def plainly(records: list[Record]) -> Iterator[tuple[str, int, Decimal]]:
    """Every loss, read with a pencil: its cause, tokens and dollars."""
    calls = []
    for n, r in enumerate(records):
        usage, claude = r["usage"], r["model"] == CLAUDE
        read = (
            usage.get("cache_read_input_tokens", 0)
            if claude
            else usage["input_tokens_details"]["cached_tokens"]
        )
        made = usage.get("cache_creation", {})
        short, hour = (made.get(f"ephemeral_{age}_input_tokens", 0) for age in ("5m", "1h"))
        fresh = usage["input_tokens"] - (0 if claude else read)
        context = fresh + read + short + hour
        calls.append((r["session_id"], r["timestamp"], n, r["model"], context, read, short, hour, fresh))
    calls.sort()
    for i, (session, at, _, model, context, read, short, hour, _) in enumerate(calls):
        alike = [c for c in calls if c[0] == session and c[3] == model]
        cached = any(c[5] + c[6] + c[7] for c in alike)
        rule = rule_of(f"{'anthropic' if model == CLAUDE else 'openai'}/{model}")
        lifetime = max(rule.lifetime, 3600 if any(c[7] for c in alike) else 0)
        same = [c for c in alike if c in calls[:i]][-8:]
        fits = [c for c in same if c[4] <= context]
        own = max(reversed(fits), key=lambda c: c[4]) if fits else None
        others = [c for c in calls[:i] if c[0] == session][-8:]
        fits = [c for c in others if c[3] != model and c[4] <= context]
        away = max(reversed(fits), key=lambda c: c[4]) if fits else None
        held = 0
        if own is not None:
            whole = own[4] if rule.marked else own[4] // rule.block * rule.block
            held = min(own[5] + own[6] + own[7] if rule.marked and cached else whole, context)
        late = own is None or _gap(own, at) > lifetime
        switched = (
            late and away is not None and _gap(away, at) <= lifetime and 2 * away[4] >= context
            and away[4] >= rule.minimum and not (rule.marked and not cached)
        )  # fmt: skip
        lost = max((max(held, away[4]) if switched and away else held) - read, 0)
        if not lost:
            continue
        if switched:
            cause = "model_switched"
        elif held < rule.minimum:
            cause = "below_minimum"
        elif rule.marked and not cached:
            cause = "never_marked"
        elif late:
            cause = "expired"
        else:
            cause = "prefix_changed" if rule.marked else "not_found"
        rates = PER_TOKEN[model]
        first = min(lost, hour)
        second = min(lost - first, short)
        third = lost - first - second
        billed = usd(
            (first, rates.get("cache_write_1h", 0)), (second, rates.get("cache_write_5m", 0)),
            (third, rates["input"]),
        )  # fmt: skip
        yield cause, lost, billed - usd((lost, rates["cache_read"]))


def _gap(call_: tuple[Any, ...], at: str) -> float:
    return (datetime.fromisoformat(at) - datetime.fromisoformat(call_[1])).total_seconds()


@pytest.mark.parametrize("seed", range(12))
def test_the_ledger_is_what_a_plain_reading_says(tmp_path: Path, seed: int):
    records = random_calls(seed)
    expected: dict[str, tuple[int, int, Decimal]] = {}
    for cause, tokens, lost in plainly(records):
        held = expected.get(cause, (0, 0, Decimal(0)))
        expected[cause] = held[0] + 1, held[1] + tokens, held[2] + lost
    lever = lever_of(tmp_path / "log.jsonl", records)
    assert causes(lever) == expected
    low, point, high = (Decimal(str(usd)) for usd in (lever.low_usd, lever.alone_usd, lever.high_usd))
    assert 0 <= low <= point <= high
    _adds_up(lever.detail)
    other = lever_of(tmp_path / "log.jsonl", records, policy="same-provider")
    assert (other.alone_usd, other.detail) == (lever.alone_usd, lever.detail)


def _adds_up(found: dict[str, Any]) -> None:
    amount = {name: Decimal(value) for name, value in found.items() if name.endswith("_usd")}
    billed = sum((Decimal(c["billed_usd"]) for c in found["causes"]), Decimal(0))
    assert amount["read_usd"] + amount["written_usd"] + amount["fresh_usd"] == amount["input_usd"]
    assert amount["read_usd"] + billed + amount["new_usd"] == amount["input_usd"]
    assert amount["saved_usd"] - amount["premium_usd"] == amount["net_usd"]
    assert sum((Decimal(c["lost_usd"]) for c in found["causes"]), Decimal(0)) == amount["lost_usd"]


# Waste that is planted


@pytest.mark.parametrize("wasteful", [False, True])
def test_planted_waste_is_found_and_clean_traffic_is_clean(tmp_path: Path, wasteful: bool):
    """Every fifth session pauses too long before its last turn, and sends 20,000 tokens anew."""
    rng, records, planted = random.Random(5), [], Decimal(0)  # noqa: S311 - the same every time
    for session in range(100):
        at, context = session * 10_000.0, 20_000
        records.append(call(at, session=f"s{session}", short=context))
        for _ in range(5):
            at, more = at + rng.randint(5, 200), rng.randint(100, 900)
            records.append(call(at, session=f"s{session}", read=context, short=more))
            context += more
        if wasteful and session % 5 == 0:
            records.append(call(at + 700, session=f"s{session}", short=context + 50))
            planted += usd((context, 3.75 - 0.3))
    lever = lever_of(tmp_path / "log.jsonl", records)
    assert Decimal(lever.detail["lost_usd"]) == planted
    assert set(causes(lever)) == ({"expired"} if wasteful else set())


# Real traffic


def test_the_input_of_real_sessions_adds_up_to_the_last_digit(shared_data: Path):
    """Anthropic's prices per million tokens of text read, written for five minutes and an hour, and new."""
    prices = {
        "claude-opus-4-5-20251101": (0.5, 6.25, 10, 5), "claude-opus-4-6": (0.5, 6.25, 10, 5),
        "claude-sonnet-4-5-20250929": (0.3, 3.75, 6, 3), "claude-haiku-4-5-20251001": (0.1, 1.25, 2, 1),
    }  # fmt: skip
    found = api.audit(shared_data / "logs" / "claude_code" / "sessions")
    (lever,) = found.report.levers
    columns = ["cache_read", "cache_write_5m", "cache_write_1h", "input"]
    whole = Decimal(0)
    for frame in found.requests():
        sums = frame.groupby("model")[columns].sum()
        for model, row in sums.iterrows():
            whole += usd(*zip((int(n) for n in row), prices[str(model)], strict=True))
    assert Decimal(lever.detail["input_usd"]) == whole
    _adds_up(lever.detail)


def test_a_real_trace_is_replayed_as_published(shared_data: Path):
    """Blocks of 512 tokens; nothing below 1,024 tokens is cached. Shares found, and the bill of the input."""
    path = shared_data / "traces" / "mooncake_conversation_trace.jsonl.gz"
    with gzip.open(path, "rt") as file:
        rows = [json.loads(line) for line in file]
    sizes = np.array([row["input_length"] for row in rows])
    ts = np.array([row["timestamp"] for row in rows]) * 1000
    starts = np.append(0, np.cumsum([len(row["hash_ids"]) for row in rows]))
    hashes = np.array([one for row in rows for one in row["hash_ids"]], np.uint64)
    told = {
        60: (0.066, 1.25, 1.174),
        300: (0.264, 1.25, 0.947),
        600: (0.323, 1.25, 0.878),
        3600: (0.348, 2, 1.340),
    }
    for seconds, (share, write, bill) in told.items():
        blocks = blocks_found(hashes, starts, ts, seconds * 1_000_000)
        found = np.where(blocks >= 2, np.minimum(blocks * 512, sizes), 0).sum() / sizes.sum()
        assert round(found, 3) == share
        assert round(0.1 * found + write * (1 - found), 3) == bill
