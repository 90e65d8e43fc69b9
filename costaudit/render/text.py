"""Blocks for the terminal: plain lines that fit the width, the answer first.

Everything passes through `safe` on its way into a line, and every line is cut to the width at last, so that
no name from a log can colour, move or wrap anything. Colour is bold and dim, nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import repeat, zip_longest
from typing import Final

import msgspec

from costaudit.render import blocks as t
from costaudit.render.safe import display_width, pad, safe, wrap

PLAIN, BOLD, DIM = "", "\x1b[1m", "\x1b[2m"
RESET: Final = "\x1b[0m"

NARROWEST, WIDEST = 40, 120
"""Widths that are laid out; a wider terminal gets the same as the widest."""

ROOMY: Final = 100
"""From this width on, tables show their further columns."""

INDENT: Final = "  "
GAP: Final = 2
NAME: Final = (26, 36)
"""Columns that a name gets before other columns leave the table, and to which a shorter one is filled up."""
SENTENCE: Final = 320
"""Columns of a sentence with names in it, over all its lines."""
LEAD: Final = 14
"""Most columns of a finding's code, or of the figure before an entry."""
FIGURE: Final = 8
"""Least width of a figure, so that columns of different tables stand below each other."""
BARS: Final = (12, 40)
"""Least and largest width of the waterfall's bars."""

Line = tuple[str, str]
"""Text and its style."""


class _Page(msgspec.Struct):
    """The width, and what had to leave at it."""

    width: int
    left_out: dict[str, None] = msgspec.field(default_factory=dict)


def render_blocks(drawn: Iterable[t.Block], width: int, color: bool) -> str:
    """Blocks in lines of at most `width` columns (at least 40), with bold and dim if `color`."""
    page = _Page(min(max(width, NARROWEST), WIDEST))
    lines = [line for block in drawn for line in _draw(block, page)]
    if page.left_out:
        lines += _prose(f"Left out at {page.width} columns: {', '.join(page.left_out)}.", page, DIM)
    return "".join(_finished(text, style, page.width, color) + "\n" for text, style in lines)


def _finished(text: str, style: str, width: int, color: bool) -> str:
    text = text.rstrip()
    if display_width(text) > width:
        text = safe(text, width)
    return f"{style}{text}{RESET}" if color and style and text else text


def _draw(block: t.Block, page: _Page) -> Iterator[Line]:
    match block:
        case t.Headline():
            yield from ((line, BOLD) for line in wrap(block.text, page.width))
        case t.Facts():
            yield from [("", PLAIN), *_facts(block, page)]
        case t.Table():
            yield from [*_title(block.title, page), *_table(block, page)]
        case t.Items():
            yield from _items(block, page)
        case t.Days():
            yield from [*_title(block.title, page), *_days(block, page)]
        case t.Prose():
            yield from [*_title(block.title, page), *(x for s in block.lines for x in _prose(s, page))]


def _title(text: str, page: _Page) -> Iterator[Line]:
    """A blank line, and the title if there is one."""
    yield "", PLAIN
    yield from ((line, BOLD) for line in wrap(text, page.width))


def _prose(text: str, page: _Page, style: str = PLAIN, indent: str = INDENT) -> Iterator[Line]:
    yield from ((indent + line, style) for line in wrap(safe(text, SENTENCE), page.width - len(indent)))


def _notes(notes: Iterable[str], page: _Page) -> Iterator[Line]:
    for note in notes:
        yield from _prose(note, page, DIM)


def _facts(block: t.Facts, page: _Page) -> Iterator[Line]:
    label = max(display_width(name) for name, _, _ in block.rows)
    number = max(display_width(value) for _, value, _ in block.rows)
    start = len(INDENT) + label + GAP + number + GAP
    below = page.width - start < 24  # too narrow: the words go below the figure
    for name, value, words in block.rows:
        head = f"{INDENT}{pad(name, label)}{' ' * GAP}{pad(value, number, right=True)}"
        if below:
            yield head, PLAIN
            yield from _prose(words, page, DIM, indent=INDENT * 2)
            continue
        lines = wrap(safe(words, SENTENCE), page.width - start) or [""]
        yield f"{head}{' ' * GAP}{lines[0]}", PLAIN
        yield from ((" " * start + line, PLAIN) for line in lines[1:])


