"""What a tag is made of: the kinds of evidence, the tags of a batch, and the reasons of one row."""

from __future__ import annotations

from enum import IntEnum

import msgspec
import numpy as np
from numpy.typing import NDArray


class Evidence(IntEnum):
    """The kinds of evidence, weakest first: the strongest kind that speaks decides the tier."""

    NONE = 0
    SHAPE = 1
    """Token counts alone, as in a log without text."""
    TEXT = 2
    """The instruction in the last user turn."""
    STRUCTURE = 3
    """Facts of the request: length, tools, limits, response format, known housekeeping calls."""
    METADATA = 4
    """The names that the caller gave: feature, tags, user tier."""
    EXPLICIT = 5
    """A tier that the log itself carries."""


class Tags(msgspec.Struct, frozen=True):
    """The tags of a batch, one entry per row."""

    tier: NDArray[np.int8]
    """0-3 as in `costaudit.schema.Tier`, or UNTAGGED (-1) without evidence."""
    confidence: NDArray[np.int8]
    """Percent, 0 for an untagged row. A rank of the evidence, not a measured hit rate."""
    evidence: NDArray[np.int8]
    """Codes of `Evidence`."""
    rule: NDArray[np.int16]
    """The deciding rule: an index into `Tagger.rule_names`, -1 for an untagged row."""

    def __len__(self) -> int:
        return len(self.tier)

    def take(self, rows: NDArray[np.intp]) -> Tags:
        """The tags of some rows."""
        return Tags(self.tier[rows], self.confidence[rows], self.evidence[rows], self.rule[rows])


class TagReason(msgspec.Struct, frozen=True):
    """One rule that spoke for a row. It names the rule, never the text that the rule matched."""

    evidence: Evidence
    rule: str
    tier: int
    confidence: int | None
    """Percent; None for a text rule, which only adds points."""
    points: float | None
    """What a text rule or the model added to its tier, after damping; None for the other kinds."""
    signal: str | None = None
    """An n-gram that the model knows; `^^` is the start of the text. It is words of the prompt: only in
    reasons that were asked for with signals."""
