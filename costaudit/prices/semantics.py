"""What a provider's token counts include, by API flavour: read from semantics.csv.

Cached tokens counted twice, or not at all, are the commonest error of cost calculators. The same
provider counts in one way on one API and in another on the next, so the pair decides, never the provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from costaudit.errors import TableError, did_you_mean
from costaudit.prices.folders import Folder, open_folder
from costaudit.prices.rows import RowCells, read_cells

SEMANTICS_COLUMNS: Final = ("provider", "flavour", "input_includes", "output_includes", "source", "note")
FLAVOURS: Final = (
    "chat", "responses", "messages", "converse", "gemini",
    "agent", "flat", "gateway", "helicone", "langfuse", "litellm", "trace",
)  # fmt: skip
"""API flavours: OpenAI chat and responses, Anthropic messages, Bedrock converse, Google's own. And the logs
that state counts in a way of their own, whoever served the call: coding agents, flat records, the rows of
gateways, Helicone, Langfuse, LiteLLM, and spans of OpenTelemetry and of other tracers."""

ANY: Final = "*"
"""The provider of a row that holds for all that have no row of their own."""

_IN_INPUT: Final = ("cache_read", "cache_write")
_IN_OUTPUT: Final = ("reasoning",)


class Semantics(msgspec.Struct, frozen=True):
    """What the input and output counts of one API include."""

    provider: str
    flavour: str
    input_includes: frozenset[str]
    """Of cache_read and cache_write: what is to be subtracted from input to make the classes disjoint."""
    output_includes: frozenset[str]
    """reasoning, where it is part of output; else it is to be added."""
    source: str
    note: str


class SemanticsTable:
    """All rows of a table, by provider and flavour."""

    def __init__(self, rows: Mapping[tuple[str, str], Semantics]) -> None:
        self.rows = rows

    def of(self, provider: str, flavour: str) -> Semantics | None:
        """What the counts of a provider's API include: its own row, else that of the flavour."""
        return self.rows.get((provider, flavour)) or self.rows.get((ANY, flavour))


def load_semantics(directory: Folder | str | None = None) -> SemanticsTable:
    """Read semantics.csv of a directory of tables; raises TableError naming what is wrong."""
    place, folder = open_folder(directory)
    shown = f"{folder}/semantics.csv"
    if not (place / "semantics.csv").exists():
        return SemanticsTable({})
    rows: dict[tuple[str, str], Semantics] = {}
    for cells in read_cells(place / "semantics.csv", shown, SEMANTICS_COLUMNS):
        row = _semantics(cells)
        if (row.provider, row.flavour) in rows:
            raise cells.error(f"{row.provider} {row.flavour} stands twice")
        rows[row.provider, row.flavour] = row
    return SemanticsTable(rows)


def _semantics(cells: RowCells) -> Semantics:
    return Semantics(
        provider=cells["provider"],
        flavour=cells.one_of("flavour", FLAVOURS),
        input_includes=_words(cells, "input_includes", _IN_INPUT),
        output_includes=_words(cells, "output_includes", _IN_OUTPUT),
        source=cells["source"],
        note=cells["note"],
    )


def _words(cells: RowCells, name: str, known: tuple[str, ...]) -> frozenset[str]:
    words = [word for word in cells[name].split("+") if word]
    for word in words:
        if word not in known:
            hint = did_you_mean(word, known)
            raise TableError(f"unknown {name} {word!r}", path=cells.path, line=cells.line, hint=hint)
    return frozenset(words)
