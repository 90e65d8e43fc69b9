"""Tag batches of calls with a complexity tier: the strongest kind of evidence that speaks decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from costaudit.schema import Tier
from costaudit.tiers.columns import Columns
from costaudit.tiers.draft import EXPLICIT_CONFIDENCE, Draft
from costaudit.tiers.evidence import Evidence, Reason, Tags
from costaudit.tiers.facts import FactSpeaker
from costaudit.tiers.guard import DEFAULT_RISK
from costaudit.tiers.metadata import MetadataSpeaker
from costaudit.tiers.ruleset import EXPLICIT_RULE, GUARD_RULE, MODEL_RULE
from costaudit.tiers.text import TextSpeaker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from costaudit.tiers.calibration import Calibration
    from costaudit.tiers.ruleset import FactRule, MetadataRule, RuleSet

_MOST_SIGNALS: Final = 5
"""N-grams in an explanation."""

__all__ = ["Evidence", "Reason", "Tagger", "Tags"]


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
        self._structure = FactSpeaker(rules.structure)
        self._text = TextSpeaker(rules, risk=risk, calibration=calibration)
        self._shape = FactSpeaker(rules.shape)
        names = [
            [rule.name for rule in kind]
            for kind in (rules.metadata, rules.structure, rules.text, rules.shape)
        ]
        names[2] += [MODEL_RULE, GUARD_RULE]
        self.rule_names = (EXPLICIT_RULE, *(name for kind in names for name in kind))
        """All rules, strongest kind of evidence first; `Tags.rule` holds indexes into it."""

    def tag(self, batch: pa.RecordBatch) -> Tags:
        """The tier of every row, with confidence, kind of evidence and deciding rule.

        The batch holds any of the columns of `schema.CANONICAL`. The tags of a row depend on that
        row alone.
        """
        columns, rules = Columns(batch), self._rules
        draft = Draft(columns.rows)
        draft.explicit(columns.number("tier_tag"))
        draft.rules(Evidence.METADATA, rules.metadata, self._metadata.first(columns))
        draft.rules(Evidence.STRUCTURE, rules.structure, self._structure.first(columns))
        draft.text(self._text.judge(columns), rules.scoring.raise_confidence, len(rules.text) + 2)
        draft.rules(Evidence.SHAPE, rules.shape, self._shape.first(columns))
        return draft.tags

    def text_scores(self, batch: pa.RecordBatch) -> NDArray[np.int32]:
        """What the text alone says of every row: `Verdicts.scores`, all 0 where it says nothing."""
        verdicts = self._text.judge(Columns(batch))
        return np.zeros((batch.num_rows, len(Tier)), np.int32) if verdicts is None else verdicts.scores

    def explain(self, batch: pa.RecordBatch, row: int, *, signals: bool = False) -> list[Reason]:
        """Every rule that speaks for one row of the batch, strongest kind of evidence first.

        Rules that were outvoted are in it too; which one decided is in `Tags.rule`. The linear model is
        there as one rule for the tier that it favours; with `signals` its weightiest n-grams follow, which
        are words of the prompt. Raises IndexError when there is no such row.
        """
        if not 0 <= row < batch.num_rows:
            raise IndexError(f"row {row} of a batch of {batch.num_rows}")
        columns, rules = Columns(batch.slice(row, 1)), self._rules
        logged = int(columns.number("tier_tag").max())
        return [
            *(
                Reason(Evidence.EXPLICIT, EXPLICIT_RULE, t, EXPLICIT_CONFIDENCE, None)
                for t in Tier
                if t == logged
            ),
            *_reasons(Evidence.METADATA, rules.metadata, self._metadata.all(columns)),
            *_reasons(Evidence.STRUCTURE, rules.structure, self._structure.all(columns)),
            *self._text_reasons(columns, signals=signals),
            *_reasons(Evidence.SHAPE, rules.shape, self._shape.all(columns)),
        ]

    def _text_reasons(self, columns: Columns, *, signals: bool) -> Iterator[Reason]:
        why = self._text.explain(columns)
        if why is None:
            return
        if why.guarded is not None:
            yield Reason(Evidence.TEXT, GUARD_RULE, why.guarded, None, None)
        for index, points in why.points:
            rule = self._rules.text[index]
            yield Reason(Evidence.TEXT, rule.name, rule.tier, None, points)
        if why.signals:
            yield _model_reason(why.model)
        for signal, gained in why.signals[: _MOST_SIGNALS if signals else 0]:
            yield _model_reason(gained, signal.ngram)


def _model_reason(points: NDArray[np.float64], signal: str | None = None) -> Reason:
    """What the model or one of its n-grams adds: to the tier that gains most, over the mean of all tiers."""
    tier = int(points.argmax())
    gain = round(float(points[tier] - points.mean()), 2)
    return Reason(Evidence.TEXT, MODEL_RULE, tier, None, gain, signal)


def _reasons(
    kind: Evidence, rules: Sequence[MetadataRule | FactRule], speaking: list[int]
) -> Iterator[Reason]:
    for index in speaking:
        yield Reason(kind, rules[index].name, rules[index].tier, rules[index].confidence, None)
