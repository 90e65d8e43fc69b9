"""The published JSON Schemas of the files that people write: settings, and routing policies.

An editor that knows them completes keys and marks what is wrong. They allow no further keys, as the files do.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from costaudit.config.model import Config
from costaudit.routing.policy import Policy

KINDS: Final[dict[str, tuple[type[BaseModel], str]]] = {
    "config": (Config, "costaudit.toml, or [tool.costaudit] of pyproject.toml"),
    "policy": (Policy, "A routing policy of costaudit"),
}
"""Kinds of files with a published schema, each with its title."""

_DERIVED: Final = {"policy": ("groups",)}
"""Fields that no file states."""


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of a kind of file, one of KINDS."""
    model, title = KINDS[kind]
    schema = model.model_json_schema(mode="validation", by_alias=True)
    for name in _DERIVED.get(kind, ()):
        schema["properties"].pop(name, None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_exact(schema), "title": title}


_PYDANTIC: Final = ("ge", "gt", "le", "lt", "decimal_places", "max_digits")
"""Bounds of decimal numbers, which JSON Schema cannot state for strings."""
_DECIMAL: Final = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}


def _exact(schema: Any) -> Any:
    """Exact numbers are strings, or whole: the files refuse floats, which pydantic would allow."""
    if isinstance(schema, list):
        return [_exact(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _exact(part) for name, part in schema.items() if name not in _PYDANTIC}
    options = found.get("anyOf", [])
    kept = [option for option in options if not _is_number(option) and not _is_text(option)]
    if any(map(_is_number, options)) and any(map(_is_text, options)):
        found["anyOf"] = [*kept, {"type": "integer"}, _DECIMAL]
    return found


def _is_number(option: Any) -> bool:
    return bool(option == {"type": "number"})


def _is_text(option: Any) -> bool:
    """A string; older versions of pydantic give it a pattern of their own."""
    return bool(option.get("type") == "string" and option.keys() <= {"type", "pattern"})
