"""OpenAI's costs: the pages of /v1/organization/costs and the cost CSV of the dashboard.

Amounts are dollars. Grouped by `line_item`, a line names the model and what of it is charged, like
`gpt-5.5-2026-04-23, cached input`, `gpt-image-1 image, output`,
`priority | gpt-5.6-sol, output, long context`, `web search tool calls` (forms that public programs report
from real pages).
"""

from __future__ import annotations

import re
from typing import Any, Final

from costaudit.ingest.bills.line import BillFormat, BillLine, BillPlace, Row
from costaudit.ingest.bills.values import amount, count, require_usd, word
from costaudit.ingest.format import Skip

_ITEM: Final = re.compile(
    r"(?:(?P<tier>[a-z]+) \| )?(?P<model>[^\s,|]+)(?: (?:text|audio|image|video))?, "
    r"(?:(?:text|audio|image|video) )?(?P<part>input|output|cached input|cache writes)(?:, long context)?",
    re.IGNORECASE,
)
_CLASS: Final = {
    "input": "input", "cached input": "cache_read", "cache writes": "cache_write_5m", "output": "output",
}  # fmt: skip


def matches(row: Row) -> bool:
    """A result of the costs API, or a row of the dashboard's cost CSV."""
    if isinstance(row.get("object"), str):
        return bool(row["object"] == "organization.costs.result")
    return "amount_value" in row and "amount_currency" in row


def line(row: Row, place: BillPlace) -> BillLine | None:
    """The cost of one bucket, line item and project; None for a row of an empty bucket."""
    stated = row.get("amount")
    value, currency = row.get("amount_value"), row.get("amount_currency")
    if isinstance(stated, dict):
        value, currency = stated.get("value"), stated.get("currency")
    usd = amount(value, "amount")
    if usd is None:
        if stated is None and "amount_value" in row:
            return None
        raise Skip("bad_amount", "no amount")
    require_usd(currency, place.file)
    item = word(row, "line_item")
    found = _ITEM.fullmatch(item) if item else None
    return BillLine(
        kind="cost", format="openai-costs", file=place.file, provider="openai", span=place.span,
        model=found["model"] if found else None, usd=usd, line_item=item,
        service_tier=found["tier"] if found else None, **_tokens(row, found),
    )  # fmt: skip


def _tokens(row: Row, found: re.Match[str] | None) -> dict[str, Any]:
    """The quantity of a line item, where the bill says that it is tokens."""
    if found is None or word(row, "quantity_unit") != "tokens":
        return {}
    return {_CLASS[found["part"].lower()]: count(row, "quantity")}


FORMAT: Final = BillFormat(
    name="openai-costs",
    title="an OpenAI cost export",
    kind="cost",
    provider="openai",
    matches=matches,
    line=line,
    columns=("start_time", "end_time", "amount_value", "amount_currency"),
)
