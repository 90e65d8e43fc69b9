"""What token counts mean: the one rule, for every format, a block at a time.

Whether "input tokens" already include cached tokens, and "output tokens" the reasoning, differs by source:
the single largest error of cost tools. An adapter hands over what a record states, by name, with what its
source includes (`costaudit.ingest.meaning`); the record's own total decides where it disagrees.

- Cached tokens beyond the prompt can only be beside it, reasoning beyond the completion only beside that.
- Where the record states a total, the reading whose sum equals it wins, unless the source's meaning is
  settled: then the call's reading is ambiguous.
- A total above every reading, with no reasoning stated, is hidden thinking and counts as output where the
  model is one that hides it (`may_think`), and no more than a model can write. What no reading explains is
  left out otherwise, and the record is ambiguous: nobody knows at what price it was billed.
- A number that speaks of what is billed and that nobody reads (`costaudit.ingest.unused`) makes it partial.
- Tokens that a total shows to be both written and read count as read.
- A completion a little below its own reasoning is as long as this where the total says so.
- What a model that makes images has written, without a word of how much of it are images, is images: all of
  it where the model writes nothing else (OpenAI's image endpoints state no more), else from the size of the
  smallest image on, less the thinking, and the record is partial (Gemini).
- Sound and images are inside of the prompt and of the completion, cached ones inside of what was read from
  the cache, as OpenAI and Google state them; a source that includes nothing counts them beside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import astuple

from costaudit.schema import Call, Quality, Reading
from costaudit.stated import Stated

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Marks = Mask | np.bool_
"""A mark for every row, or one that all rows share."""

COUNTED: Final = Stated.__struct_fields__[: Stated.__struct_fields__.index("includes")]
"""The counts that a record may state, by name."""

QUALITIES: Final = (
    Quality.EXACT, Quality.PARTIAL, Quality.NONE, Quality.ESTIMATED, Quality.AMBIGUOUS,
    Quality.GUESSED,
)  # fmt: skip
READINGS: Final = (Reading.INCLUSIVE, Reading.EXCLUSIVE, Reading.AMBIGUOUS)
_EXACT, _PARTIAL, _NONE, _, _AMBIGUOUS, _GUESSED = range(len(QUALITIES))

MOST_HIDDEN: Final = 1 << 17
"""Tokens that a model writes at most in one answer, thinking included: no model of the book writes more."""

CACHED_FROM: Final = 1024
"""Tokens: no host caches a shorter prompt."""

MOST_SHORT: Final = 8
"""Tokens by which a completion may be below the reasoning in it."""

SMALLEST_IMAGE: Final = 700
"""Tokens: Gemini's images have 747 and more (Gemini API pricing); their texts are seldom as long."""

_DRAWS_ONLY: Final = re.compile(r"(?:^|[/.:])(?:chat)?gpt-image", re.IGNORECASE)
_DRAWS: Final = re.compile(r"gemini[\w.-]*-image|nano-banana", re.IGNORECASE)
"""Models that make images and nothing else, and images beside text."""

_ANSWERS_NOTHING: Final = re.compile(
    r"embed|rerank|moderation|ada-002|(?:^|[/_-])(?:bge|e5|gte|minilm|voyage|jina|nomic)(?:$|[/_-])|all-minilm",
    re.IGNORECASE,
)
"""Models that write nothing: embeddings, reranks, moderation."""

_SILENT: Final = re.compile(r"gemini|grok|\bx-?ai\b", re.IGNORECASE)
"""Models that think and state it in the total alone, where they are called through the OpenAI shape."""

_NO, _YES = np.False_, np.True_


class StatedBlock(msgspec.Struct):
    """What the records of a block state: columns by name, one row per call."""

    rows: int
    counts: Mapping[str, Ints]
    """By a name of COUNTED, -1 for absent. A name that is missing is absent in every row."""
    cache_inside: Marks = _YES
    reasoning_inside: Marks = _YES
    media_inside: Marks = _YES
    cache_settled: Marks = _NO
    reasoning_settled: Marks = _NO
    as_one: Marks = _NO
    unsure: Marks = _NO
    zeros_are_nothing: Marks = _NO
    wants_output: Marks = _NO
    may_think: Marks = _NO
    lacks: Marks = _NO
    writes_nothing: Marks = _NO
    """The model is one that reads only: no output is stated because there is none."""
    draws: Marks = _NO
    """The model makes images, beside text; or, `draws_only`, nothing else."""
    draws_only: Marks = _NO
    doubt_from: Ints | None = None
    """As in `Stated`, -1 for None; None where no row has one."""
    doubt: Ints | None = None
    """The quality of a row in doubt, as a place in QUALITIES."""
    quality: Ints | None = None
    """What the adapter knows of each row's quality, as a place in QUALITIES; None: nothing against any."""


