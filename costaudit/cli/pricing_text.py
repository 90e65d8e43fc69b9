"""How `costaudit pricing` answers: JSON values and tables of text, as pure functions."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from costaudit.money import exact, shown
from costaudit.times import instant

if TYPE_CHECKING:
    from costaudit.prices.book import PriceBook
    from costaudit.prices.history import PastChange, Standing
    from costaudit.prices.quote import NoQuote, Quote
    from costaudit.prices.resolver import Periods
    from costaudit.prices.rows import PriceRow
    from costaudit.prices.rules.rule import Rule

_BAR = 24
"""Columns of the longest bar of a timeline."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> list[str]:
    """Lines with columns as wide as their widest cell; some are set flush right."""
    cells = [list(head), *map(list, rows)]
    wide = [max(len(row[place]) for row in cells) for place in range(len(head))]
    flush = set(right)
    return [
        "  ".join(
            c.rjust(w) if i in flush else c.ljust(w) for i, (c, w) in enumerate(zip(row, wide, strict=True))
        ).rstrip()
        for row in cells
    ]


def list_text(models: Sequence[dict[str, Any]], book: PriceBook) -> str:
    """One line per model."""
    rows = [
        (
            m["model"],
            m["class"] or "—",
            *(m["usd_per_mtok"].get(c, "—") for c in ("input", "cache_read", "output")),
        )
        for m in models
    ]
    lines = table(("model", "class", "input", "cache read", "output"), rows, right=(2, 3, 4))
    known = f", as known on {book.known_on}" if book.known_on else ""
    lines.append(f"{len(rows)} models, USD per 1M tokens, price book {book.version}{known}")
    return "\n".join(lines) + "\n"


def row_value(row: PriceRow, *, in_force: bool) -> dict[str, Any]:
    """A price row as JSON."""
    from costaudit.prices.rows import instant_text  # noqa: PLC0415 - start-up

    return {
        "valid_from": instant_text(row.valid_from),
        "class": row.klass,
        "usd": None if row.usd is None else f"{row.usd:f}",
        "when": str(row.when),
        "status": row.status or None,
        "in_force": in_force,
        "overlay": row.overlay or None,
        "recorded_on": row.recorded_on.isoformat() if row.recorded_on else None,
        "confidence": row.confidence,
        "source": row.source,
        "file": row.path,
        "line": row.line,
        "note": row.note or None,
    }


def doubt_value(row: PriceRow) -> dict[str, Any]:
    """A price of low confidence as JSON."""
    return {
        "rate_id": row.rate_id,
        "model": f"{row.provider}/{row.model}",
        "class": row.klass,
        "when": str(row.when) or None,
        "usd": None if row.usd is None else f"{row.usd:f}",
        "source": row.source,
        "note": row.note,
        "file": row.path,
        "line": row.line,
    }


def doubts_text(rows: Sequence[dict[str, Any]]) -> str:
    """Prices of low confidence for people, what is said of several alike said once."""
    lines: list[str] = []
    for model, of_model in itertools.groupby(rows, key=lambda row: row["model"]):
        lines.append(model)
        for note, alike in itertools.groupby(of_model, key=lambda row: row["note"]):
            figures = [f"{r['class']} {r['usd']}" + (f" [{r['when']}]" if r["when"] else "") for r in alike]
            lines.append(f"  {', '.join(figures)}")
            lines.append(f"    {note or 'no note'}")
    count = len({row["model"] for row in rows})
    return told([*lines, f"{len(rows):,} prices of {count:,} models in force are of low confidence"])


def periods_value(periods: Periods) -> list[dict[str, Any]]:
    """What a name stood for from each instant on, as JSON."""
    from costaudit.prices.resolver import Resolved  # noqa: PLC0415 - start-up
    from costaudit.prices.rows import instant_text  # noqa: PLC0415

    return [
        {
            "from": instant_text(start) if start else None,
            "provider": r.provider if isinstance(r, Resolved) else None,
            "model": r.model if isinstance(r, Resolved) else None,
            "reason": None if isinstance(r, Resolved) else r.reason,
        }
        for start, r in periods
    ]


def periods_text(periods: Sequence[dict[str, Any]]) -> list[str]:
    """One line per model that the name stood for; nothing for a name that never moved."""
    if len(periods) == 1:
        return []
    return [f"  from {p['from'] or 'the first':<17}  {p['model'] or p['reason']}" for p in periods]


