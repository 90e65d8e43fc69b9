"""How providers cache the beginnings of prompts: the rules of `caching.toml`, by model."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

from costaudit.toml.load import load_toml

_FILE: Final = Path(__file__).with_name("caching.toml")


class CacheRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the models that a pattern is found in are cached."""

    models: str
    minimum: int
    """Tokens of a prompt from which on it is cached at all."""
    block: int
    """Tokens by which a provider that caches by itself counts them: what is less than one is not cached."""
    lifetime: int
    """Seconds without use after which it is gone."""
    marked: bool
    """Whether the caller has to mark what is to be cached."""
    source: str


def rule_of(model: str) -> CacheRule:
    """The rule of a model (provider/model).

    >>> rule_of("anthropic/claude-haiku-4-5").minimum, rule_of("openai/gpt-4o").marked
    (4096, False)
    """
    return next(rule for rule in _rules() if re.search(rule.models, model))


@lru_cache(maxsize=1)
def _rules() -> tuple[CacheRule, ...]:
    return msgspec.convert(load_toml(_FILE).table["rules"], tuple[CacheRule, ...])
