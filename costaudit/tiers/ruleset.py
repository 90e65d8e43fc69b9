"""The rules in memory: frozen, one class per kind of rule, as `rules.toml` describes them."""

from __future__ import annotations

from typing import Final

import msgspec

EXPLICIT_RULE: Final = "tier_tag"
"""The name under which an explicit tier of the log appears among the rules."""

MODEL_RULE: Final = "text_model"
"""The name under which the linear model appears among the text rules."""

GUARD_RULE: Final = "risk_guard"
"""The name under which the risk guard appears, where it raised a tag above the most probable tier."""

VOTE_RULE: Final = "fingerprint_vote"
"""The name under which the vote of a fingerprint appears, where it changed the tag of a row."""

UNBOUNDED: Final = 2**62
"""The upper end of an open range."""


class MetadataRule(msgspec.Struct, frozen=True):
    """A pattern over the names that the caller gave to a call."""

    name: str
    tier: int
    confidence: int
    columns: tuple[str, ...]
    words: str | None
    """Whole words of the name, after camelCase and punctuation became spaces and all is lower case."""
    regex: str | None
    """A search in the value as logged."""
    unless: str | None
    """Like `words`: where it matches, the rule is silent."""


class RangeFact(msgspec.Struct, frozen=True):
    """A number in a closed range; an unknown number (-1) is in none."""

    column: str
    low: int
    high: int


class ChoiceFact(msgspec.Struct, frozen=True):
    """A word out of a list, compared as written."""

    column: str
    choices: tuple[str, ...]


class StartFact(msgspec.Struct, frozen=True):
    """A pattern in the first characters of a text, in lower case."""

    column: str
    regex: str


Fact = RangeFact | ChoiceFact | StartFact


class FactRule(msgspec.Struct, frozen=True):
    """Facts that must all hold: a rule of structure or of shape."""

    name: str
    tier: int
    confidence: int
    facts: tuple[Fact, ...]


class TextRule(msgspec.Struct, frozen=True):
    """A pattern in the instruction zone of a prompt that gives points to a tier."""

    name: str
    tier: int
    points: int
    regex: str
    at_least: int
    """Fewer matches than this count as none."""
    up_to: int
    """Points are given per match, for at most this many."""
    min_chars: int
    max_chars: int
    """The rule speaks only for prompts of this length in characters."""
    task: bool
    """It names the task: what else the prompt holds is payload."""
    damped: bool
    """It is easily hit by payload: worth less beside a task."""
    any_language: bool
    """It speaks for prompts in any language, and not only for English ones."""


class Scoring(msgspec.Struct, frozen=True):
    """How points become a tier: the numbers of the `[scoring]` table."""

    zone_head: int
    zone_tail: int
    min_points: int
    damp_percent: int
    milli_per_point: int
    """What a point adds to the logit of its tier, in thousandths."""
    model_percent: int
    """The weight of the linear model beside the rules; 0 switches it off."""
    model_min_known: int
    model_min_percent: int
    framing: str
    """How to answer, as in "think step by step": the model does not read it."""
    least_confidence: int
    most_confidence: int
    raise_confidence: int
    english_words: str
    foreign_words: str
    foreign_words_min: int
    foreign_letters: str
    foreign_letters_percent: int


class RuleSet(msgspec.Struct, frozen=True):
    """All rules, each kind in the order in which they are asked."""

    metadata: tuple[MetadataRule, ...]
    structure: tuple[FactRule, ...]
    text: tuple[TextRule, ...]
    shape: tuple[FactRule, ...]
    scoring: Scoring
    tag_keys: tuple[str, ...]
    """Keys of `key:value` tags whose value names a task; other keyed tags are ignored."""
