"""The output formats: one pure function of the report each. A new format is one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from costaudit.report.blocks import Report
from costaudit.report.csvout import render_csv
from costaudit.report.jsonout import render_json
from costaudit.report.markdown import render_markdown
from costaudit.report.text import render_text


class Format(StrEnum):
    """A name for --format."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    CSV = "csv"


Renderer = Callable[[Report, int, bool], str]
"""Report, width in columns and colour to text; only the terminal's renderer heeds the last two."""

RENDERERS: Final[Mapping[str, Renderer]] = {
    Format.TEXT: render_text,
    Format.JSON: lambda report, _width, _color: render_json(report),
    Format.MARKDOWN: lambda report, _width, _color: render_markdown(report),
    Format.CSV: lambda report, _width, _color: render_csv(report),
}
"""Every format by its name."""
