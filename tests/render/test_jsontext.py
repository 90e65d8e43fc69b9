"""JSON is written by whoever is quickest, to the same text."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from costaudit.render.jsontext import harmless, render_value

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.floats(1e-4, 1e16) | st.text()
VALUES = st.recursive(PLAIN, lambda some: st.lists(some) | st.dictionaries(st.text(), some), max_leaves=20)


@given(VALUES)
@example([0.0, -0.0, 1e-4, 0.00010000000000000002, 9999999999999998.0, 123456789.123, 5e-324, float("nan")])
@example([1e16, 0.1, -0.0, 1e-5, float("inf")])
@example({"a": [2**63, -(2**63), 2**64, 10**40], "b": {}, "c": [], "d": [[]]})
@example(["\ud800", "\x00\x1f\x7f\u2028\b\f", '"\\/'])
@example({"a": {1: "a key that is no text"}})
def test_json_is_as_the_standard_library_writes_it(value: object):
    assert render_value(value) == harmless(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"
