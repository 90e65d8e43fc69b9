"""JSON of any layout gives the values that a JSON parser finds in it, each with its place."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from costaudit.ingest.json_blocks import json_blocks
from costaudit.ingest.limits import ReadLimits
from costaudit.ingest.logfile import Container
from costaudit.ingest.sniff import sniff

NO_LIMITS = ReadLimits()
GOOD = '{"model": "gpt-4o", "input_tokens": 10, "output_tokens": 1}'
Value = dict[str, Any]


def values(
    path: Path, text: str | bytes, block_bytes: int = 1 << 20, limits: ReadLimits = NO_LIMITS
) -> list[tuple[bytes, int, int]]:
    """Every value of a text with the line and the byte that it begins at."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    found = []
    for block in json_blocks(sniff("x", path, limits=limits), block_bytes=block_bytes):
        assert block.trouble is None
        assert block.starts is not None
        lines = block.data.removesuffix(b"\n").split(b"\n")
        found += list(zip(lines, block.starts.lines.tolist(), block.starts.offsets.tolist(), strict=True))
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.json"


TEXT = st.text(st.sampled_from(string.ascii_letters + '\\"{}[],:\n\r\t é🙂'), max_size=12)
LEAF = st.none() | st.booleans() | st.integers(-9, 9) | TEXT
INNER = st.recursive(
    LEAF, lambda v: st.lists(v, max_size=3) | st.dictionaries(TEXT, v, max_size=3), max_leaves=8
)
OBJECT = st.dictionaries(TEXT, INNER, min_size=1, max_size=4)

