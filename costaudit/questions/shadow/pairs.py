"""Finding the same request in both arms of a test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.questions.shadow.arms import ArmKeys

Ints = npt.NDArray[np.int64]


class ArmPairs(msgspec.Struct, frozen=True):
    """Rows of both arms that answer the same request, in the order of arm a."""

    by: str
    """What they have in common: a name of WAYS."""
    a: Ints
    b: Ints


WAYS: Final = ("request id", "parent id", "prompt")
"""In order of preference. A parent id pairs a call with the call that it shadows, or two that shadow one."""


def find_pairs(a: ArmKeys, b: ArmKeys) -> ArmPairs | None:
    """The pairs by whatever gives the most of them; None when there are none.

    A key that an arm has more than once pairs nothing: which of them belong together is not known.
    """
    own_a, own_b = _own(a), _own(b)
    parents = (
        _matched(own_a, b.parent),
        _matched(a.parent, own_b),
        _matched(a.parent, b.parent),
        _matched(a.response, b.parent),
        _matched(a.parent, b.response),
    )
    ways = (_matched(own_a, own_b), max(parents, key=len), _matched(a.prompt, b.prompt))
    best = max(ways, key=len)  # the first of equals
    if not best:
        return None
    rows = np.array(sorted(best), np.int64)
    return ArmPairs(WAYS[ways.index(best)], rows[:, 0], rows[:, 1])


def _own(keys: ArmKeys) -> list[int | None]:
    return [
        call if call is not None else response
        for call, response in zip(keys.call, keys.response, strict=True)
    ]


def _matched(a: Sequence[Hashable | None], b: Sequence[Hashable | None]) -> list[tuple[int, int]]:
    place_b = _unique(b)
    return [(row, place_b[key]) for key, row in _unique(a).items() if key in place_b]


def _unique(keys: Sequence[Hashable | None]) -> dict[Hashable, int]:
    often = Counter(keys)
    return {key: row for row, key in enumerate(keys) if key is not None and often[key] == 1}
