"""Numbers beside a record's counts that nobody reads: kept by name, so that a report can tell of them.

A key counts as unused where it stands in a usage object (or is a column of a flat record), has a number above
0, is none of the keys that the format reads, and speaks of tokens, caches, costs, units, searches, audio or
images. The number alone is kept, never a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from decimal import Context, Decimal, localcontext
from functools import lru_cache
from math import isfinite
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.ingest.naming import in_order

Mask = npt.NDArray[np.bool_]

SPEAKING: Final = re.compile(
    r"token|cache|cost|unit|search|audio|image|video|credits|sources_used|pages_processed|neurons",
    re.IGNORECASE,
)
"""What a key must hold. The last three are what xAI, Mistral and Cloudflare bill by."""

PLAIN_NAME: Final = re.compile(r"[\w.$@:/ -]+")
"""A key that could be somebody's field name, and not a text."""

_LONGEST: Final = 100
"""Characters of such a key."""

RESTATED: Final = frozenset({
    "text_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens", "max_tokens",
    "max_completion_tokens", "max_output_tokens", "no_cache_tokens", "input_text_tokens",
    "output_text_tokens", "input_cache_miss_tokens",
})  # fmt: skip
"""Keys that say in another way what is read anyway: the text of a side, predictions inside of the output,
what of the input was not cached."""

_NO_NUMBERS: Final = ("_details", "_url", "_control")
"""Ends of keys that hold objects or texts."""

_NO_COUNTS: Final = re.compile(
    r"time|latenc|duration|per_|_ms$|ratelimit"
    r"|(?:^|_)(?:rate|limit|quota|budget|remaining|balance|ttl|cent(?:er|re)|id|price|percent|pct|ratio|share)"
    r"(?:_|$)"
)
"""What the words of a key must not hold: it speaks of how long something took, of how much would be allowed,
is left or costs, of a share, or it names something."""

OPENED: Final = re.compile(r"_details$|Details$|^cache_creation$|^server_tool_use$|^iterations$")
"""Objects in a usage object that formats look into."""

MOST: Final = 1_000
"""Names that are kept, the first in their order."""

DEPTH: Final = 3
"""Objects inside of a usage object that are looked into, one in the other."""

_ABOVE, _BELOW = Decimal("1e-40"), Decimal(10) ** 24
_EXACT: Final = Context(prec=100)
"""Room for the sum of as many numbers between these two as there can be records."""

_NUMBER: Final = re.compile(r"\+?\d{1,24}(?:\.\d{1,40})?")


def speaks(key: str) -> bool:
    """Whether a key speaks of what is billed.

    >>> speaks("video_tokens"), speaks("latency_ms"), speaks("text_tokens"), speaks("prompt_tokens_details")
    (True, False, False, False)
    >>> speaks("time_to_first_token"), speaks("tokens_per_second"), speaks("cached_time_units")
    (False, False, False)
    >>> speaks("tokenLimit"), speaks("cache_ttl"), speaks("cost_center"), speaks("cache_hit_rate")
    (False, False, False, False)
    """
    return len(key) <= _LONGEST and _speaks(key)


@lru_cache(maxsize=4096)
def _speaks(key: str) -> bool:
    words = "_".join(in_order(key))
    if words in RESTATED or key.endswith(_NO_NUMBERS):
        return False
    return bool(PLAIN_NAME.fullmatch(key) and SPEAKING.search(key) and not _NO_COUNTS.search(words))


def number_above_0(value: Any) -> Decimal | None:
    """A number above 0, also as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        return None
    if isinstance(value, float) and not isfinite(value):
        return None
    if isinstance(value, Decimal) and not value.is_finite():
        return None
    if isinstance(value, str):
        text = value.strip()
        value = Decimal(text) if text.isascii() and _NUMBER.fullmatch(text) else 0
    if not _ABOVE < value < _BELOW:
        return None
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def unused_numbers(
    usage: Mapping[str, Any], known: AbstractSet[str], above: str = "", opened: re.Pattern[str] = OPENED
) -> dict[str, Decimal] | None:
    """The unused numbers of a usage object by their paths in it; None where there is none.

    `known` are the keys that the format reads, in the object itself and in those inside whose keys match
    `opened`; in any other object inside nobody reads anything.
    """
    found = dict(_unused(usage, known, above, opened, 0))
    return found or None


def _unused(
    usage: Mapping[str, Any], known: AbstractSet[str], above: str, opened: re.Pattern[str], depth: int
) -> Iterator[tuple[str, Decimal]]:
    for key, value in usage.items():
        if not value or key in known or not isinstance(key, str):
            continue
        path = above + key
        if isinstance(value, Mapping):
            if depth < DEPTH:
                inside = known if opened.search(key) else frozenset[str]()
                yield from _unused(value, inside, f"{path}.", opened, depth + 1)
        elif speaks(key):
            number = number_above_0(value)
            if number is not None:
                yield path, number


def times(number: Decimal, records: int) -> Decimal:
    """A number that some records state, added up exactly."""
    return _EXACT.multiply(number, Decimal(records))


def total_of(numbers: Iterable[tuple[Decimal, int]]) -> Decimal:
    """The exact sum of numbers that some records state each."""
    with localcontext(_EXACT):
        return sum((number * records for number, records in numbers), Decimal(0))


def numbers_in(array: pa.Array) -> tuple[Mask, Decimal]:
    """Where a column has numbers above 0, and their exact sum."""
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    codes = np.asarray(encoded.indices.cast(pa.int64()).fill_null(len(encoded.dictionary)))
    held = np.bincount(codes, minlength=len(encoded.dictionary) + 1)
    numbers = [number_above_0(value) for value in encoded.dictionary.to_pylist()]
    is_number = np.array([number is not None for number in (*numbers, None)], bool)
    stated = zip(numbers, held.tolist(), strict=False)
    return is_number[codes], total_of((number, records) for number, records in stated if number is not None)


class Unused(msgspec.Struct):
    """Sums of unused numbers by name. Merging is commutative: the smallest names are kept."""

    sums: dict[str, tuple[int, Decimal]] = msgspec.field(default_factory=dict)
    """For each name the records that state a number above 0, and the exact sum of the numbers."""

    def add(self, name: str, number: Decimal, records: int = 1) -> None:
        """Count some records with one name, by the sum of their numbers."""
        held, total = self.sums.get(name, (0, Decimal(0)))
        self.sums[name] = held + records, _EXACT.add(total, number)
        if len(self.sums) > 2 * MOST:
            self._trim()

    def take(self, numbers: Mapping[str, Decimal]) -> None:
        """Count the numbers of one record."""
        for name, number in numbers.items():
            self.add(name, number)

    def merge(self, other: Unused) -> None:
        """Take in the sums of other records."""
        for name, (records, total) in other.sums.items():
            self.add(name, total, records)
        if len(self.sums) > MOST:
            self._trim()

    def _trim(self) -> None:
        self.sums = {name: self.sums[name] for name in sorted(self.sums)[:MOST]}
