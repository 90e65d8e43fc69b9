"""Subjects: distinct combinations of the words that decide what a request is priced by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from costaudit.engine.gateways import with_gateways
from costaudit.engine.ledger import Cells
from costaudit.engine.plan import Plan
from costaudit.prices.numbered import Subject
from costaudit.tape.columns import Words
from costaudit.tape.groups import group_rows

Ints = npt.NDArray[np.int64]

SUBJECT_WORDS: Final = ("provider", "model", "service_tier", "region", "speed", "gateway")


def distinct_subjects(words: Mapping[str, Words]) -> tuple[list[Subject], Ints]:
    """Distinct combinations of the words that decide a price, and the one of every row."""
    keys = {name: (words[name].codes, 0, len(words[name].values) - 1) for name in SUBJECT_WORDS}
    distinct, group, size = group_rows(keys)
    subjects = [tuple(words[name].values[distinct[name][i]] for name in SUBJECT_WORDS) for i in range(size)]
    return subjects, group.astype(np.int64)


def ledger_subjects(cells: Cells) -> tuple[list[Subject], Ints]:
    """Distinct subjects of a ledger, and the one of every cell."""
    return distinct_subjects(
        {name: Words(cells.keys[name].astype(np.int64), cells.values[name]) for name in SUBJECT_WORDS}
    )


def named_subjects(words: Mapping[str, Words], plan: Plan) -> list[Subject]:
    """Distinct subjects of words as logged."""
    gateway = with_gateways(words["gateway"], words["provider"], words["model"], plan.prices.book)
    return distinct_subjects({**words, "gateway": gateway})[0]
