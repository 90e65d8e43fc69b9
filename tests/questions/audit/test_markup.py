"""Markups in words: what each form means, what it adds by hand arithmetic, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.errors import TableError, UsageError
from costaudit.prices.gateways import Gateways, load_gateways
from costaudit.prices.rows import instant_us
from costaudit.questions.audit.fees.gateway_fees import check_known, look_up
from costaudit.questions.audit.fees.markup import MarkupTerms, Volume, parse_form, parse_markups, step_of

AT = instant_us("2026-11-20")


def month(list_usd, requests, tokens=None):
    return Volume(Fraction(list_usd), Fraction(requests), None if tokens is None else Fraction(tokens))


def added(form, *volume):
    return parse_form(form).month_usd(month(*volume))


@pytest.mark.parametrize(
    ("form", "label", "usd"),
    [
        # On $20,000 of list, 1,000,000 requests and 3,000M tokens a month.
        ("5%", "5%", "1000"),
        (" 5.50 % ", "5.5%", "1100"),
        ("-10%", "-10%", "-2000"),
        ("+0.0004/request", "$0.0004/request", "400"),
        ("$.0004 / requests", "$0.0004/request", "400"),
        ("5%+0.0004/request", "5% + $0.0004/request", "1400"),
        ("500/month", "$500/month", "500"),
        ("5% + 0.0004/request + 500/month", "5% + $0.0004/request + $500/month", "1900"),
        ("1200/mo+0.10/mtok", "$0.1/mtok + $1,200/month", "1500"),
        ("1200/month+0.10/mtok-100%", "-100% + $0.1/mtok + $1,200/month", "-18500"),
    ],
)
def test_each_form_adds_what_it_says(form, label, usd):
    assert parse_form(form).label == label
    assert added(form, 20_000, 10**6, 3 * 10**9) == Fraction(usd)


def test_commas_stand_between_forms():
    assert [m.label for m in parse_markups("5%, 10%,+0.0004/request")] == ["5%", "10%", "$0.0004/request"]


@pytest.mark.parametrize(
    ("text", "percents"),
    [
        ("0%-15%", ["0", "5", "10", "15"]),
        ("0-20%", ["0", "5", "10", "15", "20"]),
        ("3%-8%", ["3", "5", "7.5", "8"]),
        ("5%–6%", ["5", "5.25", "5.5", "5.75", "6"]),
        ("-5%-5%", ["-5", "-2.5", "0", "2.5", "5"]),
    ],
)  # fmt: skip
def test_a_range_is_its_ends_and_the_multiples_between(text, percents):
    found = parse_markups(text)
    assert [m.label for m in found] == [f"{p}%" for p in percents]
    assert [m.percent for m in found] == [Decimal(p) for p in percents]
    assert all("a step of" in m.notes[0] for m in found)


@given(st.decimals(-100, 1000, places=2), st.decimals("0.01", 500, places=2))
def test_a_range_has_at_most_six_values_that_rise_from_end_to_end(low, width):
    high = min(low + width, Decimal(1000))
    if low < high:
        found = [m.percent for m in parse_markups(f"{low}%-{high}%")]
        assert (found[0], found[-1]) == (low, high)
        assert found == sorted(set(found))
        assert 2 <= len(found) <= 6
        assert (high - low) / step_of(low, high) <= 4


@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        ("ten", "not a percentage", "like 5%"),
        ("10", "has no unit", "10%"),
        ("5/week", "'week' is no unit", "request, mtok, month"),
        ("5/requst", "'requst' is no unit", "did you mean 'request'"),
        ("5%+3%", "says twice what comes as a percentage", "add them up"),
        ("5% 3/month", "not a percentage, and no fee", "like 5%"),
        ("5%,", "has an empty part", "like 5%"),
        ("", "has an empty part", "like 5%"),
        ("15%-5%", "is no range", "like 5%"),
        ("-5/month", "only a percentage can be negative", "like 5%"),
        ("1001%", "is outside -100% .. 1000%", None),
        ("0%-1001%", "is outside -100% .. 1000%", None),
        ("nan%", "not a percentage", "like 5%"),
        ("1e3%", "not a percentage", "like 5%"),
        ("gatway:openrouter", "'gatway' is neither gateway nor byok", "did you mean 'gateway'"),
        ("gateway:", "names no gateway", "like 5%"),
        ("gateway:openrouter@May", "'May' is not a date", "gateway:openrouter@2026-06-01"),
    ],
)
def test_what_is_not_understood_is_told(text, told, hint):
    with pytest.raises(UsageError) as raised:
        parse_markups(text)
    assert told in raised.value.message
    assert hint is None or hint in (raised.value.hint or "")


@given(
    st.decimals(-100, 1000, places=4), st.decimals(0, 1, places=6), st.decimals(0, 10_000, places=2),
    st.integers(0, 10**12), st.integers(0, 10**9),
)  # fmt: skip
def test_parts_add_up_exactly(percent, each, monthly, micro_usd, requests):
    whole = MarkupTerms("", percent=percent, usd_per_request=each, usd_per_month=monthly)
    parts = (
        MarkupTerms("", percent=percent),
        MarkupTerms("", usd_per_request=each),
        MarkupTerms("", usd_per_month=monthly),
    )
    volume = month(Fraction(micro_usd, 10**6), requests)
    assert whole.month_usd(volume) == sum(part.month_usd(volume) for part in parts)
    assert whole.month_usd(volume) == (
        Fraction(percent) * micro_usd / 10**8 + Fraction(each) * requests + Fraction(monthly)
    )


@pytest.fixture(scope="module")
def gateways() -> Gateways:
    return load_gateways()


def resolved(text, gateways):
    (asked,) = parse_markups(text)
    return look_up(asked, gateways, AT)


def test_openrouter_in_june_2026_takes_its_fee_on_credits(gateways):
    # pricing/gateways.toml: 0% on tokens, 5.5% on buying credits since 2025-06-05.
    found = resolved("gateway:openrouter@2026-06-01", gateways)
    assert (found.label, found.percent, found.evidence) == (
        "gateway:openrouter@2026-06-01", Decimal("5.5"), "table"
    )  # fmt: skip
    assert "at least $0.80 a purchase (not counted)" in found.notes[0]


def test_without_a_date_the_day_of_the_report_counts(gateways):
    assert resolved("gateway:openrouter", gateways).label == "gateway:openrouter@2026-11-20"


def test_own_keys_are_free_up_to_the_allowance_in_force(gateways):
    # 5% of list: above a million requests a month from 2025-10-01, above $25,000 of list from 2026-08-01.
    by_requests = resolved("byok:openrouter@2026-01-01", gateways)
    assert by_requests.month_usd(month(1000, 10**6)) == 0
    assert by_requests.month_usd(month(1000, 4 * 10**6)) == Fraction(5, 100) * 750
    by_spend = resolved("byok:openrouter@2026-09-01", gateways)
    assert by_spend.month_usd(month(25_000, 1)) == 0
    assert by_spend.month_usd(month(30_000, 1)) == 250


def test_portkey_takes_a_subscription_and_requests_above_an_allowance(gateways):
    # $49 a month, and $9 per further 100,000 requests above the first 100,000.
    found = resolved("gateway:portkey", gateways)
    assert found.month_usd(month(0, 100_000)) == 49
    assert found.month_usd(month(0, 300_000)) == 49 + 18


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("gateway:vercel", "vercel does not publish its fee on buying credits"),
        ("gateway:litellm", "litellm does not publish its subscription"),
        ("gateway:alltoken", "alltoken does not publish its"),
        (
            "gateway:openrouter@2024-01-01",
            "not known for 2024-01-01: the first one recorded is of 2025-06-05",
        ),
        ("byok:portkey", "no fee of portkey for one's own key is recorded"),
    ],
)
def test_fees_that_are_not_published_or_recorded_are_refused(gateways, text, told):
    with pytest.raises(UsageError, match=told) as raised:
        resolved(text, gateways)
    assert "your own figure" in (raised.value.hint or "")


def test_an_unknown_gateway_is_told_with_the_nearest(gateways):
    with pytest.raises(UsageError, match="no fees are known of a gateway 'openruter'") as raised:
        check_known(parse_markups("5%,gateway:openruter"), gateways)
    assert "did you mean 'openrouter'" in (raised.value.hint or "")


def test_fees_of_own_tables_count(tmp_path: Path):
    (tmp_path / "gateways.toml").write_text(
        '[mine]\n[[mine.fees]]\nkind = "percent"\nvalue = "2"\nvalid_from = "2026-01-01"\n'
        '[[mine.fees]]\nkind = "percent"\nvalue = "3"\nvalid_from = "2026-06-01"\n'
        '[[mine.fees]]\nkind = "credit_purchase_percent"\nvalue = "1.5"\nvalid_from = "2026-01-01"\n',
        encoding="utf-8",
    )
    own = load_gateways(str(tmp_path))
    assert resolved("gateway:mine@2026-05-31", own).percent == Decimal("3.5")
    assert resolved("gateway:mine@2026-06-01", own).percent == Decimal("4.5")


def test_an_allowance_that_is_no_number_is_told_with_its_table(tmp_path: Path):
    (tmp_path / "gateways.toml").write_text(
        '[mine]\n[[mine.fees]]\nkind = "byok_percent"\nvalue = "2"\nvalid_from = "2026-01-01"\n'
        'free_requests_month = "many"\n',
        encoding="utf-8",
    )
    with pytest.raises(TableError, match=r"a fee of \[mine\] has an unreadable value or date"):
        load_gateways(str(tmp_path))


@pytest.mark.parametrize("text", ["{}x", "5%{}x", "5{}-{}x", "{}$"])
def test_blanks_without_end_are_read_once(text):
    with pytest.raises(UsageError):
        parse_markups(text.replace("{}", " " * 100_000))
