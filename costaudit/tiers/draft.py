"""The tags of a batch while they are being made: a tagged row is closed to weaker evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from costaudit.schema import UNTAGGED, Tier
from costaudit.tiers.evidence import Evidence, Tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from costaudit.tiers.columns import Mask, Numbers
    from costaudit.tiers.ruleset import FactRule, MetadataRule
    from costaudit.tiers.text import Verdicts

EXPLICIT_CONFIDENCE: Final = 100
"""Percent for a tier that the log itself carries."""


class Draft:
    """Fed with one kind of evidence after the other, strongest first."""

    def __init__(self, rows: int) -> None:
        self.tags = Tags(
            tier=np.full(rows, UNTAGGED, np.int8),
            confidence=np.zeros(rows, np.int8),
            evidence=np.zeros(rows, np.int8),
            rule=np.full(rows, -1, np.int16),
        )
        self._open = np.ones(rows, np.bool_)
        self._rules_so_far = 0

    def explicit(self, logged: Numbers) -> None:
        """Take the tiers that the log itself carries; a number that is no tier is no tag."""
        valid = np.broadcast_to((logged >= min(Tier)) & (logged <= max(Tier)), self._open.shape)
        rows = np.flatnonzero(valid)
        tiers = np.broadcast_to(logged, self._open.shape)[rows]
        self._write(rows, Evidence.EXPLICIT, tiers, np.int8(EXPLICIT_CONFIDENCE), np.int16(0))
        self._rules_so_far = 1

    def rules(
        self, kind: Evidence, rules: Sequence[MetadataRule | FactRule], first: NDArray[np.int16]
    ) -> None:
        """Take the first rule that speaks for each open row; `len(rules)` stands for none."""
        rows = np.flatnonzero(self._open & (first < len(rules)))
        rule = first[rows]
        tiers = np.array([r.tier for r in rules], np.int8)
        confidences = np.array([r.confidence for r in rules], np.int8)
        if rows.size:
            self._write(rows, kind, tiers[rule], confidences[rule], rule + self._rules_so_far)
        self._rules_so_far += len(rules)

    def text(self, verdicts: Verdicts | None, raise_confidence: int, rules: int) -> None:
        """Take the text's word for open rows, and where it is sure enough of tier 3 over weaker tags."""
        if verdicts is not None:
            sure = (verdicts.tier == Tier.HIGH_STAKES) & (verdicts.confidence >= raise_confidence)
            rows = np.flatnonzero((self._open & (verdicts.tier != UNTAGGED)) | (sure & self._raisable()))
            rule = verdicts.rule[rows] + self._rules_so_far
            self._write(rows, Evidence.TEXT, verdicts.tier[rows], verdicts.confidence[rows], rule)
            self._open &= ~verdicts.scores.any(axis=1)  # where the risk is too high, counts do not lower it
        self._rules_so_far += rules

    def _raisable(self) -> Mask:
        below: Mask = self.tags.tier < Tier.HIGH_STAKES
        return below & (self.tags.evidence < Evidence.EXPLICIT)

    def _write(
        self,
        rows: NDArray[np.intp],
        kind: Evidence,
        tier: NDArray[np.integer],
        confidence: NDArray[np.int8] | np.int8,
        rule: NDArray[np.integer] | np.int16,
    ) -> None:
        self._open[rows] = False
        self.tags.tier[rows] = tier
        self.tags.confidence[rows] = confidence
        self.tags.evidence[rows] = kind
        self.tags.rule[rows] = rule
