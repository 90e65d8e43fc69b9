"""Evidence from the prompt: points per tier for patterns in its instruction zone.

The zone is the head and the tail of the last user turn: instructions stand there, and what lies
between is payload. Points are integers, so that a row scores the same in every batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from costaudit.schema import UNTAGGED, Tier
from costaudit.tiers.columns import as_numpy, matches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from costaudit.tiers.columns import Columns, Mask
    from costaudit.tiers.ruleset import RuleSet, Scoring, TextRule

_BLOCK: Final = 8192
"""Prompts scored at a time: keeps the zones in cache and the memory bounded."""

_GROUP: Final = 6
"""Rules behind one alternation: measured, 6 to 8 were the fastest."""

_WHOLE: Final = 100
"""Points are kept in hundredths, because damping is in percent."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the text says about each row; UNTAGGED where it says nothing."""

    tier: NDArray[np.int8]
    confidence: NDArray[np.int8]
    rule: NDArray[np.int16]
    """Index of the text rule that gave the most points to the tier."""

    def of(self, rows: NDArray[np.int32]) -> Verdicts:
        """The verdicts on the given rows."""
        return Verdicts(self.tier[rows], self.confidence[rows], self.rule[rows])


class TextSpeaker:
    """Scores prompts by the text rules of a rule set."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules.text
        self._scoring = rules.scoring
        self._groups = _grouped(rules.text)
        self._alone = _weights(rules.text, _WHOLE)
        self._beside_task = _weights(rules.text, rules.scoring.damp_percent)
        self._task = np.array([rule.task for rule in rules.text], np.bool_)
        self._tiers = np.array([rule.tier for rule in rules.text], np.int8)
        self._of_tier = (self._tiers[:, None] == np.arange(len(Tier))).astype(np.int32)

    def judge(self, columns: Columns) -> Verdicts | None:
        """The verdict on each row, or None when the batch has no prompts or there are no rules."""
        prompts = columns.long_text("prompt") if self._rules else None
        if prompts is None:
            return None
        verdicts = _silent(len(prompts.values) + 1)  # the last entry is the row without a prompt
        for start in range(0, len(prompts.values), _BLOCK):
            self._judge_block(prompts.values.slice(start, _BLOCK), verdicts, start)
        return verdicts.of(prompts.codes)

    def points(self, columns: Columns) -> list[tuple[int, float]]:
        """The rules that speak for the row of a batch of one, each with its points after damping."""
        prompts = columns.long_text("prompt") if self._rules else None
        if prompts is None or not len(prompts.values):
            return []
        points = self._points(prompts.values)[0]
        return [(int(index), int(points[index]) / _WHOLE) for index in np.flatnonzero(points)]

    def _judge_block(self, prompts: Any, verdicts: Verdicts, start: int) -> None:
        """Write the verdicts of a block: the tier with most points, of equals the higher."""
        scoring = self._scoring
        points = self._points(prompts)
        scores = points @ self._of_tier
        ranked = np.sort(scores, axis=1)
        rows = np.flatnonzero(ranked[:, -1] >= scoring.min_points * _WHOLE)
        tier = len(Tier) - 1 - scores[rows, ::-1].argmax(axis=1)
        given = np.where(self._tiers == tier[:, None], points[rows], -1)
        verdicts.tier[rows + start] = tier
        verdicts.rule[rows + start] = given.argmax(axis=1)
        verdicts.confidence[rows + start] = _confidence(scoring, ranked[rows, -1] - ranked[rows, -2])

    def _points(self, prompts: Any) -> NDArray[np.int32]:
        """Points in hundredths, one row per prompt and one column per rule."""
        zones, chars = self._zones(prompts)
        hits = self._hits(zones, chars)
        task = (hits[:, self._task] > 0).any(axis=1, keepdims=True)
        points: NDArray[np.int32] = hits * np.where(task, self._beside_task, self._alone)
        points[~self._speaks(zones)] = 0
        return points

    def _zones(self, prompts: Any) -> tuple[Any, NDArray[np.int64]]:
        """The instruction zones in lower case, and the lengths of the whole prompts in characters."""
        head, tail = self._scoring.zone_head, self._scoring.zone_tail
        chars = as_numpy(pc.utf8_length(prompts)).astype(np.int64)
        ends = pc.binary_join_element_wise(_cut(prompts, 0, head), _cut(prompts, -tail, None), "\n")
        zones = pc.if_else(pa.array(chars <= head + tail), _cut(prompts, 0, head + tail), ends)
        return pc.utf8_lower(zones), chars

    def _hits(self, zones: Any, chars: NDArray[np.int64]) -> NDArray[np.int32]:
        """How often each rule counts, one row per zone and one column per rule."""
        hits = np.zeros((len(chars), len(self._rules)), np.int32)
        for group in self._groups:
            near = chars >= group.min_chars
            if len(group.rules) > 1:
                near &= matches(zones, group.regex)
            rows = np.flatnonzero(near)
            if rows.size:
                some, lengths = zones.take(pa.array(rows)), chars[rows]
                for column in group.rules:
                    hits[rows, column] = _count(some, lengths, self._rules[column])
        return hits

    def _speaks(self, zones: Any) -> Mask:
        """Zones in the language of the rules: patterns for English say nothing about other text."""
        scoring = self._scoring
        words = as_numpy(pc.count_substring_regex(zones, scoring.foreign_words))
        letters = as_numpy(pc.count_substring_regex(zones, scoring.foreign_letters))
        length = as_numpy(pc.utf8_length(zones))
        few: Mask = letters * 100 <= scoring.foreign_letters_percent * length
        return few & (words < scoring.foreign_words_min)


@dataclass(frozen=True, slots=True)
class _Group:
    """Rules that one alternation rules out together, because most prompts match few of them."""

    rules: tuple[int, ...]
    regex: str
    min_chars: int


def _grouped(rules: tuple[TextRule, ...]) -> list[_Group]:
    """Neighbouring rules in groups; a rule for long prompts alone, because length rules out more."""
    short = [i for i, rule in enumerate(rules) if rule.min_chars == 0]
    chunks = [short[i : i + _GROUP] for i in range(0, len(short), _GROUP)]
    chunks = [part for chunk in chunks for part in _compilable(rules, chunk)]
    chunks += [[i] for i, rule in enumerate(rules) if rule.min_chars]
    return [
        _Group(
            rules=tuple(chunk),
            regex=_alternation(rules, chunk),
            min_chars=min(rules[i].min_chars for i in chunk),
        )
        for chunk in chunks
    ]


def _alternation(rules: tuple[TextRule, ...], chunk: list[int]) -> str:
    return "|".join(f"(?:{rules[i].regex})" for i in chunk)


def _compilable(rules: tuple[TextRule, ...], chunk: list[int]) -> list[list[int]]:
    """The chunk, or its single rules where RE2 finds them too large together."""
    try:
        matches(pa.array([""]), _alternation(rules, chunk))
    except pa.ArrowInvalid:
        return [[i] for i in chunk]
    return [chunk]


def _count(zones: Any, chars: NDArray[np.int64], rule: TextRule) -> NDArray[np.int32]:
    """How often a rule counts for each zone, between at_least and up_to, else 0."""
    if rule.at_least == rule.up_to == 1:
        found = matches(zones, rule.regex).astype(np.int32)
    else:
        found = as_numpy(pc.count_substring_regex(zones, rule.regex))
    speaks = (found >= rule.at_least) & (chars >= rule.min_chars) & (chars <= rule.max_chars)
    return np.where(speaks, np.minimum(found, rule.up_to), 0).astype(np.int32)


def _weights(rules: tuple[TextRule, ...], percent: int) -> NDArray[np.int32]:
    """The points of each rule in hundredths, damped rules at the given percent."""
    return np.array([rule.points * (percent if rule.damped else _WHOLE) for rule in rules], np.int32)


def _confidence(scoring: Scoring, margin: NDArray[np.int32]) -> NDArray[np.int8]:
    """Percent by the lead over the next tier, from least at none to most at a full margin."""
    span = scoring.most_confidence - scoring.least_confidence
    gained = np.minimum(margin, scoring.full_margin * _WHOLE) * span // (scoring.full_margin * _WHOLE)
    return (scoring.least_confidence + gained).astype(np.int8)


def _cut(texts: Any, start: int, stop: int | None) -> Any:
    return pc.utf8_slice_codeunits(texts, start, stop).cast(pa.string())


def _silent(rows: int) -> Verdicts:
    return Verdicts(np.full(rows, UNTAGGED, np.int8), np.zeros(rows, np.int8), np.full(rows, -1, np.int16))
