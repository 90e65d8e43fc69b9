"""What a record states of its tokens, before anybody has said what the numbers mean."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec


class Includes(msgspec.Struct, frozen=True, kw_only=True):
    """What the counts of a source include, and whether that is certain."""

    cache: bool = True
    """The prompt holds what was read from the cache and written to it."""
    reasoning: bool = True
    """The completion holds the reasoning."""
    media: bool = True
    """The prompt holds sound and images, and so does the completion."""
    cache_settled: bool = False
    """Certain for the cache: no total overrules it."""
    reasoning_settled: bool = False
    """Certain for the reasoning."""


INCLUSIVE: Final = Includes()
"""Each side holds all of its parts: how OpenAI, and most that came after it, count."""


class Stated(msgspec.Struct, kw_only=True):
    """The counts of one call as its source states them, by name; None for those that it does not state.

    They may overlap: `includes` tells how, and `costaudit.ingest.settle` makes disjoint classes of them.
    Tokens; each from 0 to 10**11.
    """

    prompt: int | None = None
    completion: int | None = None
    cache_read: int | None = None
    write_5m: int | None = None
    write_1h: int | None = None
    written: int | None = None
    """Cache writes of every lifetime: what the two above do not name of them are 5 minute writes."""
    reasoning: int | None = None
    total: int | None = None
    input_audio: int | None = None
    """Sound in the prompt, cached or not; so are `input_image` and images."""
    output_audio: int | None = None
    input_image: int | None = None
    output_image: int | None = None
    cache_read_audio: int | None = None
    """Sound in what was read from the cache; so is `cache_read_image`."""
    cache_read_image: int | None = None
    input_other: int | None = None
    """Further parts of the prompt at the price of text; so is `output_other` of the completion."""
    output_other: int | None = None
    includes: Includes = INCLUSIVE
    as_one: bool = False
    """The parts stand all beside the two sums or all inside of them, which only the total can tell."""
    unsure: bool = False
    """Versions of the source include different things, and neither its name nor a total tells which it is."""
    zeros_are_nothing: bool = False
    """Counts that are all 0 are the default of a column, not a measurement."""
    wants_output: bool = False
    """A call of this kind without output was not counted in full."""
    doubt_from: int | None = None
    """Tokens of uncached text from which on the source is known to leave something out."""
    doubt: str = "partial"
    """The quality of such a call, where it would be exact."""
    lacks: bool = False
    """A count that its source always states is missing: nobody knows what it was."""
    may_think: bool = False
    """The model is one that may think without stating how much, whatever its name says."""
    unused: dict[str, Decimal] | None = None
    """Further numbers above 0 beside these that speak of tokens or money, and that nobody reads, by name."""

    @property
    def says_nothing(self) -> bool:
        """Whether no tokens are counted: neither side is stated, or all is 0 where that means nothing."""
        return (self.prompt is None and self.completion is None) or (
            self.zeros_are_nothing and not self.has_tokens
        )

    @property
    def has_tokens(self) -> bool:
        """Whether the counts come to any token at all."""
        if self.prompt is None and self.completion is None:
            return False
        if self.prompt or self.completion or self.cache_read or self.reasoning or self.has_writes:
            return True
        return not self.includes.media and any((
            self.input_audio, self.output_audio, self.input_image, self.output_image, self.input_other,
            self.output_other,
        ))  # fmt: skip

    @property
    def has_writes(self) -> bool:
        """Whether anything was written to the cache."""
        return bool(self.write_5m or self.write_1h or self.written)
