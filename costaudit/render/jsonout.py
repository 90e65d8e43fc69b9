"""The report as JSON: exact decimal strings, absent as null, keys in the model's order."""

from __future__ import annotations

from typing import Final

from costaudit.render.jsontext import render_value
from costaudit.render.part import Part, plain_of

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def render_json(report: Part) -> str:
    """The report as one indented object and a newline. A reader gets every name back exactly as logged.

    Control and direction characters are written as escapes, so that the answer is harmless in a terminal.
    """
    return render_value(plain_of(report))
