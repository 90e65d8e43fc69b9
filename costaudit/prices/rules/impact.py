"""CA6: what a change does to the bill of real traffic. Judged by `pricing diff` with logs or a ledger."""

from __future__ import annotations

from typing import Final

from costaudit.prices.rules.rule import ERROR, WARNING, Rule

BILL_MOVES: Final = Rule(
    "CA601", "bill-over-limit", ERROR,
    "Nobody sees from a rate what it does to a bill: it is rates times the traffic that you have. Judged by "
    "pricing diff --fail-if with --logs or --ledger.",
    "Look at the rows of the answer that change most; raise the limit, or mend the price.",
    "--fail-if 'increase>500usd', and the bill rises by $612 per 30 days",
    lambda _case: (),
    "logs",
)  # fmt: skip
TRAFFIC_LOSES_PRICE: Final = Rule(
    "CA602", "traffic-loses-price", WARNING,
    "Requests that had a price have none by the head: they fall out of every total, which then looks like a "
    "saving. Judged by pricing diff with --logs or --ledger.",
    "Put the row or the alias back, or map the name to its new model.",
    "an alias of 40,000 requests is removed",
    lambda _case: (),
    "logs",
)  # fmt: skip

RULES: Final = (BILL_MOVES, TRAFFIC_LOSES_PRICE)
