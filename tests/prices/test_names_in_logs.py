"""Names as logs write them: what they resolve to, how, and at what expense."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.prices.book import load_book
from costaudit.prices.names import LONGEST, Suggester, stems_of
from costaudit.prices.resolver import How, NoModelReason, Resolved, Resolver, Unresolved
from costaudit.prices.rows import instant_us

BOOK = load_book()
RESOLVER = Resolver(BOOK)
AT = instant_us("2026-11-01")
ARN = "arn:aws:bedrock:us-east-1:123456789012:"
SONNET_4 = "anthropic.claude-sonnet-4-20250514-v1:0"
HAIKU_3 = "anthropic.claude-3-haiku-20240307-v1:0"


@pytest.mark.parametrize(
    ("provider", "name", "target", "how"),
    [
        ("openai", "gpt-4o-2024-08-06", "openai/gpt-4o-2024-08-06", How.EXACT),
        ("openai", "GPT-4o-2024-08-06", "openai/gpt-4o-2024-08-06", How.EXACT),
        ("openai", "gpt-4o", "openai/gpt-4o-2024-08-06", How.ALIAS),
        (None, "openai/gpt-4o-2024-08-06", "openai/gpt-4o-2024-08-06", How.PROVIDER_PREFIX),
        ("openai", "gpt-4o-2099-01-01", "openai/gpt-4o-2024-08-06", How.DATED_SUFFIX),
        ("openai", "gpt-4o-latest", "openai/gpt-4o-2024-08-06", How.DATED_SUFFIX),
        ("anthropic", "claude-opus-4-8[1m]", "anthropic/claude-opus-4-8", How.EXACT),
        (None, "deepseek-v4-flash", "deepseek/deepseek-v4-flash", How.EXACT),  # Alibaba sells it too
        ("bedrock", f"us.{SONNET_4}", f"bedrock/{SONNET_4}", How.ALIAS),
        (
            "bedrock",
            "global.anthropic.claude-sonnet-4-6",
            "bedrock/global.anthropic.claude-sonnet-4-6",
            How.EXACT,
        ),
        (
            "bedrock",
            "apac.meta.llama3-1-8b-instruct-v1:0",
            "bedrock/meta.llama3-1-8b-instruct-v1:0",
            How.INFERENCE_PROFILE,
        ),
        ("aws.bedrock", f"{ARN}inference-profile/us.{SONNET_4}", f"bedrock/{SONNET_4}", How.ALIAS),
        (None, f"bedrock/{ARN}inference-profile/us.{SONNET_4}", f"bedrock/{SONNET_4}", How.ALIAS),
        (None, f"bedrock/converse/us-west-2/{HAIKU_3}", f"bedrock/{HAIKU_3}", How.PROVIDER_PREFIX),
        (
            "vertex_ai",
            "publishers/anthropic/models/claude-sonnet-4@20250514",
            "vertex/claude-sonnet-4@20250514",
            How.EXACT,
        ),
        (None, "publishers/google/models/gemini-2.5-flash", "google/gemini-2.5-flash", How.SAME_LIST),
        (
            None,
            "projects/p/locations/us-central1/publishers/google/models/gemini-2.5-flash",
            "google/gemini-2.5-flash",
            How.SAME_LIST,
        ),
        ("google", "models/gemini-2.5-flash", "google/gemini-2.5-flash", How.EXACT),
        ("azure", "gpt-4o-2024-08-06", "azure/gpt-4o-2024-08-06", How.EXACT),
        ("azure_ai", "gpt-4o-2024-08-06", "azure/gpt-4o-2024-08-06", How.SAME_LIST),
        ("openrouter", "lab/new:free", "openrouter/:free", How.FREE_VARIANT),
        ("openrouter", "deepseek/deepseek-r1:free", "openrouter/deepseek/deepseek-r1:free", How.EXACT),
        (
            "openrouter",
            "anthropic/claude-sonnet-4.5:nitro",
            "anthropic/claude-sonnet-4-5-20250929",
            How.VARIANT,
        ),
        (
            None,
            "openrouter/anthropic/claude-sonnet-4.5:online",
            "anthropic/claude-sonnet-4-5-20250929",
            How.VARIANT,
        ),
        ("openrouter", "openai/gpt-4o:batch", "openai/gpt-4o-2024-08-06", How.VARIANT),
        ("openai", "openai/gpt-4o:batch", "openai/gpt-4o-2024-08-06", How.VARIANT),
        ("openrouter", "anthropic/claude-opus-4.8-fast", "anthropic/claude-opus-4-8", How.VARIANT),
        ("openrouter", "openai/gpt-5.5-fast", "openai/gpt-5.5-2026-04-23", How.VARIANT),
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme::9x", "openai/ft:gpt-4o-mini-2024-07-18", How.FINE_TUNE),
        (None, "ft:gpt-4o-mini-2024-07-18:acme::9x", "openai/ft:gpt-4o-mini-2024-07-18", How.FINE_TUNE),
        (
            "together",
            "Llama-3.3-70B-Instruct-Turbo",
            "together/meta-llama/Llama-3.3-70B-Instruct-Turbo",
            How.SHORT_NAME,
        ),
        ("openai", "claude-opus-4-8", "anthropic/claude-opus-4-8", How.OTHER_PROVIDER),
    ],
)
def test_a_name_is_resolved_and_says_how(provider: str | None, name: str, target: str, how: How):
    found = RESOLVER.resolve(provider, name, AT)
    assert isinstance(found, Resolved), found
    assert (f"{found.provider}/{found.model}", found.how) == (target, how)


@pytest.mark.parametrize(
    ("provider", "name", "reason", "said"),
    [
        ("bedrock", f"{ARN}application-inference-profile/a1b2", NoModelReason.NEEDS_MAP, "--map"),
        (None, f"bedrock/{ARN}provisioned-model/a1b2", NoModelReason.NEEDS_MAP, "--map"),
        ("azure", "prod-chat", NoModelReason.NEEDS_MAP, "--map"),
        ("vertex_ai", "projects/p/locations/us-central1/endpoints/123", NoModelReason.NEEDS_MAP, "--map"),
        ("openai", "ft:gpt-5.9:acme::1", NoModelReason.FINE_TUNE, "ft:gpt-5.9"),
        ("openai", "davinci:ft-acme-2023-01-01", NoModelReason.FINE_TUNE, "ft:davinci"),
        ("azure", "gpt-4o-mini-2024-07-18.ft-0a1b2c", NoModelReason.FINE_TUNE, ""),
        ("bedrock", "global.anthropic.claude-3-haiku-20240307-v9:0", NoModelReason.UNKNOWN_MODEL, ""),
        ("together", "gpt-4o", NoModelReason.UNKNOWN_MODEL, "together does not list it"),
        ("openai", "gpt-4oo", NoModelReason.UNKNOWN_MODEL, "gpt-4o"),
        (None, "lab/new:free", NoModelReason.UNKNOWN_MODEL, ""),
        (None, "meta-llama/Llama-3.3-70B-Instruct", NoModelReason.AMBIGUOUS_MODEL, "names no provider"),
        ("acme-inference", "gpt-4o", NoModelReason.UNKNOWN_PROVIDER, "no acme-inference"),
        ("acme-inference", "claude-sonnet-4-5", NoModelReason.UNKNOWN_PROVIDER, "--map"),
        ("openai", "", NoModelReason.NO_MODEL, ""),
        ("openai", None, NoModelReason.NO_MODEL, ""),
    ],
)
def test_a_name_without_a_model_says_why(
    provider: str | None, name: str | None, reason: NoModelReason, said: str
):
    found = RESOLVER.resolve(provider, name, AT)
    assert isinstance(found, Unresolved), found
    assert found.reason is reason
    assert said in found.detail


@pytest.mark.parametrize(
    ("provider", "name", "region"),
    [
        (None, f"bedrock/eu-west-2/{HAIKU_3}", "eu-west-2"),
        (None, f"arn:aws:bedrock:eu-west-2::foundation-model/{HAIKU_3}", "eu-west-2"),
        (None, "azure/eu/gpt-4o-2024-08-06", "eu"),
        (None, "azure/global/gpt-4o-2024-08-06", ""),
        ("bedrock", HAIKU_3, ""),
    ],
)
def test_a_region_in_a_name_is_kept(provider: str | None, name: str, region: str):
    found = RESOLVER.resolve(provider, name, AT)
    assert isinstance(found, Resolved), found
    assert found.region == region


@pytest.mark.parametrize(
    ("name", "tier", "speed"),
    [
        ("openai/gpt-4o:batch", "batch", ""),
        ("anthropic/claude-opus-4.8-fast", "", "fast"),
        ("openai/gpt-5.5-fast", "priority", ""),
    ],
)
def test_a_tier_or_speed_in_a_name_is_kept(name: str, tier: str, speed: str):
    found = RESOLVER.resolve("openrouter", name, AT)
    assert isinstance(found, Resolved), found
    assert (found.tier, found.speed) == (tier, speed)


def test_a_fast_model_without_such_prices_is_not_the_standard_one():
    assert not isinstance(RESOLVER.resolve("anthropic", "claude-haiku-4-5-fast", AT), Resolved)


def test_an_alias_that_moved_stands_for_another_model_before():
    before, after = (
        RESOLVER.resolve("openai", "gpt-4o", instant_us(d)) for d in ("2024-10-01", "2024-10-02")
    )
    assert isinstance(before, Resolved)
    assert isinstance(after, Resolved)
    assert (before.model, after.model) == ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06")


def test_the_users_own_map_is_tried_first():
    resolver = Resolver(BOOK, {"prod-chat": "azure/gpt-4o-2024-08-06", "openai/gpt-4o": "openai/gpt-4.1"})
    mapped = resolver.resolve("azure", "prod-chat", AT)
    assert isinstance(mapped, Resolved)
    assert (mapped.model, mapped.how) == ("gpt-4o-2024-08-06", How.USER_MAP)
    other = resolver.resolve("openai", "gpt-4o", AT)
    assert isinstance(other, Resolved)
    assert other.how is How.USER_MAP


def test_a_million_names_cost_what_the_distinct_ones_cost(monkeypatch: pytest.MonkeyPatch):
    looked_up = []
    original = Resolver._periods

    def counted(self: Resolver, provider: str | None, name: str | None):
        looked_up.append(name)
        return original(self, provider, name)

    monkeypatch.setattr(Resolver, "_periods", counted)
    resolver = Resolver(BOOK)
    names = ["gpt-4o", "claude-opus-4-8", "gpt-5.9", "us.anthropic.claude-sonnet-4-6", "prod-chat"] * 200_000
    for name in names:
        resolver.periods(None, name)
    assert len(names) == 1_000_000
    assert len(looked_up) == 5


def test_a_suggestion_looks_at_few_of_the_known_names():
    suggester = Suggester(f"model-{n}" for n in range(5000))
    assert "model-4321" in (suggester.suggest("modle-4321") or "")
    assert suggester.suggest("entirely-different-word-xyz") is None


@pytest.mark.parametrize(
    "name", ["a", "\x1b[31m", "[1m]", "/", "//", ":free", "arn:aws:bedrock", "ft:", "@", "é" * 300]
)
@pytest.mark.parametrize("provider", [None, "openrouter", "bedrock", "azure", "vertex", "nobody"])
def test_no_name_breaks_the_resolver(provider: str | None, name: str):
    assert RESOLVER.periods(provider, name)[0][0] == 0


def test_an_open_model_without_its_host_is_reported_and_not_guessed():
    found = RESOLVER.resolve(None, "llama-3.1-70b-instruct", AT)
    assert isinstance(found, Unresolved)
    assert found.reason is NoModelReason.AMBIGUOUS_MODEL


@pytest.mark.parametrize(
    "name",
    [
        "m" * 1_000_000,
        "-v1:0" * 200_000,
        "openai/" * 150_000,
        "bedrock/" + "invoke/" * 150_000,
        "arn:aws:bedrock::x:a/" * 50_000 + "\n\n",
    ],
)
def test_a_name_without_end_is_not_looked_up(name):
    (period,) = RESOLVER.periods(None, name)
    assert period == (0, Unresolved(NoModelReason.UNKNOWN_MODEL, f"longer than {LONGEST} characters"))


def test_a_map_of_the_user_may_name_what_is_too_long():
    name = "m" * (LONGEST + 1)
    resolver = Resolver(BOOK, {name: "openai/gpt-4o-2024-08-06"})
    found = resolver.resolve("openai", name, AT)
    assert isinstance(found, Resolved)
    assert (found.model, found.how) == ("gpt-4o-2024-08-06", How.USER_MAP)


@pytest.mark.parametrize("part", ["openai/", "bedrock/", "bedrock/invoke/", "bedrock/converse/us-east-1/"])
def test_providers_and_routes_without_end_are_no_recursion(part):
    name = part * (LONGEST // len(part))
    found = RESOLVER.resolve(None, name, AT)
    assert isinstance(found, Unresolved)


@given(st.lists(st.sampled_from(["-latest", "-20240307", "@20250514", "-v1:0", ":0", "x"]), max_size=12))
def test_stems_are_what_is_left_without_the_last_suffix(parts):
    name = "claude" + "".join(parts)
    stems = stems_of(name)
    assert len(stems) <= 8
    for longer, shorter in itertools.pairwise((name, *stems)):
        assert longer.startswith(shorter)
        assert longer.removeprefix(shorter) in {"-latest", "-20240307", "@20250514", "-v1:0", ":0"}


@pytest.mark.parametrize(
    ("provider", "gateway", "name"),
    [("acme-inference", None, "openai/gpt-4o"), ("unknown", None, "gpt-4o"), ("litellm", None, "gpt-4o"),
     (None, "acme-gateway", "gpt-4o"), (" Kong ", None, "gpt-4o")],
)  # fmt: skip
def test_a_name_that_says_its_provider_and_a_gateway_need_no_provider_of_the_book(
    provider: str | None, gateway: str | None, name: str
):
    *_, (_, found) = RESOLVER.periods_through(provider, gateway, name)
    assert isinstance(found, Resolved)
    assert (found.provider, found.model) == ("openai", "gpt-4o-2024-08-06")


@pytest.mark.parametrize(
    ("provider", "name", "owner"),
    [("openai.chat", "gpt-4o", "openai"), ("OpenAI.responses", "gpt-4o", "openai"),
     ("anthropic.messages", "claude-sonnet-4-5", "anthropic"), ("xai.chat", "grok-4", "xai"),
     # Vertex AI bills Gemini by Google's list.
     ("google.vertex.chat", "gemini-2.5-pro", "google"), ("gcp.vertex.agent", "gemini-2.5-pro", "google"),
     ("google_vertexai", "gemini-2.5-pro", "google")],
)  # fmt: skip
def test_a_client_for_one_api_of_a_provider_is_that_provider(provider: str, name: str, owner: str):
    found = RESOLVER.resolve(provider, name, AT)
    assert isinstance(found, Resolved)
    assert found.provider == owner


SONNET_45 = "anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.mark.parametrize(
    ("name", "region", "model", "how"),
    [
        (SONNET_45, None, f"global.{SONNET_45}", How.PROFILE_UNSTATED),
        (f"bedrock/{SONNET_45}", "us-east-1", f"global.{SONNET_45}", How.PROFILE_UNSTATED),
        (f"us.{SONNET_45}", None, SONNET_45, How.ALIAS),
        (f"bedrock/eu.{SONNET_45}", "eu-west-1", SONNET_45, How.ALIAS),
        (f"global.{SONNET_45}", None, f"global.{SONNET_45}", How.EXACT),
        (SONNET_45, "us-gov-west-1", SONNET_45, How.EXACT),
        (f"us-east-1/{SONNET_45}", None, SONNET_45, How.EXACT),
        (SONNET_4, None, SONNET_4, How.EXACT),  # older ones cost the same through every profile
    ],
)
def test_a_claude_of_bedrock_without_its_profile_is_the_global_one(
    name: str, region: str | None, model: str, how: How
):
    """By AWS geographic profiles cost 10 % more from Claude Sonnet 4.5 on; bare ids are refused there."""
    ((_, found),) = RESOLVER.periods_through("bedrock", None, name, region)
    assert isinstance(found, Resolved)
    assert (found.model, found.how) == (model, how)
    ((_, own),) = RESOLVER.periods("bedrock", SONNET_45)
    assert isinstance(own, Resolved)
    assert own.model == SONNET_45  # in quotes and policies a name is what it is
