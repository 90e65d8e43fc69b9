"""Rows grouped by any keys are those that agree in all of them."""

from __future__ import annotations

import numpy as np
import pytest

from costaudit.tape.groups import group_rows

WIDTHS = (1, 2, 4, 50, 5_000, 10**6, 2**31 - 10)


@pytest.mark.parametrize("seed", range(60))
def test_groups_are_the_distinct_combinations(seed: int):
    chance = np.random.default_rng(seed)
    rows = int(chance.choice([0, 1, 40, 2_000]))
    keys = {}
    for number in range(int(chance.integers(1, 9))):
        low = int(chance.integers(-5, 5))
        high = low + int(chance.choice(WIDTHS)) - 1
        keys[str(number)] = (chance.integers(low, high + 1, rows), low, high)
    distinct, group, size = group_rows(keys)
    whole = list(zip(*(codes.tolist() for codes, _, _ in keys.values()), strict=True))
    assert list(distinct) == list(keys)
    assert size == len(set(whole)) == len(set(group.tolist()))
    for row, told in enumerate(whole):
        assert tuple(int(codes[group[row]]) for codes in distinct.values()) == told
