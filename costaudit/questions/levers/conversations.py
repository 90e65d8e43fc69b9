"""Which call goes on with the prompt of which earlier one, as far as sessions, models and sizes tell.

A log seldom says so. Conversations grow: a call goes on with the longest of the last prompts of its session
on its model that is no longer than its own. One that is shorter than all of them begins anew: a conversation
of its own, or one that was summed up.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from costaudit.questions.levers.calls import Calls

Ints = npt.NDArray[np.int64]

NONE: Final = -1
LOOKED_AT: Final = 8
"""Earlier calls that are looked at: so many conversations may run beside each other."""


def before_on_model(calls: Calls) -> Ints:
    """For every call the place of the one that it goes on with, on the same model; NONE without one."""
    return _before(
        calls, np.lexsort((np.arange(len(calls)), calls.ts, calls.model, calls.session)), same=True
    )


def before_elsewhere(calls: Calls) -> Ints:
    """The same among calls of its session on other models."""
    return _before(calls, np.lexsort((np.arange(len(calls)), calls.ts, calls.session)), same=False)


def _before(calls: Calls, order: npt.NDArray[np.intp], *, same: bool) -> Ints:
    session, model, context = calls.session[order], calls.model[order], calls.context[order]
    size = len(order)
    best, most = np.full(size, NONE, np.int64), np.full(size, -1, np.int64)
    for back in range(1, min(LOOKED_AT, size - 1) + 1):
        one, next_ = slice(0, size - back), slice(back, size)
        fits = (session[one] == session[next_]) & ((model[one] == model[next_]) == same)
        fits &= (context[one] <= context[next_]) & (context[one] > most[next_])
        here = np.flatnonzero(fits) + back
        best[here], most[here] = here - back, context[here - back]
    found = np.full(size, NONE, np.int64)
    found[order] = np.where(best == NONE, NONE, order[np.maximum(best, 0)])
    return found
