"""LiteLLM: a configuration of the documented shape; the real package reads it where it is installed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.errors import ConfigError
from costaudit.questions.exports.litellm import configuration
from costaudit.questions.exports.yaml_text import comment, yaml_text
from costaudit.routing.policy_load import shipped_policies
from tests.conftest import ROOT
from tests.questions.exports.policies import HEAD, RICH, exported, speller, written

SCHEMA = json.loads((ROOT / "tests/questions/exports/schemas/litellm.schema.json").read_text("utf-8"))
CURRENT = "openai/gpt-4o"
TIER = HEAD + "[[tiers]]\ntier = 1\n"
CASES = [(source, current) for source in [*sorted(shipped_policies()), RICH] for current in (None, CURRENT)]


def config(source: str, folder: Path, current: str | None = None) -> Any:
    return configuration(exported(source, folder, current=current), speller())


def group(found: Any, name: str) -> list[dict[str, Any]]:
    return [d["litellm_params"] for d in found["model_list"] if d["model_name"] == name]


@pytest.mark.parametrize(("source", "current"), CASES)
def test_a_configuration_is_of_the_documented_shape(tmp_path, source, current):
    found = config(source, tmp_path, current)
    jsonschema.validate(found, SCHEMA)
    names = {deployment["model_name"] for deployment in found["model_list"]}
    for rules in ("fallbacks", "context_window_fallbacks"):
        for rule in found["router_settings"].get(rules, []):
            assert rule.keys() | set(*rule.values()) <= names


def test_candidates_stand_in_order_with_references_to_their_keys(tmp_path):
    text = TIER + 'candidates = ["azure/gpt-4.1", "google/gemini-2.5-flash"]\nmax_attempts = 5\n'
    found = config(text, tmp_path)
    # gemini-2.5-flash .30/2.50 = 3.40, gpt-4.1 2/8 = 14
    assert group(found, "tier-1") == [
        {"model": "gemini/gemini-2.5-flash", "api_key": "os.environ/GEMINI_API_KEY", "order": 1},
        {
            "model": "azure/gpt-4.1", "api_key": "os.environ/AZURE_API_KEY",
            "api_base": "os.environ/AZURE_API_BASE", "api_version": "os.environ/AZURE_API_VERSION",
            "order": 2,
        },
    ]  # fmt: skip
    assert found["router_settings"] == {
        "routing_strategy": "simple-shuffle", "enable_pre_call_checks": True, "num_retries": 4,
    }  # fmt: skip


def test_fallbacks_are_a_group_of_their_own(tmp_path):
    text = TIER + 'candidates = ["openai/gpt-4o-mini"]\nfallbacks = ["openai/gpt-4.1", "openai/gpt-4o"]\n'
    found = config(text, tmp_path, CURRENT)
    assert [d["model"] for d in group(found, "tier-1-fallback")] == ["openai/gpt-4.1", "openai/gpt-4o"]
    assert found["router_settings"]["fallbacks"] == [{"tier-1": ["tier-1-fallback"]}]


def test_the_model_of_today_is_the_last_resort_and_has_a_group(tmp_path):
    found = config(TIER + 'candidates = ["openai/gpt-4o-mini"]\n', tmp_path, CURRENT)
    assert found["router_settings"]["fallbacks"] == [{"tier-1": ["current"]}]
    assert group(found, "current") == [{"model": "openai/gpt-4o", "api_key": "os.environ/OPENAI_API_KEY"}]
    assert (
        "fallbacks" not in config(TIER + 'candidates = ["openai/gpt-4o-mini"]\n', tmp_path)["router_settings"]
    )


def test_longer_requests_go_to_models_with_more_room(tmp_path):
    # gpt-4o-mini 128,000 tokens; gpt-4.1-mini 1,047,576
    text = TIER + 'candidates = ["openai/gpt-4o-mini", "openai/gpt-4.1-mini"]\n'
    found = config(text, tmp_path)
    assert [d["model"] for d in group(found, "tier-1-long")] == ["openai/gpt-4.1-mini"]
    assert found["router_settings"]["context_window_fallbacks"] == [{"tier-1": ["tier-1-long"]}]


@pytest.mark.parametrize(("share", "weights"), [("0.5", (1, 1)), ("0.25", (1, 3)), ("0.9999", (9999, 1))])
def test_a_share_is_weighed_against_the_model_of_today(tmp_path, share, weights):
    text = TIER + f'candidates = ["openai/gpt-4o-mini", "openai/gpt-4.1"]\nshare = "{share}"\n'
    first = [d for d in group(config(text, tmp_path, CURRENT), "tier-1") if d["order"] == 1]
    assert [(d["model"], d["weight"]) for d in first] == [
        ("openai/gpt-4o-mini", weights[0]), ("openai/gpt-4o", weights[1]),
    ]  # fmt: skip
    assert all("weight" not in d for d in group(config(text, tmp_path), "tier-1"))


def test_residency_keeps_the_model_of_today_out_where_it_may_not_serve(tmp_path):
    found = config(RICH, tmp_path, CURRENT)
    held = [d for d in found["model_list"] if d["model_name"].startswith("rule-search-residency")]
    assert {d["litellm_params"]["model"] for d in held} == {"azure/gpt-4o-mini"}


def test_no_secret_and_no_price_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert "sk-secret" not in written("litellm", "default", tmp_path).text


def test_a_provider_that_litellm_does_not_know_is_named(tmp_path):
    text = TIER + 'candidates = ["writer/palmyra-x5"]\n'
    with pytest.raises(ConfigError, match=r"writer/palmyra-x5: .*LiteLLM calls the provider 'writer'"):
        written("litellm", text, tmp_path)


@pytest.mark.parametrize("source", [*sorted(shipped_policies()), RICH])
def test_the_text_is_the_configuration_as_yaml(tmp_path, source):
    yaml = pytest.importorskip("yaml")
    text = written("litellm", source, tmp_path, current=CURRENT).text
    assert yaml.safe_load(text) == config(source, tmp_path, CURRENT)


VALUES = st.recursive(
    st.text(max_size=8) | st.integers(-5, 10**9) | st.booleans() | st.none()
    | st.sampled_from(["no", "1e3", "~", "- a", "a: b", "#x", "2026-11-20", "'", '"', "\u0085", "\x1b[31m"]),
    lambda inner: st.dictionaries(st.text(max_size=5), inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.text(min_size=1, max_size=5), VALUES, min_size=1, max_size=3))
def test_whatever_is_written_is_read_back(value):
    yaml = pytest.importorskip("yaml")
    text = yaml_text(value)
    assert yaml.safe_load(text) == value
    assert text.replace("\n", "").isprintable()


def test_a_comment_stays_one():
    assert comment("a\nmodel_list: []\x1b[31m\u2028") == "# a?model_list: []?[31m?"


# With the real package: pip install litellm


@pytest.fixture(scope="module")
def litellm():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # no network
        return pytest.importorskip("litellm", exc_type=ImportError)


@pytest.fixture
def keys(monkeypatch):
    for name in ("OPENAI", "ANTHROPIC", "GEMINI", "DEEPSEEK", "MISTRAL", "AZURE"):
        monkeypatch.setenv(f"{name}_API_KEY", "sk-not-a-key")
    monkeypatch.setenv("AZURE_API_BASE", "https://example.invalid")
    monkeypatch.setenv("AZURE_API_VERSION", "2025-01-01")


def router(litellm: Any, text: str, answers: dict[str, str] | None = None) -> Any:
    """LiteLLM's router of a configuration; models in `answers` give that answer, or raise that error."""
    yaml = pytest.importorskip("yaml")
    found = yaml.safe_load(text)
    for deployment in found["model_list"]:
        model = deployment["litellm_params"]["model"]
        if answers is not None:
            deployment["litellm_params"]["mock_response"] = answers.get(model, model)
    return litellm.Router(model_list=found["model_list"], **found["router_settings"])


