"""`costaudit scenarios`: the worked examples that come with costaudit."""

from __future__ import annotations

import costaudit
from costaudit.cli import console, options


def scenarios(format_: options.ListFormat = "text") -> None:
    """The scenarios that simulate knows by name."""
    console.answer(costaudit.scenarios(), format_)
