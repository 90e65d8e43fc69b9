"""Anthropic's costs: the pages of /v1/organizations/cost_report and the cost CSV of the Console.

The report states `amount` as decimal text in the lowest unit of the currency: "123.45" is $1.2345. The
Console states dollars in `cost_usd`, and models by their names for people (`Claude Haiku 4.5`). Costs of
the Priority Tier are in neither.
"""

from __future__ import annotations

import re
from typing import Final

from costaudit.ingest.bills.line import BillFormat, BillLine, BillPlace, Row
from costaudit.ingest.bills.values import amount, model, require_usd, usd, word
from costaudit.ingest.format import Skip
from costaudit.money import EXACT

_TITLE: Final = re.compile(
    r"claude(?: (?P<family>[a-z]+))? (?P<version>\d+(?:\.\d+)?)(?: (?P<after>[a-z]+))?", re.IGNORECASE
)
_REPORT: Final = frozenset({"cost_type", "description", "token_type", "workspace_id"})


def matches(row: Row) -> bool:
    """A result of the cost report, or a row of the Console's cost CSV."""
    if "usage_date_utc" in row and "cost_usd" in row:
        return True
    return "amount" in row and "currency" in row and "object" not in row and not _REPORT.isdisjoint(row)


def line(row: Row, place: BillPlace) -> BillLine:
    """The cost of one bucket, workspace and description."""
    if "cost_usd" in row:
        cost, name = usd(row, "cost_usd"), word(row, "model")
        name = model_id(name) if name else None
        item = word(row, "token_type", "cost_type")
    else:
        require_usd(row.get("currency"), place.file)
        cents = amount(row.get("amount"), "amount")
        cost = None if cents is None else cents.scaleb(-2, EXACT)
        name, item = model(row, "model"), word(row, "description", "token_type", "cost_type")
    if cost is None:
        raise Skip("bad_amount", "no amount")
    return BillLine(
        kind="cost", format="anthropic-costs", file=place.file, provider="anthropic", span=place.span,
        model=name, usd=cost, service_tier=word(row, "service_tier"), line_item=item,
    )  # fmt: skip


def model_id(name: str) -> str:
    """The id of a model that the Console names for people.

    >>> model_id("Claude Haiku 4.5"), model_id("Claude 3.5 Haiku"), model_id("claude-opus-4-8")
    ('claude-haiku-4-5', 'claude-3-5-haiku', 'claude-opus-4-8')
    """
    found = _TITLE.fullmatch(name.strip())
    if found is None:
        return name
    version = found["version"].replace(".", "-")
    family, after = (found["family"] or "").lower(), (found["after"] or "").lower()
    if family and int(found["version"].partition(".")[0]) < 4:  # ids of those days have the version first
        family, after = "", family
    return "-".join(part for part in ("claude", family, version, after) if part)


FORMAT: Final = BillFormat(
    name="anthropic-costs",
    title="an Anthropic cost export",
    kind="cost",
    provider="anthropic",
    matches=matches,
    line=line,
    columns=("usage_date_utc", "cost_usd"),
)
