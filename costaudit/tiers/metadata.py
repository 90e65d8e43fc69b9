"""Evidence from names: patterns over feature, tags and the like, evaluated once per distinct value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from costaudit.ingest.long_names import MOST_CHARS
from costaudit.tiers.columns import as_numpy, matches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from costaudit.tiers.columns import BatchColumns, Mask
    from costaudit.tiers.ruleset import MetadataRule

_REMEMBERED: Final = 20_000
"""Distinct values of a column whose first rule is kept for the next batch, about …"""

_REMEMBERED_BYTES: Final = 1 << 24
"""… and what they may take."""


class _Known(msgspec.Struct, frozen=True):
    """Values of a column that were judged before: a pattern costs more to compile than to match."""

    values: Any
    first: NDArray[np.int16]

    @property
    def is_large(self) -> bool:
        """Whether it is time to forget them."""
        return len(self.values) > _REMEMBERED or self.values.nbytes > _REMEMBERED_BYTES


class MetadataSpeaker:
    """Says which of the metadata rules speak for a row."""

    def __init__(self, rules: tuple[MetadataRule, ...], tag_keys: tuple[str, ...]) -> None:
        self._by_column: dict[str, list[tuple[int, MetadataRule]]] = {}
        for index, rule in enumerate(rules):
            for column in rule.columns:
                self._by_column.setdefault(column, []).append((index, rule))
        self._silent = len(rules)
        keys = "|".join(re.escape(key) for key in tag_keys)
        self._task_tag = rf"(?i)(^|,)\s*(?:{keys})\s*[:=]" if keys else None
        self._known: dict[str, _Known] = {}

    def first(self, columns: BatchColumns) -> NDArray[np.int16]:
        """Per row the index of the first rule that speaks, the number of rules where none does."""
        first = np.full(columns.rows, self._silent, np.int16)
        for column in self._by_column:
            texts = columns.text(column)
            if texts is not None:
                of_values = self._recall(column, texts.values)
                np.minimum(first, texts.spread(of_values, self._silent), out=first)
        return first

    def all(self, columns: BatchColumns) -> list[int]:
        """All rules that speak for the row of a batch of one."""
        speaking: set[int] = set()
        for column in self._by_column:
            texts = columns.text(column)
            if texts is not None:
                speaking |= {index for index, hits in self._hits(column, texts.values) if hits.any()}
        return sorted(speaking)

    def _recall(self, column: str, values: Any) -> NDArray[np.int16]:
        """The first rule per distinct value, judging only those that no earlier batch held."""
        known = self._known.get(column)
        if known is None or known.values.type != values.type or known.is_large:
            known = _Known(values.slice(0, 0), np.zeros(0, np.int16))
        new = values.filter(pc.invert(pc.is_in(values, value_set=known.values)))
        if len(new):
            known = _Known(
                pa.concat_arrays([known.values, new]), np.append(known.first, self._first(column, new))
            )
            self._known[column] = known
        where: NDArray[np.int32] = as_numpy(pc.index_in(values, value_set=known.values))
        return known.first[where]

    def _first(self, column: str, values: Any) -> NDArray[np.int16]:
        first = np.full(len(values), self._silent, np.int16)
        for index, hits in self._hits(column, values):
            first[hits & (first == self._silent)] = index
        return first

    def _hits(self, column: str, values: Any) -> Iterator[tuple[int, Mask]]:
        """The values that each rule of the column speaks for."""
        values = pc.utf8_slice_codeunits(values, 0, MOST_CHARS)
        words = self._tag_words(values) if column == "tags" else _words(values)
        for index, rule in self._by_column[column]:
            if rule.regex is not None:
                hits = matches(values, rule.regex)
            else:
                hits = matches(words, rf"\b(?:{rule.words})\b")
            if rule.unless is not None and hits.any():
                hits = hits & ~matches(words, rf"\b(?:{rule.unless})\b")
            yield index, hits

    def _tag_words(self, tags: Any) -> Any:
        """The words of free tags and of tags whose key names a task; `team:payments` is no task."""
        if self._task_tag is not None:
            tags = pc.replace_substring_regex(tags, self._task_tag, r"\1")
        return _words(pc.replace_substring_regex(tags, r"(^|,)[^,:=]*[:=][^,]*", r"\1"))


def _words(values: Any) -> Any:
    """Names as lower-case words with single spaces: `classifyIntent_v2` is `classify intent v2`."""
    return pc.utf8_lower(pc.replace_substring_regex(values, r"([a-z0-9])([A-Z])|[^\pL\pN]+", r"\1 \2"))
