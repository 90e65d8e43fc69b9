"""CA709: no model of the log is without a price, but for those that are allowed."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import numpy as np

from costaudit.questions.audit.work import logged_name
from costaudit.questions.gates.case import GateCase
from costaudit.questions.gates.figures import counted
from costaudit.questions.gates.outcome import GateLimits, Measured, Unit
from costaudit.routing.policy import matches

NO_NAME: Final = "-"
"""How a request without a model is named in an allow-list."""
SHOWN: Final = 5
"""Models that are named one by one."""


def find_unpriced_models(case: GateCase) -> Iterator[Measured]:
    """How many models have requests without a price, and are not allowed to."""
    gate, log = case.gates.unpriced, case.log
    if gate is None or log is None:
        return
    models, providers = log.cells.words("model"), log.cells.words("provider")
    requests: dict[str, int] = {}
    for row in np.flatnonzero(~log.costed.priced).tolist():
        name = logged_name(providers[row], models[row]) or NO_NAME
        requests[name] = requests.get(name, 0) + int(log.requests[row])
    refused = {n: r for n, r in requests.items() if not matches(gate.allow, n, n.rpartition("/")[2])}
    ranked = sorted(refused.items(), key=lambda item: (-item[1], item[0]))
    named = [f"{name} ({counted(count)})" for name, count in ranked[:SHOWN]]
    more = f", {len(ranked) - SHOWN:,} more" if len(ranked) > SHOWN else ""
    unused = [p for p in gate.allow if not any(matches((p,), n, n.rpartition("/")[2]) for n in requests)]
    note = ", ".join(named) + more if named else f"{len(requests):,} without a price, all of them allowed"
    if not requests:
        note = "every model has a price"
    if unused:
        note += f"; allowed and not there: {', '.join(unused)}"
    yield Measured(
        "models without a price", Fraction(len(refused)), GateLimits.none_at(gate.level), Unit.MODELS, note,
        ("unpriced",),
    )  # fmt: skip
