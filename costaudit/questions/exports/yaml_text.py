"""YAML of plain mappings, lists and scalars. Text that YAML could read as anything else is quoted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def yaml_text(value: dict[str, Any]) -> str:
    """A mapping as a block of YAML.

    >>> print(yaml_text({"a": [{"b": "x/y", "c": 1}], "d": {"e": ["no"]}}), end="")
    a:
      - b: x/y
        c: 1
    d:
      e:
        - "no"
    """
    return "".join(f"{line}\n" for line in _mapping(value))


def _mapping(value: dict[str, Any]) -> Iterator[str]:
    for key, item in value.items():
        if isinstance(item, dict | list) and item:
            yield f"{_scalar(key)}:"
            yield from (f"  {line}" for line in _lines(item))
        else:
            yield f"{_scalar(key)}: {_scalar(item)}"


def _lines(value: Any) -> Iterator[str]:
    """A value as lines; what is empty or a scalar takes one."""
    if isinstance(value, dict) and value:
        yield from _mapping(value)
    elif isinstance(value, list) and value:
        for item in value:
            for place, line in enumerate(_lines(item)):
                yield f"{'  ' if place else '- '}{line}"
    else:
        yield _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
        return value if plain else _quoted(value)
    return json.dumps(value)


def _quoted(text: str) -> str:
    """In double quotes; what a terminal or an editor would act upon is written as an escape."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted)


def comment(text: str) -> str:
    """A text as one line of comment, without anything that ends it early."""
    return "# " + "".join(char if char.isprintable() else "?" for char in text)
