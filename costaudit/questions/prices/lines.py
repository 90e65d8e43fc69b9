"""Lines of answers about the price book: columns, places, and nothing that a terminal acts upon."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from costaudit.render.safe import clean


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


def told(lines: Iterable[str]) -> str:
    """Lines of an answer: whatever a table holds, nothing of it reaches the terminal as a command."""
    return "".join(f"{clean(line)}\n" for line in lines)


def place(file: str, line: int) -> str:
    """A file and line; line 0 is the whole file."""
    return f"{file}:{line}" if line else file
