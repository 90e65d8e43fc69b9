"""`costaudit pricing`: every answer in text and JSON, and every refusal with its reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costaudit.config import Config, parse_config
from costaudit.errors import ConfigError

Run = Callable[..., Any]


def answer(run: Run, *argv: str | Path) -> Any:
    outcome = run("pricing", *argv, "--format", "json")
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def test_list_by_provider_and_class(run: Run):
    models = answer(run, "list", "anthropic", "--class", "flagship", "--at", "2026-11-01")["models"]
    assert models
    assert {m["class"] for m in models} == {"flagship"}
    assert {m["model"].partition("/")[0] for m in models} == {"anthropic"}
    assert "models, USD per 1M tokens" in run("pricing", "list", "claude", "--class", "flagship").out


def test_show_has_every_row_and_a_timeline(run: Run):
    rows = answer(run, "show", "o3")["rows"]
    assert [(r["valid_from"], r["usd"]) for r in rows if r["class"] == "input" and not r["when"]] == [
        ("2025-04-16", "10"),
        ("2025-06-10", "2"),
    ]
    text = run("pricing", "show", "o3").out
    assert "standard price over time" in text
    assert "█" in text


def test_show_tells_what_a_moving_name_stood_for(run: Run):
    told = answer(run, "show", "mistral-large-latest")
    assert [p["model"] for p in told["periods"]][-2:] == ["mistral-large-2411", "mistral-large-2512"]
    text = run("pricing", "show", "mistral-large-latest").out
    assert "2025-12-02" in text
    assert "input 2, output 6" in text, "the price of the name, not of today's model"


def test_history_has_old_new_and_percent_the_newest_last(run: Run):
    changes = answer(run, "history", "o3", "--since", "2025-06-01")["changes"]
    cut = next(c for c in changes if c["class"] == "input" and not c["when"])
    assert (cut["at"], cut["before_usd"], cut["after_usd"], cut["percent"]) == (
        "2025-06-10",
        "10",
        "2",
        "-80.0",
    )
    dates = [c["at"] for c in answer(run, "history", "deepseek")["changes"]]
    assert dates == sorted(dates)
    assert "-80.0 %" in run("pricing", "history", "o3").out


def test_history_knows_scheduled_changes_and_ends_before_a_day(run: Run):
    future = answer(run, "history", "gemini-4-argon", "--since", "2026-11-21")["changes"]
    assert {c["status"] for c in future} == {"scheduled"}
    assert (
        answer(run, "history", "gemini-4-argon", "--since", "2026-11-21", "--until", "2026-12-01")["changes"]
        == []
    )
    assert "no price changed" in run("pricing", "history", "o3", "--since", "2026-11-21").out
    assert "(scheduled)" in run("pricing", "history", "gemini-4-argon").out


def test_quote_prices_every_class(run: Run):
    found = answer(
        run, "quote", "claude-sonnet-4-6", "--input", "100000", "--cache-read", "100000",
        "--cache-write-5m", "100000", "--cache-write-1h", "100000", "--output", "10000", "--web-search", "10",
        "--at", "2026-05-01", "--batch", "--region", "us",
    )  # fmt: skip
    # 0.165 + 0.0165 + 0.20625 + 0.33 + 0.0825 + 10 searches at 0.01
    assert found["list_usd"] == "0.90025"
    assert (
        found["lines"][0]["rate_id"] == "anthropic/claude-sonnet-4-6/input@2026-02-17[tier=batch region=us]"
    )
    assert list(found) == ["schema", "model", "resolved", "at", "list_usd", "lines"]


def test_doubts_are_prices_in_force_of_low_confidence_with_their_notes(run: Run, tmp_path: Path):
    (tmp_path / "p").mkdir()
    (tmp_path / "providers.toml").write_text('[p]\nname = "P"\n')
    rows = [
        "m,input,1,mtok,2026-01-01,,,s,low,2026-01-01,2026-01-01,once in doubt",
        "m,input,2,mtok,2026-02-01,,,s,high,2026-02-01,2026-02-01,",
        "m,output,4,mtok,2026-01-01,,,s,low,2026-01-01,2026-01-01,sources differ",
        "m,output,2,mtok,2026-01-01,tier=batch,,s,low,2026-01-01,2026-01-01,sources differ",
    ]
    head = "model,class,usd,per,valid_from,when,status,source,confidence,checked_on,recorded_on,note"
    (tmp_path / "p" / "prices.csv").write_text("\n".join([head, *rows, ""]))
    text = run("pricing", "doubts", "p", "--prices", tmp_path, "--at", "2026-03-01").out
    assert text.splitlines() == [
        "p/m",
        "  output 4, output 2 [tier=batch]",
        "    sources differ",
        "2 prices of 1 models in force are of low confidence",
    ]
    told = json.loads(run("pricing", "doubts", "--prices", tmp_path, "--at", "2026-01-15", "-f", "json").out)
    assert told["doubts"][0]["rate_id"] == "p/m/input@2026-01-01"


def test_quote_bills_a_fee_per_request_once(run: Run):
    text = run("pricing", "quote", "sonar", "--input", "1000000", "--at", "2026-06-01").out
    assert "× 0.005 each" in text
    assert "$1.00" in text


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("quote", "gpt-4o", "--batch", "--service-tier", "flex"), "two tiers"),
        (("quote", "gpt-4o", "--service-tier", "prioritty"), "did you mean 'priority'"),
        (("quote", "gpt-4oo", "--input", "1"), "did you mean 'gpt-4o'"),
        (("quote", "gpt-4o", "--at", "yesterday-ish"), "is not a time"),
        (("quote", "deepseek-chat", "--at", "2026-09-01"), "its successor is deepseek-v4-flash"),
        (("show", "claude-opus-49"), "did you mean"),
        (("history", "deepsek-chat"), "did you mean"),
        (("list", "openaii"), "did you mean 'openai'"),
        (("list", "--class", "flagshp"), "did you mean 'flagship'"),
        (("list", "--known-on", "soon"), "is not a day"),
        (("list", "--overlay", "no-such-folder"), "no such directory"),
        (("quote", "x", "--map", "x"), "NAME=PROVIDER/MODEL"),
        (("show", "azure/prod-chat"), "needs_map"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_hint(run: Run, argv: tuple[str, ...], said: str):
    outcome = run("pricing", *argv)
    assert outcome.code == 2
    assert said in outcome.err
    assert outcome.out == ""


def test_batch_said_twice_is_batch(run: Run):
    argv = (
        "quote",
        "gpt-4o-mini",
        "--input",
        "1000000",
        "--at",
        "2026-06-01",
        "--batch",
        "--service-tier",
        "batch",
    )
    assert answer(run, *argv)["list_usd"] == "0.075"


def test_a_quote_without_a_price_is_json_too(run: Run):
    outcome = run("pricing", "quote", "gpt-5.9", "--input", "1", "--format", "json")
    assert outcome.code == 2
    told = json.loads(outcome.out)
    assert (told["reason"], told["list_usd"], told["lines"]) == ("unknown_model", None, [])


def test_a_region_without_prices_is_said(run: Run):
    outcome = run("pricing", "quote", "gpt-4o", "--input", "1", "--region", "mars")
    assert outcome.code == 0
    assert "no price for region 'mars'" in outcome.err


def test_the_book_as_known_on_a_day(run: Run):
    assert answer(run, "list", "--known-on", "2020-01-01")["models"] == []
    assert "as known on 2026-11-20" in run("pricing", "list", "openai", "--known-on", "2026-11-20").out


@pytest.fixture
def team(tmp_path: Path) -> Path:
    place = tmp_path / "team"
    (place / "openai").mkdir(parents=True)
    (place / "openai" / "prices.csv").write_text(
        "model,class,usd,per,valid_from,when,status,source,confidence,checked_on,recorded_on,note\n"
        "gpt-4o-2024-08-06,input,2,mtok,2026-01-01,,,contract,high,2026-01-01,2026-01-01,\n",
        "utf-8",
    )
    return place


def test_an_overlay_is_shown_in_every_number_it_touches(run: Run, team: Path):
    argv = (
        "quote",
        "gpt-4o",
        "--input",
        "1000000",
        "--output",
        "1000000",
        "--at",
        "2026-06-01",
        "--overlay",
        team,
    )
    found = answer(run, *argv)
    assert found["list_usd"] == "12.00"
    assert [line["rate_id"].startswith("overlay:team/") for line in found["lines"]] == [True, False]
    rows = answer(run, "show", "gpt-4o", "--overlay", team)["rows"]
    assert [r["overlay"] for r in rows if r["valid_from"] == "2026-01-01"] == ["team"]
    assert "overlay team" in run("pricing", "show", "gpt-4o", "--overlay", team).out
    assert run("pricing", "check", "--overlay", team).code == 0


def test_a_report_names_the_overlays_and_the_day(run: Run, team: Path, tmp_path: Path):
    log = tmp_path / "log.jsonl"
    log.write_text(
        '{"timestamp": "2026-06-01T10:00:00Z", "provider": "openai", "model": "gpt-4o", "request_id": "a",'
        ' "input_tokens": 1000000, "output_tokens": 1000000}\n',
        "utf-8",
    )
    outcome = run("analyze", log, "--overlay", team, "--known-on", "2026-11-21", "--format", "json", "-q")
    told = json.loads(outcome.out)
    assert told["spend"]["list_usd"] == "12.00"
    assert (told["prices"]["overlays"], told["prices"]["known_on"]) == (["team"], "2026-11-21")


def test_a_fee_per_request_is_in_the_list_cost_of_a_log(run: Run, tmp_path: Path):
    log = tmp_path / "log.jsonl"
    call = {
        "timestamp": "2026-01-05T10:00:00Z",
        "provider": "perplexity",
        "model": "sonar",
        "input_tokens": 1000,
    }
    lines = [json.dumps({**call, "output_tokens": 1000, "request_id": str(n)}) for n in range(3)]
    log.write_text("\n".join(lines) + "\n", "utf-8")
    told = json.loads(run("analyze", log, "--format", "json", "-q").out)
    assert told["spend"]["list_usd"] == "0.021"  # 3 × (0.001 + 0.001 + 0.005)


SETTINGS = """
[tool.costaudit]
overlays = ["team"]

