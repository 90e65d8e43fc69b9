"""OpenRouter: presets that its API takes, with its own names of models and providers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from costaudit.errors import ConfigError
from costaudit.questions.exports.model import ServingModel
from costaudit.routing.policy_load import load_roster, shipped_policies
from tests.conftest import ROOT
from tests.questions.exports.policies import HEAD, RICH, market, speller, written

SCHEMA = json.loads((ROOT / "tests/questions/exports/schemas/openrouter.schema.json").read_text("utf-8"))
TIER = HEAD + "[[tiers]]\ntier = 1\n"


def told(source: str, folder: Path, **options) -> Any:
    return json.loads(written("openrouter", source, folder, **options).text)


def body(source: str, folder: Path, **options) -> Any:
    (preset,) = told(source, folder, **options)["presets"]
    return preset["body"]


@pytest.mark.parametrize("current", [None, "openai/gpt-4o"])
@pytest.mark.parametrize("source", [*sorted(shipped_policies()), RICH])
def test_every_preset_is_a_request_of_the_documented_shape(tmp_path, source, current):
    found = told(source, tmp_path, current=current)
    assert found["presets"]
    for preset in found["presets"]:
        jsonschema.validate(preset["body"], SCHEMA)
        assert preset["slug"] == preset["slug"].lower().strip("-").replace(" ", "")


def test_models_providers_and_the_highest_price_by_hand(tmp_path):
    text = TIER + 'candidates = ["anthropic/claude-haiku-4-5", "openai/gpt-4o-mini"]\n'
    found = body(text, tmp_path)
    # gpt-4o-mini .15/.60, claude-haiku-4-5 1/5
    assert found["models"] == ["openai/gpt-4o-mini", "anthropic/claude-haiku-4.5"]
    assert found["provider"] == {
        "order": ["openai", "anthropic"],
        "allow_fallbacks": False,
        "max_price": {"prompt": "1.00", "completion": "5.00"},
    }


@pytest.mark.parametrize(
    ("model", "slug", "provider"),
    [  # as OpenRouter's model pages and the catalogue models.dev spell them
        ("openai/gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini-2024-07-18", "openai"),
        ("openai/gpt-4.1-2025-04-14", "openai/gpt-4.1", "openai"),
        ("azure/gpt-4.1", "openai/gpt-4.1", "azure"),
        ("google/gemini-2.5-flash", "google/gemini-2.5-flash", "google-ai-studio"),
        ("anthropic/claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4.5", "anthropic"),
        ("deepseek/deepseek-v4-flash", "deepseek/deepseek-v4-flash", "deepseek"),
        ("mistral/mistral-small-2603", "mistralai/mistral-small-2603", "mistral"),
        ("xai/grok-4.5", "x-ai/grok-4.5", "xai"),
    ],
)
def test_a_model_gets_the_name_that_openrouter_gives_it(tmp_path, model, slug, provider):
    found = body(TIER + f'candidates = ["{model}"]\n', tmp_path)
    assert found["models"] == [slug]
    assert found["provider"]["order"] == [provider]


def test_a_model_of_openrouter_itself_keeps_its_name_and_any_provider(tmp_path):
    found = body(TIER + 'candidates = ["openrouter/qwen/qwen3-32b"]\n', tmp_path)
    assert found["models"] == ["qwen/qwen3-32b"]
    assert set(found["provider"]) == {"max_price"}


def test_the_roster_of_today_has_names_at_openrouter():
    roster = load_roster(ROOT / "costaudit/routing/roster.toml", "roster.toml")
    for seat in {seat for seats in roster.values() for seat in seats}:
        place = market().place(seat)
        assert isinstance(place, ServingModel), seat
        assert "/" in speller().slug(place)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("openai/gpt-3.5-turbo-instruct-0914", "OpenRouter's name of this model is not known"),
        ("groq/openai/gpt-oss-120b", r"not known \(name it as OpenRouter does: openrouter/AUTHOR/MODEL"),
        ("databricks/databricks-claude-haiku-4-5", "OpenRouter"),
    ],
)
def test_a_model_that_openrouter_does_not_know_is_named_and_not_guessed(tmp_path, model, said):
    with pytest.raises(ConfigError, match=said) as caught:
        written("openrouter", TIER + f'candidates = ["{model}"]\n', tmp_path)
    assert model in str(caught.value)


def test_a_name_that_several_models_have_is_not_decided(tmp_path):
    text = TIER + 'candidates = ["deepseek/deepseek-reasoner"]\n'
    with pytest.raises(ConfigError, match=r"may be deepseek/deepseek-r1 or deepseek/deepseek-r1-0528"):
        written("openrouter", text, tmp_path, at="2025-06-10")


def test_a_floating_name_gets_the_name_of_what_it_stands_for(tmp_path):
    found = body(TIER + 'candidates = ["mistral/mistral-medium-latest"]\n', tmp_path)
    assert found["models"] == ["mistralai/mistral-medium-3-5"]


def test_what_is_more_than_openrouter_takes_is_said(tmp_path):
    names = ["openai/gpt-4o-mini", "openai/gpt-4.1-mini", "openai/gpt-4.1", "openai/gpt-4o"]
    found = told(TIER + f"candidates = {json.dumps(names)}\nchoice = 'ordered'\n", tmp_path)
    assert len(found["presets"][0]["body"]["models"]) == 3
    assert any("takes 3 models, so without openai/gpt-4o" in note for note in found["notes"])


def test_requests_that_are_kept_get_a_preset_once_their_model_is_known(tmp_path):
    without = [preset["slug"] for preset in told("default", tmp_path)["presets"]]
    found = {p["slug"]: p["body"] for p in told("default", tmp_path, current="openai/gpt-4o")["presets"]}
    assert set(found) - set(without) == {"default-tier-3"}
    assert found["default-tier-3"]["models"] == ["openai/gpt-4o"]
