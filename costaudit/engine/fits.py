"""What requests need of a model, which candidates can serve them, and what an offer costs them.

The calls of one context are cut out of their batch once, and asked about every candidate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from costaudit.engine.columns import Batch, Words
from costaudit.engine.exact import LIMIT, largest, weighted_sum
from costaudit.engine.offers import OfferMatrix
from costaudit.engine.plan import MEASURE, PRICED, RateMatrix
from costaudit.routing.terms import WHOLE

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

Ratios = tuple[Ints, Ints]
"""Tokens of a candidate per token today, of input and of output, in ten-thousandths: one per row, or one."""

LACKS: Final = (
    "",
    "provider",
    "in_service",
    "image",
    "audio",
    "tools",
    "json_mode",
    "context_window",
    "max_output",
    "price",
    "quality",
)
"""Codes of the ledger's `lacks`: what the candidate that came nearest does not have, in the order in which it
is asked. A provider that may serve, a model in service and priced, abilities, room, a price for each class of
tokens, evals that reach the floor."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A batch of calls with what they cost today; all arrays have one entry per call."""

    calls: Batch
    words: Mapping[str, Words]
    counts: dict[str, Ints | None]
    """By name of schema.COUNTS; None for 0 everywhere."""
    context: Ints
    """Tokens of the input side."""
    ts: Ints
    """The instant that prices are looked up at: microseconds, NO_TS for unknown."""
    card: npt.NDArray[np.int32]
    """Number in `Plan.cards`; negative where there is no price."""
    list_units: npt.NDArray[Any]
    """List cost in 1e-15 USD; negative where there is no price."""


class Needs:
    """What a candidate must be able to do for each row of a batch."""

    def __init__(self, priced: Priced) -> None:
        self.priced = priced
        output = priced.counts["output"]
        self.output = output if output is not None else np.zeros(priced.calls.rows, np.int64)
        self.abilities = abilities_needed(priced.calls, priced.counts)


_AUDIO: Final = ("input_audio", "output_audio", "cache_read_audio")
_IMAGES: Final = ("input_image", "cache_read_image")


def abilities_needed(calls: Batch, counts: Mapping[str, Ints | None]) -> dict[str, Mask]:
    """The calls that need an ability, by column of the rate matrix; without those that no call needs."""
    audio = [c > 0 for n in _AUDIO if (c := counts[n]) is not None]
    seen = [c > 0 for n in _IMAGES if (c := counts[n]) is not None]
    images = calls.flag("has_images")
    if images is not None:
        seen.append(images)
    shape = calls.words("response_format")
    json_words = [v for v in shape.values if v and v.startswith("json")]
    needed = {
        "images": np.any(seen, axis=0) if seen else None,
        "audio": np.any(audio, axis=0) if audio else None,
        "tools": calls.flag("has_tools"),
        "json_mode": shape.among(*json_words) if json_words else None,
    }
    return {name: mask for name, mask in needed.items() if mask is not None}


