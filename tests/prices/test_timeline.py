"""Which price holds when: timelines of models and of names that moved."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.ingest.fields import timestamp_us
from costaudit.prices.book import PriceBook, load_book
from costaudit.prices.cards import NO_TS, Card, Timeline, name_timeline, timeline_of
from costaudit.prices.conditions import parse_when
from costaudit.prices.resolver import Resolver
from tests.engine.audits import book
from tests.engine.oracle import facts, rate

TABLE = """model,class,usd,per,valid_from,when,status,source,confidence,checked_on,recorded_on,note
m,input,1,mtok,2025-01-01,,,s,high,2026-11-20,2026-11-20,
m,input,2,mtok,2025-07-01,,,s,high,2026-11-20,2026-11-20,
m,input,,mtok,2026-01-01,,ended,s,high,2026-11-20,2026-11-20,
m,input,4,mtok,2025-03-01,context>1000,,s,high,2026-11-20,2026-11-20,
m,input,,mtok,2025-09-01,context>1000,ended,s,high,2026-11-20,2026-11-20,
m,input,0.5,mtok,2025-01-01,tier=batch,,s,high,2026-11-20,2026-11-20,
m,input,3,mtok,2025-01-01,region=us,,s,high,2026-11-20,2026-11-20,
m,input,9,mtok,2025-01-01,speed=fast,,s,high,2026-11-20,2026-11-20,
m,input,7,mtok,2025-01-01,mode=thinking,,s,high,2026-11-20,2026-11-20,
m,output,10,mtok,2025-01-01,,,s,high,2026-11-20,2026-11-20,
m,output,,mtok,2026-01-01,,ended,s,high,2026-11-20,2026-11-20,
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> PriceBook:
    folder: Path = tmp_path_factory.mktemp("prices")
    (folder / "p").mkdir()
    (folder / "providers.toml").write_text(
        '[p]\nname = "P"\nkind = "vendor"\ncache_read_without_price = "input"\n'
        '[q]\nname = "Q"\nkind = "vendor"\n'
    )
    (folder / "p" / "prices.csv").write_text(TABLE)
    (folder / "q").mkdir()
    (folder / "q" / "prices.csv").write_text(TABLE)
    return load_book(folder)


def usd(timeline: Timeline, moment: str, context: int = 10, klass: str = "input") -> object:
    card = timeline.at(timestamp_us(moment), context)
    return card if isinstance(card, str) else card.rates[klass].usd


@pytest.mark.parametrize(
    ("moment", "context", "expected"),
    [
        ("2024-12-31T23:59:59.999999Z", 10, "no_price_at_that_time"),
        ("2025-01-01", 10, 1),
        ("2025-06-30T23:59:59Z", 10, 1),
        ("2025-07-01", 10, 2),
        ("2025-12-31T23:59:59Z", 10, 2),
        ("2026-01-01", 10, "no_price_at_that_time"),
        ("2025-02-28", 5000, 1),
        ("2025-03-01", 1000, 1),
        ("2025-03-01", 1001, 4),
        ("2025-08-31", 1001, 4),
        ("2025-09-01", 1001, 2),
    ],
)
def test_by_time_and_context(small: PriceBook, moment: str, context: int, expected: object):
    assert usd(timeline_of(small, ("p", "m")), moment, context) == expected


def test_by_tier_region_and_speed(small: PriceBook):
    def at(**how: str) -> object:
        return usd(timeline_of(small, ("p", "m"), **how), "2025-02-01")

    assert (at(), at(tier="batch"), at(tier="flex")) == (1, Decimal("0.5"), "no_price_for_service_tier")
    assert (at(region="us"), at(region="mars"), at(speed="fast"), at(speed="slow")) == (3, 1, 9, 1)
    assert at(speed="thinking") == 7


@pytest.mark.parametrize(
    ("region", "expected"),
    [("", 1), ("global", 1), ("us-east5", Decimal("1.1")), ("europe-west1", Decimal("1.1")), ("us", 3)],
)
def test_any_region_is_every_stated_one_but_the_global(small: PriceBook, region: str, expected: object):
    rows = list(small.rows["p", "m"])
    anywhere = msgspec.structs.replace(rows[0], usd=Decimal("1.1"), when=parse_when("region=*"))
    regional = msgspec.structs.replace(small, rows={("p", "m"): (*rows, anywhere)})
    assert usd(timeline_of(regional, ("p", "m"), region=region), "2025-02-01") == expected


