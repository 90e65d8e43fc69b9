"""What the keys of invented house logs are taken for, and what of them is left out."""

from __future__ import annotations

import random
import tomllib
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.ingest.guess.decide import guess_of
from costaudit.ingest.guess.prices import KnownPrices
from costaudit.ingest.guess.result import Guess
from costaudit.ingest.guess.survey import survey_of
from costaudit.ingest.guess.words import words_in
from costaudit.prices.book import load_book
from costaudit.prices.resolver import Resolver
from tests.ingest.guess.house_styles import BASE, STYLES, calls, records


@lru_cache(maxsize=1)
def prices() -> KnownPrices:
    book = load_book()
    return KnownPrices(book, Resolver(book))


def guessed(rows: list[dict[str, Any]]) -> Guess:
    return guess_of(survey_of(rows), prices())


def taken(guess: Guess) -> dict[str, str]:
    return {one.field: one.key + (f" {one.unit}" if one.unit else "") for one in guess.taken}


@pytest.mark.parametrize("style", STYLES)
def test_the_keys_of_a_house_log(style: str):
    of_call, expected, left = STYLES[style]
    guess = guessed(records(of_call))
    assert set(left) <= {one.key for one in guess.left}
    if expected:
        assert (guess.refused, taken(guess)) == (None, expected)
        assert tomllib.loads(guess.mapping())["formats"]["mine"].keys() - {"input_includes_cache"} == set(
            expected
        )
    else:
        assert guess.refused is not None
    told = repr(guess)
    assert "CANARY" not in told


def test_times_without_hours_are_sums_of_days():
    of_call = STYLES["plain"][0]
    rows = [{**row, "zeit": f"2025-06-{n + 1:02}"} for n, row in enumerate(records(of_call, 28))]
    assert "sums" in (guessed(rows).refused or "")


@pytest.mark.parametrize("beside", [False, True])
def test_a_cost_tells_where_cached_tokens_stand(beside: bool):
    """By hand: 1,000 of the input are read from the cache at half its price."""
    rows = []
    for call in calls():
        fresh = call["in"] + 1000
        cost = (2.5 * fresh + 1.25 * 1000 + 10 * call["out"]) / 1e6
        asked = fresh if beside else fresh + 1000
        rows.append({"mdl": "gpt-4o", "t": call["ts"], "tok_in": asked, "tok_cached": 1000,
                     "tok_out": call["out"], "cost": cost})  # fmt: skip
    guess = guessed(rows)
    assert taken(guess)["cost_usd"] == "cost"
    assert guess.beside is beside


def test_values_are_quoted_only_where_they_are_public_names_or_numbers():
    rows = [{**row, "team": "CANARY-team", "mdl": "ft:gpt-4o-2024-08-06:acme:CANARY:1"}
            for row in records(STYLES["plain"][0])]  # fmt: skip
    assert "CANARY" not in repr(guessed(rows))
    (why,) = [one.why for one in guessed(records(STYLES["plain"][0])).taken if one.field == "model"]
    assert why == "its values are names of models in the price book, like gpt-4o and gpt-4o-mini"


def test_keys_are_read_in_several_languages_and_spellings():
    spelled = {
        "tokensIn": {"token", "in"}, "Ausgabe-Token": {"out", "token"}, "coût (€)": {"cost", "foreign"},
        "入力トークン数": {"in", "token", "count"}, "modelname": {"model", "name"},
    }  # fmt: skip
    for name, concepts in spelled.items():
        assert concepts - {"count"} <= words_in(name).known <= concepts


