"""Tag batches of calls with a complexity tier: the strongest kind of evidence that speaks decides."""

from __future__ import annotations

import copy
import functools
import hashlib
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from costaudit.schema import UNTAGGED, Tier
from costaudit.tiers.columns import BatchColumns
from costaudit.tiers.draft import EXPLICIT_CONFIDENCE, Draft
from costaudit.tiers.evidence import Evidence, TagReason, Tags
from costaudit.tiers.facts import FactSpeaker
from costaudit.tiers.fingerprint import Prints, fingerprints
from costaudit.tiers.guard import DEFAULT_RISK
from costaudit.tiers.metadata import MetadataSpeaker
from costaudit.tiers.ruleset import (
    EXPLICIT_RULE,
    GUARD_RULE,
    MODEL_RULE,
    VOTE_RULE,
    ChoiceFact,
    RangeFact,
)
from costaudit.tiers.text import TextSpeaker
from costaudit.tiers.traits import (
    has_texts,
    prefix_columns,
    starts_of,
    trait_columns,
    verdicts_in,
    with_traits,
)
from costaudit.tiers.votes import Ballots, Votes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from costaudit.tiers.calibration import Calibration
    from costaudit.tiers.ruleset import FactRule, MetadataRule, RuleSet

_MOST_SIGNALS: Final = 5
"""N-grams in an explanation."""

__all__ = ["Evidence", "Judged", "TagReason", "Tagger", "Tags"]


class Judged(msgspec.Struct, frozen=True):
    """What every row of a batch says by itself, before its fingerprint is asked."""

    tags: Tags
    scores: NDArray[np.int16] | None
    """`Verdicts.scores` of the rows that text may decide, 0 for the others; None for a batch without text."""
    prints: Prints | None
    """None where no row has scores."""

    def ballots(self) -> Ballots | None:
        """The votes of the rows, if they have any."""
        if self.prints is None or self.scores is None:
            return None
        return Ballots.cast(self.prints, self.scores)


