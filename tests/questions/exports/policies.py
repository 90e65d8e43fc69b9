"""Policies to export, and the parts that exporting takes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from costaudit.prices.resolver import Resolver
from costaudit.prices.rows import instant_us
from costaudit.questions.exports import EXPORTERS
from costaudit.questions.exports.exporter import Written
from costaudit.questions.exports.model import PolicyExport
from costaudit.questions.exports.places import Market
from costaudit.questions.exports.routes import build_export
from costaudit.questions.exports.spelling import Speller
from costaudit.routing.policy_load import load_policy
from tests.engine.audits import book

HEAD = 'schema = "costaudit/policy@1"\nname = "mine"\n'

RICH = (
    HEAD
    + """
sessions = "together"
quality_floor = "0.9"
[never]
features = ["legal*"]
models = ["openai/o3"]
users = ["ceo@*"]
[[residency]]
regions = ["eu*"]
providers = ["mistral", "azure"]
[[residency]]
features = ["health?"]
providers = ["azure", "anthropic"]
[[rules]]
name = "Search"
features = ["/Search*", "/suggest"]
tiers = [0, 1]
candidates = ["openai/gpt-4o-mini", "google/gemini-2.5-flash", "azure/gpt-4o-mini"]
choice = "ordered"
fallbacks = ["openai/gpt-4.1"]
share = "0.25"
retry_rate = "0.02"
max_attempts = 4
[[rules]]
providers = ["openai"]
service_tiers = ["flex"]
keep = true
[[tiers]]
tier = 0
classes = ["economy"]
[[tiers]]
tier = 1
candidates = ["anthropic/claude-haiku-4-5", "openai/gpt-4.1-mini"]
share = "0.5"
[[tiers]]
tier = 2
keep = true
verification = { model = "openai/gpt-4o", output_tokens = 200 }
"""
)
"""Everything that a policy can say."""

AT = "2026-11-20"


@cache
def resolver() -> Resolver:
    return Resolver(book())


def market(at: str = AT, mix: tuple[int, int] = (3, 1)) -> Market:
    return Market(book(), resolver(), instant_us(at), mix)


def speller(at: str = AT) -> Speller:
    return Speller(book(), resolver(), instant_us(at))


def exported(
    source: str, folder: Path, *, at: str = AT, current: str | None = None, mix: tuple[int, int] = (3, 1)
) -> PolicyExport:
    """The routes of a policy, given by its name or its text."""
    policy = source
    if "\n" in source:
        path = folder / "policy.toml"
        path.write_text(source, encoding="utf-8")
        policy = str(path)
    return build_export(load_policy(policy), market(at, mix), current)


def written(to: str, source: str, folder: Path, *, at: str = AT, current: str | None = None) -> Written:
    """A policy written for a router."""
    return EXPORTERS[to].write(exported(source, folder, at=at, current=current), speller(at))
