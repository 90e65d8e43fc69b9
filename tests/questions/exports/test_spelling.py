"""The tables of spellings: every provider is of the book, every name leads to a model of it."""

from __future__ import annotations

import csv

import pytest

from tests.conftest import ROOT
from tests.engine.audits import book
from tests.questions.exports.policies import speller

TABLES = ROOT / "costaudit/questions/exports"
ROWS = list(csv.DictReader((TABLES / "providers.csv").read_text("utf-8").splitlines()))
SLUGS = [
    s for s in (TABLES / "openrouter_slugs.txt").read_text("utf-8").splitlines() if s[:1] not in {"", "#"}
]

PORTKEY = frozenset({
    "ai21", "anthropic", "azure-ai", "azure-openai", "bedrock", "cerebras", "cohere", "dashscope",
    "deepinfra", "deepseek", "fireworks-ai", "google", "groq", "hyperbolic", "lambda", "mistral-ai",
    "moonshot", "nebius", "novita-ai", "nscale", "openai", "openrouter", "perplexity-ai", "replicate",
    "sambanova", "together-ai", "vertex-ai", "workers-ai", "x-ai", "z-ai",
})  # fmt: skip
"""Providers that Portkey's gateway knows: VALID_PROVIDERS of its source, those that matter here."""


def test_every_provider_is_one_of_the_book_and_stands_once():
    names = [row["provider"] for row in ROWS]
    assert names == sorted(set(names))
    assert set(names) <= book().providers.keys()


def test_every_provider_of_portkey_is_one_that_it_knows():
    assert {row["portkey"] for row in ROWS} - {""} <= PORTKEY


def test_parameters_are_names_of_environment_variables():
    pairs = [pair.split("=") for row in ROWS for pair in row["litellm_params"].split()]
    assert all(len(pair) == 2 and pair[1] == pair[1].upper() for pair in pairs)
    assert all(row["litellm_params"] for row in ROWS if row["litellm"])


def test_every_slug_leads_to_a_model_of_the_book():
    assert sorted(set(SLUGS)) == SLUGS
    known = {slug for slugs in speller()._slugs.values() for slug in slugs}
    assert [slug for slug in SLUGS if slug not in known] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["provider"])
def test_names_at_openrouter_are_those_of_a_provider_of_the_book(row):
    assert row["openrouter_names"] in {"", *book().providers}
    assert bool(row["openrouter_names"]) <= bool(row["openrouter"] or row["provider"] == "openrouter")
