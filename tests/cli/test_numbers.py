"""Numbers and dates that nothing can be done with are refused in a line that names the option."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

OPTIONS = [
    "analyze LOG --risk=X", "analyze LOG --threads=X", "simulate LOG --evals EVALS --quality-floor=X",
    "simulate LOG --markup=X%", "simulate LOG --markup=5%+X/month", "simulate LOG --markup=0%-X%",
    "simulate LOG --break-even=X% --break-even=m=5/month",
    "simulate LOG --commit=percent=X,monthly=1,months=2",
    "simulate LOG --commit=percent=5,monthly=X,months=2",
    "simulate LOG --commit=percent=5,monthly=1,months=X",
    "simulate LOG --price-change openai/gpt-4o=X%", "fallback LOG --outage=openai@Xh", "label LOG --n=X",
    "label LOG --seed=X", "policy export --to json --mix=X:1", "pricing quote gpt-4o --input=X",
    "pricing check --max-age=X", "pricing diff pricing pricing --ignore-below=X%",
    "pricing diff pricing pricing --fail-if=increase>X%", "shadow plan --base-pass=X", "shadow plan --drop=X",
    "shadow plan --alpha=X", "shadow plan --power=X", "shadow plan --arm=X%", "shadow plan --cost-delta=X%",
    "shadow plan --requests-per-day=X", "shadow plan --cost-cv=X", "shadow plan --sequential --tau=X",
    "shadow plan --paired --psi=X", "shadow compare LOG LOG --margin=X", "formats test LOG --line=X",
]  # fmt: skip
NUMBERS = ["nan", "inf", "-inf", "1e400", "1e999999999999999999", "9" * 5000, "x" * 5000, "½", ""]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("numbers")
    call = {"timestamp": "2026-10-05T09:00:00Z", "model": "gpt-4o", "input_tokens": 10, "output_tokens": 1}
    (folder / "log.jsonl").write_text(json.dumps(call) + "\n", "utf-8")
    (folder / "evals.csv").write_text("model,passes,trials\nopenai/gpt-4o-mini,90,100\n", "utf-8")
    return folder


@pytest.mark.parametrize("option", OPTIONS)
def test_odd_numbers_are_refused(run: Callable[..., Any], place: Path, option: str):
    for number in NUMBERS:
        if number == "9" * 5000 and "--seed" in option:
            continue  # any whole number is a seed
        words = {"LOG": str(place / "log.jsonl"), "EVALS": str(place / "evals.csv")}
        found = run(*(words.get(word, word.replace("X", number)) for word in option.split()))
        assert found.code == 2, number
        assert found.err.startswith("costaudit: "), number
        assert found.err.count("\n") == 1, number
        assert len(found.err) < 1_600, number
        assert "bug" not in found.err, number


DATES = ["0000-00-00", "10000-01-01", "2026-02-30", "2026-10-05T25:00Z", "nan", "9" * 400, "x" * 5000]


@pytest.mark.parametrize(
    "option",
    ["analyze LOG --prices-at=X", "analyze LOG --known-on=X", "check LOG --at=X", "pricing list --at=X",
     "pricing history --since=X", "policy show --at=X", "simulate LOG --price-change=openai/*=+5%=from=X",
     "simulate LOG --markup=gateway:openrouter@X", "fallback LOG --outage=openai@X/4h"],
)  # fmt: skip
def test_odd_dates_are_refused(run: Callable[..., Any], place: Path, option: str):
    for day in DATES:
        words = {"LOG": str(place / "log.jsonl")}
        found = run(*(words.get(word, word.replace("X", day)) for word in option.split()))
        assert found.code == 2, day
        assert found.err.count("\n") == 1, day
        assert len(found.err) < 1_600, day
        assert "bug" not in found.err, day
