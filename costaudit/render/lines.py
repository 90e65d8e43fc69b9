"""Answers as lines of text: columns, and nothing that a terminal acts upon."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from costaudit.render.safe import safe


def listed(rows: Sequence[tuple[str, str]]) -> str:
    """A name and a few words on every line; the words may come from anywhere."""
    wide = max((len(name) for name, _ in rows), default=0)
    return "".join(f"{name:<{wide}}  {safe(words)}\n" for name, words in rows)


def in_full(parts: Iterable[tuple[str, str]], width: int) -> Iterator[str]:
    """Sentences of our own behind their names, within some columns; empty ones are left out."""
    for name, text in parts:
        yield from textwrap.wrap(
            text,
            min(width, 100),
            initial_indent=f"  {name:<9}",
            subsequent_indent=" " * 11,
            break_on_hyphens=False,
        )