LAYOUTS = {
    "compact array": lambda objects: json.dumps(objects, separators=(",", ":")),
    "array over lines": lambda objects: "[\n" + ",\n".join(json.dumps(o) for o in objects) + "\n]\n",
    "indented array": lambda objects: json.dumps(objects, indent=2),
    "unindented array": lambda objects: json.dumps(objects, indent=0),
    "escaped array": lambda objects: json.dumps(objects, ensure_ascii=True),
    "concatenated": lambda objects: "".join(json.dumps(o) for o in objects),
    "concatenated over lines": lambda objects: "\n".join(json.dumps(o, indent=1) for o in objects),
    "arrays after each other": lambda objects: "\n".join(json.dumps([o]) for o in objects),
    "with a byte order mark": lambda objects: "\ufeff" + json.dumps(objects),
    "windows lines": lambda objects: json.dumps(objects, indent=2).replace("\n", "\r\n"),
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(objects=st.lists(OBJECT, min_size=1, max_size=6), size=st.sampled_from([1, 2, 3, 7, 64, 1 << 16]))
def test_the_values_are_those_that_a_parser_finds(path: Path, objects: list[Value], size: int):
    decoder = json.JSONDecoder()
    for layout, written in LAYOUTS.items():
        text = written(objects).encode()
        found = values(path, text, size)
        assert [json.loads(value) for value, _, _ in found] == objects, layout
        for (_, line, offset), value in zip(found, objects, strict=True):
            assert decoder.raw_decode(text[offset:].decode())[0] == value
            assert line == text[:offset].count(b"\n") + 1


@pytest.mark.parametrize("size", [1, 5, 1 << 16])
def test_runs_of_backslashes_over_chunks(path: Path, size: int):
    objects = [{"a": "\\" * n, "b": '"' * n, "c": '\\"' * n} for n in range(40)]
    assert [json.loads(v) for v, _, _ in values(path, json.dumps(objects), size)] == objects


BROKEN = {
    "text without an end": '{"model": "gpt-4o, "input_tokens": 10}',
    "missing bracket": '{"model": {"a": 1, "input_tokens": 10}',
    "bracket too many": '{"model": "m"}}',
    "square for curly": '{"model": "m"]',
    "prose": "garbage {",
    "cut off": '{"model": "m", "inp',
}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("indent", ["", "  "])
@pytest.mark.parametrize("size", [7, 64, 1 << 16])
def test_a_broken_entry_on_its_line_hides_no_other(path: Path, broken: str, indent: str, size: int):
    from costaudit.ingest.jsonl import JsonlReader  # noqa: PLC0415 - reads what the blocks hold

    entries = [GOOD, GOOD, BROKEN[broken], GOOD, GOOD]
    path.write_text("[\n" + ",\n".join(indent + e for e in entries) + "\n]\n")
    reader = JsonlReader.open(sniff("x", path), block_bytes=size)
    parsed = [reader.parse(block) for block in reader.blocks()]
    assert sum(p.batch.num_rows for p in parsed if p.formats) == 4
    assert sum(p.quarantine.total for p in parsed) >= 1
    first = min(place for p in parsed for places in p.quarantine.places.values() for place in places)
    assert first.line == 4


def test_what_stands_between_values_is_not_dropped(path: Path):
    found = values(path, '[{"a": 1}, null, {"b": 2} 17, "x{", {"c": 3}]')
    assert [v for v, _, _ in found] == [b'{"a": 1}', b"null", b'{"b": 2}', b'17, "x{"', b'{"c": 3}']


PAGES = {
    "compact": lambda items: json.dumps({"object": "list", "data": items, "has_more": False}),
    "indented": lambda items: json.dumps(
        {"meta": {"data": 1, "list": [1, 2]}, "data": items, "n": {}}, indent=1
    ),
    "list last": lambda items: json.dumps({"note": '"data": [', "results": items}),
    "key elsewhere first": lambda items: json.dumps({"a": {"data": [{"x": 1}]}, "items": items}),
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("size", [64, 700])
def test_a_document_that_is_too_long_is_taken_apart(path: Path, page: str, size: int):
    limits = ReadLimits(line=1000)
    items = [{"model": "m", "n": i, "text": 'a "quoted" { [ \\' * 3} for i in range(60)]
    found = values(path, PAGES[page](items), size, limits)
    assert [json.loads(value) for value, _, _ in found] == items
    text = path.read_bytes()
    for (value, line, offset), item in zip(found, items, strict=True):
        assert json.JSONDecoder().raw_decode(text[offset:].decode())[0] == item
        assert line == text[:offset].count(b"\n") + 1
        assert value


def test_what_follows_the_list_of_a_long_document_is_not_dropped(path: Path):
    limits = ReadLimits(line=1000)
    items = [{"model": "m", "n": i} for i in range(80)]
    text = json.dumps({"data": items})
    assert len(values(path, text + text, 100, limits)) == 81  # the second document is one broken value
    assert len(values(path, text[:-1] + ', "x": 1}', 100, limits)) == 80
    assert len(values(path, text[:-2], 100, limits)) == 80


def test_entries_that_need_their_wrapper_keep_it(path: Path):
    limits = ReadLimits(line=500)
    spans = [{"resource": {"attributes": []}, "scopeSpans": [{"spans": [{"n": i}]}]} for i in range(30)]
    found = values(path, json.dumps({"resourceSpans": spans}, indent=1), 200, limits)
    assert [json.loads(value) for value, _, _ in found] == [{"resourceSpans": [span]} for span in spans]


def test_damage_everywhere_is_named_everywhere(path: Path):
    entry = '  {"model": "m", "text": "%s"}'
    texts = ["torn\napart" if number % 3 else "whole" for number in range(3000)]
    found = values(path, "[\n" + ",\n".join(entry % text for text in texts) + "\n]")
    assert sum(b"whole" in value for value, _, _ in found) == 1000
    assert sum(b"torn" in value for value, _, _ in found) == 2000


def test_brackets_without_end_are_given_up_after_a_while(path: Path):
    found = values(path, '[{"a": 1}' + "}" * 300_000)
    assert [value for value, _, _ in found[:2]] == [b'{"a": 1}', b"}"]
    assert 1000 < len(found) < 1010


CONTAINERS = [
    (GOOD + "\n" + GOOD, Container.JSONL),
    (GOOD, Container.JSONL),
    ("garbage\n" + GOOD, Container.JSONL),
    ('{"model": "gpt-4o",\n' + GOOD, Container.JSONL),
    ("[INFO] started\n" + GOOD, Container.JSONL),
    (GOOD + GOOD, Container.JSON),
    (GOOD + " " + GOOD + "\n", Container.JSON),
    ("[" + GOOD + "]", Container.JSON),
    ("[\n\n " + GOOD + "]", Container.JSON),
    (json.dumps({"data": [json.loads(GOOD)]}, indent=1), Container.JSON),
    (json.dumps(json.loads(GOOD), indent=0), Container.JSON),
    ("model,input_tokens\ngpt-4o,1\n", Container.CSV),
    ("\ufeffmodel;input_tokens\r\ngpt-4o;1\r\n", Container.CSV),
    ("model\tinput_tokens\ngpt-4o\t1\n", Container.CSV),
    (",model,input_tokens\n0,gpt-4o,1\n", Container.CSV),
    ('"model","input_tokens"\n"gpt-4o",1\n', Container.CSV),
    ("Hello, world. This is a letter, not a table!\n{\n", Container.JSONL),
    ("1,2,3\n4,5,6\n", Container.JSONL),
]


@pytest.mark.parametrize(("text", "container"), CONTAINERS)
def test_containers_by_their_first_bytes(path: Path, text: str, container: Container):
    path.write_text(text, newline="")
    assert sniff("x", path).container is container
