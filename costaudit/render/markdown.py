"""Blocks as GitHub-flavoured Markdown: for a comment, an issue or a wiki page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from costaudit.render import blocks as t
from costaudit.render.safe import escape, safe
from costaudit.render.text import sparkline

MOST: Final = 60_000
"""Characters that an answer may have; GitHub takes 65,536 in a comment."""

LENGTHS: Final = (
    t.ListLimits(rows=50, users=20, unpriced=20, places=5),
    t.ListLimits(rows=20, users=10, unpriced=10, places=2),
    t.ListLimits(rows=8, users=5, unpriced=5, places=1),
    t.ListLimits(rows=3, users=2, unpriced=2, places=1),
)
"""How much is listed: the first that is short enough."""

NAME, SENTENCE = 100, 400
"""Columns of a name, and of a sentence with names in it."""
MARKS: Final = 62
"""Marks of the line of days."""


def render_shortened(draw: Callable[[t.ListLimits], Iterable[t.Block]]) -> str:
    """What is drawn in under 60,000 characters; long breakdowns end with the sum of what is left out."""
    text = ""
    for limits in LENGTHS:
        text = render_blocks(draw(limits))
        if len(text) < MOST:
            return text
    kept = text[: MOST - 100].rpartition("\n")[0]  # a scenario of very many segments
    return f"{kept}\n\nCut here: the report is longer than a comment may be.\n"


def render_blocks(drawn: Iterable[t.Block]) -> str:
    """Blocks as Markdown, whatever their length."""
    return "\n".join(line for block in drawn for line in _draw(block)) + "\n"


def _draw(block: t.Block) -> Iterator[str]:
    match block:
        case t.Headline():
            yield f"## {_sentence(block.text)}"
        case t.Facts():
            yield from _facts(block)
        case t.Table():
            yield from [*_title(block.title), *_table(block), *_notes(block.notes)]
        case t.Items():
            yield from [*_title(block.title, block.unit), *_items(block), *_notes(block.notes)]
        case t.Days():
            yield from [*_title(block.title), *_days(block), *_notes(block.notes)]
        case t.Prose():
            yield from [*_title(block.title), *_paragraph(block.lines)]


def _name(text: str) -> str:
    return escape(safe(text, NAME))


def _sentence(text: str) -> str:
    return escape(safe(text, SENTENCE).strip())


def _title(text: str, unit: str = "") -> Iterator[str]:
    yield ""
    if text:
        yield f"### {_sentence(text)}{f' ({unit})' if unit else ''}"
        yield ""


def _notes(notes: tuple[str, ...]) -> Iterator[str]:
    for note in notes:
        yield ""
        yield _start(_sentence(note))


def _paragraph(lines: tuple[str, ...]) -> Iterator[str]:
    yield " ".join(_start(_sentence(line)) for line in lines)


def _start(text: str) -> str:
    """A line that begins as a list or a number does is one no longer."""
    return re.sub(r"^(\s*)([-+=]|\d+[.)])(?=\s|$|[-+=])", r"\1\\\2", text)


def _facts(block: t.Facts) -> Iterator[str]:
    yield from ("", "| | | |", "|---|---:|---|")
    for label, figure, words in block.rows:
        yield f"| {label} | {_name(figure)} | {_sentence(words)} |"


def _table(block: t.Table) -> Iterator[str]:
    columns = [c for c in block.columns if any(c.cells) or c.total]
    under = [block.under] if block.under else []
    yield _line([c.title for c in (*columns, *under)])
    yield _line(["---:" if c.number else "---" for c in columns] + ["---" for _ in under])
    for row in zip(*(c.cells for c in columns), *(c.cells for c in under), strict=True):
        names, sentences = row[: len(columns)], row[len(columns) :]
        yield _line([*map(_name, names), *map(_sentence, sentences)])
    if any(c.total for c in columns):
        yield _line([f"**{_name(c.total)}**" if c.total else "" for c in columns] + ["" for _ in under])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _items(block: t.Items) -> Iterator[str]:
    for item in block.items:
        lead = f"**{_name(item.lead)}** " if item.lead else ""
        figure = f": {_name(item.figure)}" if item.figure else ""
        yield f"- {lead}{_sentence(item.text)}{figure}"
        yield from (f"  - {_sentence(more)}" for more in item.more)


def _days(block: t.Days) -> Iterator[str]:
    each, marks = sparkline(block.amounts, MARKS)
    if block.first != block.last:
        yield f"`{block.first} {marks} {block.last}`" + (f" each mark is {each} days" if each > 1 else "")