def rows_text(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Every row of a model, oldest first."""
    marks = [
        ", ".join(
            word
            for word in (
                r["status"] if r["status"] not in (None, "ended") else "",
                "" if r["in_force"] else "superseded",
                f"overlay {r['overlay']}" if r["overlay"] else "",
            )
            if word
        )
        for r in rows
    ]
    missing = {"ended": "ended", "correction": "taken back"}
    cells = [
        (
            r["valid_from"],
            r["class"],
            r["usd"] or missing.get(r["status"] or "", "—"),
            r["confidence"],
            r["when"],
            mark,
        )
        for r, mark in zip(rows, marks, strict=True)
    ]
    head = ("valid from", "class", "USD", "confidence", "when", "status" if any(marks) else "")
    return table(head, cells, right=(2,))


def timeline_text(steps: Sequence[Standing]) -> list[str]:
    """The standard price over time, a bar for input."""
    from costaudit.prices.rows import instant_text  # noqa: PLC0415 - start-up

    top = max((s.usd.get("input", Decimal(0)) for s in steps), default=Decimal(0))
    lines = []
    for step in steps:
        price = step.usd.get("input")
        size = max(1, round(price * _BAR / top)) if price and top else 0
        said = ", ".join(f"{name} {usd:f}" for name, usd in step.usd.items()) or "no price"
        lines.append(f"  {instant_text(step.start):<17}  {'█' * size:<{_BAR}}  {said}")
    return lines


def quote_value(found: Quote) -> dict[str, Any]:
    """A priced call as JSON: the contract costaudit/quote@1."""
    resolved = found.resolved
    return {
        "schema": "costaudit/quote@1",
        "model": found.name,
        "resolved": {"provider": resolved.provider, "model": resolved.model, "how": resolved.how},
        "at": instant(found.at),
        "list_usd": exact(found.list_usd),
        "lines": [
            {
                "class": line.klass,
                "tokens": line.tokens,
                "usd_per_mtok": f"{line.usd_per_mtok:f}",
                "usd": exact(line.usd),
                "rate_id": line.rate_id,
            }
            for line in found.lines
        ],
    }


def no_quote_value(found: NoQuote, at: int) -> dict[str, Any]:
    """A call without a price as JSON."""
    return {
        "schema": "costaudit/quote@1",
        "model": found.name,
        "at": instant(at),
        "reason": found.reason,
        "detail": found.detail,
        "list_usd": None,
        "resolved": None,
        "lines": [],
    }


def quote_text(found: Quote) -> str:
    """A priced call, line by line."""
    from costaudit.prices.rows import UNIT_CLASSES  # noqa: PLC0415 - start-up

    rows = [
        (
            f"  {x.klass}",
            f"{x.tokens:,}",
            f"× {x.usd_per_mtok:f} {'each' if x.klass in UNIT_CLASSES else 'per 1M'}",
            f"= {shown(x.usd)}",
            x.rate_id,
        )
        for x in found.lines
    ]
    resolved = found.resolved
    model = f"{resolved.provider}/{resolved.model}"
    first = f"{found.name} is {model} ({resolved.how}), priced at {instant(found.at)}"
    lines = table(("  list cost", "", "", f"= {shown(found.list_usd)}", ""), rows, right=(1, 3))
    return "\n".join([first, *lines[1:], lines[0]]) + "\n"


def change_value(change: PastChange) -> dict[str, Any]:
    """A price change as JSON."""
    from costaudit.prices.rows import instant_text  # noqa: PLC0415 - start-up

    row = change.row
    return {
        "at": instant_text(row.valid_from),
        "model": f"{row.provider}/{row.model}",
        "class": row.klass,
        "when": str(row.when),
        "before_usd": None if change.before_usd is None else f"{change.before_usd:f}",
        "after_usd": None if change.after_usd is None else f"{change.after_usd:f}",
        "percent": change.percent,
        "status": row.status or None,
        "rate_id": row.rate_id,
        "note": row.note or None,
    }


def history_text(changes: Sequence[PastChange]) -> str:
    """Every change on a line, the newest last."""
    if not changes:
        return "no price changed\n"
    rows = []
    for v in map(change_value, changes):
        percent = f"{v['percent']} %" if v["percent"] else ""
        when = " ".join(filter(None, (v["when"], "(scheduled)" if v["status"] == "scheduled" else "")))
        old, new = v["before_usd"] or "new", v["after_usd"] or "ended"
        rows.append((v["at"], v["model"], v["class"], old, new, percent, when))
    lines = table(("from", "model", "class", "old", "new", "change", "when"), rows, right=(3, 4, 5))
    return "\n".join([*lines, f"{len(rows)} changes, USD per 1M tokens or per unit"]) + "\n"


def told(lines: Iterable[str]) -> str:
    """Lines of an answer: whatever a table holds, nothing of it reaches the terminal as a command."""
    return "".join("".join(c if c.isprintable() else "?" for c in line) + "\n" for line in lines)


def place(file: str, line: int) -> str:
    """A file and line; line 0 is the whole file."""
    return f"{file}:{line}" if line else file


def rules_text(rules: Sequence[Rule]) -> str:
    """Every rule on a line, by family."""
    from costaudit.prices.rules.registry import FAMILIES  # noqa: PLC0415 - start-up

    lines: list[str] = []
    for family, name in FAMILIES.items():
        ours = [rule for rule in rules if rule.code.startswith(family)]
        lines += [f"{family} {name}"] if ours else []
        lines += [f"  {rule.code}  {rule.severity:<7}  {rule.name}" for rule in ours]
    return "\n".join(lines) + "\n"


def rule_text(rule: Rule, width: int) -> str:
    """A rule in full."""
    from costaudit.prices.answers import NEEDS  # noqa: PLC0415 - start-up

    needs = f"Judged with {NEEDS[rule.needs]}." if NEEDS[rule.needs] else ""
    parts = [("why", rule.why), ("fix", rule.fix), ("example", rule.example), ("note", needs)]
    lines = [f"{rule.code} {rule.name} ({rule.severity})"]
    for name, text in parts:
        if text:
            lines += textwrap.wrap(
                text, min(width, 100), initial_indent=f"  {name:<9}", subsequent_indent=" " * 11
            )
    return "\n".join(lines) + "\n"
