"""The published JSON Schemas of the files that people write: settings, and routing policies.

An editor that knows them completes keys and marks what is wrong. They allow no further keys, as the files do.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise
from typing import Any, Final

from pydantic import BaseModel

from costaudit.config import gates as config_gates
from costaudit.config import model as config_model
from costaudit.config.model import Config
from costaudit.routing.policy import Policy, Said
from costaudit.routing.policy_file import TABLES, model_of

KINDS: Final[dict[str, tuple[type[BaseModel], str]]] = {
    "config": (Config, "costaudit.toml, or [tool.costaudit] of pyproject.toml"),
    "policy": (model_of(Policy), "A routing policy of costaudit"),
}
"""Kinds of files with a published schema, each with its title."""

_DERIVED: Final = {"policy": ("groups",)}
"""Fields that no file states."""


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of a kind of file, one of KINDS."""
    model, title = KINDS[kind]
    schema = model.model_json_schema(mode="validation", by_alias=True)
    for name, part in [(model.__name__, schema), *schema.get("$defs", {}).items()]:
        _describe(part, _MODELS.get(name))
    for name in _DERIVED.get(kind, ()):
        schema["properties"].pop(name, None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_exact(schema), "title": title}


_Model = type[BaseModel] | type[Said]

_MODELS: Final[dict[str, _Model]] = {
    name: found
    for module in (config_model, config_gates)
    for name, found in vars(module).items()
    if isinstance(found, type) and issubclass(found, BaseModel)
} | {table.__name__: table for table in TABLES}


def _describe(part: dict[str, Any], model: _Model | None) -> None:
    """Put what stands under the fields of a model into its schema.

    pydantic can do that itself, but does it whenever the model is imported, by parsing its source.
    """
    if model is None:
        return
    bases = [
        base
        for base in reversed(model.__mro__)
        if issubclass(base, (BaseModel, Said)) and base not in (BaseModel, Said)
    ]
    properties = part.get("properties", {})
    for name, text in (doc for base in bases for doc in _field_docs(base).items()):
        key = _written(model, name)
        if key in properties:
            properties[key] = dict(sorted({**properties[key], "description": text}.items()))


def _written(model: _Model, name: str) -> str:
    """How files write the name of a field."""
    if issubclass(model, Said):
        return dict(zip(model.__struct_fields__, model.__struct_encode_fields__, strict=True)).get(name, name)
    field = model.model_fields.get(name)
    return name if field is None else field.alias or name


def _field_docs(model: type) -> dict[str, str]:
    try:
        source = inspect.getsource(model)
    except OSError:  # a model that was made at run time
        return {}
    (tree,) = ast.parse(textwrap.dedent(source)).body
    docs = {}
    for field, text in pairwise(tree.body if isinstance(tree, ast.ClassDef) else ()):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            value = ast.literal_eval(text.value)
            docs[ast.unparse(field.target)] = inspect.cleandoc(value)
    return docs


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
