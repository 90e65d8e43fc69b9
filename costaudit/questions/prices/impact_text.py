"""What a change of tables does to a bill, in text and Markdown, as pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from costaudit.questions.prices.lines import table

if TYPE_CHECKING:
    from decimal import Decimal

    from costaudit.prices.impact import Impact, ImpactRow, Recommendation, Sides, View

ROWS: Final = 10
"""Rows that the answer shows of each time of prices."""


def impact_lines(impact: Impact) -> Iterator[str]:
    """The impact in plain lines."""
    yield f"the bill of {_what(impact)}"
    for view in impact.views:
        yield f"  {_when(view)}"
        if not _moves(view):
            yield "    no change"
        else:
            yield from ("    " + line for line in table(*_totals(impact, view), right=(1, 2, 3, 4, 5)))
        yield from ("    " + line for line in _notes(view))
        if view.rows:
            yield from ("    " + line for line in table(*_rows(impact, view), right=(3, 4, 5, 6)))
        if len(view.rows) > ROWS:
            yield f"    and {len(view.rows) - ROWS} more"
        yield from (f"    {line}" for line in _recommended(view))
    if impact.unrouted is not None:
        yield f"  not projected: {impact.unrouted}"


def impact_tables(
    impact: Impact,
) -> Iterator[tuple[str, Sequence[str], list[tuple[str, ...]], Sequence[str]]]:
    """For every time of prices its title, the head and rows of a table, and lines below it."""
    for view in impact.views:
        head, totals = _totals(impact, view)
        below = [*([] if _moves(view) else ["No change."]), *_notes(view), *_recommended(view)]
        yield _when(view), head, totals if _moves(view) else [], below
        if view.rows:
            head, rows = _rows(impact, view)
            more = [f"and {len(view.rows) - ROWS} more"] if len(view.rows) > ROWS else []
            yield "", head, rows, more


def _what(impact: Impact) -> str:
    period = ""
    if impact.start is not None and impact.end is not None:
        period = f", {impact.start[:10]} to {impact.end[:10]} UTC"
    kind = "a saved ledger" if impact.source == "ledger" else "the logs"
    return f"{impact.requests:,} requests of {kind}{period}, {_unit(impact)}"


def _unit(impact: Impact) -> str:
    return "in the period" if impact.month is None else "per 30 days"


def _when(view: View) -> str:
    return (
        "at the time of each request"
        if view.as_of == "request-time"
        else f"at the prices of {view.as_of[:16]}Z"
    )


def _moves(view: View) -> bool:
    return bool(view.rows or view.small or view.total.is_changed)


def _totals(impact: Impact, view: View) -> tuple[Sequence[str], list[tuple[str, ...]]]:
    total = view.total
    named = [("list", total.list_usd), ("bill, with gateway fees", total.billed_usd)]
    if total.projected_usd is not None:
        named.append((f"after policy {impact.policy}", total.projected_usd))
    rows = [(name, *_figures(impact, amount), _a_year(impact, amount)) for name, amount in named]
    return ("", "base", "head", "change", "", "a year"), rows


def _figures(impact: Impact, amount: Sides) -> tuple[str, ...]:
    base, head, change = (_shown(impact, value) for value in (amount.base, amount.head, amount.change))
    sign = "+" if amount.change > 0 else ""
    return base, head, f"{sign}{change}", f"{amount.percent} %" if amount.percent is not None else ""


def _shown(impact: Impact, amount: Decimal) -> str:
    from costaudit.money import shown  # noqa: PLC0415 - start-up

    month = impact.per_month(amount)
    return shown(amount if month is None else month)


def _a_year(impact: Impact, amount: Sides) -> str:
    from costaudit.money import shown  # noqa: PLC0415 - start-up

    year = impact.yearly(amount.change)
    return "" if year is None else f"{'+' if year > 0 else ''}{shown(year)}"


def _rows(impact: Impact, view: View) -> tuple[Sequence[str], list[tuple[str, ...]]]:
    rows = [
        (_name(row.model, "no model"), "—" if row.tier is None else str(row.tier), _name(row.feature, "—"),
         *_figures(impact, row.list_usd))
        for row in view.rows[:ROWS]
    ]  # fmt: skip
    return ("model", "tier", "feature", "base", "head", "list changes", ""), rows


def _name(name: str | None, absent: str) -> str:
    from costaudit.render.safe import safe  # noqa: PLC0415 - start-up

    return absent if name is None else safe(name, 40)


def _notes(view: View) -> Iterator[str]:
    from costaudit.money import shown  # noqa: PLC0415 - start-up

    total: ImpactRow = view.total
    if total.lost.requests:
        yield f"{total.lost.requests:,} requests lose their price: {shown(total.lost.usd)} by the base"
    if total.gained.requests:
        yield f"{total.gained.requests:,} requests get a price: {shown(total.gained.usd)} by the head"
    if total.unpriced:
        yield f"{total.unpriced:,} requests have no price on either side"
    if view.small:
        yield f"{view.small} rows change too little to show"


def _recommended(view: View) -> Iterator[str]:
    """A line for every tier and move, however many features make it."""

    def move(one: Recommendation) -> tuple[int, str, str]:
        return -1 if one.tier is None else one.tier, one.base or "", one.head or ""

    for (tier, base, head), group in groupby(sorted(view.recommendations, key=move), key=move):
        ours = list(group)
        which = "untagged" if tier < 0 else f"tier {tier}"
        names = ", ".join(_name(one.feature, "no feature") for one in ours[:3])
        more = f" and {len(ours) - 3} more" if len(ours) > 3 else ""
        now = f"now cheapest on {head}" if head else "now keeps its models"
        was = f", was {base}" if base else ", kept its models"
        yield f"{which} {now}{was}: {names}{more}, {sum(one.requests for one in ours):,} requests"
