"""Corrections, the book as known on a day, overlays and discounts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from costaudit.errors import ConfigError, TableError
from costaudit.prices.book import PriceBook, load_book
from costaudit.prices.check import check_tables
from costaudit.prices.gateways import load_gateways
from costaudit.prices.overlays import parse_discount
from costaudit.prices.quote import NoQuote, Quote, quote
from costaudit.prices.resolver import How, Resolver
from costaudit.prices.rows import instant_us

PRICES = "model,class,usd,per,valid_from,when,status,source,confidence,checked_on,recorded_on,note\n"
MODELS = (
    "model,family,class,context_window,max_output,input_modalities,output_modalities,tools,json_mode,reasoning,"
    "tokenizer,released_on,retired_on,source,note\n"
)
ALIASES = "alias,model,valid_from,valid_to,source,confidence,recorded_on,note\n"


def price(fact: str, status: str = "", recorded: str = "2026-01-01", note: str = "x") -> str:
    """`model,class,usd,per,valid_from,when` as a row."""
    return f"{fact},{status},s,high,2026-01-01,{recorded},{note}\n"


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """One provider, one model at 10 and 20 USD from 2025 on, at 5 and 10 from 2026 on."""
    place = tmp_path / "shipped"
    (place / "acme").mkdir(parents=True)
    (place / "providers.toml").write_text(
        '[acme]\nname = "Acme"\nkind = "vendor"\nlog_names = ["acme"]\n', "utf-8"
    )
    rows = [
        price("m,input,10,mtok,2025-01-01,"),
        price("m,input,5,mtok,2026-01-01,"),
        price("m,output,20,mtok,2025-01-01,"),
        price("m,output,10,mtok,2026-01-01,"),
    ]
    (place / "acme" / "prices.csv").write_text(PRICES + "".join(rows), "utf-8")
    (place / "acme" / "models.csv").write_text(MODELS + "m,m,flagship,,,text,text,,,,,,,s,\n", "utf-8")
    return place


def add(place: Path, *rows: str) -> None:
    path = place / "acme" / "prices.csv"
    path.write_text(path.read_text("utf-8") + "".join(rows), "utf-8")


def make_overlay(place: Path, *rows: str, toml: str = "", aliases: str = "") -> Path:
    (place / "acme").mkdir(parents=True)
    if rows:
        (place / "acme" / "prices.csv").write_text(PRICES + "".join(rows), "utf-8")
    if aliases:
        (place / "acme" / "aliases.csv").write_text(ALIASES + aliases, "utf-8")
    if toml:
        (place / "overlay.toml").write_text(toml, "utf-8")
    return place


def ask(book: PriceBook, day: str, name: str = "m", tier: str = "standard") -> Quote:
    found = quote(
        book, Resolver(book), name, {"input": 1_000_000}, instant_us(day), provider="acme", tier=tier
    )
    assert isinstance(found, Quote), found
    return found


def usd(book: PriceBook, day: str) -> Decimal:
    return ask(book, day).list_usd


def test_of_two_rows_for_one_fact_the_one_recorded_last_holds(shipped: Path):
    add(shipped, price("m,input,6,mtok,2026-01-01,", "correction", "2026-02-01"))
    book = load_book(shipped)
    assert usd(book, "2026-01-15") == 6
    assert usd(book, "2025-06-01") == 10
    assert ask(book, "2026-01-15").lines[0].rate_id == "acme/m/input@2026-01-01"


def test_a_correction_without_a_price_takes_its_row_back(shipped: Path):
    add(shipped, price("m,input,,mtok,2026-01-01,", "correction", "2026-02-01"))
    assert usd(load_book(shipped), "2026-06-01") == 10


def test_the_book_as_known_on_a_day_has_no_later_rows(shipped: Path):
    add(shipped, price("m,input,6,mtok,2026-01-01,", "correction", "2026-02-01"))
    before, after = (load_book(shipped, known_on=date(2026, month, 1)) for month in (1, 2))
    assert [usd(book, "2026-01-15") for book in (before, after)] == [5, 6]
    assert before.version == "2026.01.01"
    assert before.sha256 != after.sha256
    assert not load_book(shipped, known_on=date(2025, 12, 31)).rows


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (price("m,input,6,mtok,2026-01-01,", "correction", "2026-02-01", note=""), "CA203"),
        (price("m,input,6,mtok,2026-01-02,", "correction", "2026-02-01"), "CA202"),
        (price("m,input,6,mtok,2026-01-01,", "", "2026-02-01"), "CA102"),
    ],
)
def test_a_correction_says_what_it_corrects(shipped: Path, row: str, code: str):
    add(shipped, row)
    assert code in {v.code for v in check_tables(shipped)}


def test_an_aliases_row_recorded_later_is_not_known_earlier(shipped: Path):
    (shipped / "acme" / "aliases.csv").write_text(ALIASES + "new,m,,,s,high,2026-03-01,\n", "utf-8")
    book = load_book(shipped, known_on=date(2026, 2, 1))
    assert isinstance(quote(book, Resolver(book), "new", {"input": 1}, 0, provider="acme"), NoQuote)
    assert ask(load_book(shipped), "2026-06-01", "new").resolved.how is How.ALIAS


def test_an_overlay_replaces_a_price_from_its_day_on_and_says_so(shipped: Path, tmp_path: Path):
    own = make_overlay(tmp_path / "team", price("m,input,4,mtok,2025-07-01,"))
    book = load_book(shipped, overlays=[own])
    assert usd(book, "2025-06-30") == 10
    assert usd(book, "2025-07-01") == 4
    assert usd(book, "2026-06-01") == 4, "a later list price does not undo a negotiated one"
    assert ask(book, "2026-06-01").lines[0].rate_id == "overlay:team/acme/m/input@2025-07-01"
    assert book.overlays == ("team",)
    assert book.sha256 != load_book(shipped).sha256


def test_a_committed_term_that_ends_hands_back_to_the_list(shipped: Path, tmp_path: Path):
    own = make_overlay(
        tmp_path / "team", price("m,input,4,mtok,2025-07-01,"), price("m,input,,mtok,2025-10-01,", "ended")
    )
    book = load_book(shipped, overlays=[own])
    assert [usd(book, day) for day in ("2025-09-30", "2025-10-01", "2026-01-01")] == [4, 10, 5]
    assert ask(book, "2025-10-01").lines[0].rate_id == "acme/m/input@2025-01-01", "the fact keeps its name"


def test_an_overlay_touches_only_the_conditions_it_names(shipped: Path, tmp_path: Path):
    add(shipped, *(price(f"m,{c},1,mtok,2025-01-01,tier=batch") for c in ("input", "output")))
    book = load_book(shipped, overlays=[make_overlay(tmp_path / "team", price("m,input,4,mtok,2025-01-01,"))])
    assert ask(book, "2026-06-01", tier="batch").list_usd == 1


def test_own_prices_need_no_columns_of_an_audit(shipped: Path, tmp_path: Path):
    own = make_overlay(tmp_path / "ours")
    table = own / "acme" / "prices.csv"
    table.write_text("model,class,usd,valid_from\nm,input,4,2026-01-01\nm,web_search,0.01,2026-01-01\n")
    book = load_book(shipped, overlays=[own])
    assert ask(book, "2026-06-01").lines[0].usd_per_mtok == 4
    assert ask(load_book(shipped, overlays=[own], known_on=date(2026, 1, 1)), "2026-06-01")
    assert [v for v in check_tables(shipped, [own]) if v.file.startswith(str(own))] == []
    table.write_text("model,class,usd\nm,input,4\n")
    with pytest.raises(TableError, match="header"):
        load_book(shipped, overlays=[own])
    add(shipped, "m,input,4,2026-01-01\n")
    with pytest.raises(TableError):
        load_book(shipped)


def test_a_gateway_of_an_overlay_takes_the_place_of_the_one_with_its_name(tmp_path: Path):
    own = tmp_path / "ours"
    own.mkdir()
    fee = '[[{0}.fees]]\nkind = "percent"\nvalue = "{1}"\nvalid_from = "2026-01-01"\n'
    (own / "gateways.toml").write_text(
        '[acme-gw]\nlog_names = ["agw"]\n'
        + fee.format("acme-gw", "3")
        + "[openrouter]\n"
        + fee.format("openrouter", "2")
    )
    found = load_gateways(overlays=[own])
    now = instant_us("2026-06-01")
    named = {name: found.named(name) for name in ("agw", "acme-gw", "openrouter", "openrouter.ai", "direct")}
    assert [gateway and gateway.percent(now) for gateway in named.values()] == [3, 3, 2, 2, 0]
    (own / "gateways.toml").write_text('[acme-gw]\nfees = [{kind = "per_cent"}]\n')
    with pytest.raises(TableError, match="did you mean 'percent'"):
        load_gateways(overlays=[own])


def test_later_overlays_lie_over_earlier_ones(shipped: Path, tmp_path: Path):
    first = make_overlay(tmp_path / "a", price("m,input,4,mtok,2025-01-01,"))
    second = make_overlay(tmp_path / "b", price("m,input,3,mtok,2026-01-01,"))
    book = load_book(shipped, overlays=[first, second])
    assert [usd(book, day) for day in ("2025-06-01", "2026-06-01")] == [4, 3]


def test_an_alias_of_an_overlay_wins_over_a_model_of_that_name(shipped: Path, tmp_path: Path):
    add(shipped, price("prod,input,99,mtok,2025-01-01,"), price("prod,output,99,mtok,2025-01-01,"))
    book = load_book(shipped, overlays=[make_overlay(tmp_path / "team", aliases="Prod,m,,,s,high,,\n")])
    found = ask(book, "2026-06-01", "prod")
    assert found.list_usd == 5
    assert found.resolved.how is How.OVERLAY_ALIAS


def test_an_overlay_maps_names(shipped: Path, tmp_path: Path):
    own = make_overlay(tmp_path / "team", toml='name = "ours"\n[map]\n"deploy-7" = "acme/m"\n')
    found = ask(load_book(shipped, overlays=[own]), "2026-06-01", "deploy-7")
    assert found.list_usd == 5
    assert found.resolved.how is How.USER_MAP


DISCOUNT = """
name = "deal"
[[discounts]]
provider = "acme"
model = "m*"
percent = 12.5
valid_from = 2025-07-01
valid_to = 2026-07-01
"""


def test_a_discount_scales_the_list_price_while_it_lasts(shipped: Path, tmp_path: Path):
    book = load_book(shipped, overlays=[make_overlay(tmp_path / "team", toml=DISCOUNT)])
    days = ("2025-06-30", "2025-07-01", "2026-01-01", "2026-07-01")
    assert [usd(book, day) for day in days] == [10, Decimal("8.75"), Decimal("4.375"), 5]
    ids = [ask(book, day).lines[0].rate_id for day in days]
    assert ids == [
        "acme/m/input@2025-01-01",
        "overlay:deal/acme/m/input@2025-01-01",
        "overlay:deal/acme/m/input@2026-01-01",
        "acme/m/input@2026-01-01",
    ]


def test_a_discount_leaves_a_negotiated_price_alone(shipped: Path, tmp_path: Path):
    own = make_overlay(tmp_path / "team", price("m,input,4,mtok,2025-01-01,"), toml=DISCOUNT)
    assert usd(load_book(shipped, overlays=[own]), "2026-06-01") == 4


def test_a_discounted_rate_has_at_most_nine_decimals(shipped: Path):
    third = parse_discount({"provider": "acme", "percent": "33.333333"}, "d", ["acme"], "x")
    assert usd(load_book(shipped, discounts=[third]), "2025-06-01") == Decimal("6.666666700")


def test_two_discounts_for_the_same_time_are_refused(shipped: Path):
    both = [parse_discount({"provider": "acme", "percent": p}, "d", ["acme"], "x") for p in (5, 10)]
    with pytest.raises(ConfigError, match="two discounts"):
        usd(load_book(shipped, discounts=both), "2026-06-01")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"provider": "acme", "percnt": 5}, "percent"),
        ({"provider": "acmee", "percent": 5}, "acme"),
        ({"provider": "acme", "percent": 500}, "between"),
        ({"provider": "acme", "percent": "five"}, "readable"),
        ({"provider": "acme"}, "readable"),
        (
            {"provider": "acme", "percent": 5, "valid_from": "2026-02-01", "valid_to": "2026-01-01"},
            "ends before",
        ),
    ],
)
def test_a_discount_that_makes_no_sense_is_refused(entry: dict[str, object], said: str):
    with pytest.raises(ConfigError) as error:
        parse_discount(entry, "d", ["acme"], "x")
    assert said in str(error.value)


@pytest.mark.parametrize("name", ["acme/price.csv", "prices.csv", "acme/deep/prices.csv", "acmee/prices.csv"])
def test_a_file_of_an_overlay_that_would_be_ignored_is_refused(shipped: Path, tmp_path: Path, name: str):
    own = tmp_path / "team"
    (own / name).parent.mkdir(parents=True)
    (own / name).write_text(PRICES, "utf-8")
    with pytest.raises(TableError):
        load_book(shipped, overlays=[own])


def test_an_overlay_may_bring_a_provider_and_a_model_of_its_own(shipped: Path, tmp_path: Path):
    own = tmp_path / "team"
    (own / "inhouse").mkdir(parents=True)
    (own / "providers.toml").write_text('[inhouse]\nname = "Our own"\nkind = "host"\n', "utf-8")
    rows = [price(f"llama,{c},0.1,mtok,2025-01-01,") for c in ("input", "output")]
    (own / "inhouse" / "prices.csv").write_text(PRICES + "".join(rows), "utf-8")
    (own / "inhouse" / "models.csv").write_text(MODELS + "llama,l,economy,,,text,text,,,,,,,s,\n", "utf-8")
    book = load_book(shipped, overlays=[own])
    found = quote(book, Resolver(book), "inhouse/llama", {"input": 1_000_000}, instant_us("2026-06-01"))
    assert isinstance(found, Quote)
    assert found.list_usd == Decimal("0.1")
    assert [v for v in check_tables(shipped, [own]) if v.severity == "error"] == []