def _items(block: t.Items, page: _Page) -> Iterator[Line]:
    figure = max((display_width(i.figure) for i in block.items), default=0)
    lead = max((display_width(safe(i.lead, LEAD)) for i in block.items), default=0)
    yield from _items_title(block, page, shows_unit=figure > 0)
    start = len(INDENT) + (lead + GAP if lead else 0)
    room = page.width - start - (figure + GAP if figure else 0)
    for item in block.items:
        lines = wrap(safe(item.text, SENTENCE), room) or [""]
        head = pad(safe(item.lead, LEAD), lead, right=item.lead[:1] in "$0123456789") + " " * GAP
        tail = " " * GAP + pad(item.figure, figure, right=True)
        yield INDENT + (head if lead else "") + pad(lines[0], room) + (tail if figure else ""), PLAIN
        yield from ((" " * start + line, PLAIN) for line in lines[1:])
        for more in item.more:
            yield from _prose(more, page, DIM, indent=" " * start)
    yield from _notes(block.notes, page)


def _items_title(block: t.Items, page: _Page, *, shows_unit: bool) -> Iterator[Line]:
    if shows_unit and block.unit and len(block.title) + len(block.unit) + GAP <= page.width:
        yield "", PLAIN
        yield block.title + pad(block.unit, page.width - len(block.title), right=True), BOLD
    else:
        yield from _title(block.title, page)


# Days

MARKS: Final = "▁▂▃▄▅▆▇█"
NO_REQUESTS, NO_PRICE = "·", "?"


def _days(block: t.Days, page: _Page) -> Iterator[Line]:
    room = page.width - len(INDENT) - len(block.first) - len(block.last) - 2
    each, marks = sparkline(block.amounts, room)
    if block.first == block.last:
        for note in block.notes:
            yield from _prose(note, page)
        return
    yield f"{INDENT}{block.first} {marks} {block.last}", PLAIN
    if each > 1:
        yield from _prose(f"each mark is {each} days", page, DIM)
    yield from _notes(block.notes, page)