class Tagger:
    """Applies one rule set to batches; safe to share between threads."""

    def __init__(
        self, rules: RuleSet, *, risk: float = DEFAULT_RISK, calibration: Calibration | None = None
    ) -> None:
        """`risk`, 0 to 1: how probable it may be that a tag from text is too low (see `guard`).

        `calibration` corrects the text scores by labels of the same traffic.
        """
        self._rules = rules
        self.calibration = calibration
        self._metadata = MetadataSpeaker(rules.metadata, rules.tag_keys)
        self._starts = starts_of(rules)
        self._structure = FactSpeaker(rules.structure, self._starts)
        self._text = TextSpeaker(rules, risk=risk, calibration=calibration)
        self._shape = FactSpeaker(rules.shape, self._starts)
        names = [
            [rule.name for rule in kind]
            for kind in (rules.metadata, rules.structure, rules.text, rules.shape)
        ]
        names[2] += [MODEL_RULE, GUARD_RULE]
        self.risk = risk
        self._votes = Votes.none()
        self.rule_names = (EXPLICIT_RULE, *(name for kind in names for name in kind), VOTE_RULE)
        """All rules, strongest kind of evidence first; `Tags.rule` holds indexes into it."""

    @functools.cached_property
    def number_edges(self) -> Mapping[str, frozenset[int]]:
        """By column the sizes at which a rule may change its mind: the largest of those on one side."""
        edges: dict[str, set[int]] = {}
        for rule in (*self._rules.structure, *self._rules.shape):
            for fact in rule.facts:
                if isinstance(fact, RangeFact):
                    edges.setdefault(fact.column, set()).update((fact.low - 1, fact.high))
        return {column: frozenset(of_column) for column, of_column in edges.items()}

    @functools.cached_property
    def word_columns(self) -> frozenset[str]:
        """The columns of words that rules read."""
        rules = (*self._rules.structure, *self._rules.shape)
        facts = (fact.column for rule in rules for fact in rule.facts if isinstance(fact, ChoiceFact))
        return frozenset(facts).union(*(rule.columns for rule in self._rules.metadata))

    @functools.cached_property
    def text_digest(self) -> str:
        """What the result of `read` depends on beside the texts: the rules that read them, and how."""
        calibration = None if self.calibration is None else msgspec.structs.astuple(self.calibration)
        told = (self._rules.text, self._rules.scoring, self._starts, calibration, self.risk)
        return hashlib.sha256(msgspec.json.encode(told, order="deterministic")).hexdigest()

    def with_votes(self, votes: Votes) -> Tagger:
        """The same tagger, for which fingerprints have voted."""
        twin = copy.copy(self)
        twin._votes = votes  # noqa: SLF001 - its own kind
        return twin

    def tag(self, batch: pa.RecordBatch) -> Tags:
        """The tier of every row, with confidence, kind of evidence and deciding rule.

        The batch holds any of the columns of `schema.CANONICAL`, or what `read` made of its texts. The tags
        of a row depend on that row and on the votes alone.
        """
        return self.settle(self.judge(batch))

    def settle(self, judged: Judged) -> Tags:
        """The tags of rows once their fingerprints have voted."""
        if judged.prints is None or not len(self._votes):
            return judged.tags
        return _settled(judged, self._votes, len(self.rule_names) - 1)

    def read(self, batch: pa.RecordBatch, *, scored: bool = True) -> pa.RecordBatch:
        """The batch without its texts, and with what they say of the tier (see `costaudit.tiers.traits`).

        Texts that are not `scored` are only hashed.
        """
        if not has_texts(batch):
            return batch
        columns = BatchColumns(batch)
        if not scored:
            return with_traits(batch, trait_columns(columns, None, ()))
        traits = trait_columns(columns, self._text.judge(columns), self._starts)
        return with_traits(batch, traits | prefix_columns(batch))

    def judge(self, batch: pa.RecordBatch) -> Judged:
        """What every row says by itself."""
        columns, rules = BatchColumns(self.read(batch)), self._rules
        draft = Draft(columns.rows)
        draft.explicit(columns.number("tier_tag"))
        draft.rules(Evidence.METADATA, rules.metadata, self._metadata.first(columns))
        draft.rules(Evidence.STRUCTURE, rules.structure, self._structure.first(columns))
        verdicts = verdicts_in(columns)
        draft.text(verdicts, rules.scoring.raise_confidence, len(rules.text) + 2)
        draft.rules(Evidence.SHAPE, rules.shape, self._shape.first(columns))
        if verdicts is None:
            return Judged(draft.tags, None, None)
        scores = np.where((draft.tags.evidence <= Evidence.TEXT)[:, None], verdicts.scores, 0)
        return Judged(draft.tags, scores.astype(np.int16), fingerprints(columns) if scores.any() else None)

    def text_scores(self, batch: pa.RecordBatch) -> NDArray[np.int32]:
        """What the text alone says of every row: `Verdicts.scores`, all 0 where it says nothing."""
        verdicts = verdicts_in(BatchColumns(self.read(batch)))
        return np.zeros((batch.num_rows, len(Tier)), np.int32) if verdicts is None else verdicts.scores

    def explain(self, batch: pa.RecordBatch, row: int, *, signals: bool = False) -> list[TagReason]:
        """Every rule that speaks for one row of the batch, strongest kind of evidence first.

        Rules that were outvoted are in it too; which one decided is in `Tags.rule`. The linear model is
        there as one rule for the tier that it favours; with `signals` its weightiest n-grams follow, which
        are words of the prompt. Raises IndexError when there is no such row.
        """
        if not 0 <= row < batch.num_rows:
            raise IndexError(f"row {row} of a batch of {batch.num_rows}")
        one, rules = batch.slice(row, 1), self._rules
        columns = BatchColumns(self.read(one))
        logged = int(columns.number("tier_tag").max())
        return [
            *(
                TagReason(Evidence.EXPLICIT, EXPLICIT_RULE, t, EXPLICIT_CONFIDENCE, None)
                for t in Tier
                if t == logged
            ),
            *_reasons(Evidence.METADATA, rules.metadata, self._metadata.all(columns)),
            *_reasons(Evidence.STRUCTURE, rules.structure, self._structure.all(columns)),
            *self._vote_reasons(one),
            *self._text_reasons(BatchColumns(one), signals=signals),
            *_reasons(Evidence.SHAPE, rules.shape, self._shape.all(columns)),
        ]

    def _vote_reasons(self, row: pa.RecordBatch) -> Iterator[TagReason]:
        """The vote of the fingerprint that decides a row, with the share of its requests that agree."""
        judged = self.judge(row)
        if judged.prints is None:
            return
        place = int(self._votes.of(judged.prints)[0])
        if place >= 0 and self._votes.tier[place] != UNTAGGED:
            agreement = int(self._votes.agreement[place])
            yield TagReason(Evidence.TEXT, VOTE_RULE, int(self._votes.tier[place]), agreement, None)

    def _text_reasons(self, columns: BatchColumns, *, signals: bool) -> Iterator[TagReason]:
        why = self._text.explain(columns)
        if why is None:
            return
        if why.guarded is not None:
            yield TagReason(Evidence.TEXT, GUARD_RULE, why.guarded, None, None)
        for index, points in why.points:
            rule = self._rules.text[index]
            yield TagReason(Evidence.TEXT, rule.name, rule.tier, None, points)
        if why.signals:
            yield _model_reason(why.model)
        for signal, gained in why.signals[: _MOST_SIGNALS if signals else 0]:
            yield _model_reason(gained, signal.ngram)


def _settled(judged: Judged, votes: Votes, vote_rule: int) -> Tags:
    """Tags in which the rows that text decides follow their fingerprints.

    A row without scores has no say and gets none: text in another language stays untagged. A row that its
    own words make tier 3 stays so, because text may raise to it.
    """
    own, scores, prints = judged.tags, judged.scores, judged.prints
    if scores is None or prints is None:
        return own
    place = np.where(scores.any(axis=1) & (own.tier != Tier.HIGH_STAKES), votes.of(prints), -1)
    rows = np.flatnonzero(place >= 0)
    voted = place[rows]
    tier, confidence = own.tier.copy(), own.confidence.copy()
    evidence, rule = own.evidence.copy(), own.rule.copy()
    changed = tier[rows] != votes.tier[voted]
    tier[rows], confidence[rows] = votes.tier[voted], votes.confidence[voted]
    silent = tier[rows] == UNTAGGED
    evidence[rows] = np.where(silent, Evidence.NONE, Evidence.TEXT)
    rule[rows] = np.where(silent, -1, np.where(changed, vote_rule, rule[rows]))
    return Tags(tier, confidence, evidence, rule)


def _model_reason(points: NDArray[np.float64], signal: str | None = None) -> TagReason:
    """What the model or one of its n-grams adds: to the tier that gains most, over the mean of all tiers."""
    tier = int(points.argmax())
    gain = round(float(points[tier] - points.mean()), 2)
    return TagReason(Evidence.TEXT, MODEL_RULE, tier, None, gain, signal)


def _reasons(
    kind: Evidence, rules: Sequence[MetadataRule | FactRule], speaking: list[int]
) -> Iterator[TagReason]:
    for index in speaking:
        yield TagReason(kind, rules[index].name, rules[index].tier, rules[index].confidence, None)
