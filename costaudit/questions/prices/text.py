"""What the book says, for the eye."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby
from typing import Final

from costaudit.money import shown
from costaudit.prices.history import Standing
from costaudit.prices.rows import UNIT_CLASSES, instant_text
from costaudit.questions.prices.lines import table, told
from costaudit.questions.prices.result import (
    ModelPrices,
    NamePeriod,
    PricedCall,
    PriceDoubts,
    PriceHistory,
    PriceList,
    StatedPrice,
    UnpricedCall,
)

_BAR: Final = 24
"""Columns of the longest bar of a timeline."""
_MISSING: Final = {"ended": "ended", "correction": "taken back"}


def list_text(found: PriceList, known_on: str | None) -> str:
    """One line per model."""
    rows = [
        (
            m.model,
            m.class_ or "—",
            *(_plain(m.usd_per_mtok.get(c)) for c in ("input", "cache_read", "output")),
        )
        for m in found.models
    ]
    lines = table(("model", "class", "input", "cache read", "output"), rows, right=(2, 3, 4))
    known = f", as known on {known_on}" if known_on else ""
    lines.append(f"{len(rows)} models, USD per 1M tokens, price book {found.version}{known}")
    return "\n".join(lines) + "\n"


def model_text(found: ModelPrices, steps: Sequence[Standing]) -> str:
    """Every row of a model, and its standard price over time."""
    name = found.resolved
    lines = [f"{found.model} is {name.provider}/{name.model} ({name.how})", *_periods(found.periods)]
    lines += ["", *_rows(found.rows)]
    if steps:
        lines += ["", "standard price over time, USD per 1M tokens", *_timeline(steps)]
    return "\n".join(lines) + "\n"


def _periods(periods: Sequence[NamePeriod]) -> list[str]:
    """One line per model that the name stood for; nothing for a name that never moved."""
    if len(periods) == 1:
        return []
    return [f"  from {p.from_ or 'the first':<17}  {p.model or p.reason}" for p in periods]


def _rows(rows: Sequence[StatedPrice]) -> list[str]:
    cells = [
        (
            r.valid_from, r.class_, _MISSING.get(r.status or "", "—") if r.usd is None else f"{r.usd:f}",
            r.confidence, r.when, _mark(r),
        )
        for r in rows
    ]  # fmt: skip
    head = ("valid from", "class", "USD", "confidence", "when", "status" if any(map(_mark, rows)) else "")
    return table(head, cells, right=(2,))


def _mark(row: StatedPrice) -> str:
    words = (
        row.status if row.status not in (None, "ended") else "",
        "" if row.in_force else "superseded",
        f"overlay {row.overlay}" if row.overlay else "",
    )
    return ", ".join(word for word in words if word)


def _timeline(steps: Sequence[Standing]) -> list[str]:
    """The standard price over time, a bar for input."""
    top = max((s.usd.get("input", Decimal(0)) for s in steps), default=Decimal(0))
    lines = []
    for step in steps:
        price = step.usd.get("input")
        size = max(1, round(price * _BAR / top)) if price and top else 0
        said = ", ".join(f"{name} {usd:f}" for name, usd in step.usd.items()) or "no price"
        lines.append(f"  {instant_text(step.start):<17}  {'█' * size:<{_BAR}}  {said}")
    return lines


def history_text(found: PriceHistory) -> str:
    """Every change on a line, the newest last."""
    if not found.changes:
        return "no price changed\n"
    rows = []
    for v in found.changes:
        percent = f"{v.percent} %" if v.percent else ""
        when = " ".join(filter(None, (v.when, "(scheduled)" if v.status == "scheduled" else "")))
        old, new = _plain(v.before_usd, "new"), _plain(v.after_usd, "ended")
        rows.append((v.at, v.model, v.class_, old, new, percent, when))
    lines = table(("from", "model", "class", "old", "new", "change", "when"), rows, right=(3, 4, 5))
    return "\n".join([*lines, f"{len(rows)} changes, USD per 1M tokens or per unit"]) + "\n"


def doubts_text(found: PriceDoubts) -> str:
    """Prices of low confidence for people, what is said of several alike said once."""
    lines: list[str] = []
    for model, of_model in groupby(found.doubts, key=lambda row: row.model):
        lines.append(model)
        for note, alike in groupby(of_model, key=lambda row: row.note):
            figures = [
                f"{r.class_} {_plain(r.usd, 'None')}" + (f" [{r.when}]" if r.when else "") for r in alike
            ]
            lines.append(f"  {', '.join(figures)}")
            lines.append(f"    {note or 'no note'}")
    count = len({row.model for row in found.doubts})
    return told([*lines, f"{len(found.doubts):,} prices of {count:,} models in force are of low confidence"])


def call_text(found: PricedCall | UnpricedCall) -> str:
    """A priced call, line by line; or why it has no price."""
    if isinstance(found, UnpricedCall):
        why = f" ({found.detail})" if found.detail else ""
        return f"no price for {found.model!r}: {found.reason}{why}\n"
    rows = [
        (
            f"  {x.class_}", f"{x.tokens:,}",
            f"× {x.usd_per_mtok:f} {'each' if x.class_ in UNIT_CLASSES else 'per 1M'}",
            f"= {shown(x.usd)}", x.rate_id,
        )
        for x in found.lines
    ]  # fmt: skip
    name = found.resolved
    first = f"{found.model} is {name.provider}/{name.model} ({name.how}), priced at {found.at}"
    lines = table(("  list cost", "", "", f"= {shown(found.list_usd)}", ""), rows, right=(1, 3))
    return "\n".join([first, *lines[1:], lines[0]]) + "\n"


def _plain(usd: Decimal | None, absent: str = "—") -> str:
    return absent if usd is None else f"{usd:f}"