def sparkline(amounts: Sequence[Decimal | str | None], room: int) -> tuple[int, str]:
    """Days per mark, and the marks: · without requests, ? without a price.

    >>> sparkline([Decimal(1), "", Decimal(8), None], 10)
    (1, '▁·█?')
    """
    each = max(1, -(-len(amounts) // max(room, 1)))
    groups = [amounts[i : i + each] for i in range(0, len(amounts), each)]
    known = [[a for a in group if isinstance(a, Decimal)] for group in groups]
    sums = [sum(amounts, Decimal(0)) if amounts else None for amounts in known]
    top = max((amount for amount in sums if amount is not None), default=Decimal(0))
    marks = (_mark(amount, top, priced=None not in group) for amount, group in zip(sums, groups, strict=True))
    return each, "".join(marks)


def _mark(amount: Decimal | None, top: Decimal, *, priced: bool) -> str:
    if amount is None:
        return NO_REQUESTS if priced else NO_PRICE
    level = amount * len(MARKS) / top if top > 0 else Decimal(0)
    return MARKS[min(max(math.ceil(level) - 1, 0), len(MARKS) - 1)]


# Tables


def _table(block: t.Table, page: _Page) -> Iterator[Line]:
    columns = [c for c in block.columns if not c.wide or page.width >= ROOMY]
    if block.bars:
        columns = _with_bars(columns, block.bars, page)
    columns, widths = _fitted(columns, page)
    if any(c.title for c in columns if c.number) and not block.bars:
        yield from _header(columns, widths)
    under = block.under.cells if block.under else repeat("")
    for sentence, *row in zip(under, *(c.cells for c in columns), strict=False):
        yield from ((line, PLAIN) for line in _row(row, columns, widths))
        yield from _prose(sentence, page, DIM, indent=INDENT * 2)
    if any(c.total for c in columns):
        yield from ((line, BOLD) for line in _row([c.total for c in columns], columns, widths))
    yield from _notes(block.notes, page)


def _header(columns: Sequence[t.Column], widths: Sequence[int]) -> Iterator[Line]:
    titles = (pad(c.title, w, right=c.number) for c, w in zip(columns, widths, strict=True))
    yield INDENT + (" " * GAP).join(titles), DIM
    yield INDENT + "─" * (sum(widths) + GAP * (len(widths) - 1)), DIM


def _row(cells: Sequence[str], columns: Sequence[t.Column], widths: Sequence[int]) -> Iterator[str]:
    """The lines of one row: the first text column is cut in the middle, further ones are wrapped."""
    parts: list[list[str]] = []
    for i, (cell, column, width) in enumerate(zip(cells, columns, widths, strict=True)):
        wraps = i > 0 and not column.number and column.title != ""
        parts.append(wrap(cell, width) if wraps else [safe(cell, width)])
    for line in zip_longest(*parts, fillvalue=""):
        padded = (pad(x, w, right=c.number) for x, c, w in zip(line, columns, widths, strict=True))
        yield INDENT + (" " * GAP).join(padded)


def _natural(column: t.Column) -> int:
    widest = max((display_width(safe(c)) for c in (column.title, column.total, *column.cells)), default=0)
    return max(widest, FIGURE) if column.number else widest


def _fitted(columns: list[t.Column], page: _Page) -> tuple[list[t.Column], list[int]]:
    """The columns that fit, and their widths; the others leave in the order of their rank."""
    while True:
        least = [_natural(c) if c.number else min(_natural(c), NAME[0]) for c in columns]
        room = page.width - len(INDENT) - GAP * (len(columns) - 1)
        leaving = [c for c in columns if c.leaves]
        if sum(least) <= room or not leaving:
            break
        gone = min(leaving, key=lambda c: c.leaves)
        columns = [c for c in columns if c is not gone]
        page.left_out[gone.title] = None
    return columns, _widened(columns, least, room)


def _widened(columns: Sequence[t.Column], least: list[int], room: int) -> list[int]:
    """Give what is left to the texts that need it, then to the first, so that columns of tables line up."""
    widths = list(least)
    if sum(widths) > room:
        widths[0] = max(4, widths[0] - (sum(widths) - room))
    for i, column in enumerate(columns):
        if not column.number:
            widths[i] += max(0, min(_natural(column) - widths[i], room - sum(widths)))
    widths[0] += max(0, min(NAME[1] - widths[0], room - sum(widths)))
    return widths


def _with_bars(
    columns: Sequence[t.Column], bars: Sequence[tuple[Decimal, Decimal]], page: _Page
) -> list[t.Column]:
    """The waterfall's columns, with its bars drawn into the room that is left."""
    used = sum(_natural(c) + GAP for c in columns) + len(INDENT)
    width = min(page.width - used, BARS[1])
    if width < BARS[0]:
        page.left_out["bars"] = None
        return list(columns)
    cells = tuple(draw_bars(bars, width))
    return [*columns[:2], t.Column("", cells, number=False), *columns[2:]]


def draw_bars(spans: Iterable[tuple[Decimal, Decimal]], width: int) -> Iterator[str]:
    """Each span as a bar at its place on a common scale; a span of any size leaves a mark.

    >>> list(draw_bars([(Decimal(0), Decimal(10)), (Decimal(10), Decimal(5))], 10))
    ['██████████', '     █████']
    """
    spans = list(spans)
    low = min((min(s) for s in spans), default=Decimal(0))
    size = max((max(s) for s in spans), default=Decimal(0)) - low
    scale: Callable[[Decimal], int] = lambda x: round((x - low) * width / size) if size else 0  # noqa: E731
    for span in spans:
        start, end = scale(min(span)), scale(max(span))
        if start == end and span[0] != span[1]:
            yield " " * min(start, width - 1) + "▏"
        else:
            yield " " * start + "█" * (end - start)
