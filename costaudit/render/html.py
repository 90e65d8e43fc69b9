"""Blocks as a piece of HTML without scripts and styles of its own: what notebooks show.

Every text is escaped, whatever it is; money over time and the waterfall are drawn as inline SVG.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from html import escape
from typing import Final

from costaudit.render import blocks as t
from costaudit.render.safe import safe

NAME, SENTENCE = 100, 400
"""Columns of a name, and of a sentence with names in it."""
CHART: Final = (600, 80)
BAR: Final = (240, 12)
"""Width and height of a drawing, in pixels."""
RIGHT: Final = ' style="text-align:right"'


def render_blocks(drawn: Iterable[t.Block]) -> str:
    """Blocks as one `<div>`."""
    inner = "\n".join(line for block in drawn for line in _draw(block))
    return f'<div class="costaudit">\n{inner}\n</div>\n'


def _draw(block: t.Block) -> Iterator[str]:
    match block:
        case t.Headline():
            yield f"<h3>{_text(block.text)}</h3>"
        case t.Facts():
            yield from ("<table><tbody>", *map(_fact, block.rows), "</tbody></table>")
        case t.Table():
            yield from (*_title(block.title), *_table(block), *_prose(block.notes))
        case t.Items():
            title = f"{block.title} ({block.unit})" if block.unit else block.title
            yield from (*_title(title), "<ul>", *map(_item, block.items), "</ul>", *_prose(block.notes))
        case t.Days():
            yield from (*_title(block.title), *_days(block), *_prose(block.notes))
        case t.Prose():
            yield from (*_title(block.title), *_prose(block.lines))


def _text(text: str, most: int = SENTENCE) -> str:
    return escape(safe(text, most).strip())


def _title(text: str) -> Iterator[str]:
    if text:
        yield f"<h4>{_text(text)}</h4>"


def _prose(lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"<p>{' '.join(map(_text, lines))}</p>"


def _fact(row: tuple[str, str, str]) -> str:
    label, figure, words = row
    return f"<tr><th>{_text(label)}</th><td{RIGHT}>{_text(figure, NAME)}</td><td>{_text(words)}</td></tr>"


def _item(item: t.Item) -> str:
    lead = f"<b>{_text(item.lead, NAME)}</b> " if item.lead else ""
    figure = f": {_text(item.figure, NAME)}" if item.figure else ""
    more = "".join(f"<br>{_text(line)}" for line in item.more)
    return f"<li>{lead}{_text(item.text)}{figure}{more}</li>"


def _table(block: t.Table) -> Iterator[str]:
    columns = [c for c in block.columns if any(c.cells) or c.total]
    rows = [_row("td", cells, columns) for cells in zip(*(c.cells for c in columns), strict=True)]
    for place, sentence in enumerate(block.under.cells if block.under else ()):
        rows[place] += f"<td>{_text(sentence)}</td>"
    for place, bar in enumerate(_bars(block.bars)):
        rows[place] += f"<td>{bar}</td>"
    yield f"<table><thead><tr>{_row('th', [c.title for c in columns], columns)}</tr></thead><tbody>"
    yield from (f"<tr>{row}</tr>" for row in rows)
    yield "</tbody>"
    if any(c.total for c in columns):
        yield f"<tfoot><tr>{_row('th', [c.total for c in columns], columns)}</tr></tfoot>"
    yield "</table>"


def _row(tag: str, cells: Sequence[str], columns: Sequence[t.Column]) -> str:
    return "".join(
        f"<{tag}{RIGHT if column.number else ''}>{_text(cell, NAME)}</{tag}>"
        for cell, column in zip(cells, columns, strict=True)
    )


def _bars(spans: Sequence[tuple[Decimal, Decimal]]) -> Iterator[str]:
    """A bar for every span of a waterfall, all on one scale."""
    low = min((min(span) for span in spans), default=Decimal(0))
    size = max((max(span) for span in spans), default=low) - low or Decimal(1)
    width, height = BAR
    for span in spans:
        start, end = (round((amount - low) / size * width, 1) for amount in (min(span), max(span)))
        yield _svg(BAR, [f'<rect x="{start}" y="1" width="{max(end - start, 1)}" height="{height - 2}"/>'])


def _days(block: t.Days) -> Iterator[str]:
    """A column for every day; the title of each says its amount."""
    amounts = [amount if isinstance(amount, Decimal) else Decimal(0) for amount in block.amounts]
    top, (width, height) = max(amounts, default=Decimal(0)) or Decimal(1), CHART
    each = Decimal(width) / max(len(amounts), 1)
    columns = []
    for place, amount in enumerate(amounts):
        tall = round(max(amount, Decimal(0)) / top * height, 1)
        at = f'x="{each * place:.1f}" y="{height - tall}" width="{max(each - 1, 1):.1f}" height="{tall}"'
        columns.append(f"<rect {at}><title>${amount:,.2f}</title></rect>")
    yield _svg(CHART, columns)
    yield f"<p>{_text(block.first)} to {_text(block.last)}, at most ${top:,.2f} a day</p>"


def _svg(size: tuple[int, int], shapes: Iterable[str]) -> str:
    width, height = size
    inner = "".join(shapes)
    return f'<svg width="{width}" height="{height}" fill="currentColor" role="img">{inner}</svg>'
