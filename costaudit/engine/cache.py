"""Prompt caches under a policy: what sessions lose when their requests go to different models.

A provider's cache holds the beginning of a conversation for a while, for one model. The log says how many
tokens each request read from it; who wrote them there is the request before it in the same session on the
same model. If a policy sends that one elsewhere, the tokens are no longer there, and are billed as new ones.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.prices.cards import NO_TS

Ints = npt.NDArray[np.int64]

NONE: Final = -1


class Turns(msgspec.Struct, frozen=True):
    """Requests of sessions; one entry per request in every array."""

    session: npt.NDArray[np.uint64]
    ts: Ints
    own: npt.NDArray[np.int32]
    """The model that serves today, as a number."""
    target: npt.NDArray[np.int32]
    """The model that would serve under the policy; `own` where it stays."""
    context: Ints
    """Tokens of the input side."""
    cache_read: Ints

    def __len__(self) -> int:
        return len(self.ts)


class CacheKept(msgspec.Struct, frozen=True):
    """What of the tokens read from a cache is still there under the policy."""

    tokens: Ints
    shared: npt.NDArray[np.bool_]
    """Requests whose cached tokens come from outside their session: taken to be there all the same."""


def kept_in_cache(turns: Turns, ttl_us: int) -> CacheKept:
    """The cached tokens that requests would still read under a policy.

    - The request that wrote them today (the one before on the same model) is also the one before on the model
      of the policy: all of them, however long ago that was.
    - Another request of the session went to that model within the lifetime of a cache: as many as its prompt
      had.
    - Else none.

    A request that is the first of its session on its model reads what other sessions wrote, a shared system
    prompt say; so does one without a time. Their tokens count as kept.
    """
    read = turns.cache_read
    before_own = _before(turns.session, turns.own, turns.ts)
    before_target = _before(turns.session, turns.target, turns.ts)
    shared = (before_own == NONE) | (turns.ts == NO_TS)
    there = before_target != NONE
    place = np.maximum(before_target, 0)
    fresh = there & (turns.ts - turns.ts[place] <= ttl_us)
    part = np.where(fresh, np.minimum(read, turns.context[place]), 0)
    whole = shared | (there & (before_target == before_own))
    return CacheKept(np.where(whole, read, part), shared & (read > 0))


def _before(session: npt.NDArray[np.uint64], model: npt.NDArray[np.int32], ts: Ints) -> Ints:
    """For every request the one before it in the same session on the same model; NONE without one.

    Of requests at the same instant the earlier in the log stands before.
    """
    order = np.lexsort((np.arange(len(ts)), ts, model, session))
    found = np.full(len(ts), NONE, np.int64)
    if len(ts) > 1:
        one, next_ = order[:-1], order[1:]
        same = (session[one] == session[next_]) & (model[one] == model[next_]) & (ts[one] != NO_TS)
        found[next_[same]] = one[same]
    return found
