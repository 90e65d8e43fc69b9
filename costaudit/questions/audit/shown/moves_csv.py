"""Price moves as rows of the CSV table: see `costaudit.render.csvout` for the columns."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from costaudit.money import exact
from costaudit.questions.audit.moves.result import Outlook, PriceMove, PriceSensitivity
from costaudit.questions.audit.shown.report import Report, billed_known

_Row = dict[str, Any]


def move_rows(report: Report) -> Iterator[_Row]:
    """Supposed prices, the next quarter, and what hangs on each price. `list_usd` is on the log's models."""
    p = report.projection
    if p.price_move is not None and billed_known(report):
        yield from _moved(p.price_move)
    if p.outlook is not None:
        yield from _outlook(p.outlook)
    yield from (_sensitive(row) for row in p.sensitivity)


def _moved(move: PriceMove) -> Iterator[_Row]:
    for name in ("at_old_prices", "static", "reoptimised"):
        cost = getattr(move, name)
        yield {
            "section": "price_move", "name": name, "billed_usd": cost.before_usd, "after_usd": cost.after_usd,
        }  # fmt: skip
    told = _monthly(move.monthly_missed_usd)
    yield {"section": "price_move", "name": "missed", "after_usd": move.missed_usd, "note": told}
    for row in move.by_model:
        yield {
            "section": "price_move_models", "name": row.model, "requests": row.reoptimised_requests,
            "after_usd": row.reoptimised_usd,
            "note": f"static: {row.static_requests} requests; {exact(row.static_usd)}",
        }  # fmt: skip


def _monthly(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{exact(amount)} per 30 days"


def _outlook(outlook: Outlook) -> Iterator[_Row]:
    for month in outlook.months:
        yield {
            "section": "outlook", "name": month.month, "list_usd": month.before_usd,
            "after_usd": month.after_usd, "note": "30 days",
        }  # fmt: skip
    for change in outlook.changes:
        old, new = (None if usd is None else exact(usd) for usd in (change.old_usd, change.new_usd))
        rate = "" if new is None else f"; {old or 'no price'} to {new}"
        yield {
            "section": "scheduled_changes", "name": f"{change.model} {change.price_class}",
            "list_usd": change.before_usd, "after_usd": change.after_usd, "note": f"from {change.date}{rate}",
        }  # fmt: skip
    for one in outlook.retirements:
        yield {
            "section": "retirements", "name": one.model, "requests": one.requests, "list_usd": one.list_usd,
            "note": f"{one.date}; {one.routed_requests} routed there",
        }  # fmt: skip


def _sensitive(row: PriceSensitivity) -> _Row:
    told = f"10 percent: {exact(row.ten_percent_usd)}; after routing {exact(row.ten_percent_after_usd)}"
    return {
        "section": "sensitivity", "name": f"{row.model} {row.price_class}", "list_usd": row.list_usd,
        "after_usd": row.after_usd, "note": told,
    }  # fmt: skip
