"""Price moves of small logs, by hand: old and new routes, the next quarter, what hangs on each price."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

PRICES = "model,class,usd,per,valid_from,when,status,source,confidence,checked_on,recorded_on,note\n"
MODELS = (
    "model,family,class,context_window,max_output,input_modalities,output_modalities,tools,json_mode,reasoning,"
    "tokenizer,released_on,retired_on,source,note\n"
)
ALIASES = "alias,model,valid_from,valid_to,source,confidence,recorded_on,note\n"

FACTS = (
    "big,input,10,mtok,2025-01-01,", "big,output,20,mtok,2025-01-01,",
    "big,input,5,mtok,2025-01-01,tier=batch",
    "big,output,10,mtok,2025-01-01,tier=batch",
    "big,input,20,mtok,2026-03-11,", "big,input,10,mtok,2026-03-11,tier=batch",
    "small,input,1,mtok,2025-01-01,", "small,output,2,mtok,2025-01-01,", "small,output,4,mtok,2026-04-01,",
    "flat,input,1,mtok,2025-01-01,", "flat,output,1,mtok,2025-01-01,",
    "gone,input,3,mtok,2025-01-01,", "gone,output,3,mtok,2025-01-01,",
)  # fmt: skip
ENDED = "gone,input,,mtok,2026-02-15,,ended,s,high,2026-01-01,2026-01-01,x\n"

POLICY = """
schema = "costaudit/policy@1"
name = "mine"
min_confidence = 1
[[tiers]]
tier = 0
candidates = ["acme/small"]
[[tiers]]
tier = 3
keep = true
verification = "0.5"
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Price tables of one provider, and a policy: tier 0 to the small model, tier 3 verified."""
    tables = tmp_path / "tables"
    (tables / "acme").mkdir(parents=True)
    (tables / "providers.toml").write_text(
        '[acme]\nname = "Acme"\nkind = "vendor"\nlog_names = ["acme"]\ncache_read_without_price = "input"\n',
        "utf-8",
    )
    rows = "".join(f"{fact},,s,high,2026-01-01,2026-01-01,x\n" for fact in FACTS)
    (tables / "acme" / "prices.csv").write_text(PRICES + rows + ENDED, "utf-8")
    facts = [
        f"{name},m,{klass},100000000,100000000,text,text,yes,yes,,,2025-01-01,{retired},s,\n"
        for name, klass, retired in (
            ("big", "flagship", "2026-04-15"), ("small", "economy", "2026-05-01"),
            ("gone", "mid", "2026-02-20"), ("flat", "mid", ""),
        )
    ]  # fmt: skip
    (tables / "acme" / "models.csv").write_text(MODELS + "".join(facts), "utf-8")
    (tables / "acme" / "aliases.csv").write_text(ALIASES, "utf-8")
    (tmp_path / "mine.toml").write_text(POLICY, "utf-8")
    return tmp_path


def call(day: int, model: str = "big", tier: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "timestamp": f"2026-01-{day:02}T00:00:00Z", "request_id": f"{model}-{tier}-{day}-{len(more)}",
        "provider": "acme", "model": model, "tier": tier, "input_tokens": 1_000_000,
        "output_tokens": 0, **more,
    }  # fmt: skip


Simulate = Callable[..., dict[str, Any]]


@pytest.fixture
def simulate(run: Callable[..., Any], place: Path) -> Simulate:
    def simulate(calls: Sequence[dict[str, Any]], *argv: str) -> dict[str, Any]:
        log = place / "log.jsonl"
        log.write_text("".join(json.dumps(c) + "\n" for c in calls), "utf-8")
        outcome = run(
            "simulate",
            log,
            "--prices",
            place / "tables",
            "--policy",
            place / "mine.toml",
            "-f",
            "json",
            "-q",
            *argv,
        )
        assert outcome.code == 0, outcome.err
        found: dict[str, Any] = json.loads(outcome.out)
        return found

    return simulate


MONTH = [call(day) for day in range(1, 32)]
"""A request of 1M input tokens at $10 on each of 31 days."""


def test_the_quarter_is_priced_month_by_month(simulate: Simulate):
    outlook = simulate(MONTH)["projection"]["outlook"]
    assert (outlook["start"], outlook["end"]) == ("2026-02-01", "2026-05-01")
    assert outlook["log"] == {"before_usd": "310.00", "after_usd": "31.00"}
    assert [(s["start"], s["end"], s["before_usd"], s["after_usd"]) for s in outlook["stretches"]] == [
        ("2026-02-01", "2026-03-11", "310.00", "31.00"),
        ("2026-03-11", "2026-04-01", "620.00", "31.00"),
        ("2026-04-01", "2026-05-01", "620.00", "31.00"),
    ]
    assert [(m["month"], m["before_usd"], m["after_usd"]) for m in outlook["months"]] == [
        ("2026-02", "300.00", "30.00"),
        ("2026-03", "503.225806", "30.00"),  # 10 days at $10 and 21 at $20: (300 × 10 + 600 × 21) / 31
        ("2026-04", "600.00", "30.00"),
    ]


def test_a_scheduled_change_is_told_with_what_it_adds(simulate: Simulate):
    changes = simulate(MONTH)["projection"]["outlook"]["changes"]
    assert changes == [
        {
            "date": "2026-03-11", "model": "acme/big", "price_class": "input",
            "old_usd": "10.00", "new_usd": "20.00", "before_usd": "310.00", "after_usd": "0.00",
            "monthly_before_usd": "300.00", "monthly_after_usd": "0.00",
        }
    ]  # fmt: skip


def test_a_change_that_only_routes_feel_is_told_too(simulate: Simulate):
    calls = [call(day, output_tokens=1_000_000) for day in range(1, 32)]
    changes = simulate(calls)["projection"]["outlook"]["changes"]
    told = [(c["date"], c["model"], c["price_class"], c["before_usd"], c["after_usd"]) for c in changes]
    assert told == [
        ("2026-03-11", "acme/big", "input", "310.00", "0.00"),
        ("2026-04-01", "acme/small", "output", "0.00", "62.00"),  # 31M tokens, $2 more
    ]


def test_conditions_count_at_their_own_prices(simulate: Simulate):
    calls = [*MONTH[:30], call(31, service_tier="batch")]
    (change,) = simulate(calls)["projection"]["outlook"]["changes"]
    assert (change["before_usd"], change["old_usd"], change["new_usd"]) == ("305.00", "10.00", "20.00")


def test_retirements_are_told_with_their_spend(simulate: Simulate):
    retirements = simulate(MONTH)["projection"]["outlook"]["retirements"]
    assert retirements == [
        {
            "model": "acme/big", "date": "2026-04-15", "role": "serves", "requests": 31, "list_usd": "310.00",
            "monthly_usd": "300.00", "routed_requests": 0,
        }
    ]  # fmt: skip


def test_a_model_without_a_price_by_then_counts_at_its_last(simulate: Simulate):
    outlook = simulate([call(day, "gone", 1) for day in range(1, 32)])["projection"]["outlook"]
    assert outlook["unpriced_usd"] == "93.00"
    assert {m["before_usd"] for m in outlook["months"]} == {"90.00"}  # $3 a day
    assert [(r["model"], r["date"]) for r in outlook["retirements"]] == [("acme/gone", "2026-02-20")]


def test_prices_at_begins_the_quarter_there(simulate: Simulate):
    outlook = simulate(MONTH, "--prices-at", "2026-03-20")["projection"]["outlook"]
    assert (outlook["start"], outlook["end"]) == ("2026-03-20", "2026-07-01")
    assert outlook["log"]["before_usd"] == "620.00"
    assert [m["month"] for m in outlook["months"]] == ["2026-04", "2026-05", "2026-06"]


def test_less_than_a_day_is_scaled_to_no_month(simulate: Simulate):
    projection = simulate([call(5)])["projection"]
    assert {m["before_usd"] for m in projection["outlook"]["months"]} == {None}
    assert projection["outlook"]["changes"][0]["monthly_before_usd"] is None
    assert {row["monthly_ten_percent_usd"] for row in projection["sensitivity"]} == {None}


def test_a_log_without_times_has_no_outlook(simulate: Simulate):
    call_ = {k: v for k, v in call(5, "flat", 1).items() if k != "timestamp"}
    projection = simulate([call_])["projection"]
    assert projection["outlook"] is None
    assert [row["list_usd"] for row in projection["sensitivity"]] == ["1.00"]


def test_what_hangs_on_each_price(simulate: Simulate):
    calls = [
        call(1, tier=3, output_tokens=500_000, cached_tokens=400_000),  # stays and is verified: $20 × 1.5
        call(31, tier=0, output_tokens=100_000),  # $12 on big, $1.20 on small
    ]
    rows = simulate(calls)["projection"]["sensitivity"]
    told = [(r["model"], r["price_class"], r["list_usd"], r["list_percent"], r["after_usd"]) for r in rows]
    assert told == [
        ("acme/big", "input", "20.00", "62.5", "15.00"),  # cached tokens are billed as input
        ("acme/big", "output", "12.00", "37.5", "15.00"),
        ("acme/small", "input", "0.00", "0.0", "1.00"),
        ("acme/small", "output", "0.00", "0.0", "0.20"),
    ]
    assert [(r["ten_percent_usd"], r["ten_percent_after_usd"]) for r in rows[:2]] == [
        ("2.00", "1.50"),
        ("1.20", "1.50"),
    ]


def test_old_routes_that_no_longer_pay_are_not_revised(simulate: Simulate):
    report = simulate(MONTH, "--price-change", "acme/small input =12")
    move = report["projection"]["price_move"]
    assert report["prices"]["changes"] == ["acme/small input =12"]
    assert move["at_old_prices"] == {"before_usd": "310.00", "after_usd": "31.00"}
    assert move["static"] == {"before_usd": "310.00", "after_usd": "372.00"}
    assert move["reoptimised"] == {"before_usd": "310.00", "after_usd": "310.00"}
    assert (move["missed_usd"], move["monthly_missed_usd"]) == ("62.00", "60.00")
    assert report["projection"]["after_usd"] == "310.00"
    assert [(r["model"], r["static_requests"], r["reoptimised_requests"]) for r in move["by_model"]] == [
        ("acme/small", 31, 0), ("acme/big", 0, 31),
    ]  # fmt: skip


def test_a_change_from_a_day_on_is_one_from_that_day_on(simulate: Simulate):
    report = simulate(MONTH, "--price-change", "acme/big -50% from 2026-01-22")
    assert report["spend"]["list_usd"] == "260.00"  # 21 days at $10, 10 at $5
    assert report["projection"]["price_move"]["static"]["before_usd"] == "260.00"
    stretches = report["projection"]["outlook"]["stretches"]
    assert [s["before_usd"] for s in stretches] == ["155.00", "310.00", "310.00"]  # half of $10, then of $20


def test_what_a_log_states_at_another_price_is_set_aside(simulate: Simulate):
    calls = [call(1, tier=1, cost_usd=11), call(2, "small", 1, cost_usd=1.1)]
    spend = simulate(calls, "--price-change", "acme/big +10%")["spend"]
    assert (spend["billed_usd"], spend["reported_requests"]) == ("12.10", 1)  # 10 × 1.1, and 1.10 as stated
    assert simulate(calls, "--price-change", "acme/big +0%")["spend"] == simulate(calls)["spend"]


def test_a_price_that_nothing_uses_moves_nothing(simulate: Simulate, run: Callable[..., Any], place: Path):
    move = simulate(MONTH, "--price-change", "acme/gone +50%")["projection"]["price_move"]
    assert move["missed_usd"] == "0.00"
    assert move["at_old_prices"] == move["static"] == move["reoptimised"]
    text = run(
        "simulate",
        place / "log.jsonl",
        "--prices",
        place / "tables",
        "--price-change",
        "acme/gone +50%",
        "-q",
    ).out
    assert "The change moves nothing" in text
    assert "Supposed price: acme/gone +50%." in text


def test_nothing_is_shown_of_a_log_without_a_price(simulate: Simulate, run: Callable[..., Any], place: Path):
    projection = simulate([call(5, "unknown-9")], "--price-change", "acme/big +50%")["projection"]
    assert (projection["sensitivity"], projection["outlook"]["changes"]) == ([], [])
    text = run(
        "simulate", place / "log.jsonl", "--prices", place / "tables", "--price-change", "acme/big +50%"
    ).out
    assert "old and with new routes" not in text


@pytest.mark.parametrize("columns", [80, 120])
def test_all_of_it_is_shown(simulate: Simulate, run: Callable[..., Any], place: Path, columns: int):
    simulate(MONTH)
    argv = (
        "simulate", place / "log.jsonl", "--prices", place / "tables", "--policy", place / "mine.toml", "-q",
        "--price-change", "acme/small input =12",
    )  # fmt: skip
    text = run(*argv, columns=columns).out
    for told in (
        "Routes that nobody revises miss $62.00, $60.00 per 30 days.", "The next quarter",
        "Scheduled price changes",
        "Models that retire before 2026-05-01", "Prices that move the bill most",
    ):  # fmt: skip
        assert told in text
    assert max(len(line) for line in text.splitlines()) <= columns
    markdown = run(*argv, "-f", "markdown").out
    assert "### With old and with new routes" in markdown
    rows = run(*argv, "-f", "csv").out.splitlines()
    assert "price_move,missed,,,,,,,,,,62.00,60.00 per 30 days" in rows
    assert "scheduled_changes,acme/big input,,,,,,,,310.00,,310.00,from 2026-03-11; 10.00 to 20.00" in rows
    assert "retirements,acme/big,31,,,,,,,310.00,,,2026-04-15; 0 routed there" in rows


CUT = ("--price-change", "google/gemini-2.5-pro input -40% from 2026-04-01")


def test_the_price_cut_of_the_document_on_a_log(run: Callable[..., Any], tmp_path: Path):
    """70 % of FinSync's queries are on GPT-5, which costs as much as Gemini 2.5 Pro until the cut."""
    calls = [
        {
            "timestamp": "2026-04-15T12:00:00Z", "request_id": str(n), "tier": 2,
            "input_tokens": 300, "output_tokens": 60,
            "provider": "openai" if n < 70 else "google", "model": "gpt-5" if n < 70 else "gemini-2.5-pro",
        }
        for n in range(100)
    ]  # fmt: skip
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(c) + "\n" for c in calls), "utf-8")
    (tmp_path / "two.toml").write_text(
        'schema = "costaudit/policy@1"\nname = "two"\nmin_confidence = 1\n[[tiers]]\ntier = 2\n'
        'candidates = ["openai/gpt-5", "google/gemini-2.5-pro"]\n',
        "utf-8",
    )
    argv = ("simulate", tmp_path / "log.jsonl", "--policy", tmp_path / "two.toml", "-f", "json", "-q")
    move = json.loads(run(*argv, *CUT).out)["projection"]["price_move"]
    # A query: 300 × $1.25 + 60 × $10 = 975 per 1M; after the cut 300 × $0.75 + 600 = 825 on Gemini.
    assert move["at_old_prices"] == {"before_usd": "0.0975", "after_usd": "0.0975"}
    assert move["static"] == {"before_usd": "0.093", "after_usd": "0.093"}  # 70 × 975 + 30 × 825
    assert move["reoptimised"] == {"before_usd": "0.093", "after_usd": "0.0825"}  # 100 × 825
    assert move["missed_usd"] == "0.0105"
    assert [(r["model"], r["static_requests"], r["reoptimised_requests"]) for r in move["by_model"]] == [
        ("google/gemini-2.5-pro", 30, 100), ("openai/gpt-5-2025-08-07", 70, 0),
    ]  # fmt: skip


