"""What a move of prices does, for the eye: supposed and scheduled changes, and what hangs on each price."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from costaudit.money import exact
from costaudit.questions.audit.moves.result import Outlook, PriceMove
from costaudit.questions.audit.shown.report import Report, billed_known
from costaudit.render.blocks import Column, ListLimits, Table
from costaudit.render.figures import ABSENT, count, counts_shown, money, percent, words

SENSITIVE: Final = 10
"""Prices that are listed by how much they move the bill."""

ROLES: Final = {"serves": "serves requests", "routed_to": "is routed to", "both": "serves, and is routed to"}


def show_price_move(report: Report, limits: ListLimits) -> Iterator[Table]:
    """Routes that stay as they are against routes chosen anew, at changed prices."""
    move = report.projection.price_move
    if move is None or not billed_known(report):
        return
    old, static, anew = move.at_old_prices, move.static, move.reoptimised
    rows = ("as logged", "with the routes of the old prices", "with routes chosen anew")
    cells = money([old.before_usd, old.after_usd, static.before_usd, static.after_usd, anew.after_usd])
    yield Table(
        "With old and with new routes",
        (
            Column("", rows, number=False),
            Column("old prices", (cells[0], cells[1], ABSENT)),
            Column("supposed prices", (cells[2], cells[3], cells[4])),
        ),
        notes=tuple(_move_notes(move)),
    )
    shifted = [r for r in move.by_model if r.static_requests != r.reoptimised_requests][: limits.rows]
    if shifted:
        yield Table(
            "Requests that change their route",
            (
                Column("model", tuple(r.model for r in shifted), number=False),
                Column("old routes", counts_shown([r.static_requests for r in shifted])),
                Column("new routes", counts_shown([r.reoptimised_requests for r in shifted])),
                Column("old cost", money([r.static_usd for r in shifted]), leaves=1),
                Column("new cost", money([r.reoptimised_usd for r in shifted]), leaves=2),
            ),
        )


def _move_notes(move: PriceMove) -> Iterator[str]:
    missed, monthly = move.missed_usd, move.monthly_missed_usd
    scaled = "" if monthly is None else f", {money([abs(monthly)])[0]} per 30 days"
    if missed > 0:
        yield f"Routes that nobody revises miss {money([missed])[0]}{scaled}."
    elif missed < 0:
        yield f"Routes chosen anew cost {money([-missed])[0]} more{scaled}: the policy does not go by price."
    elif move.at_old_prices == move.static:
        yield "The change moves nothing: no price of this log or of its routes is another."
    else:
        yield "Routes that nobody revises miss nothing."
    if move.lost_requests:
        some = count(move.lost_requests, "request")
        yield f"The route of {some} has no price then: back on their own model."


def show_outlook(report: Report, limits: ListLimits) -> Iterator[Table]:
    """The next three months, where a scheduled change or a retirement touches the log."""
    outlook = report.projection.outlook
    if outlook is None or not (outlook.changes or outlook.retirements):
        return
    if any(month.before_usd is not None for month in outlook.months):
        yield _months(outlook)
    yield from _scheduled(outlook, limits)
    yield from _retirements(outlook, limits)


def _months(outlook: Outlook) -> Table:
    rows = outlook.months
    notes = ["Traffic like the log's for 30 days, by list, at the prices that the book knows for each month."]
    if outlook.unpriced_usd:
        amount = money([outlook.unpriced_usd])[0]
        notes.append(f"{amount} of the log is on models without a price by then: counted at their last.")
    return Table(
        "The next quarter, at the prices known for it",
        (
            Column("month", tuple(r.month for r in rows), number=False),
            Column("as logged", money([r.before_usd for r in rows])),
            Column("as routed", money([r.after_usd for r in rows])),
        ),
        notes=tuple(notes),
    )


def _scheduled(outlook: Outlook, limits: ListLimits) -> Iterator[Table]:
    rows = outlook.changes[: limits.rows]
    if not rows:
        return
    left = len(outlook.changes) - len(rows)
    monthly = rows[0].monthly_before_usd is not None
    unit = "per 30 days" if monthly else "on traffic like the log's"
    before = [r.monthly_before_usd if monthly else r.before_usd for r in rows]
    after = [r.monthly_after_usd if monthly else r.after_usd for r in rows]
    yield Table(
        f"Scheduled price changes, {unit}",
        (
            Column("model", tuple(r.model for r in rows), number=False),
            Column("price", tuple(words(r.price_class) for r in rows), number=False),
            Column("from", tuple(r.date for r in rows), number=False),
            Column("old", tuple(_rate(r.old_usd) for r in rows), leaves=1),
            Column("new", tuple(_rate(r.new_usd) for r in rows), leaves=2),
            Column("as logged", money(before, signed=True)),
            Column("as routed", money(after, signed=True)),
        ),
        notes=(f"and {left:,} more",) if left else (),
    )


def _rate(usd: Decimal | None) -> str:
    return ABSENT if usd is None else f"${exact(usd)}"


def _retirements(outlook: Outlook, limits: ListLimits) -> Iterator[Table]:
    rows = outlook.retirements[: limits.rows]
    if not rows:
        return
    left = len(outlook.retirements) - len(rows)
    monthly = rows[0].monthly_usd is not None
    amounts = [r.monthly_usd if monthly else r.list_usd for r in rows]
    yield Table(
        f"Models that retire before {outlook.end}",
        (
            Column("model", tuple(r.model for r in rows), number=False),
            Column("on", tuple(r.date for r in rows), number=False),
            Column("requests", counts_shown([r.requests for r in rows])),
            Column("routed there", counts_shown([r.routed_requests for r in rows]), leaves=1),
            Column("list per 30 days" if monthly else "list", money(amounts)),
        ),
        notes=(f"and {left:,} more",) if left else (),
    )


def show_sensitivity(report: Report, _: ListLimits) -> Iterator[Table]:
    """The prices that the bill hangs on most."""
    found = report.projection.sensitivity
    if not found:
        return
    rows, rest = found[:SENSITIVE], found[SENSITIVE:]
    monthly = rows[0].monthly_ten_percent_usd is not None
    unit = "per 30 days" if monthly else "in the log's period"

    def swing(row: Any, name: str) -> Decimal:
        amount: Decimal = getattr(row, f"monthly_{name}" if monthly else name)
        return amount

    yield Table(
        "Prices that move the bill most",
        (
            Column("model", tuple(r.model for r in rows), number=False),
            Column("price", tuple(words(r.price_class) for r in rows), number=False),
            Column("list", money([r.list_usd for r in rows]), leaves=2),
            Column("share", tuple(percent(r.list_percent) for r in rows), leaves=1),
            Column("±10% as logged", money([swing(r, "ten_percent_usd") for r in rows])),
            Column("as routed", money([swing(r, "ten_percent_after_usd") for r in rows])),
        ),
        notes=(
            *((f"and {len(rest):,} prices that move it less",) if rest else ()),
            f"What a price 10% higher or lower does to the list cost, and to the projection, {unit}.",
        ),
    )
