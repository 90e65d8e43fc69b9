"""Sums of tokens at the end of a run of Claude Code, and how they are shared out among its calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from costaudit.ingest.fields import mapping, picousd
from costaudit.ingest.usage import count
from costaudit.schema import Call
from costaudit.stated import Stated

BYTES_PER_TOKEN: Final = 4
WEIGHTS: Final = {"prompt": 20, "read": 2, "written": 25, "output": 100}
"""How the prices of Anthropic's classes relate, at every model: input 1, read 0.1, written 1.25, output 5."""


class RunSums(msgspec.Struct, frozen=True):
    """Sums of tokens and searches, and the cost in pico-dollars."""

    prompt: int = 0
    read: int = 0
    written: int = 0
    output: int = 0
    searches: int = 0
    cost: int = 0

    @property
    def side(self) -> int:
        """All tokens of the prompts."""
        return self.prompt + self.read + self.written

    @property
    def weight(self) -> int:
        """What the tokens cost, in some unit."""
        return sum(weight * getattr(self, name) for name, weight in WEIGHTS.items())

    def minus(self, *others: RunSums) -> RunSums:
        """What is left of these; may be below 0."""
        left: tuple[int, ...] = msgspec.structs.astuple(self)
        for other in others:
            left = tuple(a - b for a, b in zip(left, msgspec.structs.astuple(other), strict=True))
        return RunSums(*left)

    def above_0(self) -> RunSums:
        """The same with 0 for what is below it."""
        return RunSums(*(max(number, 0) for number in msgspec.structs.astuple(self)))


def counts_of_model(usage: Mapping[str, Any]) -> RunSums:
    """The sums of one model in `modelUsage`. Raises Skip for impossible ones."""
    names = (
        "inputTokens", "cacheReadInputTokens", "cacheCreationInputTokens", "outputTokens",
        "webSearchRequests",
    )  # fmt: skip
    numbers = [count(usage.get(name), name) or 0 for name in names]
    numbers.append(picousd(usage.get("costUSD")) or 0)
    return RunSums(*numbers)


def counts_of_usage(usage: Mapping[str, Any]) -> RunSums:
    """The sums of a usage object of Anthropic's. Raises Skip for impossible ones."""
    searches = mapping(usage.get("server_tool_use")).get("web_search_requests")
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
    numbers = [count(usage.get(name), name) or 0 for name in names]
    numbers.append(count(searches, "web_search_requests") or 0)
    return RunSums(*numbers)


def counts_of_call(call: Call) -> RunSums:
    """What a call states so far."""
    stated = call.stated or Stated()
    written = max((stated.write_5m or 0) + (stated.write_1h or 0), stated.written or 0)
    return RunSums(
        stated.prompt or 0, stated.cache_read or 0, written, stated.completion or 0, call.web_searches
    )


def shared(total: int, weights: Sequence[int]) -> list[int]:
    """A whole number in whole parts, in proportion to some weights; evenly where they are all 0.

    >>> shared(10, [1, 1, 1]), shared(5, [0, 0]), shared(7, [3, 0])
    ([3, 4, 3], [3, 2], [7, 0])
    """
    weights = weights if any(weights) else [1] * len(weights)
    parts, given, so_far = [], 0, 0
    for weight in weights:
        so_far += weight
        upto = (2 * total * so_far + sum(weights)) // (2 * sum(weights))
        parts.append(upto - given)
        given = upto
    return parts


def missing_outputs(calls: Sequence[RunSums], said: Sequence[int], rest: RunSums) -> list[int]:
    """Of the rest of a sum of outputs what each call lacks, in proportion to the bytes that it has said.

    Where the rest has tokens of prompts, too, a part of it is that of calls which the run does not show: the
    others get what their text comes to, and no more.
    """
    wanted = [max(size // BYTES_PER_TOKEN - c.output, 0) for c, size in zip(calls, said, strict=True)]
    output = max(rest.output, 0)
    return shared(min(output, sum(wanted)) if rest.side > 0 else output, wanted)
