"""Tables for spreadsheets and data frames: RFC 4180, money exact, absent empty."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from costaudit.money import exact
from costaudit.render.safe import clean

_FORMULA: Final = re.compile(r"\s*[=+\-@|%\uff1d\uff0b\uff0d\uff20]")
"""What a spreadsheet may take for the start of a formula, full-width forms included."""


def render_rows(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Rows as CSV with a header. Text from the log cannot become a formula."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: cell(value) for name, value in row.items()})
    return out.getvalue()


def cell(value: object) -> str | int:
    """A CSV cell: amounts and counts as numbers, text made harmless, absent as nothing."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return exact(value)
    if isinstance(value, int):
        return value
    text = clean(str(value))
    return f"'{text}" if _FORMULA.match(text) or str(value).startswith(("\t", "\r", "\n")) else text
