"""Paths into a record, as a user writes them: `payload.usage.in`, `choices.0.model`, `payload."a.b"`.

A step is a key of an object or, where it is a whole number, also an index of a list; negative ones count
from the end. A key with dots, quotes or blanks around it stands in double quotes, in which a backslash
takes the next character as it is. A first step `$` is the whole record, also where a path would start at
an item of a list in it. JSON in a string is decoded on the way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

Step = tuple[str, int | None]
"""A key, and the index that it may be."""

ROOT: Final = "$"

_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BARE: Final = re.compile(r'[^."]+')
_INDEX: Final = re.compile(r"-?[0-9]{1,9}")
_PLAIN: Final = re.compile(r"[^.\"\s](?:[^.\"]*[^.\"\s])?")


class Path(msgspec.Struct, frozen=True):
    """Where a value stands in a record."""

    steps: tuple[Step, ...]
    from_record: bool
    """True for a path that starts with `$`."""
    text: str
    """As it was written."""


def parse_path(text: str) -> Path:
    r"""A path from its text; raises ValueError, saying what is wrong, where it is none.

    >>> parse_path(r'payload."a.b".0').steps
    (('payload', None), ('a.b', None), ('0', 0))
    >>> parse_path("$.ts").from_record
    True
    """
    steps: list[Step] = []
    at, from_record = 0, False
    while True:
        quoted = _QUOTED.match(text, at)
        bare = _BARE.match(text, at)
        if quoted is not None:
            steps.append((re.sub(r"(?s)\\(.)", r"\1", quoted[1]), None))
            at = quoted.end()
        elif bare is not None:
            key = bare[0].strip()
            if not key:
                raise ValueError(f"{text!r} has an empty step")
            if "[" in key:
                raise ValueError(f"{text!r}: an index is a step of its own, like choices.0.model")
            if key == ROOT and at == 0:
                from_record = True
            else:
                steps.append((key, int(key) if _INDEX.fullmatch(key) else None))
            at = bare.end()
        else:
            raise ValueError(f"{text!r} has an empty step or an open quote")
        if at == len(text):
            return Path(tuple(steps), from_record, text)
        if text[at] != ".":
            raise ValueError(f"{text!r}: a dot belongs between two steps")
        at += 1


def step_text(key: str) -> str:
    """A key as a step of a path, in quotes where it needs them.

    >>> step_text("model"), step_text("a.b")
    ('model', '"a.b"')
    """
    if _PLAIN.fullmatch(key) and key != ROOT and "[" not in key and not _INDEX.fullmatch(key):
        return key
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


def follow(value: Any, steps: tuple[Step, ...], decoded: dict[str, Any]) -> Any:
    """The value at the end of a path, None where there is none.

    `decoded` remembers the JSON texts of one record that were decoded on the way.
    """
    for key, index in steps:
        if isinstance(value, str):
            value = decode(value, decoded)
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list):
            if index is None:
                value = _entry(value, key)
            else:
                value = value[index] if -len(value) <= index < len(value) else None
        else:
            return None
    return value


def decode(text: str, decoded: dict[str, Any]) -> Any:
    """The object or list that a text holds as JSON; the text itself where it holds none."""
    if text in decoded:
        return decoded[text]
    found: Any = text
    if text.lstrip()[:1] in ("{", "["):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = text
    decoded[text] = found
    return found


def _entry(pairs: list[Any], key: str) -> Any:
    """An entry of a Parquet map, which comes as a list of pairs. JSON has no tuples."""
    for pair in pairs:
        if type(pair) is tuple and len(pair) == 2 and pair[0] == key:
            return pair[1]
    return None
