"""What each importer makes of a hand-written source, price by price."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from costaudit.errors import TableError
from costaudit.prices.importers.genai_prices import parse_genai_prices
from costaudit.prices.importers.litellm import parse_litellm
from costaudit.prices.importers.model_prices import parse_model_prices
from costaudit.prices.importers.models_dev import parse_models_dev
from costaudit.prices.importers.observation import (
    DYNAMIC_PRICE,
    NO_PRICE,
    OTHER_CONDITION,
    OTHER_HOURS,
    OTHER_SHAPE,
    OTHER_UNIT,
    Observation,
    SkippedStatement,
)
from costaudit.prices.importers.openrouter import parse_openrouter
from costaudit.prices.importers.veqen import parse_veqen
from costaudit.prices.rows import instant_text

Parse = Callable[..., Iterator[Observation | SkippedStatement]]


def told(found: list[Observation | SkippedStatement], model: str) -> set[str]:
    """Observations of a model as text: provider class usd [when] [from] [until]."""
    lines = set()
    for item in found:
        if isinstance(item, Observation) and item.model == model:
            words = [item.provider_hint, item.klass, f"{item.usd:f}", str(item.when)]
            words += [f"from {instant_text(item.valid_from)}"] if item.valid_from is not None else []
            words += [f"until {instant_text(item.valid_to)}"] if item.valid_to is not None else []
            lines.add(" ".join(filter(None, words)))
    return lines


def reasons(found: list[Observation | SkippedStatement]) -> dict[str, int]:
    return dict(Counter(item.reason for item in found if isinstance(item, SkippedStatement)))


def test_genai_prices_with_periods_tiers_and_variants(sources, book):
    found = list(parse_genai_prices((sources / "genai_prices.json").read_bytes(), book.windows))
    assert told(found, "gpt-a") == {
        "openai input 5 until 2026-08-21",
        "openai input 10 context>272000 until 2026-08-21",
        "openai cache_write_5m 6.25 until 2026-08-21",
        "openai output 30 until 2026-08-21",
        "openai web_search 0.01 until 2026-08-21",
        "openai input 4 from 2026-08-21",
        "openai input 8 context>272000 from 2026-08-21",
        "openai cache_write_5m 5 from 2026-08-21",
        "openai output 20 from 2026-08-21",
        "openai web_search 0.01 from 2026-08-21",
        "openai input 8 tier=priority from 2026-10-12",
        "openai input 2 tier=batch from 2026-10-14",
        "openai input 4 context>272000 tier=batch from 2026-10-14",
    }
    assert reasons(found) == {OTHER_UNIT: 1, OTHER_CONDITION: 1, NO_PRICE: 2, OTHER_SHAPE: 1, OTHER_HOURS: 1}


def test_genai_prices_by_the_hour_are_told_in_our_windows(sources, book):
    found = list(parse_genai_prices((sources / "genai_prices.json").read_bytes(), book.windows))
    assert told(found, "deepseek-x") == {"deepseek input 0.15", "deepseek input 0.3 window=peak"}
    # The hours of the dear price are those outside our window of discount.
    assert told(found, "deepseek-old") == {"deepseek input 0.27", "deepseek input 0.135 window=off-2025"}
    assert told(found, "deepseek-lunch") == set()


def test_without_windows_no_price_by_the_hour_is_guessed(sources):
    found = list(parse_genai_prices((sources / "genai_prices.json").read_bytes()))
    assert told(found, "deepseek-x") == set()
    assert reasons(found)[OTHER_HOURS] == 3


def test_the_data_module_of_genai_prices_is_read_without_being_run(sources, book):
    found = list(parse_genai_prices((sources / "genai_prices_data.txt").read_bytes(), book.windows))
    assert told(found, "gpt-a") == {
        "openai input 5 until 2026-08-21",
        "openai input 10 context>272000 until 2026-08-21",
        "openai input 4 from 2026-08-21",
        "openai input 2 tier=batch",
    }
    assert told(found, "deepseek-x") == {"deepseek input 0.15", "deepseek input 0.3 window=peak"}


@pytest.mark.parametrize(
    "text",
    [
        "providers: list[Provider] = [Provider(id=open('x').read(), models=[])]",
        "providers: list[Provider] = __import__('os').environ",
        "providers: list[Provider] = [p for p in ()]",
        "import os\nos.abort()",
        "providers: list[Provider] = [",
        "",
    ],
)
def test_a_module_that_is_more_than_data_is_refused(text):
    with pytest.raises(TableError, match="neither JSON nor the data module"):
        list(parse_genai_prices(text.encode()))


def test_an_entry_that_never_applies_is_left_out():
    prices = [
        {"prices": {"input_mtok": 1}},
        {"constraint": {"start_date": "2026-03-01"}, "prices": {"input_mtok": 2}},
        {"constraint": {"start_date": "2026-02-01"}, "prices": {"input_mtok": 3}},
    ]
    data = [{"id": "openai", "models": [{"id": "m", "prices": prices}]}]
    found = list(parse_genai_prices(data))
    assert told(found, "m") == {"openai input 1 until 2026-02-01", "openai input 3 from 2026-02-01"}


def test_litellm_with_conditions_in_its_keys(sources, book):
    found = list(parse_litellm((sources / "litellm.json").read_bytes(), book.windows))
    assert {line for line in told(found, "gpt-a") if "region" not in line} == {
        "openai input 4",
        "openai input 8 context>272000",
        "openai input 2 tier=batch",
        "openai input 4 context>272000 tier=batch",
        "openai input 2 tier=flex",
        "openai input 8 tier=priority",
        "openai output 20",
        "openai cache_read 0.4",
        "openai cache_write_5m 5",
        "openai cache_write_1h 8",
        "openai web_search 0.01",
    }
    assert told(found, "qwen-d") == {"dashscope input 1.2", "dashscope input 2.4 context>32000"}
    assert told(found, "sonar-e") == {"perplexity request 0.005"}


def test_litellm_regions_and_speeds(sources, book):
    found = list(parse_litellm((sources / "litellm.json").read_bytes(), book.windows))
    assert {"openai output 22 region=eu", "azure input 4.4 region=eu"} <= told(found, "gpt-a")
    assert "openai web_search 0.011 region=eu" not in told(found, "gpt-a")
    assert told(found, "claude-b") == {
        "anthropic input 5",
        "anthropic input 2.5 tier=batch",
        "anthropic input 5.5 region=us",
        "anthropic input 2.75 tier=batch region=us",
        "anthropic input 10 speed=fast",
    }
    assert told(found, "meta.llama-c") == {"bedrock input 0.3 region=us-gov-west-1"}
    assert told(found, "meta/llama-c") == {"vertex_ai input 0.2"}


def test_litellm_off_peak_prices_are_told_in_our_windows(sources, book):
    found = list(parse_litellm((sources / "litellm.json").read_bytes(), book.windows))
    assert told(found, "deepseek-x") == {"deepseek input 0.15", "deepseek input 0.3 window=peak"}


def test_litellm_never_states_a_price_of_zero(sources, book):
    found = list(parse_litellm((sources / "litellm.json").read_bytes(), book.windows))
    assert told(found, "retired") == set()
    assert reasons(found) == {NO_PRICE: 3, OTHER_CONDITION: 3, OTHER_UNIT: 1, OTHER_SHAPE: 1}


def test_models_dev(sources):
    found = list(parse_models_dev((sources / "models_dev.json").read_bytes()))
    assert told(found, "gpt-a") == {
        "openai input 4",
        "openai output 20",
        "openai cache_read 0.4",
        "openai cache_write_5m 5",
        "openai input 8 context>272000",
        "openai output 30 context>272000",
        "openai input 8 tier=priority",
    }
    assert told(found, "gemini-f") == {"google input 1.25", "google input 2.5 context>200000"}
    assert told(found, "claude-b") == {"anthropic input 5", "anthropic input 10 speed=fast"}
    assert reasons(found) == {NO_PRICE: 2, OTHER_UNIT: 1, OTHER_CONDITION: 1, OTHER_SHAPE: 1}


def test_openrouter(sources, book):
    found = list(parse_openrouter((sources / "openrouter.json").read_bytes(), book.windows))
    assert told(found, "openai/gpt-a") == {
        "openrouter input 4",
        "openrouter output 20",
        "openrouter cache_read 0.4",
        "openrouter cache_write_5m 5",
        "openrouter cache_write_1h 8",
        "openrouter web_search 0.01",
        "openrouter input 8 context>272000",
    }
    assert told(found, "deepseek/deepseek-x") == {"openrouter input 0.15", "openrouter output 0.6"}
    assert told(found, "openrouter/auto") == set()
    assert told(found, "meta-llama/llama-sale") == set()
    assert reasons(found) == {
        NO_PRICE: 3, DYNAMIC_PRICE: 2, OTHER_UNIT: 2, OTHER_HOURS: 1, OTHER_CONDITION: 1, OTHER_SHAPE: 1,
    }  # fmt: skip


def test_model_prices_with_their_dates(sources):
    found = list(parse_model_prices((sources / "model_prices.json").read_bytes()))
    assert told(found, "gpt-a") == {
        "openai input 5 until 2026-08-21",
        "openai output 25 until 2026-08-21",
        "openai cache_read 0.5 until 2026-08-21",
        "openai input 4 from 2026-08-21",
        "openai output 20 from 2026-08-21",
        "openai cache_read 0.4 from 2026-08-21",
        "openai cache_write_5m 5 from 2026-08-21",
        "openai input 8 context>272000 from 2026-08-21",
        "openai output 30 context>272000 from 2026-08-21",
        "openai input 2 tier=batch from 2026-08-21",
        "openai output 10 tier=batch from 2026-08-21",
        "openai input 8 tier=priority",
        "openai output 40 tier=priority",
    }
    assert told(found, "claude-b") == {"anthropic input 10 speed=fast"}
    assert reasons(found) == {OTHER_CONDITION: 1, NO_PRICE: 1, OTHER_SHAPE: 1}


def test_veqen_pricebook(sources):
    found = list(parse_veqen((sources / "veqen.json").read_bytes()))
    assert told(found, "gpt-a") == {
        "openai input 4",
        "openai output 20",
        "openai cache_read 0.4",
        "openai cache_write_5m 5",
        "openai input 8 context>272000",
        "openai input 2 tier=batch",
    }
    assert told(found, "claude-b") == {"anthropic input 5", "anthropic cache_write_1h 10"}
    assert reasons(found) == {OTHER_CONDITION: 2, OTHER_UNIT: 1, NO_PRICE: 1}


@pytest.mark.parametrize(
    ("parse", "name"),
    [
        (parse_model_prices, "model_prices.json"),
        (parse_veqen, "veqen.json"),
        (parse_genai_prices, "genai_prices.json"),
        (parse_litellm, "litellm.json"),
        (parse_models_dev, "models_dev.json"),
        (parse_openrouter, "openrouter.json"),
    ],
)
def test_a_mapping_says_the_same_as_its_bytes(parse: Parse, name: str, sources, book):
    raw = (sources / name).read_bytes()
    decoded: Any = json.loads(raw)  # with floats, as a library would hold it
    assert list(parse(decoded, book.windows)) == list(parse(raw, book.windows))
