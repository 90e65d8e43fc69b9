"""Sums of integers per group, against Python's own."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from costaudit.engine.exact import sum_by

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(-(2**62), 2**62)), max_size=60)


@given(PAIRS, st.sampled_from([1, 2**20, 2**45, 2**61]))
def test_sums_by_group_are_exact_at_every_size(pairs: list[tuple[int, int]], divisor: int):
    """Small sums as floats hold them, sums of 64 bits in halves, and sums beyond 64 bits."""
    values = [value // divisor for _, value in pairs]
    group = np.array([number for number, _ in pairs], np.intp)
    expected = [sum(v for (g, _), v in zip(pairs, values, strict=True) if g == number) for number in range(5)]
    assert sum_by(group, 5, np.array(values, np.int64)).tolist() == expected
    of_objects = sum_by(group, 5, np.array(values, object))
    assert (of_objects.dtype, of_objects.tolist()) == (
        object,
        expected,
    )