ABILITIES: Final = {"images": "image", "audio": "audio", "tools": "tools", "json_mode": "json_mode"}
"""Columns of the rate matrix that a model may need, and their names in LACKS."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The calls of one context, cut out of their batch once for all candidates."""

    index: Ints
    ts: Ints
    context: Ints
    output: Ints
    card: npt.NDArray[np.int32]
    """What serves today."""
    list_units: npt.NDArray[Any]
    counts: tuple[tuple[int, Ints, int], ...]
    """Place in PRICED, counts, and the largest of them."""
    abilities: tuple[tuple[str, Mask], ...]
    """Column of the rate matrix that a model needs, and the calls that need it."""
    longest: int
    """The largest context with its output."""
    shortest: int
    """The smallest."""
    fees: bool
    """Whether some model is paid by the request."""

    @classmethod
    def cut(cls, needs: Needs, index: Ints, *, fees: bool) -> Rows:
        """The calls of `index`."""
        priced, output = needs.priced, needs.output[index]
        context = priced.context[index]
        length = context + output
        columns = [(p, priced.counts[MEASURE[n]]) for p, n in enumerate(PRICED) if n != "request"]
        counts = [(place, column[index]) for place, column in columns if column is not None]
        if fees:
            counts.append((PRICED.index("request"), np.ones(len(index), np.int64)))
        return cls(
            index=index,
            ts=priced.ts[index],
            context=context,
            output=output,
            card=priced.card[index],
            list_units=priced.list_units[index],
            counts=tuple((place, column, largest(column)) for place, column in counts),
            abilities=tuple((n, m[index]) for n, m in needs.abilities.items()),
            longest=int(length.max()),
            shortest=int(length.min()),
            fees=fees,
        )

    def fitted_by(
        self, matrix: RateMatrix, card: npt.NDArray[np.int32], ratios: Ratios | None = None
    ) -> Mask:
        """Where a candidate can serve; one answer where it is the same for all."""
        fits: Mask = np.array(True)
        if card.min() < 0:
            fits = card >= 0
        cards = np.maximum(card, 0)
        for able in self._room(matrix, cards, ratios):
            fits = fits & able
        for name, needed in self.abilities:
            fits = fits & (getattr(matrix, name)[cards] | ~needed)
        for place, column, _ in self.counts:
            if matrix.rates[cards, place].min() < 0:
                fits = fits & ((matrix.rates[cards, place] >= 0) | (column == 0))
        return fits

    def _room(
        self, matrix: RateMatrix, cards: npt.NDArray[np.int32], ratios: Ratios | None
    ) -> tuple[Mask, Mask]:
        """Whether prompt and answer fit the context window, and the answer the output limit."""
        window, most = matrix.context_window[cards], matrix.max_output[cards]
        yes: Mask = np.array(True)
        if ratios is None:
            long = yes if window.min() >= self.longest else window >= self.context + self.output
            return long, yes if most.min() >= largest(self.output) else most >= self.output
        read, written = ratios
        room, limit = (
            np.where(size < LIMIT // WHOLE, size, LIMIT // WHOLE) * WHOLE for size in (window, most)
        )
        return room >= self.context * read + self.output * written, limit >= self.output * written

    def lacks(
        self, matrix: RateMatrix, card: npt.NDArray[np.int32], ratios: Ratios | None
    ) -> npt.NDArray[np.int8]:
        """What a candidate first lacks for each call, as an index into LACKS; quality if nothing else."""
        cards = np.maximum(card, 0)
        window, most = self._room(matrix, cards, ratios)
        priced: Mask = np.array(True)
        for place, column, _ in self.counts:
            priced = priced & ((matrix.rates[cards, place] >= 0) | (column == 0))
        able = {ABILITIES[n]: getattr(matrix, n)[cards] | ~needed for n, needed in self.abilities}
        tests = {
            "in_service": card >= 0,
            **able,
            "context_window": window,
            "max_output": most,
            "price": priced,
        }
        found = np.full(len(self.index), LACKS.index("quality"), np.int8)
        for place, name in reversed(list(enumerate(LACKS))):
            if name in tests:
                found = np.where(tests[name], found, place).astype(np.int8)
        return found

    def cost(self, offers: OfferMatrix, offer: npt.NDArray[np.int32]) -> npt.NDArray[Any]:
        """What the calls are expected to cost with an offer in 1e-15 USD, without a share of today's cost."""
        safe = np.maximum(offer, 0)
        rates = [np.maximum(offers.rates[safe, place], 0) for place, _, _ in self.counts]
        columns = [column for _, column, _ in self.counts]
        most = [most for _, _, most in self.counts]
        fixed = offers.fixed[safe]
        if fixed.any():
            columns, rates, most = [*columns, np.ones(len(self.index), np.int64)], [*rates, fixed], [*most, 1]
        if not columns:
            return np.zeros(len(self.index), np.int64)
        return weighted_sum(columns, [int(r[0]) if len(r) == 1 else r for r in rates], most)
