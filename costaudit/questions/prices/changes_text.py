"""How `costaudit pricing diff` answers in text and Markdown, as pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from costaudit.questions.prices.impact_text import impact_lines, impact_tables
from costaudit.questions.prices.lines import place, table, told
from costaudit.render.safe import clean, escape

if TYPE_CHECKING:
    from costaudit.prices.diff import Change, Side
    from costaudit.prices.diff_gates import Failure
    from costaudit.prices.impact import Impact

TITLES: Final = {
    "new-model": "new models",
    "removed-model": "models removed",
    "change": "prices changed",
    "scheduled": "prices scheduled",
    "retroactive": "prices changed for the past, by new rows",
    "correction": "prices of the past corrected",
    "removed": "prices removed",
    "alias": "names that mean another model",
    "fact": "facts of models",
    "provider": "providers",
    "gateway": "gateways",
    "window": "time windows",
    "semantics": "what token counts include",
    "provenance": "sources, days and notes of rows",
}

MARKER: Final = "<!-- costaudit:pricing-diff -->"
"""By which a bot finds its comment again."""
LARGEST: Final = 60_000
"""Characters of a Markdown answer: forges refuse comments over 65,536."""


def diff_text(
    sides: tuple[Side, Side],
    changes: Sequence[Change],
    small: Sequence[Change],
    failures: Sequence[Failure],
    impact: Impact | None = None,
) -> str:
    """Every change under its kind, one block per model and day; provenance only counted."""
    lines: list[str] = []
    for kind, group in groupby(changes, key=lambda c: c.kind.value):
        ours = list(group)
        lines.append(f"{TITLES[kind]}: {len(ours)}")
        if kind != "provenance":
            for (subject, day), block in groupby(ours, key=lambda c: (c.subject, _day(c))):
                lines += _block(subject, day, list(block))
    bill = list(impact_lines(impact)) if impact is not None else []
    return told([*lines, *bill, *_verdict(sides, changes, small, failures)])


def _block(subject: str, day: str, changes: list[Change]) -> Iterator[str]:
    since = f" from {day}" if day else ""
    yield f"  {subject}{since} ({_range(changes)})"
    rows = [(f"    {c.what}", c.old or "—", "→", c.new or "—", _percent(c), c.note) for c in changes]
    yield from table(("",) * 6, rows, right=(1, 3, 4))[1:]


def _range(changes: Sequence[Change]) -> str:
    """The first place; that of a block of rows in one file with its last line."""
    lines = [c.line for c in changes if c.line]
    base = " of the base" if changes[0].side == "base" else ""
    if len({c.file for c in changes}) == 1 and lines and min(lines) != max(lines):
        return f"{changes[0].file}:{min(lines)}-{max(lines)}{base}"
    return place(changes[0].file, changes[0].line) + base


def _day(change: Change) -> str:
    from costaudit.prices.rows import instant_text  # noqa: PLC0415 - start-up

    return instant_text(change.at) if change.at else ""


def _percent(change: Change) -> str:
    if change.unit and change.old == change.new:
        return "the same"  # a row that repeats what held, such as after a correction
    return f"{change.percent} %" if change.percent else ""


def _verdict(
    sides: tuple[Side, Side], changes: Sequence[Change], small: Sequence[Change], failures: Sequence[Failure]
) -> Iterator[str]:
    between = (
        f"between {sides[0].shown} ({sides[0].book.version}) and {sides[1].shown} ({sides[1].book.version})"
    )
    count = f"{len(changes)} changes" if len(changes) != 1 else "1 change"
    yield f"{count if changes else 'no changes'} {between}"
    if small:
        yield f"{len(small)} more of prices are too small to show"
    for failure in failures:
        if failure.bill is not None:
            yield f"fails: {failure.condition.text}: {failure.bill}"
            continue
        first = failure.changes[0]
        more = f" and {len(failure.changes) - 1} more" if len(failure.changes) > 1 else ""
        yield f"fails: {failure.condition.text}: {first.subject} {first.what}{more}"


def diff_markdown(
    sides: tuple[Side, Side],
    changes: Sequence[Change],
    small: Sequence[Change],
    failures: Sequence[Failure],
    impact: Impact | None = None,
) -> str:
    """For a comment on a pull request: verdict first, a folded table per kind, cut at what forges accept."""
    verdict = [_escaped(line) for line in _verdict(sides, changes, small, failures)]
    head = [
        MARKER,
        f"### Price tables: {'failed' if failures else 'no objection'}",
        "",
        *_paragraphs(verdict),
        *(_impact(impact) if impact is not None else ()),
    ]
    size, left_out = sum(map(len, head)), 0
    body: list[str] = []
    for kind, group in groupby(changes, key=lambda c: c.kind.value):
        ours = list(group)
        if kind == "provenance":
            body += [f"{TITLES[kind].capitalize()}: {len(ours)}", ""]
            continue
        opened = " open" if len(ours) <= 20 else ""
        body += [f"<details{opened}><summary>{TITLES[kind].capitalize()}: {len(ours)}</summary>", ""]
        body += ["| from | what | old | new | change | where |", "|---|---|--:|--:|--:|---|"]
        for change in ours:
            line = _cells(change)
            size += len(line) + 1
            if size > LARGEST:
                left_out += 1
            else:
                body.append(line)
        body += ["", "</details>", ""]
    if left_out:
        body.append(f"{left_out} changes are left out here: the answer would be too long.")
    return "\n".join([*head, *body]).rstrip() + "\n"


def _impact(impact: Impact) -> Iterator[str]:
    """The bill, before the changes that move it."""
    title = next(iter(impact_lines(impact)))
    yield from (f"#### {_escaped(title[:1].upper() + title[1:])}", "")
    for when, head, rows, below in impact_tables(impact):
        yield from ((f"**{_escaped(when)}**", "") if when else ())
        if rows:
            yield "| " + " | ".join(head) + " |"
            yield "|" + "|".join("---" if name in ("", "model", "feature") else "--:" for name in head) + "|"
            yield from ("| " + " | ".join(_escaped(cell) for cell in row) + " |" for row in rows)
            yield ""
        yield from _paragraphs([_escaped(line) for line in below])
    if impact.unrouted is not None:
        yield from _paragraphs([_escaped(f"Not projected: {impact.unrouted}")])


def _paragraphs(lines: Sequence[str]) -> list[str]:
    return [part for line in lines for part in (line, "")]


def _cells(c: Change) -> str:
    cells = (
        _day(c), f"{c.subject} {c.what}", c.old or "—", c.new or "—", _percent(c), place(c.file, c.line),
    )  # fmt: skip
    note = f" ({c.note})" if c.note else ""
    return "| " + " | ".join(_escaped(cell) for cell in (*cells[:5], cells[5] + note)) + " |"


def _escaped(text: str) -> str:
    """Text of a table that may hold anything, as plain text of Markdown."""
    return escape(clean(text))