class Settled(msgspec.Struct, frozen=True):
    """Disjoint classes of a block."""

    counts: Mapping[str, Ints]
    """By token class and `reasoning`; columns of zeros are left out."""
    quality: Ints
    """Places in QUALITIES."""
    reading: Ints
    """Places in READINGS."""


def settle(block: StatedBlock) -> Settled:
    """The disjoint classes, quality and reading of every row of a block."""
    rows = _Rows(block)
    rows.unite_parts()
    rows.take_media_in()
    rows.count_cache()
    if "total" in block.counts:
        rows.ask_total()
    counts = rows.classes()
    return Settled(
        {name: values for name, values in counts.items() if values.any()},
        rows.quality(counts["input"], counts["output"]),
        np.where(rows.none, 0, np.where(rows.ambiguous, 2, np.where(rows.inside, 0, 1))),
    )


class _Rows:
    """The rows of a block on their way to disjoint classes."""

    def __init__(self, block: StatedBlock) -> None:
        self._block = block
        self._zero = np.zeros(block.rows, np.int64)
        self._false = np.zeros(block.rows, bool)
        self.no_prompt, self.no_completion = self._absent("prompt"), self._absent("completion")
        self.none = self.no_prompt & self.no_completion
        self.p, self.c = self._given("prompt"), self._given("completion")
        self.ambiguous = self._false | block.unsure
        self.hidden = self._zero
        self.unexplained = self._false
        self._cache_inside = self._false | block.cache_inside
        self._reasoning_inside = self._false | block.reasoning_inside
        self._media_inside = self._false | block.media_inside

    def _given(self, name: str) -> Ints:
        column = self._block.counts.get(name)
        return self._zero if column is None else np.maximum(column, 0)

    def _absent(self, name: str) -> Mask:
        column = self._block.counts.get(name)
        return ~self._false if column is None else column < 0

    def unite_parts(self) -> None:
        """Where all parts are beside the two sums, or all inside of them, their total decides."""
        if not np.any(self._block.as_one):
            return
        inputs = [self._given(name) for name in _INPUT_PARTS]
        by_age = self._given("write_5m") + self._given("write_1h")
        inputs.append(np.maximum(self._given("written") - by_age, 0))
        outputs = [self._given(name) for name in _OUTPUT_PARTS]
        read, parts = sum(inputs, self._zero), sum([*inputs, *outputs], self._zero)
        absent, total = self._absent("total"), self._given("total")
        beside = self._block.as_one & (parts > 0) & (absent | (total == self.p + self.c + parts))
        inside = self._block.as_one & ~beside
        # An input hardly larger than what was cached is likely to hold it, whatever a total says that was
        # made by adding all up (dust-tt/dust PR 20989: 9844 beside 9842; langfuse issue 10592).
        over = self.p - read
        alike = (read >= CACHED_FROM) & (over >= 0) & (over <= np.maximum(read >> 6, 128))
        self.ambiguous = self.ambiguous | (beside & ((absent & (over >= 0)) | alike))
        for name in ("_cache_inside", "_reasoning_inside", "_media_inside"):
            setattr(self, name, getattr(self, name) | inside)
        self.no_prompt, self.no_completion = self.no_prompt & ~beside, self.no_completion & ~beside
        self.p = self.p + np.where(beside, self._given("input_other"), 0)
        self.c = self.c + np.where(beside, self._given("output_other"), 0)

    def take_media_in(self) -> None:
        """Sound and images that are counted beside the two sums are added to them, to be taken out again."""
        if self._media_inside.all():
            return
        outside = ~self._media_inside
        heard = self._given("input_audio") + self._given("input_image")
        said = self._given("output_audio") + self._given("output_image")
        self.p = self.p + np.where(outside & ~self.no_prompt, heard, 0)
        self.c = self.c + np.where(outside & ~self.no_completion, said, 0)

    def count_cache(self) -> None:
        """Reads, writes and reasoning, and where they stand as far as that is certain without the total."""
        self.read, self.w1, self.think = (self._given(n) for n in ("cache_read", "write_1h", "reasoning"))
        self.w5 = np.maximum(self._given("write_5m"), self._given("written") - self.w1)
        if "total" in self._block.counts:
            self._drop_what_is_read(self._cache_inside & (self._block.counts["total"] == self.p + self.c))
        self.cached = self.read + self.w5 + self.w1
        self.inside = self._cache_inside & (self.cached <= self.p)
        self.think_inside = self._reasoning_inside & (self.think <= self.c)

    def _drop_what_is_read(self, where: Mask) -> None:
        """Writes without the tokens that the same call also reports as read: each counts once, as read.

        OpenRouter states so for Gemini's cache: prompt 2168, cached 2161, written 2161, total = prompt +
        completion.
        """
        written = self.w5 + self.w1
        over = self.read + written - self.p
        over = np.where(where & (over > 0) & (self.read <= self.p) & (written <= self.p), over, 0)
        cut = np.minimum(over, self.w5)
        self.w5, self.w1 = self.w5 - cut, self.w1 - (over - cut)

    def ask_total(self) -> None:
        """Let a total decide that is not the sum of the default reading.

        Reasoning may exceed the completion that it is in by a token (OpenRouter: 11 of 10).
        """
        total = self._block.counts["total"]
        known = self._sum(self.inside, self.think_inside)
        open_ = (total >= 0) & ~self.none & (total != known)
        if not open_.any():
            return
        inside, think_inside = self.inside, self.think_inside
        fits, chosen = self._false, self._false
        for flip_cache, flip_think in ((True, False), (False, True), (True, True)):
            cache, think = inside ^ flip_cache, think_inside ^ flip_think
            fit = open_ & (~cache | (self.cached <= self.p)) & (total == self._sum(cache, think))
            fits = fits | fit
            take = fit & ~chosen
            take &= ~(self._block.cache_settled & np.bool_(flip_cache))
            take &= ~(self._block.reasoning_settled & np.bool_(flip_think))
            self.inside = np.where(take, cache, self.inside)
            self.think_inside = np.where(take, think, self.think_inside)
            chosen = chosen | take
        left = open_ & ~chosen & ~self._lengthen(open_ & ~fits, total)
        hides = left & ~fits & self._absent("reasoning") & ~self.no_completion & ~self.no_prompt
        hides &= self._block.may_think & (total > known) & (total - known <= MOST_HIDDEN)
        self.hidden = np.where(hides, total - known, 0)
        self.unexplained = left & ~fits & ~hides & (total > known) & ~self.no_prompt & ~self.no_completion
        # A total of the two sides alone says nothing of tokens that can only be beside them.
        beside = (self.cached > self.p) & (total == self.p + self.c)
        unclear = left & ~hides & ~beside & (fits | (self.cached > 0))
        self.ambiguous = self.ambiguous | unclear | self.unexplained

    def _lengthen(self, open_: Mask, total: Ints) -> Mask:
        """Completions a little below the reasoning in them, where the total shows that this is all of them.

        Baseten states so for an answer that was cut off while it was thinking: prompt 951, completion 6000,
        reasoning 6001, total 6952 (vercel/ai PR 18614).
        """
        asked = self.p + np.where(self.inside, 0, self.cached)
        over = self.think - self.c
        short = open_ & self._reasoning_inside & (over > 0) & (over <= MOST_SHORT)
        short &= total == asked + self.think
        self.c = np.where(short, self.think, self.c)
        self.think_inside = self.think_inside | short
        return short

    def _sum(self, inside: Mask, think_inside: Mask) -> Ints:
        return self.p + self.c + np.where(inside, 0, self.cached) + np.where(think_inside, 0, self.think)

    def classes(self) -> dict[str, Ints]:
        """Every class of tokens, and of which is reasoning; 0 for rows that state neither side."""
        media = self._cached_media()
        read = self.read - media.get("cache_read_audio", 0) - media.get("cache_read_image", 0)
        left = self.p - np.where(self.inside, self.cached, 0)
        output = self.c + self.hidden + np.where(self.think_inside, 0, self.think)
        for name in ("audio", "image"):
            column, said = f"input_{name}", f"output_{name}"
            if column in self._block.counts:
                cached = np.where(self.inside, self._given(f"cache_read_{name}"), 0)
                media[column] = np.minimum(np.maximum(self._given(column) - cached, 0), left)
                left = left - media[column]
            if said in self._block.counts:
                media[said] = np.minimum(self._given(said), output)
                output = output - media[said]
        thought = np.minimum(self.think + self.hidden, output)
        if np.any(self._block.draws | self._block.draws_only):
            drawn = np.where(self._drawn(output), output - thought, 0)
            media["output_image"] = media.get("output_image", self._zero) + drawn
            output = output - drawn
        counts = {
            "input": left,
            "cache_read": read,
            "cache_write_5m": self.w5,
            "cache_write_1h": self.w1,
            "output": output,
            "reasoning": thought,
            **media,
        }
        if not self.none.any():
            return counts
        return {name: np.where(self.none, 0, values) for name, values in counts.items()}

    def _unsaid(self) -> Mask:
        """Rows that say nothing of images in what was written."""
        return self._absent("output_image") & self._absent("output_audio")

    def _drawn(self, output: Ints) -> Mask:
        """Rows of which all that was written, but for thinking, is taken for images."""
        return self._unsaid() & (self._block.draws_only | (self._block.draws & (output >= SMALLEST_IMAGE)))

    def _cached_media(self) -> dict[str, Ints]:
        """Sound and images in what was read from the cache, as far as they find room there."""
        media: dict[str, Ints] = {}
        left = self.read
        for name in ("cache_read_audio", "cache_read_image"):
            if name in self._block.counts:
                media[name] = np.minimum(self._given(name), left)
                left = left - media[name]
        return media

    def quality(self, fresh: Ints, output: Ints) -> Ints:
        """How far the counts can be trusted.

        Half a usage is partial, but for an input that is the total, or of a model that writes nothing.
        """
        block = self._block
        quality = self._zero if block.quality is None else block.quality
        total = block.counts.get("total", self._zero - 1)
        half = self.no_prompt ^ self.no_completion
        whole = self.no_completion & ((total == self.p) | ((total < 0) & block.writes_nothing))
        quality = np.where(half & (quality != _NONE), np.where(whole, _EXACT, _PARTIAL), quality)
        quality = np.where(self.none, _NONE, quality)
        quality = np.where(block.lacks & (quality == _EXACT), _PARTIAL, quality)
        if np.any(block.zeros_are_nothing):
            quality = np.where(block.zeros_are_nothing & ~self._has_tokens(fresh, output), _NONE, quality)
        if block.doubt_from is not None:
            doubt = self._zero + _PARTIAL if block.doubt is None else block.doubt
            doubted = (block.doubt_from >= 0) & (fresh >= block.doubt_from) & (quality == _EXACT)
            quality = np.where(doubted & (doubt != _GUESSED), doubt, quality)
        if np.any(block.draws):
            said = output + (self._given("completion") > 0)
            quality = np.where(
                block.draws & self._unsaid() & (said > 0) & (quality == _EXACT), _PARTIAL, quality
            )
        if np.any(block.wants_output):
            quality = np.where(block.wants_output & (output == 0) & (quality == _EXACT), _PARTIAL, quality)
        if self.ambiguous.any():
            quality = np.where(self.ambiguous & (quality == _EXACT), _AMBIGUOUS, quality)
        if block.doubt is not None and block.doubt_from is not None:
            guessed = (block.doubt_from >= 0) & (block.doubt == _GUESSED)
            quality = np.where(guessed & (quality == _EXACT), _GUESSED, quality)
        return quality

    def _has_tokens(self, fresh: Ints, output: Ints) -> Mask:
        """Rows with a token of any class."""
        tokens = fresh + output + self.cached + self.p + self.c + self.think + self.hidden
        return np.asarray((tokens > 0) & ~self.none)


