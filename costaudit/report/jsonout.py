"""The report as JSON: exact decimal strings, absent as null, keys in the model's order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from costaudit.report.jsontext import render_value

if TYPE_CHECKING:
    from pydantic import BaseModel

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def render_json(report: BaseModel) -> str:
    """The report as one indented object and a newline. A reader gets every name back exactly as logged.

    Control and direction characters are written as escapes, so that the answer is harmless in a terminal.
    """
    plain = report.model_dump(mode="json", by_alias=True)
    return render_value(plain)
