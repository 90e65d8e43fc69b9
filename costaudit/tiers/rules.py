"""Load tier rules from TOML: the shipped `rules.toml`, with a user's file layered in front of it."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from costaudit.errors import ConfigError, did_you_mean
from costaudit.schema import CANONICAL, Tier
from costaudit.textfile import read_text
from costaudit.tiers.rulefile import MAX_PATTERN, RuleEntry, RuleSource
from costaudit.tiers.ruleset import (
    EXPLICIT_RULE,
    UNBOUNDED,
    ChoiceFact,
    Fact,
    FactRule,
    MetadataRule,
    RangeFact,
    RuleSet,
    Scoring,
    StartFact,
    TextRule,
)
from costaudit.toml.load import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["RuleSet", "load_rules", "parse_rules"]

SHIPPED: Final = "rules.toml"
_KINDS: Final = ("metadata", "structure", "text", "shape")
_TOP: Final = (*_KINDS, "scoring", "tag_keys", "disable")
_LONG_TEXTS: Final = ("prompt", "system")
_TEXTS: Final = tuple(f.name for f in CANONICAL if pa.types.is_string(f.type) and f.name not in _LONG_TEXTS)
_FLAGS: Final = tuple(f.name for f in CANONICAL if pa.types.is_boolean(f.type))
_NUMBERS: Final = (
    *(f.name for f in CANONICAL if pa.types.is_integer(f.type) and f.name != "tier_tag"),
    "input_side",
    "reasoning_percent",
)
_FACTS: Final = (*_NUMBERS, *_FLAGS, *_TEXTS, *_LONG_TEXTS)


def load_rules(path: Path | None = None) -> RuleSet:
    """The shipped rules, or the shipped rules with those of the file `path` in front.

    A rule of the file replaces the shipped rule of the same name, `disable` switches shipped rules
    off, and keys of `[scoring]` and `tag_keys` replace the shipped ones. Raises ConfigError.
    """
    return _shipped_rules() if path is None else _load_rules(path)


@functools.cache
def _shipped_rules() -> RuleSet:
    """The shipped rules, read once: checking their patterns takes longer than tagging a small log."""
    return _load_rules(None)


def _load_rules(path: Path | None) -> RuleSet:
    shipped = Path(__file__).with_name(SHIPPED).read_text(encoding="utf-8")
    layers = [RuleSource.parse(SHIPPED, shipped, is_shipped=True)]
    if path is not None:
        text = read_text(path, error=ConfigError, most=MOST_BYTES)
        layers.insert(0, RuleSource.parse(str(path), text))
    return _merge(layers)


def parse_rules(text: str, *, path: str = "<rules>") -> RuleSet:
    """A complete rule set from TOML text, without the shipped rules. Raises ConfigError."""
    return _merge([RuleSource.parse(path, text)])


def _merge(layers: list[RuleSource]) -> RuleSet:
    """One rule set from layers, the strongest first."""
    parsed = [(source, _rules_of(source)) for source in layers]
    off = _disabled(layers, {r.name for _, rules in parsed[1:] for kind in rules.values() for r in kind})
    taken: set[str] = set()
    merged: dict[str, list[Any]] = {kind: [] for kind in _KINDS}
    for depth, (_, rules) in enumerate(parsed):
        skip = taken | off if depth else set()
        for kind in _KINDS:
            merged[kind] += [rule for rule in rules[kind] if rule.name not in skip]
        taken |= {rule.name for kind in _KINDS for rule in rules[kind]}
    keys: list[str] = next((s.table["tag_keys"] for s in layers if "tag_keys" in s.table), [])
    return RuleSet(
        **{kind: tuple(rules) for kind, rules in merged.items()},
        scoring=_scoring(layers),
        tag_keys=tuple(keys),
    )


def _disabled(layers: list[RuleSource], known: set[str]) -> set[str]:
    names = [(source, name) for source in layers for name in source.table.get("disable", [])]
    for source, name in names:
        if name not in known:
            raise source.error(f"disable names no shipped rule: {name!r}", hint=did_you_mean(name, known))
    return {name for _, name in names}


def _rules_of(source: RuleSource) -> dict[str, list[Any]]:
    """The rules of one file, by kind; names are unique within the file."""
    table = source.table
    for key in table:
        if key not in _TOP:
            raise source.error(f"unknown key {key!r} in the tier rules", hint=did_you_mean(key, _TOP))
    for key in ("tag_keys", "disable"):
        values = table.get(key, [])
        if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
            raise source.error(f"{key} must be a list of texts")
    if len("|".join(table.get("tag_keys", ()))) > MAX_PATTERN:
        raise source.error(f"tag_keys must have at most {MAX_PATTERN} characters together")
    return dict(zip(_KINDS, _read_kinds(source, table), strict=True))


def _read_kinds(source: RuleSource, table: Mapping[str, Any]) -> Iterable[list[Any]]:
    seen = {EXPLICIT_RULE}
    for kind in _KINDS:
        entries = table.get(kind, [])
        if not isinstance(entries, list):
            raise source.error(f"{kind} must be an array of tables: [[{kind}]]", kind=kind)
        rules = []
        for nth, raw in enumerate(entries):
            entry = RuleEntry(source, kind, nth, raw)
            rules.append(_READERS[kind](entry))
            entry.finish()
            if rules[-1].name in seen:
                raise entry.error(f"a second rule named {rules[-1].name!r}", "names are unique")
            seen.add(rules[-1].name)
        yield rules


def _head(entry: RuleEntry, weight: str, most: int) -> dict[str, Any]:
    """What every rule has: a name, a tier, and a confidence or points."""
    name = entry.get("name", str, required=True)
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name):
        raise entry.error(f"the name {name!r} must be lower-case letters, digits and hyphens")
    tier = entry.integer("tier", min(Tier), max(Tier))
    return {"name": name, "tier": tier, weight: entry.integer(weight, 1, most)}


def _metadata(entry: RuleEntry) -> MetadataRule:
    head = _head(entry, "confidence", 100)
    columns = entry.strings("columns")
    for column in columns:
        if column not in _TEXTS:
            raise entry.error(f"{entry.label} reads no such column: {column!r}", did_you_mean(column, _TEXTS))
    words, regex, unless = (entry.pattern(key) for key in ("words", "regex", "unless"))
    if (words is None) == (regex is None):
        raise entry.error(f"{entry.label} needs either 'words' or 'regex'")
    return MetadataRule(**head, columns=columns, words=words, regex=regex, unless=unless)


def _structure(entry: RuleEntry) -> FactRule:
    head = _head(entry, "confidence", 100)
    when = entry.get("when", dict, required=True)
    if not when:
        raise entry.error(f"{entry.label} has an empty 'when'")
    return FactRule(**head, facts=tuple(_fact(entry, column, value) for column, value in when.items()))


def _shape(entry: RuleEntry) -> FactRule:
    rule = _structure(entry)
    if rule.tier == Tier.HIGH_STAKES:
        raise entry.error(f"{entry.label} sets tier 3", "token counts cannot tell that errors are expensive")
    return rule


def _text(entry: RuleEntry) -> TextRule:
    head = _head(entry, "points", 100)
    regex = entry.pattern("regex", required=True)
    any_language = entry.get("any_language", bool, default=False)
    if any_language and head["tier"] < Tier.COMPLEX:
        hint = "what the rest of the prompt asks for is not read, so it may only be raised: tier 2 or 3"
        raise entry.error(f"{entry.label} is for any language and sets tier {head['tier']}", hint)
    return TextRule(
        **head,
        regex=regex or "",
        at_least=entry.integer("at_least", 1, 100, 1),
        up_to=entry.integer("up_to", 1, 100, 1),
        min_chars=entry.integer("min_chars", 0, UNBOUNDED, 0),
        max_chars=entry.integer("max_chars", 1, UNBOUNDED, UNBOUNDED),
        task=entry.get("task", bool, default=False),
        damped=entry.get("damped", bool, default=False),
        any_language=any_language,
    )


_READERS: Final[Mapping[str, Callable[[RuleEntry], Any]]] = {
    "metadata": _metadata, "structure": _structure, "text": _text, "shape": _shape
}  # fmt: skip


def _fact(entry: RuleEntry, column: str, value: object) -> Fact:
    if column not in _FACTS:
        raise entry.error(f"{entry.label} knows no fact {column!r}", did_you_mean(column, _FACTS))
    if column in _FLAGS and isinstance(value, bool):
        return RangeFact(column, int(value), int(value))
    if column in _NUMBERS and isinstance(value, str):
        return RangeFact(column, *_range(entry, column, value))
    if column in _TEXTS and isinstance(value, list) and value and all(isinstance(v, str) for v in value):
        return ChoiceFact(column, tuple(value))
    if column in _LONG_TEXTS and isinstance(value, str):
        entry.check_pattern(column, value)
        return StartFact(column, value)
    expected = next(noun for columns, noun in _FACT_NOUNS if column in columns)
    raise entry.error(f"{column} of {entry.label} must be {expected}, not {value!r}")


_FACT_NOUNS: Final = (
    (_FLAGS, "true or false"),
    (_NUMBERS, 'a range like "1..16", "6001.." or "..16"'),
    (_TEXTS, "a list of texts"),
    (_LONG_TEXTS, "a pattern"),
)


def _range(entry: RuleEntry, column: str, value: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{0,18})\.\.(\d{0,18})", value)
    if match is None or not (match[1] or match[2]):
        hint = 'write "1..16", "6001.." or "..16"; both ends are included'
        raise entry.error(f"{column} of {entry.label} is no range: {value!r}", hint)
    low, high = int(match[1] or 0), int(match[2] or UNBOUNDED)
    if low > high:
        raise entry.error(f"{column} of {entry.label} is an empty range: {value!r}")
    return low, high


_LIMITS: Final[Mapping[str, tuple[int, int]]] = {
    "zone_head": (1, 100_000),
    "zone_tail": (1, 100_000),
    "min_points": (1, 1_000),
    "damp_percent": (0, 100),
    "milli_per_point": (1, 10_000),
    "model_percent": (0, 1_000),
    "model_min_known": (1, 1_000),
    "model_min_percent": (1, 100),
    "least_confidence": (1, 100),
    "most_confidence": (1, 100),
    "raise_confidence": (1, 100),
    "foreign_words_min": (1, 1_000),
    "foreign_letters_percent": (0, 100),
}


def _scoring(layers: list[RuleSource]) -> Scoring:
    """The `[scoring]` table, key by key from the strongest layer that has it."""
    merged: dict[str, Any] = {}
    known = list(Scoring.__struct_fields__)
    for source in reversed(layers):
        entry = RuleEntry(source, "scoring", 0, source.table.get("scoring", {}))
        for key in known:
            if key in entry.table:
                limits = _LIMITS.get(key)
                merged[key] = entry.pattern(key) if limits is None else entry.integer(key, *limits)
        entry.known = known
        entry.finish()
    missing = [key for key in known if key not in merged]
    if missing:
        raise layers[-1].error(f"[scoring] has no {missing[0]!r}", kind="scoring")
    scoring = Scoring(**merged)
    if scoring.most_confidence < scoring.least_confidence:
        raise layers[0].error("most_confidence is below least_confidence", kind="scoring")
    return scoring
