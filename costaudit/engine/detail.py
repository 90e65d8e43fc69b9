"""The further keys of a saved ledger: what another book or policy must know of the single request.

The pass of `analyze` does without them: they multiply the cells. Sizes are kept as bands, of which a cell
says the lower edge; edges are upper limits that a band still includes, as context windows are.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from costaudit.engine.bands import LENGTH_EDGES, OUTPUT_EDGES
from costaudit.engine.judge import DISJOINT, total_of
from costaudit.engine.plan import IMPLAUSIBLE_FROM_PICOUSD, IMPLAUSIBLE_USD_PER_MTOK, Plan
from costaudit.engine.rows import JudgedRows
from costaudit.engine.slots import price_changes, slots_of
from costaudit.engine.subjects import distinct_subjects
from costaudit.prices.cards import NO_TS
from costaudit.prices.numbered import PRICED
from costaudit.routing.policy import Policy
from costaudit.schema import UNTAGGED

Ints = npt.NDArray[np.int64]
Numbers = dict[str, npt.NDArray[np.integer]]

CONFIDENCE_EDGES: Final = (50, 60, 70, 80, 90)
"""Percent; those of the policy come to them."""

CLASSES: Final = tuple(name for name in PRICED if name != "request")
"""Bit i of `classes` stands for a count above 0 of the i-th of these."""

STATES_NONE, STATES_ZERO, STATES_COST, STATES_LARGE, STATES_IMPOSSIBLE = range(5)
"""Codes of `stated`: no cost; 0 for tokens, which is believed only where the price is known; a cost; one that
is judged against list; one that no tokens could cost, and so believed only beside a list price."""

DETAIL_KEYS: Final = (
    "from_s", "until_s", "context", "length", "output_band", "classes", "needs", "stated", "confidence",
    "unbilled",
)  # fmt: skip
"""Keys of a detailed ledger beside NUMBER_KEYS and WORD_KEYS."""


def confidence_edges(policy: Policy) -> tuple[int, ...]:
    """The percentages at which bands of confidence begin, beside 0."""
    return tuple(sorted({*CONFIDENCE_EDGES, policy.min_confidence, policy.strong_confidence}))


def detail_keys(rows: JudgedRows, plan: Plan, period_us: int) -> Numbers:
    """The further keys of a batch, one entry per call."""
    counts, size = rows.counts, rows.calls.rows
    output = counts["output"] if counts["output"] is not None else np.zeros(size, np.int64)
    context = rows.context
    start, end = _slots(rows, plan, period_us)
    edges = np.array((0, *confidence_edges(plan.policy)))
    confidence = edges[np.searchsorted(edges, rows.tags.confidence, side="right") - 1]
    return {
        "from_s": start,
        "until_s": end,
        "context": band(context, plan.prices.book.context_edges),
        "length": band(context + output, LENGTH_EDGES),
        "output_band": band(output, OUTPUT_EDGES),
        "classes": _classes(rows),
        "needs": rows.needs,
        "stated": _stated(rows),
        "confidence": np.where(rows.tags.tier == UNTAGGED, 0, confidence),
        "unbilled": (rows.card == plan.prices.free_card).astype(np.int8),
    }


def band(numbers: Ints, edges: tuple[int, ...]) -> npt.NDArray[np.intp]:
    """The band of every number: 0 up to and with the first edge."""
    return np.searchsorted(np.array(edges, np.int64), numbers, side="left")


def _slots(rows: JudgedRows, plan: Plan, period_us: int) -> tuple[Ints, Ints]:
    """Between which seconds of its period every call was made, as far as its price depends on that."""
    ts = rows.ts
    dated = ts[ts != NO_TS]
    nothing = np.zeros(0, np.int64)
    start, end = slots_of(ts, period_us, nothing)
    if not len(dated):
        return start, end
    low = int(dated.min()) // period_us * period_us
    high = (int(dated.max()) // period_us + 1) * period_us
    subjects, codes = distinct_subjects(rows.words)
    for number, subject in enumerate(subjects):
        changes = price_changes(plan.prices.subject(subject).timeline, low, high)
        if len(changes[changes % period_us != 0]):
            mine = np.flatnonzero(codes == number)
            start[mine], end[mine] = slots_of(ts[mine], period_us, changes)
    return start, end


def _classes(rows: JudgedRows) -> npt.NDArray[np.int32]:
    return rows.source.classes & ((1 << len(CLASSES)) - 1)


def _stated(rows: JudgedRows) -> npt.NDArray[np.int8]:
    """What a call says of its cost, apart from any price."""
    picousd = rows.calls.counts("reported_picousd")
    if picousd is None:
        return np.zeros(rows.calls.rows, np.int8)
    tokens = total_of(rows.counts, DISJOINT, rows.calls.rows)
    stated = np.where((picousd == 0) & (tokens > 0), STATES_ZERO, STATES_COST)
    large = picousd >= IMPLAUSIBLE_FROM_PICOUSD
    most = (
        np.maximum(tokens, 1).astype(object) * (IMPLAUSIBLE_USD_PER_MTOK * 10**6) if large.any() else tokens
    )
    stated = np.where(large, np.where(picousd > most, STATES_IMPOSSIBLE, STATES_LARGE), stated)
    return np.where(rows.calls.valid("reported_picousd"), stated, STATES_NONE).astype(np.int8)
