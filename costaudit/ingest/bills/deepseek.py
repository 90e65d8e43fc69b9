"""DeepSeek's two exports, which come in one archive: amount-….csv (tokens) and cost-….csv (money).

The amount has one row per class of tokens. Its `price` is in the account's currency, which it does not name,
so it is not read. Until mid-2026 both name a day (`utc_date`, as 2026-07-01 or 20260701), later the times of
a bucket with the account's time zone.
"""

from __future__ import annotations

from typing import Final

from costaudit.ingest.bills.line import BillFormat, BillLine, BillPlace, Row
from costaudit.ingest.bills.values import count, model, require_usd, usd, word
from costaudit.ingest.format import Skip

_CLASS: Final = {
    "input_cache_hit_tokens": "cache_read", "input_cache_miss_tokens": "input", "input_tokens": "input",
    "output_tokens": "output", "request_count": "requests",
}  # fmt: skip


def _is_dated(row: Row) -> bool:
    return "utc_date" in row or "start_time_iso" in row


def is_amount(row: Row) -> bool:
    """A row of amount-….csv."""
    return "type" in row and "amount" in row and "api_key_name" in row and _is_dated(row)


def amount_line(row: Row, place: BillPlace) -> BillLine:
    """One class of tokens, or the requests, of one bucket, model and key."""
    name = _CLASS.get(word(row, "type") or "")
    if name is None:
        raise Skip("no_tokens", "a type that is neither tokens nor requests")
    stated = count(row, "amount")
    if stated is None:
        raise Skip("not_integer_usage", "amount is empty")
    counts = {name: stated}
    return BillLine(
        kind="usage", format="deepseek-amount", file=place.file, provider="deepseek", span=place.span,
        model=model(row, "model"), input=counts.get("input"), cache_read=counts.get("cache_read"),
        output=counts.get("output"), requests=counts.get("requests"),
    )  # fmt: skip


def is_cost(row: Row) -> bool:
    """A row of cost-….csv."""
    return "cost" in row and "currency" in row and "model" in row and _is_dated(row)


def cost_line(row: Row, place: BillPlace) -> BillLine:
    """What one model cost in one bucket, from one wallet."""
    stated = usd(row, "cost")
    if stated is None:
        raise Skip("bad_amount", "cost is empty")
    require_usd(row.get("currency"), place.file)
    return BillLine(
        kind="cost", format="deepseek-cost", file=place.file, provider="deepseek", span=place.span,
        model=model(row, "model"), usd=stated,
    )  # fmt: skip


AMOUNT: Final = BillFormat(
    name="deepseek-amount",
    title="a DeepSeek amount export",
    kind="usage",
    provider="deepseek",
    matches=is_amount,
    line=amount_line,
    columns=("model", "type", "amount", "api_key_name"),
)

COST: Final = BillFormat(
    name="deepseek-cost",
    title="a DeepSeek cost export",
    kind="cost",
    provider="deepseek",
    matches=is_cost,
    line=cost_line,
    columns=("model", "cost", "currency"),
)
