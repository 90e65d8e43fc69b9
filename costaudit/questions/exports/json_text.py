"""JSON for files: indented, in the order of the keys, harmless in a terminal."""

from __future__ import annotations

import json


def json_text(value: object) -> str:
    """A value as indented JSON with a newline; what a terminal would act upon is written as an escape."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text) + "\n"
