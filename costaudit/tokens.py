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
    CACHE_READ_AUDIO = "cache_read_audio"
    INPUT_IMAGE = "input_image"
    OUTPUT_IMAGE = "output_image"
    CACHE_READ_IMAGE = "cache_read_image"


TOKEN_CLASSES: Final = tuple(c.value for c in TokenClass)
INPUT_SIDE: Final = (
    "input", "cache_read", "cache_write_5m", "cache_write_1h", "input_audio", "cache_read_audio",
    "input_image", "cache_read_image",
)  # fmt: skip
"""Classes that fill the context window on the way in; long-context prices go by their sum."""

OUTPUT_SIDE: Final = ("output", "output_audio", "output_image")
"""Classes of what the model gave."""

PRICED_AS: Final = {
    "input_image": "input",
    "cache_read_image": "cache_read",
    "cache_read_audio": "cache_read",
}
"""What a class costs where a model has no price of its own for it. Images count as text then: Anthropic and
xAI price no image tokens, OpenAI and Google only those of some models (their price pages). Sound has no
such price: input_audio and output_audio are 2 to 150 times the text's."""
