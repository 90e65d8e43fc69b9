"""Proposed rows fit into our tables, say where they come from, and never edit the past."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.prices.book import load_book
from costaudit.prices.check import check_tables
from costaudit.prices.conditions import When, parse_when
from costaudit.prices.importers import propose as p
from costaudit.prices.importers.compare import ObservationVerdict, compare
from costaudit.prices.importers.observation import Observation
from costaudit.prices.importers.registry import IMPORTERS
from costaudit.prices.rows import PRICE_CLASSES, instant_text, instant_us

NOW, TODAY = instant_us("2026-11-21"), date(2026, 11, 21)
LITELLM = next(i for i in IMPORTERS if i.kind == "litellm")


def observed(
    usd, klass="input", when="", start=None, end=None, provider="openai", model="gpt-a"
) -> Observation:
    begin = None if start is None else instant_us(start)
    until = None if end is None else instant_us(end)
    return Observation(
        "litellm", provider, model, klass, Decimal(usd), parse_when(when), begin, "a place", until
    )


def proposed(book, *items, known=()):
    return p.propose_rows(book, compare(book, items, NOW), LITELLM, "litellm-1", TODAY, known)


def rows(proposal) -> list[str]:
    return [",".join(row.cells) for held in proposal.prices.values() for row in held]


def test_a_dated_change_after_our_last_row_keeps_the_date_of_its_source(book):
    found = proposed(book, observed("3", start="2026-10-01"))
    assert rows(found) == [
        "gpt-a,input,3,mtok,2026-10-01,,,litellm-1,medium,2026-11-21,2026-11-21,Ours was 4 from 2026-08-21."
    ]


def test_an_undated_change_is_dated_by_its_observation_and_says_so(book):
    (row,) = proposed(book, observed("3")).prices["openai"]
    assert (instant_text(row.valid_from), row.confidence, row.status) == ("2026-11-21", "low", "")
    assert "day of observation, not the effective date" in row.note


def test_a_price_of_a_day_to_come_is_scheduled(book):
    (row,) = proposed(book, observed("3", start="2027-01-01")).prices["openai"]
    assert row.status == "scheduled"


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (
            observed("4.5", start="2026-08-21"),
            "we have a row from 2026-08-21 on; an earlier one would edit the past",
        ),
        (
            observed("3", start="2026-08-01"),
            "we have a row from 2026-08-21 on; an earlier one would edit the past",
        ),
        (observed("3", end="2026-08-21"), p.NO_START),
        (observed("3", provider="azure"), p.OTHER_LIST),
        (observed("1", provider="somebody"), p.NO_PROVIDER),
        (observed("3", model="gpt-a-20260709"), p.NOT_ITS_NAME),
        (observed("1", model="gpt\x1b[2J"), p.NO_NAME),
        (observed("1", model=" gpt-z"), p.NO_NAME),
        (observed("0.0000000001", model="gpt-z"), p.TOO_FINE),
        (observed("9", when="context>300000"), p.OTHER_THRESHOLD),
    ],
)
def test_what_no_row_can_say_needs_a_hand(book, item, reason):
    found = proposed(book, item)
    assert (found.prices, [h.reason for h in found.by_hand]) == ({}, [reason])


def test_a_source_that_contradicts_itself_needs_a_hand(book):
    found = proposed(book, observed("3"), observed("3.5", model="openai/gpt-a"))
    assert (found.prices, {h.reason for h in found.by_hand}) == ({}, {p.SEVERAL})


@pytest.mark.parametrize(
    ("aliases", "by_hand"),
    [
        ("gpt-latest,gpt-a,,,ours,high,\n", []),
        (
            "gpt-latest,gpt-0,,2026-07-09,ours,high,\ngpt-latest,gpt-a,2026-07-09,,ours,high,\n",
            [p.NOT_ITS_NAME],
        ),
    ],
)
def test_a_name_that_moved_may_mean_an_earlier_model(tables, aliases, by_hand):
    head = "alias,model,valid_from,valid_to,source,confidence,note\n"
    (tables / "openai" / "aliases.csv").write_text(head + aliases)
    found = proposed(load_book(tables), observed("3", model="gpt-latest"))
    assert [h.reason for h in found.by_hand] == by_hand
    assert [row.model for held in found.prices.values() for row in held] == ([] if by_hand else ["gpt-a"])


def test_the_same_price_under_two_names_is_one_row(book):
    assert len(rows(proposed(book, observed("3"), observed("3", model="openai/gpt-a")))) == 1


def test_what_agrees_or_is_older_than_ours_is_not_proposed(book):
    found = proposed(book, observed("4"), observed("5"), observed("30", klass="output"))
    assert (found.prices, found.by_hand) == ({}, ())


def test_the_source_is_proposed_unless_it_is_known(book):
    assert proposed(book, observed("3")).source == (
        "litellm-1", LITELLM.title, "https://github.com/BerriAI/litellm", "MIT", "2026-11-21",
    )  # fmt: skip
    assert proposed(book, observed("3"), known={"litellm-1"}).source is None


def test_proposed_rows_appended_to_the_tables_pass_the_check(book, tables):
    items = [
        observed("3"),
        observed("6", when="context>272000", start="2026-10-01"),
        observed("2", when="tier=batch"),
        observed("10", klass="output", when="tier=batch"),
        observed("0.2", model='gpt-z, "new"'),
        observed("0.8", klass="output", model='gpt-z, "new"'),
        observed("0.005", klass="request", model='gpt-z, "new"'),
    ]
    before = {v.message for v in check_tables(tables)}
    found = proposed(book, *items)
    assert found.by_hand == ()
    for name, cells in (
        ("prices.csv", [r.cells for r in found.prices["openai"]]),
        ("models.csv", found.models["openai"]),
    ):
        table = tables / "openai" / name
        head, *held = table.read_text().splitlines()
        table.write_text("\n".join([head, *sorted(held + p.render_csv(cells).splitlines())]) + "\n")
    with (tables / "sources.csv").open("a") as file:
        file.write(p.render_csv([found.source or ()]))
    # The tables are sorted by whoever pastes; everything else must hold.
    after = [v for v in check_tables(tables) if v.code != "CA103" and v.message not in before]
    assert [v for v in after if v.severity == "error"] == []
    assert compare(load_book(tables), items, NOW).counts[ObservationVerdict.AGREES] == len(items)


DAYS = st.dates(date(2026, 1, 1), date(2027, 6, 30)).map(lambda d: instant_us(d.isoformat()))
OBSERVATIONS = st.builds(
    Observation,
    source=st.just("litellm"),
    provider_hint=st.sampled_from(["openai", "azure", "deepseek", "nobody"]),
    model=st.sampled_from(["gpt-a", "GPT-A", "openai/gpt-a", "deepseek-x", "gpt-z"]),
    klass=st.sampled_from(PRICE_CLASSES),
    usd=st.integers(1, 40).map(Decimal),
    when=st.sampled_from([When(), When(context_over=272_000), When(tier="batch"), When(window="peak")]),
    valid_from=st.one_of(st.none(), DAYS),
    place=st.just("a place"),
    valid_to=st.one_of(st.none(), DAYS),
)


@pytest.fixture(scope="module")
def fixed_book(tmp_path_factory):
    """A book that all examples of a property share."""
    place = tmp_path_factory.mktemp("book")
    (place / "openai").mkdir()
    (place / "providers.toml").write_text(
        '[openai]\nname = "OpenAI"\nkind = "vendor"\n'
        '[azure]\nname = "A"\nkind = "cloud"\nsame_list_as = "openai"\n'
        '[deepseek]\nname = "D"\nkind = "vendor"\n'
    )
    head = "model,class,usd,per,valid_from,when,status,source,confidence,checked_on,recorded_on,note\n"
    day = "ours,high,2026-11-01,2026-11-01,"
    (place / "openai" / "prices.csv").write_text(
        head
        + f"gpt-a,input,5,mtok,2026-07-09,,,{day}\ngpt-a,input,4,mtok,2026-08-21,,,{day}\n"
        + f"gpt-a,input,8,mtok,2026-12-01,context>272000,scheduled,{day}\n"
    )
    return load_book(place)


@given(st.lists(OBSERVATIONS, max_size=8))
def test_no_proposed_row_stands_at_or_before_a_row_of_ours(fixed_book, items):
    found = proposed(fixed_book, *items)
    for row in (r for held in found.prices.values() for r in held):
        ours = [
            r.valid_from
            for r in fixed_book.rows.get((row.provider, row.model), ())
            if (r.klass, r.when) == (row.klass, row.when)
        ]
        assert all(row.valid_from > start for start in ours)
