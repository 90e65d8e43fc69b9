"""How much of what calls send a cache of prefixes would hold, call after call in the order of their times.

A call touches every beginning of its prompt: what is there it reads, the rest it writes. Either keeps the
beginning for another lifetime. A longer beginning is never touched without the shorter ones, so that each can
be asked for by itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

_SPREAD = np.uint64(0x9E3779B97F4A7C15)


def blocks_found(
    beginnings: Hashes, starts: Ints, ts: Ints, lifetime_us: int, scope: Hashes | None = None
) -> Ints:
    """For every call how many of its beginnings a cache holds.

    `beginnings` are the hashes of all calls one after the other, of each from the shortest on; `starts` says
    where those of each call begin, with one entry more than there are calls. Calls stand in the order in
    which they reach the cache; `ts` are their times in microseconds. Calls of another `scope` (a model, an
    account) share nothing.
    """
    sizes = np.diff(starts)
    call = np.repeat(np.arange(len(sizes)), sizes)
    keys = beginnings if scope is None else beginnings ^ (scope[call] * _SPREAD)
    order = np.lexsort((call, keys))
    key, of_call = keys[order], call[order]
    when = ts[of_call]
    again = (key[1:] == key[:-1]) & (when[1:] - when[:-1] <= lifetime_us) & (of_call[1:] != of_call[:-1])
    here = order[1:][again]
    place = np.arange(len(keys)) - np.repeat(starts[:-1], sizes) + 1
    found = np.zeros(len(sizes), np.int64)
    np.maximum.at(found, call[here], place[here])
    return found
