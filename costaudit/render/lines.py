"""Answers as lines of text: columns, and nothing that a terminal acts upon."""

from __future__ import annotations

from collections.abc import Sequence

from costaudit.render.safe import safe


def listed(rows: Sequence[tuple[str, str]]) -> str:
    """A name and a few words on every line; the words may come from anywhere."""
    wide = max((len(name) for name, _ in rows), default=0)
    return "".join(f"{name:<{wide}}  {safe(words)}\n" for name, words in rows)