def test_the_price_cut_of_the_document_as_a_scenario(run: Callable[..., Any]):
    def simulate(*argv: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            run("simulate", "--scenario", "price-cut", "-f", "json", *argv).out
        )
        return found

    report = simulate()
    projection = report["projection"]
    # 35M × 975 + 15M × 825 per 1M, and 50M × 825 per 1M
    assert (projection["before_usd"], projection["after_usd"]) == ("46500.00", "41250.00")
    assert projection["savings_usd"] == "5250.00"
    assert report["prices"]["changes"] == ["google/gemini-2.5-pro input -40% from 2026-04-01"]
    before_the_cut = simulate("--prices-at", "2026-03-31")["projection"]
    assert (before_the_cut["before_usd"], before_the_cut["after_usd"]) == (
        "48750.00",
        "48750.00",
    )  # 50M × 975
    # At 1.50 in, GPT-5 costs 450 + 600 = 1,050: 35M of that, and 15M × 825.
    dearer = simulate("--price-change", "openai/gpt-5 input +20%")["projection"]
    assert Decimal(dearer["before_usd"]) == 36_750 + 12_375


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--price-change", "google/gemini-2.0-flsh input -40%"), "did you mean"),
        (("--price-change", "google/gemini-2.0-flash"), "PROVIDER/MODEL [CLASS]"),
        (("--price-change", "google/* -4%", "--cost-source", "reported"), "leave out --price-change"),
    ],
)
def test_trouble_with_a_change_is_one_line(
    run: Callable[..., Any], tmp_path: Path, argv: tuple[str, ...], said: str
):
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps(call(1)) + "\n", "utf-8")
    outcome = run("simulate", log, *argv)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
