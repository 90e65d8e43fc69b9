"""Every known key of a text is found in its bytes, wherever it stands and however it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.ingest.json_keys import KnownKeys

NAMES = ("ts", "id", "model", "input_tokens", "gen_ai.usage.input_tokens", "x" * 7, "y" * 8, "z" * 9)
KNOWN = KnownKeys(NAMES)

_KEYS = st.sampled_from(NAMES) | st.text(max_size=12)
_VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=8) | _KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)


def keys_of(value: Any) -> set[str]:
    """The keys of all objects in a value."""
    if isinstance(value, dict):
        return set(value).union(*map(keys_of, value.values()))
    return set().union(*map(keys_of, value)) if isinstance(value, list) else set()


def known_in(data: bytes) -> frozenset[str]:
    found = KNOWN.found_in(data)
    assert found is not None
    return found.known


@given(
    st.lists(st.dictionaries(_KEYS, _VALUES, max_size=4), min_size=1, max_size=4),
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,", "\t: "), (",\r", " :")]),
)
def test_every_known_key_is_found(records: list[dict[str, Any]], ascii_: bool, separators: tuple[str, str]):
    text = "\n".join(json.dumps(r, ensure_ascii=ascii_, separators=separators) for r in records)
    found = KNOWN.found_in(text.encode("utf-8", "surrogatepass"))
    assert found is None or found.known >= keys_of(records) & set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_found_as_a_key_and_not_as_a_value(name: str):
    assert known_in(f'{{"{name}":1}}'.encode()) == {name}
    assert known_in(f'{{"other":"{name}"}}'.encode()) == frozenset()
    assert known_in(f'{{"a{name}":1,"{name}a":2}}'.encode()) == frozenset()


def test_a_key_that_is_written_with_an_escape_is_noticed():
    assert KNOWN.found_in(b'{"\\u0074s": 1}') is None
    assert known_in(b'{"text": "\\u0074s", "ts": 1}') == {"ts"}


def wanted(name: str) -> bool:
    return "tok" in name


_OTHERS = st.sampled_from(["tok", "a_tok", "b" * 20 + "tok" + "c" * 20, "tokens", "ten_tokens_x", "other"])


@given(
    st.lists(st.dictionaries(_OTHERS | _KEYS, _VALUES, max_size=5), min_size=1, max_size=4),
    st.sampled_from([(",", ":"), (", ", ": "), (",", " :")]),
)
def test_every_wanted_key_is_told_by_its_name(records: list[dict[str, Any]], separators: tuple[str, str]):
    keys = KnownKeys(NAMES, wanted)
    text = "\n".join(json.dumps(r, ensure_ascii=False, separators=separators) for r in records)
    data = text.encode("utf-8", "surrogatepass")
    found = keys.found_in(data)
    expected = {
        key for key in keys_of(records) if wanted(key) and key.isascii() and json.dumps(key)[1:-1] == key
    }
    assert found is None or found.others >= expected - set(NAMES)
    assert keys.found_in(data) == found  # what is remembered changes nothing


def test_a_name_that_is_wanted_is_told_in_every_block_and_no_value_is():
    keys = KnownKeys(NAMES, wanted)
    for _ in range(3):
        assert keys.found_in(b'{"ts":1,"x_tok":2,"y":"z_tok","text":"\\"q_tok\\": 1"}') == ({"ts"}, {"x_tok"})
    assert keys.found_in(b'{"completion_audio_in_tok":1,"completion_image_in_tok":2}') == (
        frozenset(),
        {"completion_audio_in_tok", "completion_image_in_tok"},
    )
