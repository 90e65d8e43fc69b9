"""The documents' examples to the cent, by hand arithmetic, and their own inconsistencies reported."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from costaudit.errors import ConfigError
from costaudit.prices.book import load_book
from costaudit.prices.resolver import Resolver
from costaudit.prices.rows import instant_us
from costaudit.questions.audit.scenario.run import load_scenario, run_scenario


def simulate(run, *argv):
    outcome = run("simulate", "--format", "json", *argv)
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out, parse_float=Decimal)


def test_ten_million_requests_come_to_the_cent(run):
    report = simulate(run)
    projection = report["projection"]
    assert (projection["before_usd"], projection["after_usd"]) == ("56000.00", "27600.00")
    assert projection["savings_percent"] == "50.7"
    assert [s["after_usd"] for s in report["segments"]] == ["2400.00", "16800.00", "8400.00"]
    assert sum(Decimal(s["usd"]) for s in projection["steps"][:-1]) == Decimal(projection["steps"][-1]["usd"])


@pytest.mark.parametrize(
    ("percent", "monthly", "yearly"),
    [
        ("0", "0.00", "0.00"),
        ("5", "1380.00", "16560.00"),
        ("10", "2760.00", "33120.00"),
        ("15", "4140.00", "49680.00"),
    ],
)
def test_markup_is_a_share_of_what_is_left_after_routing(run, percent, monthly, yearly):
    scenarios = simulate(run, "--markup", f"{percent}%")["projection"]["markup_scenarios"]
    assert [(s["percent"], s["monthly_usd"], s["yearly_usd"]) for s in scenarios] == [
        (percent, monthly, yearly)
    ]


def test_several_markups_make_a_table(run):
    scenarios = simulate(run, "--markup", "0%,5%,10%,15%")["projection"]["markup_scenarios"]
    assert [s["percent"] for s in scenarios] == ["0", "5", "10", "15"]


def test_published_figures_that_do_not_add_up_stand_beside_ours(run):
    found = {d["figure"]: (d["published"], d["computed"]) for d in simulate(run)["differences"]}
    assert found == {
        "markup_5_percent_monthly_usd": ("1920", "1380.00"),
        "markup_5_percent_yearly_usd": ("23000", "16560.00"),
        "markup_10_percent_monthly_usd": ("3840", "2760.00"),
        "markup_10_percent_yearly_usd": ("46000", "33120.00"),
    }


def test_finsync_comes_out_of_the_dated_price_book(run):
    report = simulate(run, "--scenario", "finsync")
    steps = {s["name"]: Decimal(s["usd"]) for s in report["projection"]["steps"]}
    # 50M × (300 × $5 + 60 × $15) / 1M; 42,000 × 0.68 × 0.78
    assert steps["before"] == 120_000
    assert round(steps["before"] + steps["routing"], 2) == 42_000
    assert round(steps["after"], 2) == Decimal("22276.80")
    # (120,000 - 42,000) / (120,000 - 1,800) of 50M
    assert report["segments"][0]["requests"] == 32_994_924


def test_finsync_at_todays_price_is_another_figure():
    book = load_book()
    scenario = load_scenario("finsync")
    plain = scenario.model_copy(
        update={
            "solve": None,
            "segments": (scenario.segments[1].model_copy(update={"share": Decimal(1)}),),
            "levers": (),
        }
    )
    result = run_scenario(plain, book, Resolver(book), prices_at=instant_us("2026-11-20"))
    assert result.before_usd == 67_500  # 50M × (300 × $2.50 + 60 × $10) / 1M


def test_a_user_can_write_a_scenario(run, tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text("""
schema = "costaudit/scenario@1"
name = "mine"
title = "a small month"
requests = 1000

[[segments]]
name = "all"
tiers = [1]
share = "1"
before = { model = "openai/gpt-4o", at = "2024-06-01", input_tokens = 1000, output_tokens = 1000 }
after = { model = "openai/gpt-4o-mini", at = "2024-08-01", input_tokens = 1000, output_tokens = 1000 }
""")
    projection = simulate(run, "--scenario", str(path))["projection"]
    # 1000 × 0.001M × ($5 + $15), and × ($0.15 + $0.60)
    assert (projection["before_usd"], projection["after_usd"]) == ("20.00", "0.75")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('share = "1"', 'share = "0.9"'), "add up to 0.9"),
        (('share = "1"', "share = 0.9"), "strings"),
        (("tokens = 10", "tokns = 10"), "tokns"),
        (('usd_per_mtok = "7"', 'model = "openai/gpt-4o"'), "either tokens"),
    ],
)
def test_a_wrong_scenario_is_refused_with_its_place(tmp_path: Path, change, complaint):
    text = """
schema = "costaudit/scenario@1"
name = "wrong"
title = "wrong"
requests = 10
[[segments]]
name = "all"
tiers = [1]
share = "1"
before = { tokens = 10, usd_per_mtok = "7" }
after = { tokens = 10, usd_per_mtok = "7" }
"""
    path = tmp_path / "wrong.toml"
    path.write_text(text.replace(*change))
    with pytest.raises(ConfigError, match=complaint):
        load_scenario(path)


def test_an_unknown_scenario_names_the_known_ones():
    with pytest.raises(ConfigError, match="ten-million"):
        load_scenario("ten-milion")