FIELDS = {
    "timestamp": ["zeit", "when", "Datum", "日時", "c3", "logged_at", "started"],
    "model": ["mdl", "Modell", "engine", "modèle", "x1", "which", "モデル"],
    "input_tokens": [
        "tok_in",
        "n_in",
        "in",
        "prompt",
        "Eingabe",
        "a",
        "ptok",
        "tokens_sent",
        "入力トークン",
        "tin",
    ],
    "output_tokens": ["tok_out", "n_out", "out", "answer", "Ausgabe", "b", "ctok", "tokens_received", "tout"],
    "total_tokens": ["tok", "total", "sum", "gesamt", "all_tokens", "n"],
    "cost_usd": ["usd", "price", "Kosten", "spend_dollars", "amount", "c", "cost"],
    "cost_eur": ["cost_eur", "eur", "Kosten_EUR", "€"],
    "running": ["tok_stand", "tok_so_far", "cum_tok", "tok_used"],
    "latency_ms": ["ms", "dauer_ms", "tok_time", "elapsed", "time_ms"],
    "request_id": ["rid", "req", "anfrage_id", "uuid", "key", "x7"],
    "trace": ["trace", "trace_id", "correlation_id", "parent_id"],
    "session": ["sess", "conv", "thread", "s", "chat_id"],
    "score": ["score", "quality", "tok_ratio", "conf"],
    "text": ["input", "question", "body"],
}


@given(st.integers(0, 10**6))
def test_whatever_keys_are_called_none_is_taken_for_another(seed: int):
    """A renamed log is read as it was, or a field is missing and said to be."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    fields = [f for f in FIELDS if f in BASE or draw.random() < 0.5]
    names: dict[str, str] = {}
    for field in fields:
        names[field] = draw.choice([name for name in FIELDS[field] if name not in names.values()])
    total, rows = 0, []
    for call in calls(12, seed):
        total += call["in"] + call["out"]
        values = {
            "timestamp": call["ts"], "model": call["model"], "input_tokens": call["in"],
            "output_tokens": call["out"], "total_tokens": call["in"] + call["out"], "cost_usd": call["usd"],
            "cost_eur": call["usd"] * 0.92, "running": total, "latency_ms": call["ms"],
            "request_id": call["id"], "trace": f"t{call['n'] // 3}", "session": call["session"],
            "score": call["n"] % 10 / 10, "text": "Please sum this up",
        }  # fmt: skip
        rows.append({names[field]: values[field] for field in draw.sample(fields, len(fields))})
    guess = guessed(rows)
    means = {name: field for field, name in names.items()}
    if guess.refused is None:
        assert {one.key: means[one.key.strip('"')] for one in guess.taken} == {
            o.key: o.field for o in guess.taken
        }


def test_few_records_show_a_running_sum_where_both_sides_rise_or_another_column_is_its_steps():
    """By hand: 120, 80, 590 and 50 add up to 120, 200, 790 and 840."""
    sides = [(120, 40), (400, 95), (990, 110), (1500, 240), (1720, 290)]
    rows = [{"mdl": "gpt-4o", "tok_in": asked, "tok_out": answered} for asked, answered in sides]
    assert guessed(rows).refused is not None
    calls_ = [(120, 40, 120), (80, 95, 200), (590, 110, 790), (50, 24, 840)]
    rows = [{"mdl": "gpt-4o", "tok_in": a, "tok_out": b, "tok_in_stand": so_far} for a, b, so_far in calls_]
    guess = guessed(rows)
    assert taken(guess) == {"model": "mdl", "input_tokens": "tok_in", "output_tokens": "tok_out"}
    assert [(one.key, one.why) for one in guess.left] == [("tok_in_stand", "it is the running sum of tok_in")]


def test_words_for_nothing_are_no_values():
    rows = records(STYLES["counts as text"][0])
    rows[3]["tok_out"] = "n/a"
    assert taken(guessed(rows)) == BASE


@pytest.mark.parametrize("unit", [1, 100])
def test_prices_tell_sides_whose_names_say_nothing(unit: int):
    rows = [{"x": c["model"], "when": c["ts"], "a": c["n"], "b": c["out"], "c": c["in"],
             "d": round(c["usd"] * unit, 9)} for c in calls()]  # fmt: skip
    assert taken(guessed(rows)) == {
        "model": "x",
        "timestamp": "when",
        "input_tokens": "c",
        "output_tokens": "b",
    }
    assert guessed([{**row, "d": row["d"] * 0.92} for row in rows]).refused is not None
