"""Tag batches of calls with a complexity tier: the strongest kind of evidence that speaks decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costaudit.schema import Tier
from costaudit.tiers.columns import Columns
from costaudit.tiers.draft import EXPLICIT_CONFIDENCE, Draft
from costaudit.tiers.evidence import Evidence, Reason, Tags
from costaudit.tiers.facts import FactSpeaker
from costaudit.tiers.metadata import MetadataSpeaker
from costaudit.tiers.ruleset import EXPLICIT_RULE
from costaudit.tiers.text import TextSpeaker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from costaudit.tiers.ruleset import FactRule, MetadataRule, RuleSet

__all__ = ["Evidence", "Reason", "Tagger", "Tags"]


class Tagger:
    """Applies one rule set to batches; safe to share between threads."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._metadata = MetadataSpeaker(rules.metadata, rules.tag_keys)
        self._structure = FactSpeaker(rules.structure)
        self._text = TextSpeaker(rules)
        self._shape = FactSpeaker(rules.shape)
        kinds = (rules.metadata, rules.structure, rules.text, rules.shape)
        self.rule_names = (EXPLICIT_RULE, *(rule.name for kind in kinds for rule in kind))
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
        draft.text(self._text.judge(columns), rules.scoring.raise_confidence, len(rules.text))
        draft.rules(Evidence.SHAPE, rules.shape, self._shape.first(columns))
        return draft.tags

    def explain(self, batch: pa.RecordBatch, row: int) -> list[Reason]:
        """Every rule that speaks for one row of the batch, strongest kind of evidence first.

        Rules that were outvoted are in it too; which one decided is in `Tags.rule`. Raises IndexError
        when there is no such row.
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
            *(
                Reason(Evidence.TEXT, rules.text[index].name, rules.text[index].tier, None, points)
                for index, points in self._text.points(columns)
            ),
            *_reasons(Evidence.SHAPE, rules.shape, self._shape.all(columns)),
        ]


def _reasons(
    kind: Evidence, rules: Sequence[MetadataRule | FactRule], speaking: list[int]
) -> Iterator[Reason]:
    for index in speaking:
        yield Reason(kind, rules[index].name, rules[index].tier, rules[index].confidence, None)
