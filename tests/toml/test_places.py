"""The line of every value of a TOML text."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.toml.places import Key, line_numbers
from tests.conftest import ROOT

FILES = [
    path
    for path in sorted(ROOT.rglob("*.toml"))
    if not {".venv", "build", "dist"} & set(path.relative_to(ROOT).parts)
]


def keys_of(value: Any, key: Key = ()) -> Iterator[Key]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield (*key, name)
        yield from keys_of(part, (*key, name))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_key_of_a_file_has_a_line_that_names_it(path: Path):
    text = path.read_text("utf-8")
    lines, rows = line_numbers(text), text.splitlines()
    assert set(lines) == set(keys_of(tomllib.loads(text)))
    for key, line in lines.items():
        if isinstance(key[-1], str):
            assert key[-1] in rows[line - 1]


TRICKY = r'''
a = """
[not.a.table]
b = 1
"""            # a comment with "quotes" and [brackets]
'quoted key'."x\ty" = { one = [1, 2,
  { deep = 'a } b' }], two = 3 }
[[t]]
[t.sub]
k = "#no comment"
[[t]]
d = 2026-01-01T00:00:00Z
e = [
  # nothing here
  "x",  # [
  "y"
]
"""z""" = 1
'''.replace('"""z"""', "z")


def test_strings_comments_and_nesting_do_not_mislead_it():
    lines = line_numbers(TRICKY)
    assert set(lines) == set(keys_of(tomllib.loads(TRICKY)))
    expected = {
        ("a",): 2, ("quoted key", "x\ty"): 6, ("quoted key", "x\ty", "one", 2, "deep"): 7,
        ("quoted key", "x\ty", "two"): 7, ("t", 0): 8, ("t", 0, "sub", "k"): 10, ("t", 1): 11,
        ("t", 1, "e", 1): 16, ("t", 1, "z"): 18,
    }  # fmt: skip
    assert {key: lines[key] for key in expected} == expected


words = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
names = st.one_of(words, st.sampled_from(["a", "b-c", "1", "x.y", '"', "]", "#"]))


def written(value: Any) -> str:
    """A value as inline TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{string(k)} = {written(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[\n" + "".join(f"  {written(v)},\n" for v in value) + "]"
    return string(value) if isinstance(value, str) else str(value)


def string(text: str) -> str:
    return '"' + "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in text) + '"'


values = st.recursive(
    st.integers() | words,
    lambda v: st.lists(v, max_size=3) | st.dictionaries(names, v, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(names, values, max_size=4), st.dictionaries(names, values, max_size=3))
def test_whatever_a_valid_text_holds_every_key_is_found(top: dict[str, Any], table: dict[str, Any]):
    lines = [f"{string(name)} = {written(value)}" for name, value in top.items()]
    lines += [
        "[['the table']] # one",
        *(f"{string(name)} = {written(value)}" for name, value in table.items()),
    ]
    text = "\n".join(lines)
    assert set(line_numbers(text)) == set(keys_of(tomllib.loads(text)))