[tool.costaudit.map]
"prod-chat" = "openai/gpt-4o"

[[tool.costaudit.discounts]]
provider = "openai"
model = "gpt-4o*"
percent = 10
valid_from = 2026-01-01
"""


def test_settings_are_found_upwards_and_used(run: Run, team: Path, monkeypatch: pytest.MonkeyPatch):
    (team.parent / "pyproject.toml").write_text(SETTINGS, "utf-8")
    deep = team.parent / "src" / "deep"
    deep.mkdir(parents=True)
    (team.parent / "src" / "pyproject.toml").write_text("[project]\nname = 'other'\n", "utf-8")
    monkeypatch.chdir(deep)
    found = answer(
        run, "quote", "prod-chat", "--input", "1000000", "--output", "1000000", "--at", "2026-06-01"
    )
    assert found["resolved"]["how"] == "user_map"
    assert found["list_usd"] == "11.00"  # input 2 as negotiated, output 10 less 10 percent
    assert found["lines"][1]["rate_id"] == "overlay:discount/openai/gpt-4o-2024-08-06/output@2024-08-06"


def test_a_costaudit_toml_needs_no_section(run: Run, team: Path, monkeypatch: pytest.MonkeyPatch):
    (team.parent / "costaudit.toml").write_text('overlays = ["team"]\n', "utf-8")
    monkeypatch.chdir(team.parent)
    assert answer(run, "quote", "gpt-4o", "--input", "1000000", "--at", "2026-06-01")["list_usd"] == "2.00"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('overlay = ["team"]', "did you mean 'overlays'"),
        ('[[discounts]]\nprovider = "openai"\npercentage = 5', "did you mean 'percent'"),
        ('[[discounts]]\nprovider = "openia"\npercent = 5', "did you mean 'openai'"),
        ('[map]\nx = "y"', "not provider/model"),
        ("overlays = [", "not valid toml"),
        ('overlays = ["nowhere"]', "no such directory"),
    ],
)
def test_settings_that_are_wrong_are_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
):
    (tmp_path / "costaudit.toml").write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    outcome = run("pricing", "list", "openai")
    assert outcome.code == 2
    assert said in outcome.err.lower()


def test_paths_of_settings_are_relative_to_their_file(tmp_path: Path):
    config = parse_config({"prices": "tables", "overlays": ["a"]}, tmp_path / "costaudit.toml")
    assert config.prices == tmp_path / "tables"
    assert config.overlays == (tmp_path / "a",)
    assert parse_config({}, tmp_path / "costaudit.toml") == Config()
    with pytest.raises(ConfigError):
        parse_config({"discounts": 5}, tmp_path / "costaudit.toml")
