"""The bytes of a source as plain data: JSON with exact decimals, or the data module of a Python package.

A Python module is parsed, never run: only literals and calls with keywords are understood, and become
the dictionaries that the same project publishes as JSON.
"""

from __future__ import annotations

import ast
import json
from datetime import date, time
from decimal import Decimal
from typing import Any, Final, NoReturn

from costaudit.errors import TableError

_IGNORED: Final = frozenset({"description", "extractors", "match", "model_match", "provider_match"})
"""Keywords that say nothing about prices; they are long, and some are no literals."""


def decoded(data: Any) -> Any:
    """The data itself, decoded when it is bytes; raises TableError when it is none of the two."""
    if not isinstance(data, bytes | bytearray):
        return data
    try:
        text = bytes(data).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableError("not text in UTF-8") from error
    return _parse_json(text) if text.lstrip()[:1] in ("{", "[") else _parse_module(text)


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise TableError(f"not valid JSON: {error}") from error


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _parse_module(text: str) -> Any:
    try:
        body = ast.parse(text).body
        for node in body:
            if (
                isinstance(node, ast.AnnAssign)
                and isinstance(node.target, ast.Name)
                and node.target.id == "providers"
            ):
                return _value(node.value)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise TableError("neither JSON nor the data module of genai-prices", hint=str(error)[:80]) from error
    raise TableError("neither JSON nor the data module of genai-prices")


def _value(node: ast.expr | None) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.List):
        return [_value(item) for item in node.elts]
    if isinstance(node, ast.Dict):
        return {_value(key): _value(value) for key, value in zip(node.keys, node.values, strict=True)}
    if isinstance(node, ast.Call):
        return _call(node)
    raise ValueError(f"line {getattr(node, 'lineno', 0)}: not a literal")


def _call(node: ast.Call) -> Any:
    name = _called(node.func)
    if name == "Decimal":
        return Decimal(_value(node.args[0]))
    if name == "date":
        return date(*map(_value, node.args)).isoformat()
    if name == "time":  # its tzinfo is UTC in every version so far
        return time(*map(_value, node.args)).isoformat() + "Z"
    if node.args:
        raise ValueError(f"line {node.lineno}: {name} with positional arguments")
    return {word.arg: _value(word.value) for word in node.keywords if word.arg not in _IGNORED}


def _called(function: ast.expr) -> str:
    """The name of a class, with or without its module."""
    if isinstance(function, ast.Name):
        return function.id
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.attr
    raise ValueError(f"line {function.lineno}: not a literal")