_INPUT_PARTS: Final = (
    "cache_read", "write_5m", "write_1h", "input_audio", "input_image", "input_other",
)  # fmt: skip
_OUTPUT_PARTS: Final = ("reasoning", "output_audio", "output_image", "output_other")


def settled(calls: list[Call]) -> list[Call]:
    """The same calls, settled in place."""
    settle_calls(calls)
    return calls


def settle_calls(calls: Sequence[Call]) -> None:
    """Settle the calls that hold raw counts, all at once and in place."""
    raw = [(call, call.stated) for call in calls if call.stated is not None]
    if not raw:
        return
    classes = settle(_block_of(raw))
    for name, values in classes.counts.items():
        for (call, _), value in zip(raw, values.tolist(), strict=True):
            setattr(call, name, value)
    words = zip(raw, classes.quality.tolist(), classes.reading.tolist(), strict=True)
    for (call, _), quality, reading in words:
        call.quality, call.reading, call.stated = _QUALITY_WORDS[quality], _READING_WORDS[reading], None


_QUALITY_WORDS: Final = tuple(quality.value for quality in QUALITIES)
_READING_WORDS: Final = tuple(reading.value for reading in READINGS)
_QUALITY_CODE: Final = {word: code for code, word in enumerate(_QUALITY_WORDS)}


