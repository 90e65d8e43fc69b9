"""What a router does not do is said, once, for whoever puts it to work."""

from __future__ import annotations

from pathlib import Path

import pytest

from costaudit.errors import ConfigError
from costaudit.questions.exports import EXPORTERS
from tests.questions.exports.policies import HEAD, RICH, written

TIER = HEAD + '[[tiers]]\ntier = 1\ncandidates = ["openai/gpt-4o-mini"]\n'
ROUTERS = sorted(EXPORTERS.keys() - {"json"})


def notes(to: str, text: str, folder: Path, current: str | None = None) -> str:
    return "\n".join(written(to, text, folder, current=current).notes)


@pytest.mark.parametrize("to", ROUTERS)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TIER, "only tags of 50 % confidence or more act"),
        (
            TIER + 'verification = "0.5"\n',
            "tier 1 (standard): the verification pass (0.5 of the request's own",
        ),
        (
            TIER + 'verification = { model = "openai/gpt-4o", output_tokens = 200, on = "routed" }\n',
            "(by openai/gpt-4o, 200 tokens, of moved requests only)",
        ),
        (
            TIER + 'quality_floor = "0.95"\n',
            "no evals were asked whether candidates reach the quality floor 0.95",
        ),
        (TIER + 'retry_rate = "0.02"\n', "what cannot be parsed is asked again by the caller"),
        (TIER + 'share = "0.125"\n', "only 12.5 % of the requests are to be moved"),
        (TIER, "the model that serves today is to answer; say --current"),
        (TIER.replace("[[tiers]]", 'sessions = "together"\n[[tiers]]'), "a session stays together"),
        (
            HEAD + '[[tiers]]\ntier = 1\ncandidates = ["openai/gpt-4o-mini", "openai/gpt-4.1-mini"]\n',
            "in the order of list prices of 2026-11-20, 3 parts input to 1 output",
        ),
        (
            HEAD + '[[tiers]]\ntier = 1\ncandidates = ["openai/gpt-4o-mini", "google/gemini-1.5-pro"]\n',
            "google/gemini-1.5-pro is left out: not_in_service",
        ),
    ],
)
def test_what_the_policy_says_and_the_router_does_not_do(tmp_path, to, text, said):
    assert said in notes(to, text, tmp_path)


def test_what_a_router_does_needs_no_words(tmp_path):
    text = RICH.replace('sessions = "together"', "")
    assert "legal*" in notes("litellm", text, tmp_path)
    assert "legal*" not in notes("portkey", text, tmp_path)  # a condition asks for it
    share = "requests are to be moved"
    assert share not in notes("litellm", text, tmp_path, "openai/gpt-4o")
    assert share not in notes("portkey", text, tmp_path, "openai/gpt-4o")
    assert share in notes("openrouter", text, tmp_path, "openai/gpt-4o")
    assert "--current" not in notes("litellm", text, tmp_path, "openai/gpt-4o")


def test_nothing_is_said_twice(tmp_path):
    for to in ROUTERS:
        told = written(to, RICH, tmp_path).notes
        assert len(set(told)) == len(told)


def test_the_neutral_export_says_it_all_itself(tmp_path):
    assert written("json", RICH, tmp_path).notes == []


@pytest.mark.parametrize("to", ROUTERS)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "[[tiers]]\ntier = 1\nkeep = true\n", "moves no request: there is nothing to configure"),
        (HEAD, "moves no request"),
        (
            HEAD + '[[tiers]]\ntier = 1\ncandidates = ["google/gemini-1.5-pro"]\n',
            "no candidate can serve at 2026-11-20: google/gemini-1.5-pro is not_in_service",
        ),
    ],
)
def test_a_policy_without_any_model_is_refused(tmp_path, to, text, said):
    with pytest.raises(ConfigError, match=said):
        written(to, text, tmp_path)
    assert written("json", text, tmp_path).text
    assert "gpt-4o" in written(to, text, tmp_path, current="openai/gpt-4o").text or text == HEAD
