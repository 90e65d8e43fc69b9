"""Evidence from the prompt: rules and a linear model over its instruction zone give each tier a probability.

The zone is the head and the tail of the last user turn: instructions stand there, and what lies between is
payload, which is never read. The points of the rules and the logits of the model are added up, become scores
(see `scores`), and the risk guard picks the tier. All of it is integers: a row scores the same in any batch.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from costaudit.schema import UNTAGGED, Tier
from costaudit.tiers.columns import as_numpy, matches
from costaudit.tiers.guard import DEFAULT_RISK, guarded_tiers
from costaudit.tiers.model import load_model
from costaudit.tiers.scores import best_tier, percent_of, scores_of
from costaudit.tiers.zones import in_english, instruction_zones, without_framing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from costaudit.tiers.calibration import Calibration
    from costaudit.tiers.columns import BatchColumns, Mask
    from costaudit.tiers.model import LinearModel, Signal
    from costaudit.tiers.ruleset import RuleSet, TextRule

_BLOCK: Final = 8192
"""Prompts scored at a time: keeps the zones in cache and the memory bounded."""

_GROUP: Final = 5
"""Rules behind one alternation: measured, 4 to 6 were the fastest."""

_WHOLE: Final = 100
"""Points are kept in hundredths, because damping is in percent."""


class Verdicts(msgspec.Struct, frozen=True):
    """What the text says about each row; UNTAGGED where it says nothing, or nothing within the risk."""

    tier: NDArray[np.int8]
    confidence: NDArray[np.int8]
    rule: NDArray[np.int16]
    """Index of the text rule that gave the most points to the tier. The number of rules stands for the model,
    one more for the guard, where it raised the tier above the most probable one."""
    scores: NDArray[np.int32]
    """The probability of each tier in thousandths, one column per tier; all 0 where the text says nothing.

    The sum of the scores of rows that share a fingerprint is their vote: `guard.guarded_tiers` takes it as it
    takes the scores of a row. P(true tier > t) is the sum of the columns after t over the sum of all.
    """

    def of(self, rows: NDArray[np.int32]) -> Verdicts:
        """The verdicts on the given rows."""
        return Verdicts(self.tier[rows], self.confidence[rows], self.rule[rows], self.scores[rows])


class Why(msgspec.Struct, frozen=True):
    """What speaks for one row: rules and n-grams, each with what it adds to the tiers."""

    points: list[tuple[int, float]]
    """Rules by index, each with its points after damping."""
    guarded: int | None
    """The tier to which the guard raised it."""
    model: NDArray[np.float64]
    """What the model adds to each tier, in points of a rule."""
    signals: list[tuple[Signal, NDArray[np.float64]]]
    """The n-grams that the model knows, the weightiest first, in points. They are words of the prompt."""


class TextSpeaker:
    """Scores prompts by the text rules of a rule set and by the linear model."""

    def __init__(
        self,
        rules: RuleSet,
        *,
        risk: float = DEFAULT_RISK,
        model: LinearModel | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        """`risk` is that of the guard. `model` replaces the one that ships; `calibration` corrects scores."""
        self._calibration = calibration
        self._rules = rules.text
        self._scoring = rules.scoring
        self._risk = risk
        self._own_model = model
        self._alone = _weights(rules.text, _WHOLE)
        self._beside_task = _weights(rules.text, rules.scoring.damp_percent)
        self._task = np.array([rule.task for rule in rules.text], np.bool_)
        self._tiers = np.array([rule.tier for rule in rules.text], np.int8)
        self._english = np.array([not rule.any_language for rule in rules.text], np.bool_)
        self._of_tier = (self._tiers[:, None] == np.arange(len(Tier))).astype(np.int32)

    @functools.cached_property
    def _groups(self) -> tuple[_Group, ...]:
        """The rules as prompts are held against them: made when there is one."""
        return _grouped(self._rules)

    @functools.cached_property
    def _model(self) -> LinearModel | None:
        """What hears the prompts, besides the rules: read when there is one."""
        return (self._own_model or load_model()) if self._scoring.model_percent else None

    def judge(self, columns: BatchColumns) -> Verdicts | None:
        """The verdict on each row, or None when the batch has no prompts or there are no rules."""
        prompts = columns.long_text("prompt") if self._rules else None
        if prompts is None:
            return None
        verdicts = _silent(len(prompts.values) + 1)  # the last entry is the row without a prompt
        for start in range(0, len(prompts.values), _BLOCK):
            self._judge_block(prompts.values.slice(start, _BLOCK), verdicts, start)
        return verdicts.of(prompts.codes)

    def explain(self, columns: BatchColumns) -> Why | None:
        """What speaks for the row of a batch of one; None without a prompt or where the text says nothing."""
        prompts = columns.long_text("prompt") if self._rules else None
        if prompts is None or not len(prompts.values):
            return None
        zones, chars = instruction_zones(prompts.values, self._scoring)
        english = in_english(zones, self._scoring)
        points = self._points(zones, chars, english)
        scores = self._scores(zones, points, english)
        tier = guarded_tiers(scores, self._risk)
        raised = tier[0] not in (UNTAGGED, best_tier(scores)[0])
        weight = self._scoring.model_percent / _WHOLE / self._scoring.milli_per_point
        read = without_framing(zones, self._scoring)
        heard = self._model if english[0] else None
        milli = np.zeros((1, len(Tier))) if heard is None else heard.logits(read).milli
        signals = [] if heard is None else heard.signals(read[0].as_py())
        return Why(
            points=[(int(i), int(points[0, i]) / _WHOLE) for i in np.flatnonzero(points[0])],
            guarded=int(tier[0]) if raised else None,
            model=milli[0] * weight,
            signals=[(signal, (signal.milli * weight).astype(np.float64)) for signal in signals],
        )

    def _judge_block(self, prompts: Any, verdicts: Verdicts, start: int) -> None:
        """Write the verdicts of a block."""
        zones, chars = instruction_zones(prompts, self._scoring)
        english = in_english(zones, self._scoring)
        points = self._points(zones, chars, english)
        scores = self._scores(zones, points, english)
        tier = guarded_tiers(scores, self._risk)
        given = np.where(self._tiers == tier[:, None], points, 0)
        rule = np.where(given.any(axis=1), given.argmax(axis=1), len(self._rules))
        rule[tier != best_tier(scores)] = len(self._rules) + 1
        scoring, block = self._scoring, slice(start, start + len(tier))
        verdicts.scores[block] = scores
        verdicts.tier[block] = tier
        verdicts.rule[block] = np.where(tier == UNTAGGED, -1, rule)
        confidence = percent_of(scores, tier).clip(scoring.least_confidence, scoring.most_confidence)
        verdicts.confidence[block] = np.where(tier == UNTAGGED, 0, confidence)

    def _scores(self, zones: Any, points: NDArray[np.int32], english: Mask) -> NDArray[np.int32]:
        """The scores of the zones for which a rule speaks, or the model alone; 0 for the others."""
        scoring = self._scoring
        of_tiers = points @ self._of_tier
        spoken = of_tiers.max(axis=1) >= scoring.min_points * _WHOLE
        logits = of_tiers * scoring.milli_per_point // _WHOLE
        if self._model is not None:
            said = self._model.logits(without_framing(zones, scoring))
            logits += np.where(english[:, None], said.milli, 0) * scoring.model_percent // 100
            sure = scores_of(logits).max(axis=1) >= scoring.model_min_percent * 10
            spoken |= english & sure & (said.known >= scoring.model_min_known)
        scores = scores_of(logits)
        if self._calibration is not None:
            scores = self._calibration.apply(scores)
        return np.where(spoken[:, None], scores, 0)

    def _points(self, zones: Any, chars: NDArray[np.int64], english: Mask) -> NDArray[np.int32]:
        """Points in hundredths, one row per prompt and one column per rule."""
        hits = self._hits(zones, chars)
        task = (hits[:, self._task] > 0).any(axis=1, keepdims=True)
        points: NDArray[np.int32] = hits * np.where(task, self._beside_task, self._alone)
        points[np.ix_(~english, self._english)] = 0
        return points

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


class _Group(msgspec.Struct, frozen=True):
    """Rules that one alternation rules out together, because most prompts match few of them."""

    rules: tuple[int, ...]
    regex: str
    min_chars: int


@functools.lru_cache(maxsize=2)
def _grouped(rules: tuple[TextRule, ...]) -> tuple[_Group, ...]:
    """Neighbouring rules in groups; a rule for long prompts alone, because length rules out more."""
    short = [i for i, rule in enumerate(rules) if rule.min_chars == 0]
    chunks = [short[i : i + _GROUP] for i in range(0, len(short), _GROUP)]
    chunks = [part for chunk in chunks for part in _compilable(rules, chunk)]
    chunks += [[i] for i, rule in enumerate(rules) if rule.min_chars]
    return tuple(
        _Group(
            rules=tuple(chunk),
            regex=_alternation(rules, chunk),
            min_chars=min(rules[i].min_chars for i in chunk),
        )
        for chunk in chunks
    )


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


def _silent(rows: int) -> Verdicts:
    return Verdicts(
        tier=np.full(rows, UNTAGGED, np.int8),
        confidence=np.zeros(rows, np.int8),
        rule=np.full(rows, -1, np.int16),
        scores=np.zeros((rows, len(Tier)), np.int32),
    )
