"""The instruction zone of a prompt: its head and its tail. What lies between is payload and never read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from costaudit.tiers.columns import as_numpy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from costaudit.tiers.columns import Mask
    from costaudit.tiers.ruleset import Scoring


def instruction_zones(prompts: Any, scoring: Scoring) -> tuple[Any, NDArray[np.int64]]:
    """The zones in lower case, and the lengths of the whole prompts in characters."""
    head, tail = scoring.zone_head, scoring.zone_tail
    chars = as_numpy(pc.utf8_length(prompts)).astype(np.int64)
    ends = pc.binary_join_element_wise(_cut(prompts, 0, head), _cut(prompts, -tail, None), "\n")
    zones = pc.if_else(pa.array(chars <= head + tail), _cut(prompts, 0, head + tail), ends)
    return pc.utf8_lower(zones), chars


def without_framing(zones: Any, scoring: Scoring) -> Any:
    """The zones as the model reads them: without phrases that say how to answer, and not what is asked."""
    return pc.replace_substring_regex(zones, scoring.framing, "")


def in_english(zones: Any, scoring: Scoring) -> Mask:
    """Zones in the language of rules and model: patterns for English say nothing about other text."""
    letters = as_numpy(pc.count_substring_regex(zones, scoring.foreign_letters))
    length = as_numpy(pc.utf8_length(zones))
    english: Mask = letters * 100 <= scoring.foreign_letters_percent * length
    foreign = as_numpy(pc.count_substring_regex(zones, scoring.foreign_words))
    rows = np.flatnonzero(foreign >= scoring.foreign_words_min)
    if rows.size:
        own = as_numpy(pc.count_substring_regex(zones.take(pa.array(rows)), scoring.english_words))
        english[rows] &= foreign[rows] < own
    return english


def _cut(texts: Any, start: int, stop: int | None) -> Any:
    return pc.utf8_slice_codeunits(texts, start, stop).cast(pa.string())