def ask(routed: Any, name: str) -> str:
    reply = routed.completion(model=name, messages=[{"role": "user", "content": "hello"}])
    return str(reply.choices[0].message.content)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("source", "current"), CASES)
def test_the_real_router_takes_the_configuration(tmp_path, litellm, keys, source, current):
    text = written("litellm", source, tmp_path, current=current).text
    routed = router(litellm, text)
    found = config(source, tmp_path, current)
    assert set(routed.get_model_names()) == {d["model_name"] for d in found["model_list"]}
    for deployment in found["model_list"]:
        model = deployment["litellm_params"]["model"]
        assert litellm.get_llm_provider(model)[1] == model.partition("/")[0]
        assert litellm.get_model_info(model)["mode"] in {"chat", "responses"}, model


@pytest.mark.filterwarnings("ignore")
def test_the_real_router_tries_candidates_in_order_then_fallbacks(tmp_path, litellm, keys):
    text = written(
        "litellm", TIER + 'candidates = ["openai/gpt-4o-mini", "openai/gpt-4.1-mini"]\nchoice = "ordered"\n'
        'fallbacks = ["openai/gpt-4.1"]\nmax_attempts = 1\n', tmp_path, current=CURRENT,
    ).text  # fmt: skip
    error = "litellm.InternalServerError"
    assert ask(router(litellm, text, {}), "tier-1") == "openai/gpt-4o-mini"
    one = {"openai/gpt-4o-mini": error}
    assert ask(router(litellm, text, one), "tier-1") == "openai/gpt-4.1-mini"
    assert ask(router(litellm, text, {**one, "openai/gpt-4.1-mini": error}), "tier-1") == "openai/gpt-4.1"


@pytest.mark.filterwarnings("ignore")
def test_the_real_router_takes_longer_requests_to_more_room(tmp_path, litellm, keys):
    text = written(
        "litellm", TIER + 'candidates = ["openai/gpt-4o-mini", "openai/gpt-4.1-mini"]\n', tmp_path
    ).text
    routed = router(litellm, text, {"openai/gpt-4o-mini": "litellm.ContextWindowExceededError"})
    assert ask(routed, "tier-1") == "openai/gpt-4.1-mini"


@pytest.mark.filterwarnings("ignore")
def test_the_real_router_splits_a_share(tmp_path, litellm, keys):
    text = written(
        "litellm", TIER + 'candidates = ["openai/gpt-4o-mini"]\nshare = "0.25"\n', tmp_path, current=CURRENT
    ).text
    routed = router(litellm, text, {})
    seen = Counter(ask(routed, "tier-1") for _ in range(200))
    assert set(seen) == {"openai/gpt-4o-mini", "openai/gpt-4o"}
    assert 20 <= seen["openai/gpt-4o-mini"] <= 85  # 50 are expected; five standard deviations are 31