def _block_of(raw: Sequence[tuple[Call, Stated]]) -> StatedBlock:
    """Raw counts of calls as columns."""
    columns = dict(
        zip(Stated.__struct_fields__, zip(*(astuple(s) for _, s in raw), strict=True), strict=True)
    )
    counts = {name: column for name in COUNTED if (column := _counts(columns[name])) is not None}
    includes = columns["includes"]
    return StatedBlock(
        len(raw),
        counts,
        cache_inside=_marks([i.cache for i in includes]),
        reasoning_inside=_marks([i.reasoning for i in includes]),
        media_inside=_marks([i.media for i in includes]),
        cache_settled=_marks([i.cache_settled for i in includes]),
        reasoning_settled=_marks([i.reasoning_settled for i in includes]),
        as_one=_marks(columns["as_one"]),
        unsure=_marks(columns["unsure"]),
        zeros_are_nothing=_marks(columns["zeros_are_nothing"]),
        wants_output=_marks(columns["wants_output"]),
        may_think=_marks([s.may_think or thinks_unsaid(c.provider, c.model) for c, s in raw]),
        lacks=_marks([s.lacks or s.unused is not None for _, s in raw]),
        writes_nothing=_marks([writes_nothing(c.model or c.model_requested) for c, _ in raw]),
        draws=_marks([draws(c.model) for c, _ in raw]),
        draws_only=_marks([draws_only(c.model) for c, _ in raw]),
        doubt_from=_counts(columns["doubt_from"]),
        doubt=np.array([_QUALITY_CODE[word] for word in columns["doubt"]], np.int64),
        quality=np.array([_QUALITY_CODE[call.quality] for call, _ in raw], np.int64),
    )


