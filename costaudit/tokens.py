"""The classes of tokens, for what needs no more of the schema: price tables are read without Arrow."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class TokenClass(StrEnum):
    """A disjoint class of tokens with a price of its own."""

    INPUT = "input"
    CACHE_READ = "cache_read"
    CACHE_WRITE_5M = "cache_write_5m"
    CACHE_WRITE_1H = "cache_write_1h"
    OUTPUT = "output"
    INPUT_AUDIO = "input_audio"
    OUTPUT_AUDIO = "output_audio"


TOKEN_CLASSES: Final = tuple(c.value for c in TokenClass)
INPUT_SIDE: Final = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "input_audio")
"""Classes that fill the context window on the way in; long-context prices go by their sum."""
