"""What a policy comes to at a time: which models, in which order, for whom."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from costaudit.errors import ConfigError
from costaudit.questions.exports.model import Route
from costaudit.routing.policy_load import shipped_policies
from tests.questions.exports.policies import HEAD, RICH, exported

TIER_0 = HEAD + "[[tiers]]\ntier = 0\n"


def models(route: Route) -> list[str]:
    return [place.model for place in route.candidates]


def routes(source: str, folder: Path, **options) -> dict[str, Route]:
    return {route.name: route for route in exported(source, folder, **options).routes}


def test_the_newest_of_a_seat_serves_and_the_cheapest_stands_first(tmp_path):
    # 1 August 2024, USD per 1M tokens in and out, 3 parts to 1: deepseek-chat .14/.28 = .70,
    # gpt-4o-mini .15/.60 = 1.05, claude-3-haiku .25/1.25 = 2.00; gemini-1.5-flash-8b came in October.
    found = routes(TIER_0 + 'classes = ["economy"]\n', tmp_path, at="2024-08-01")["tier-0"]
    assert models(found) == [
        "deepseek/deepseek-chat", "openai/gpt-4o-mini", "anthropic/claude-3-haiku-20240307",
    ]  # fmt: skip
    assert found.candidates[1].book_model == "gpt-4o-mini-2024-07-18"
    assert found.candidates[1].usd_per_mtok["input"] == Decimal("0.15")
    assert [seat.models[0] for seat in found.absent] == ["google/gemini-1.5-flash-8b"]
    # Ten days before gpt-4o-mini came out, the seat of OpenAI was held by GPT-3.5 at .50/1.50 = 3.00.
    before = routes(TIER_0 + 'classes = ["economy"]\n', tmp_path, at="2024-07-08")["tier-0"]
    assert models(before)[-1] == "openai/gpt-3.5-turbo-0125"


def test_the_mix_decides_where_prices_cross(tmp_path):
    # 2025-03-01: deepseek-chat .27/1.10, gpt-4o-mini .15/.60, gemini-1.5-flash .075/.30, haiku .25/1.25
    text = TIER_0 + 'candidates = ["deepseek/deepseek-chat", "anthropic/claude-3-haiku-20240307"]\n'
    of_input = routes(text, tmp_path, at="2025-03-01T12:00Z", mix=(1, 0))["tier-0"]
    of_output = routes(text, tmp_path, at="2025-03-01T12:00Z", mix=(0, 1))["tier-0"]
    assert models(of_input) == ["anthropic/claude-3-haiku-20240307", "deepseek/deepseek-chat"]
    assert models(of_output) == ["deepseek/deepseek-chat", "anthropic/claude-3-haiku-20240307"]


def test_an_ordered_choice_keeps_the_order_of_the_policy(tmp_path):
    text = TIER_0 + 'candidates = ["openai/gpt-4o", "openai/gpt-4o-mini"]\nchoice = "ordered"\n'
    found = routes(text, tmp_path)["tier-0"]
    assert models(found) == ["openai/gpt-4o", "openai/gpt-4o-mini"]
    assert not found.by_price
    assert routes(text.replace("ordered", "cheapest"), tmp_path)["tier-0"].by_price


def test_a_later_class_stands_after_all_of_an_earlier_one(tmp_path):
    both = routes(TIER_0 + 'classes = ["economy", "mid"]\n', tmp_path, at="2024-08-01")["tier-0"]
    economy = routes(TIER_0 + 'classes = ["economy"]\n', tmp_path, at="2024-08-01")["tier-0"]
    assert models(both)[:3] == models(economy)
    # gpt-4o-mini and claude-3-haiku sit in both classes then: once is enough
    assert models(both)[3:] == ["google/gemini-1.5-flash"]


def test_only_allowed_providers_serve_also_as_fallbacks(tmp_path):
    text = (
        HEAD + 'providers = ["openai"]\n[[tiers]]\ntier = 0\nclasses = ["economy"]\n'
        'fallbacks = ["anthropic/claude-haiku-4-5", "openai/gpt-4.1"]\n'
    )
    found = routes(text, tmp_path)["tier-0"]
    assert {place.provider for place in (*found.candidates, *found.fallbacks)} == {"openai"}
    assert [place.model for place in found.fallbacks] == ["openai/gpt-4.1"]
    assert not found.then_current  # the policy names its own last resort


def test_long_requests_and_peak_hours_make_the_dearest_price(tmp_path):
    text = TIER_0 + 'candidates = ["deepseek/deepseek-v4-flash", "openai/gpt-6-luna"]\n'
    luna, flash = sorted(routes(text, tmp_path)["tier-0"].candidates, key=lambda p: p.model, reverse=True)
    # deepseek-v4-flash: .15 in off peak, twice that at peak; gpt-6-luna: .10 in, twice that over 272k
    assert (flash.usd_per_mtok["input"], flash.most_usd_per_mtok["input"]) == (
        Decimal("0.15"),
        Decimal("0.3"),
    )
    assert (luna.usd_per_mtok["input"], luna.most_usd_per_mtok["input"]) == (Decimal("0.1"), Decimal("0.2"))


def test_a_policy_of_one_provider_becomes_a_route_per_provider(tmp_path):
    found = routes("same-provider", tmp_path)
    assert [name for name in found if name.startswith("tier-1")] == [
        "tier-1-at-anthropic", "tier-1-at-google", "tier-1-at-openai",
    ]  # fmt: skip
    for name, route in found.items():
        if not route.keep:
            assert {place.provider for place in route.candidates} == set(route.when.providers)
            assert name.endswith(route.when.providers[0])


def test_with_the_model_of_today_one_provider_is_left(tmp_path):
    found = routes("same-provider", tmp_path, current="openai/gpt-4o")
    assert list(found) == ["tier-0", "tier-1", "tier-2", "tier-3"]
    assert {p.provider for route in found.values() for p in route.candidates} == {"openai"}


def test_residency_is_asked_first_and_all_that_fit_must_be_met(tmp_path):
    found = routes(RICH, tmp_path)
    names = [name for name in found if name.startswith("rule-search")]
    assert names == [
        "rule-search-residency-1-2",
        "rule-search-residency-1",
        "rule-search-residency-2",
        "rule-search",
    ]
    assert models(found["rule-search-residency-1-2"]) == ["azure/gpt-4o-mini"]
    assert models(found["rule-search-residency-2"]) == ["azure/gpt-4o-mini"]
    assert found["rule-search-residency-2"].fallbacks == []  # gpt-4.1 of OpenAI may not serve
    assert found["tier-1-residency-1"].keep  # neither Mistral nor Azure is a candidate of tier 1
    assert models(found["tier-1-residency-2"]) == ["anthropic/claude-haiku-4-5"]
    assert not found["tier-2"].when.residency  # nothing is moved: nothing to forbid


def test_rules_stand_before_tiers_with_names_fit_for_an_url(tmp_path):
    names = list(routes(RICH, tmp_path))
    assert names.index("rule-search") < names.index("rule-2") < names.index("tier-0")
    twice = HEAD + 2 * '[[rules]]\nname = "Ä / b!"\nfeatures = ["x"]\nkeep = true\n'
    assert list(routes(twice, tmp_path)) == ["rule-1", "rule-2"]


def test_a_rule_and_one_provider_leave_nothing_to_later_rules(tmp_path):
    text = (
        HEAD + 'same_provider = true\n[[rules]]\nfeatures = ["x"]\n'
        'candidates = ["openai/gpt-4o-mini", "google/gemini-2.5-flash"]\n'
        '[[tiers]]\ntier = 0\ncandidates = ["mistral/mistral-small-2603"]\n'
    )
    found = routes(text, tmp_path)
    assert list(found) == ["rule-1-at-google", "rule-1-at-openai", "rule-1-elsewhere", "tier-0-at-mistral"]
    assert found["rule-1-elsewhere"].keep  # requests at Mistral fit the rule, and nobody there may serve them
    assert found["rule-1-elsewhere"].when.providers == []


@pytest.mark.parametrize("current", [None, "openai/gpt-4o"])
@pytest.mark.parametrize("name", sorted(shipped_policies()))
def test_every_shipped_policy_has_models_in_service(tmp_path, name, current):
    found = exported(name, tmp_path, current=current)
    assert any(not route.keep for route in found.routes)
    assert len({route.name for route in found.routes}) == len(found.routes)


@pytest.mark.parametrize(
    ("current", "said"),
    [
        ("gpt-4o", "not PROVIDER/MODEL"),
        ("opnai/gpt-4o", "did you mean 'openai'"),
        ("openai/gpt-99", "no model 'openai/gpt-99'"),
        ("google/gemini-1.5-pro", "cannot serve: not_in_service"),
    ],
)
def test_a_current_model_that_cannot_serve_is_refused(tmp_path, current, said):
    with pytest.raises(ConfigError, match=said):
        exported("default", tmp_path, current=current)


def test_a_candidate_that_is_not_in_the_book_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no model 'openai/gpt-99'"):
        exported(TIER_0 + 'candidates = ["openai/gpt-99"]\n', tmp_path)