@lru_cache(maxsize=1 << 12)
def thinks_unsaid(provider: str | None, model: str | None) -> bool:
    """Whether a model may think without stating how much.

    >>> thinks_unsaid("google", "gemini-2.5-pro"), thinks_unsaid("anthropic", "claude-opus-4-5")
    (True, False)
    """
    return bool(_SILENT.search(f"{provider} {model}"))


@lru_cache(maxsize=1 << 12)
def writes_nothing(model: str | None) -> bool:
    """Whether a model reads only.

    >>> writes_nothing("text-embedding-3-small"), writes_nothing("rerank-v3.5"), writes_nothing("gpt-4o")
    (True, True, False)
    """
    return model is not None and _ANSWERS_NOTHING.search(model) is not None


@lru_cache(maxsize=1 << 12)
def draws_only(model: str | None) -> bool:
    """Whether a model makes images and nothing else.

    >>> draws_only("openai/gpt-image-1"), draws_only("gpt-4o"), draws("google/gemini-3-pro-image-preview")
    (True, False, True)
    """
    return model is not None and _DRAWS_ONLY.search(model) is not None


@lru_cache(maxsize=1 << 12)
def draws(model: str | None) -> bool:
    """Whether a model makes images beside text."""
    return model is not None and _DRAWS.search(model) is not None


def _marks(values: Sequence[bool]) -> Marks:
    """A mark for every row; one for all where they are alike."""
    return np.array(values, bool) if True in values and False in values else np.bool_(values[0])


def _counts(values: Sequence[int | None]) -> Ints | None:
    """A column with -1 for None; None for one of nothing else."""
    if values.count(None) == len(values):
        return None
    return np.array([-1 if value is None else value for value in values], np.int64)
