"""Portkey: the configuration is of its schema, and sends every request where the policy wants it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.errors import ConfigError
from costaudit.questions.exports.portkey_queries import regex_of
from costaudit.routing.policy import matches
from costaudit.routing.policy_load import shipped_policies
from tests.conftest import ROOT
from tests.questions.exports.policies import HEAD, RICH, written
from tests.questions.exports.portkey_router import chosen_target, served_by

SCHEMA = json.loads((ROOT / "tests/questions/exports/schemas/portkey.schema.json").read_text("utf-8"))
CURRENT = "openai/gpt-4o"


def config(source: str, folder: Path, **options) -> Any:
    return json.loads(written("portkey", source, folder, **options).text)


@pytest.mark.parametrize("current", [None, CURRENT])
@pytest.mark.parametrize("source", [*sorted(shipped_policies()), RICH])
def test_a_configuration_is_of_the_documented_schema(tmp_path, source, current):
    found = config(source, tmp_path, current=current)
    jsonschema.validate(found, SCHEMA)
    names = [target["name"] for target in found["targets"]]
    assert len(set(names)) == len(names)
    assert {c["then"] for c in found["strategy"]["conditions"]} | {found["strategy"]["default"]} <= set(names)


def test_a_tier_tries_its_models_in_order_and_then_the_model_of_today(tmp_path):
    text = HEAD + '[[tiers]]\ntier = 1\ncandidates = ["openai/gpt-4.1", "mistral/mistral-small-2603"]\n'
    found = config(text + "max_attempts = 9\n", tmp_path, current=CURRENT)
    (tier, today) = found["targets"]
    assert (tier["name"], tier["strategy"]) == ("tier-1", {"mode": "fallback"})
    # mistral-small .15/.60 is cheaper than gpt-4.1 2/8
    assert served_by(tier) == [
        ("@mistral-ai", "mistral-small-2603"), ("@openai", "gpt-4.1"), ("@openai", "gpt-4o"),
    ]  # fmt: skip
    assert tier["targets"][0]["retry"] == {"attempts": 5}  # 8 were wanted, Portkey makes 5
    assert served_by(today) == [("@openai", "gpt-4o")]
    assert found["strategy"]["default"] == "current"


def test_a_share_is_split_with_the_model_of_today(tmp_path):
    text = HEAD + '[[tiers]]\ntier = 1\ncandidates = ["openai/gpt-4o-mini"]\nshare = "0.3"\n'
    split = config(text, tmp_path, current=CURRENT)["targets"][0]
    assert split["strategy"] == {"mode": "loadbalance"}
    assert [(target["weight"], served_by(target)[0][1]) for target in split["targets"]] == [
        (3, "gpt-4o-mini"), (7, "gpt-4o"),
    ]  # fmt: skip
    alone = written("portkey", text, tmp_path)
    assert "loadbalance" not in alone.text
    assert any("only 30 % of the requests" in note for note in alone.notes)


def test_without_the_model_of_today_the_default_is_said(tmp_path):
    found = written("portkey", "default", tmp_path)
    assert json.loads(found.text)["strategy"]["default"] == "tier-2"
    assert any("keep their model go to 'tier-2'" in note and "--current" in note for note in found.notes)


def test_what_the_caller_must_send_is_said(tmp_path):
    notes = written("portkey", RICH, tmp_path, current=CURRENT).notes
    assert notes[0].startswith(
        "the caller sends as metadata: _user, feature, provider, region, service_tier, tier;"
    )
    assert "@anthropic, @azure-openai, @deepseek, @google, @openai" in notes[1]


def test_a_provider_that_portkey_does_not_know_is_named(tmp_path):
    text = HEAD + '[[tiers]]\ntier = 1\ncandidates = ["databricks/databricks-claude-haiku-4-5"]\n'
    with pytest.raises(ConfigError, match=r"haiku-4-5: .* Portkey calls the provider 'databricks'"):
        written("portkey", text, tmp_path)


REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "tier": st.sampled_from(["0", "1", "2", "3"]),
        "feature": st.sampled_from(
            ["/search", "/SEARCH/all", "/suggest", "legal/x", "health1", "Healthy", "x"]
        ),
        "region": st.sampled_from(["eu", "EU-west-1", "us"]),
        "provider": st.sampled_from(["openai", "google"]),
        "service_tier": st.sampled_from(["flex", "default"]),
        "_user": st.sampled_from(["CEO@acme", "bob"]),
    },
)


def wanted(request: dict[str, str], model: str) -> str:
    """Where the policy RICH wants a request, decided by hand from its text."""
    feature, tier = request.get("feature"), request.get("tier")
    region, user = request.get("region"), request.get("_user")
    if matches(("legal*",), feature) or model.lower() == "openai/o3" or matches(("ceo@*",), user):
        return "current"
    held = ["1"] if matches(("eu*",), region) else []
    held += ["2"] if matches(("health?",), feature) else []
    suffix = f"-residency-{'-'.join(held)}" if held else ""
    if tier in {"0", "1"} and matches(("/search*", "/suggest"), feature):
        return f"rule-search{suffix}"
    if request.get("provider") == "openai" and request.get("service_tier") == "flex":
        return "current"  # the second rule keeps
    if tier == "0":  # economy models are of OpenAI, Anthropic, DeepSeek, Google: residency 2 leaves Anthropic
        return {"": "tier-0", "-residency-2": "tier-0-residency-2"}.get(suffix, "current")
    if tier == "1":
        return {"": "tier-1", "-residency-2": "tier-1-residency-2"}.get(suffix, "current")
    return "current"


@given(request=REQUESTS, model=st.sampled_from(["openai/o3", "OPENAI/O3", "gpt-4o", "smart"]))
def test_every_request_goes_where_the_policy_wants_it(tmp_path_factory, request, model):
    folder = tmp_path_factory.getbasetemp()
    found = config(RICH, folder, current=CURRENT)
    context = {"metadata": request, "params": {"model": model}}
    assert chosen_target(found, context) == wanted(request, model)


def test_residency_holds_for_every_target_but_what_is_kept(tmp_path):
    found = {t["name"]: served_by(t) for t in config(RICH, tmp_path, current=CURRENT)["targets"]}
    allowed = {"1": {"@mistral-ai", "@azure-openai"}, "2": {"@azure-openai", "@anthropic"}}
    seen = 0
    for name, served in found.items():
        _, _, numbers = name.partition("-residency-")
        for number in numbers.split("-") if numbers else []:
            assert {provider for provider, _ in served} <= allowed[number], name
            seen += 1
    assert seen >= 6
    notes = written("portkey", RICH, tmp_path, current=CURRENT).notes
    assert any("residency 1" in note and "stay on openai/gpt-4o" in note for note in notes)


PATTERN = st.text(st.sampled_from("abZ/.*?[]!-^$+(1é"), min_size=1, max_size=6)


@given(st.lists(PATTERN, min_size=1, max_size=3), st.text(st.sampled_from("abzAZ/.*-^$+(1éÉ\n["), max_size=6))
def test_a_pattern_means_the_same_to_portkey(patterns, text):
    import re  # noqa: PLC0415 - the expressions are of the part that JavaScript and Python share

    try:
        expression = re.compile(regex_of(patterns))
    except re.error:
        # a set like [z-a]: fits nothing in a policy, and an invalid condition is false at Portkey
        assert not any(matches((p,), text) for p in patterns if "[" in p)
        return
    assert bool(expression.search(text)) == matches(tuple(patterns), text)


def test_brackets_that_are_never_closed_are_looked_at_once():
    assert regex_of(["[" * 200_000]) == "^" + r"\[" * 200_000 + "$"
