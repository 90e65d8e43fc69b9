"""Supposed prices: what a change moves, how it is rounded, and how it is written."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costaudit.errors import UsageError
from costaudit.prices.book import PriceBook, load_book
from costaudit.prices.cards import timeline_of
from costaudit.prices.quote import Quote, quote
from costaudit.prices.resolver import Resolver
from costaudit.prices.rows import instant_us
from costaudit.prices.what_if import changed_book, parse_change

PRICES = "model,class,usd,per,valid_from,when,status,source,confidence,checked_on,recorded_on,note\n"
MODELS = (
    "model,family,class,context_window,max_output,input_modalities,output_modalities,tools,json_mode,reasoning,"
    "tokenizer,released_on,retired_on,source,note\n"
)
ALIASES = "alias,model,valid_from,valid_to,source,confidence,recorded_on,note\n"
FACTS = (
    "m-1,input,10,mtok,2025-01-01,", "m-1,input,20,mtok,2025-01-01,context>1000",
    "m-1,input,5,mtok,2025-01-01,tier=batch", "m-1,input,8,mtok,2026-01-01,",
    "m-1,output,30,mtok,2025-01-01,", "m-1,web_search,0.01,unit,2025-01-01,",
    "m-2,input,1,mtok,2026-01-01,", "m-2,output,0,mtok,2026-01-01,",
    "m-2,output,3,mtok,2026-01-01,tier=batch",
)  # fmt: skip


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> PriceBook:
    """Two models of one provider; the name `m` was m-1 until 2026-06-01 and is m-2 since."""
    place = tmp_path_factory.mktemp("tables")
    acme = place / "acme"
    acme.mkdir()
    (place / "providers.toml").write_text(
        '[acme]\nname = "Acme"\nkind = "vendor"\nlog_names = ["acme"]\ncache_read_without_price = "input"\n',
        "utf-8",
    )
    rows = "".join(f"{fact},,s,high,2026-01-01,2026-01-01,x\n" for fact in FACTS)
    (acme / "prices.csv").write_text(PRICES + rows, "utf-8")
    told = "".join(f"{m},m,flagship,,,text,text,,,,,,,s,\n" for m in ("m-1", "m-2"))
    (acme / "models.csv").write_text(MODELS + told, "utf-8")
    (acme / "aliases.csv").write_text(
        ALIASES + "m,m-1,,2026-06-01,s,high,2026-01-01,\nm,m-2,2026-06-01,,s,high,2026-01-01,\n", "utf-8"
    )
    return load_book(place)


def change(book: PriceBook, *texts: str) -> PriceBook:
    return changed_book(book, [parse_change(text, book, Resolver(book)) for text in texts])


def usd(
    book: PriceBook,
    day: str,
    klass: str = "input",
    *,
    model: str = "m-1",
    context: int = 0,
    tier: str = "standard",
) -> Decimal:
    card = timeline_of(book, ("acme", model), tier).at(instant_us(day), context)
    assert not isinstance(card, str), card
    return card.rates[klass].usd


def test_every_condition_of_the_class_changes_by_the_same_percent(book: PriceBook):
    new = change(book, "acme/m-1 input -40%")
    assert usd(new, "2025-06-01") == 6
    assert usd(new, "2026-06-01") == Decimal("4.8")
    assert usd(new, "2025-06-01", context=1001) == 12
    assert usd(new, "2025-06-01", tier="batch") == 3
    assert usd(new, "2025-06-01", "output") == 30


def test_a_class_without_a_price_of_its_own_follows_the_price_it_is_billed_at(book: PriceBook):
    assert usd(change(book, "acme/m-1 input -40%"), "2025-06-01", "cache_read") == 6


def test_without_a_class_all_token_prices_change_and_no_fees(book: PriceBook):
    new = change(book, "acme/m-1 +10%")
    assert [usd(new, "2025-06-01", k) for k in ("input", "output", "web_search")] == [11, 33, Decimal("0.01")]


def test_a_price_in_dollars_moves_the_conditions_by_the_factor_of_the_standard_price(book: PriceBook):
    new = change(book, "acme/m-1 input =4")
    assert usd(new, "2025-06-01") == usd(new, "2026-06-01") == 4
    assert usd(new, "2025-06-01", context=1001) == 8  # 20 × 4/10
    assert usd(new, "2026-06-01", context=1001) == 10  # 20 × 4/8, since the standard price fell to 8
    assert usd(new, "2025-06-01", tier="batch") == 2


def test_dollars_are_added_to_the_standard_price(book: PriceBook):
    new = change(book, "acme/m-1 input -2.5")
    assert usd(new, "2025-06-01") == Decimal("7.5")
    assert usd(new, "2025-06-01", context=1001) == 15
    assert usd(change(book, "acme/m-1 web_search +0.005"), "2025-06-01", "web_search") == Decimal("0.015")


def test_where_the_standard_price_is_0_an_amount_is_taken_as_it_is(book: PriceBook):
    assert usd(change(book, "acme/m-2 output =6"), "2026-06-01", "output", model="m-2") == 6
    assert usd(change(book, "acme/m-2 output =6"), "2026-06-01", "output", model="m-2", tier="batch") == 6
    assert usd(change(book, "acme/m-2 output +6"), "2026-06-01", "output", model="m-2", tier="batch") == 9


def test_a_change_holds_from_its_day_on(book: PriceBook):
    new = change(book, "acme/m-1 input -50% from 2025-07-01")
    days = ("2025-06-30", "2025-07-01", "2025-12-31", "2026-01-01")
    assert [usd(new, day) for day in days] == [10, 5, 5, 4]


def test_changes_are_made_one_after_the_other(book: PriceBook):
    assert usd(change(book, "acme/m-1 input -50%", "acme/m-1 input +10%"), "2025-06-01") == Decimal("5.5")
    assert usd(change(book, "acme/m-1 input =3", "acme/m-1 input -50%"), "2025-06-01") == Decimal("1.5")
    again = change(change(book, "acme/m-1 input =3"), "acme/m-1 input -50%")
    assert usd(again, "2025-06-01") == Decimal("1.5")


def test_a_changed_price_says_that_no_table_states_it(book: PriceBook):
    def ids(of: PriceBook) -> list[str]:
        counts = {"input": 1, "output": 1}
        found = quote(of, Resolver(of), "m-1", counts, instant_us("2025-06-01"), provider="acme")
        assert isinstance(found, Quote)
        return [line.rate_id for line in found.lines]

    assert ids(change(book, "acme/m-1 input -40%")) == [
        "what-if:acme/m-1/input@2025-01-01", "acme/m-1/output@2025-01-01",
    ]  # fmt: skip
    assert ids(change(book, "acme/m-1 input +0%")) == ids(book)


def test_a_changed_book_has_another_digest_and_no_change_has_the_same(book: PriceBook):
    assert changed_book(book, []) is book
    digests = {change(book, f"acme/m-1 input -{p}%").sha256 for p in (0, 10, 20)} | {book.sha256}
    assert len(digests) == 4


def test_an_alias_means_every_model_that_it_stood_for(book: PriceBook):
    new = change(book, "acme/m input -50%")
    assert (usd(new, "2025-06-01"), usd(new, "2026-06-01", model="m-2")) == (5, Decimal("0.5"))


def test_a_glob_means_every_model_that_it_fits(book: PriceBook):
    for glob in ("acme/m-*", "ACME/*", "*/m-?"):
        new = change(book, f"{glob} input -50%")
        assert (usd(new, "2025-06-01"), usd(new, "2026-06-01", model="m-2")) == (5, Decimal("0.5"))


@given(
    percent=st.decimals("-100", "1000", places=4),
    place=st.sampled_from([("input", 0), ("input", 1001), ("output", 0)]),
)
@settings(max_examples=60)
def test_a_percentage_is_exact_to_the_ninth_decimal(
    book: PriceBook, percent: Decimal, place: tuple[str, int]
):
    klass, context = place
    old = usd(book, "2025-06-01", klass, context=context)
    expected = (old * (100 + percent) / 100).quantize(Decimal("1e-9"), ROUND_HALF_EVEN)
    new = change(book, f"acme/m-1 {klass} {percent:+f}%")
    assert usd(new, "2025-06-01", klass, context=context) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("acme/m-1", "is not PROVIDER/MODEL"),
        ("acme/m-1 input -4% since 2025-01-01", "is not PROVIDER/MODEL"),
        ("m-1 input -4%", "write 'acme/m-1'"),
        ("acme/m-9 input -4%", "did you mean 'm-"),
        ("acmee/m-1 input -4%", "did you mean 'acme'"),
        ("acme/z* input -4%", "no model of the book"),
        ("acme/m-1 inputs -4%", "did you mean 'input'"),
        ("acme/m-1 cache_write_1h -4%", "there is no price of cache_write_1h"),
        ("acme/m-1 input 4%", "write +4% or -4%"),
        ("acme/m-1 input 4", "write =4 or +4"),
        ("acme/m-1 input =4%", "write +4% or -4%"),
        ("acme/m-1 =4", "needs a class"),
        ("acme/m-1 input four", "no change of a price"),
        ("acme/m-1 input -101%", "outside"),
        ("acme/m-1 input =1000000", "more than 100,000 USD"),
        ("acme/m-1 input =0.0000000001", "more than 9 decimals"),
        ("acme/m-1 input -9", "negative"),
        ("acme/m-1 input -4% from tomorrow", "not a date"),
        ("acme/m-1 input -4% from 2025-01-01T12:00Z", "not a date"),
    ],
)
def test_what_is_no_change_is_refused_with_what_may_be_meant(book: PriceBook, text: str, complaint: str):
    with pytest.raises(UsageError) as refusal:
        change(book, text)
    assert complaint in str(refusal.value)


def test_the_vendor_is_named_where_a_model_is_another_ones():
    shipped = load_book()
    with pytest.raises(UsageError, match="anthropic/claude-sonnet-4-5"):
        change(shipped, "openai/claude-sonnet-4-5 -1%")


def test_a_sign_as_copied_from_a_text_is_a_minus(book: PriceBook):
    assert usd(change(book, "acme/m-1 input −40%"), "2025-06-01") == 6
