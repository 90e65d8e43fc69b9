"""Who served a request, and where: by hosts, URLs and paths as clients and gateways write them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from costaudit.ingest.adapters.flat import placed
from costaudit.ingest.adapters.hosts import Served, served

ROOT = Path(__file__).resolve().parents[3]

VERTEX = (
    "/v1/projects/p/locations/europe-west1/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict"
)


@pytest.mark.parametrize(
    ("address", "path", "expected"),
    [
        ("api.openai.com", None, Served("openai")),
        ("https://eu.api.openai.com/v1/responses", None, Served("openai", "eu")),
        ("https://API.GROQ.com:443/openai/v1", None, Served("groq")),
        ("aiplatform.googleapis.com", VERTEX,
         Served("vertex", "europe-west1", "claude-sonnet-4-5@20250929")),
        ("https://us-central1-aiplatform.googleapis.com/v1/x", None, Served("vertex", "us-central1")),
        ("aiplatform.eu.rep.googleapis.com", None, Served("vertex", "eu")),
        ("aiplatform.googleapis.com", VERTEX.replace("europe-west1", "global"),
         Served("vertex", None, "claude-sonnet-4-5@20250929")),
        ("generativelanguage.googleapis.com", "/v1beta/models/gemini-2.5-pro:generateContent",
         Served("google", None, "gemini-2.5-pro")),
        ("bedrock-runtime.us-east-1.amazonaws.com",
         "/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/converse",
         Served("bedrock", "us-east-1", "us.anthropic.claude-sonnet-4-5-20250929-v1:0")),
        ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "/model/amazon.nova-lite-v1%3A0/invoke?x=1",
         Served("bedrock", "us-gov-west-1", "amazon.nova-lite-v1:0")),
        ("acme.openai.azure.com", "/openai/deployments/prod-chat/chat/completions",
         Served("azure", None, "prod-chat")),
        ("llm.local", "/v1/chat/completions", Served()), ("http://[", None, Served()), (None, None, Served()),
    ],
)  # fmt: skip
def test_what_an_address_says(address: str | None, path: str | None, expected: Served):
    assert served(address, path) == expected


@pytest.mark.parametrize(
    ("provider", "host", "expected"),
    [
        (None, "api.groq.com", "groq"), ("openai", "api.groq.com", "groq"),
        ("anthropic", "api.groq.com", "anthropic"), ("openai", "llm.local", "openai"), (None, None, None),
    ],
)  # fmt: skip
def test_a_client_for_one_api_is_used_with_many_hosts(
    provider: str | None, host: str | None, expected: str | None
):
    assert placed(provider, None, host)[0] == expected


def test_the_hosts_of_the_price_book_are_known():
    """But for those of clouds and gateways, whose names alone do not say what answered."""
    book = tomllib.loads((ROOT / "pricing" / "providers.toml").read_text("utf-8"))
    known = {host: served(f"https://{host}/v1").provider for of in book.values() if isinstance(of, dict)
             for host in of.get("api_hosts", ())}  # fmt: skip
    wanted = {
        host: name for name, of in book.items() if isinstance(of, dict) for host in of.get("api_hosts", ())
    }
    apart = {"amazonaws.com", "api.aws", "oraclecloud.com", "api.cloudflare.com", "ai.mongodb.com"}
    apart |= {host for host, name in wanted.items() if name == "azure_ai"}
    assert {host: known[host] for host in wanted if known[host] != wanted[host] and host not in apart} == {}
