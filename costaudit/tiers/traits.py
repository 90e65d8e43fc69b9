"""What the texts of a request say of its tier, kept without the texts: verdict, scores, fingerprint parts.

A canonical batch has the texts themselves; what is kept of requests has these columns in their place. A tag
needs no more than them, so that requests can be merged, and tagged again, when their texts are gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from costaudit.ingest.hashes import Hashes, hash_texts
from costaudit.schema import ASKED
from costaudit.tiers.columns import TEXTS, BatchColumns, matches
from costaudit.tiers.fingerprint import hashed_templates, system_hashes, voters
from costaudit.tiers.prefixes import prefix_hashes, sizes_of
from costaudit.tiers.ruleset import FactRule, RuleSet, StartFact
from costaudit.tiers.text import Verdicts

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VERDICT: Final = {"tier": pa.int8(), "confidence": pa.int8(), "rule": pa.int16()}
SCORES: Final = ("text_score_0", "text_score_1", "text_score_2", "text_score_3")
TEMPLATE, SYSTEM, VOTER, PROMPT = "text_template", "text_system", "text_voter", "text_prompt"
"""Hashes: of the beginning of the instruction with its payload masked, of the system text, of the call that
votes, and of the whole last user turn."""

_PROMPT_SALT: Final = np.uint64(3)

PREFIXES: Final = "text_prefixes"
"""Hashes of the beginnings of all that was sent (see `costaudit.tiers.prefixes`)."""

ASKED_BYTES, SYSTEM_BYTES, QUESTION_BYTES = "text_bytes", "text_system_bytes", "text_question_bytes"
"""Sizes in UTF-8: of all that was sent (see `costaudit.ingest.asked`), of the system text, and of the last
user turn. What is neither of the two is history, tools, and the names of roles."""

_READ: Final = (*TEXTS, ASKED.name)
"""The columns that traits stand for."""

_MEASURED: Final = {ASKED_BYTES: ASKED.name, SYSTEM_BYTES: "system", QUESTION_BYTES: "prompt"}

OF_PROMPT: Final = (*(f"text_{name}" for name in _VERDICT), *SCORES, TEMPLATE, VOTER, PROMPT)
"""Columns that are null in rows without a prompt. Beside them: `SYSTEM` and `start N`."""


def starts_of(rules: RuleSet) -> tuple[StartFact, ...]:
    """The distinct facts of a rule set about how a text begins, in the order of the rules."""
    lists: Sequence[Sequence[FactRule]] = (rules.structure, rules.shape)
    facts = (fact for some in lists for rule in some for fact in rule.facts)
    return tuple(dict.fromkeys(fact for fact in facts if isinstance(fact, StartFact)))


def start_name(place: int) -> str:
    """The column that says in which rows the text begins as the fact of a place in `starts_of` says."""
    return f"start_{place}"


def has_texts(batch: pa.RecordBatch) -> bool:
    """Whether a canonical batch has columns that traits stand for."""
    return any(name in _READ for name in batch.schema.names)


def is_trait(name: str) -> bool:
    """Whether a column is one of those that stand for texts."""
    return name.startswith(("text_", "start_"))


def trait_columns(
    columns: BatchColumns, verdicts: Verdicts | None, starts: Sequence[StartFact]
) -> dict[str, pa.Array]:
    """The columns that stand for the texts of a batch; none for texts that no row has."""
    out: dict[str, pa.Array] = {}
    prompts, systems = columns.long_text("prompt"), columns.long_text("system")
    if systems is not None:
        out[SYSTEM] = _hashes(system_hashes(columns), systems.codes < 0)
    for place, fact in enumerate(starts):
        texts = columns.start(fact.column)
        if texts is not None:
            begins = texts.spread(matches(texts.values, fact.regex), absent=False)
            out[start_name(place)] = pa.array(begins, mask=texts.codes < 0)
    if prompts is None:
        return out
    absent = prompts.codes < 0
    if verdicts is not None:
        for name, kind in _VERDICT.items():
            out[f"text_{name}"] = pa.array(getattr(verdicts, name), kind, mask=absent)
        for tier, name in enumerate(SCORES):
            out[name] = pa.array(verdicts.scores[:, tier].astype(np.int16), mask=absent)
        out[TEMPLATE] = _hashes(hashed_templates(columns), absent)
        out[VOTER] = _hashes(voters(columns), absent)
    whole = prompts.spread(hash_texts(prompts.values, _PROMPT_SALT), np.uint64(0))
    out[PROMPT] = _hashes(whole, absent)
    return out


def prefix_columns(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    """The columns that say how a batch's requests begin, and of how many bytes they are."""
    out: dict[str, pa.Array] = {}
    for name, source in _MEASURED.items():
        index = batch.schema.get_field_index(source)
        if index >= 0 and batch.column(index).null_count < batch.num_rows:
            texts = batch.column(index)
            out[name] = sizes_of(texts)
            if source == ASKED.name:
                out[PREFIXES] = prefix_hashes(texts)
    return out


def _hashes(values: Hashes, absent: NDArray[np.bool_]) -> pa.Array:
    return pa.array(values, pa.uint64(), mask=absent)


def verdicts_in(columns: BatchColumns) -> Verdicts | None:
    """The verdicts that trait columns hold; None where no row has any."""
    if not columns.has(SCORES[0]):
        return None
    scores = [columns.plain(name, 0) for name in SCORES]
    absent = {"tier": -1, "confidence": 0, "rule": -1}
    told: dict[str, Any] = {name: columns.plain(f"text_{name}", absent[name]) for name in _VERDICT}
    return Verdicts(scores=np.stack(scores, axis=1).astype(np.int32), **told)


def with_traits(batch: pa.RecordBatch, traits: dict[str, pa.Array]) -> pa.RecordBatch:
    """A canonical batch with the columns that stand for its texts, in the place of the texts."""
    kept = {name: batch.column(name) for name in batch.schema.names if name not in _READ} | traits
    if not kept:
        kept = {"status": pa.nulls(batch.num_rows, pa.string())}  # a batch needs a column to have a length
    return pa.RecordBatch.from_pydict(kept)