def test_a_cache_without_a_price_is_input_where_the_provider_says_so(small: PriceBook):
    assert usd(timeline_of(small, ("p", "m")), "2025-02-01", klass="cache_read") == 1
    card = timeline_of(small, ("q", "m")).at(timestamp_us("2025-02-01"), 10)
    assert isinstance(card, Card)
    assert "cache_read" not in card.rates


def test_a_rate_names_the_row_that_says_so(small: PriceBook):
    card = timeline_of(small, ("p", "m")).at(timestamp_us("2025-08-01"), 2000)
    assert isinstance(card, Card)
    assert card.rates["input"].rate_id == "p/m/input@2025-03-01[context>1000]"
    assert card.rates["output"].rate_id == "p/m/output@2025-01-01"


def test_without_a_time(small: PriceBook):
    timeline = timeline_of(small, ("p", "m"))
    assert timeline.at(None, 10) == "no_timestamp"
    assert timeline_of(small, ("p", "none")).at(None, 10) == "no_price_at_that_time"
    batch = timeline_of(small, ("p", "m"), "batch").at(None, 10)
    assert isinstance(batch, Card)
    assert batch.rates["input"].usd == Decimal("0.5")


def test_a_name_that_moved_follows_its_models():
    timeline = name_timeline(book(), Resolver(book()).periods("openai", "gpt-4o"), "standard")
    moments = ("2024-01-01", "2024-06-01", "2024-10-01T23:59:59Z", "2024-10-02", "2026-11-20")
    assert [usd(timeline, m) for m in moments] == [
        "no_price_at_that_time",
        5,
        5,
        Decimal("2.5"),
        Decimal("2.5"),
    ]
    assert timeline.at(None, 10) == "no_timestamp"


KEYS = sorted(
    key
    for key in book().rows
    if key[0] in ("openai", "anthropic", "google", "deepseek", "xai", "moonshot")
    and not key[1].startswith("ft:")
)
START, END = 1_600_000_000_000_000, 1_800_000_000_000_000
CONTEXTS = (0, 1, 32_000, 128_000, 128_001, 200_000, 200_001, 272_000, 272_001, 10**6)
_timelines = st.builds(
    lambda key, tier: timeline_of(book(), key, tier),
    st.sampled_from(KEYS),
    st.sampled_from(["standard", "batch", "flex"]),
)


@given(_timelines, st.integers(START, END), st.integers(0, 10**14), st.sampled_from(CONTEXTS), st.data())
def test_a_constant_answer_is_the_answer_for_everything_inside(
    timeline: Timeline, low: int, span: int, largest: int, data: st.DataObject
):
    one = timeline.constant(low, low + span, largest)
    times = np.array(data.draw(st.lists(st.integers(low, low + span), min_size=1, max_size=9)))
    contexts = np.array(
        data.draw(st.lists(st.integers(0, largest), min_size=len(times), max_size=len(times)))
    )
    if one is not None:
        assert set(timeline.lookup(times, contexts).tolist()) == {one}
    assert timeline.constant(NO_TS, low, largest) is None


@given(_timelines, st.lists(st.tuples(st.integers(START, END), st.sampled_from(CONTEXTS)), max_size=8))
def test_a_block_is_looked_up_as_each_request_alone(timeline: Timeline, requests: list[tuple[int, int]]):
    codes = timeline.lookup(
        np.array([r[0] for r in requests], np.int64), np.array([r[1] for r in requests], np.int64)
    )
    for code, (at, context) in zip(codes.tolist(), requests, strict=True):
        one = timeline.at(at, context)
        assert one == (timeline.cards[code] if code >= 0 else timeline.reasons[-1 - code])


def test_prices_are_those_of_the_csv_files_at_every_edge():
    """Against the reading of the tables in tests/engine/oracle.py: just before, at and after each row."""
    chance = random.Random(1)  # noqa: S311 - the same edges on every run
    edges = [
        (f, at)
        for p in ("openai", "anthropic", "google")
        for f in facts(p)
        for at in (f.start - 1, f.start, f.end)
        if 0 < at < 2**60 and f.tier in ("standard", "batch") and not f.elsewhere
    ]
    compared = 0
    for fact, at in chance.sample(edges, 1500):
        context = chance.choice([0, max(fact.over, 0), fact.over + 1, 300_000])
        card = timeline_of(book(), (fact.provider, fact.model), fact.tier).at(at, context)
        if isinstance(card, Card) and fact.klass in card.rates:
            assert card.rates[fact.klass].usd == rate(
                fact.provider, fact.model, fact.klass, at, context, tier=fact.tier
            )
            compared += 1
    assert compared > 800
