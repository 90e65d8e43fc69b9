"""What was sent with a request is put together alike, whatever shape it was logged in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.asked import asked_of
from costaudit.ingest.jsonl import JsonlReader
from costaudit.ingest.sniff import sniff
from costaudit.schema import ASKED, Call

TURNS = [
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": "two"},
    {"role": "user", "content": "three"},
]
TOLD = "user\x1fone\x1eassistant\x1ftwo\x1euser\x1fthree\x1e"
TOOLS = [{"name": "look", "input": {"type": "object"}}]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"messages": TURNS}, TOLD),
        ({"input": TURNS, "instructions": "be kind"}, "system\x1fbe kind\x1e" + TOLD),
        ({"system": "be kind", "messages": TURNS}, "system\x1fbe kind\x1e" + TOLD),
        (
            {"system": [{"type": "text", "text": "be kind"}], "messages": TURNS},
            'system\x1f[{"type":"text","text":"be kind"}]\x1e' + TOLD,
        ),
        (
            {"messages": TURNS, "tools": TOOLS},
            'tools\x1f[{"name":"look","input":{"type":"object"}}]\x1e' + TOLD,
        ),
        ({"messages": [{"role": "user", "content": [1, None]}]}, "user\x1f[1,null]\x1e"),
        ({"messages": [{"role": 7, "content": "x"}, "no turn", {"content": ""}]}, "\x1fx\x1e"),
        ({"messages": [{"role": "user", "content": ["\ud800"]}]}, None),
    ],
)
def test_bodies(body: dict[str, Any], told: str | None):
    assert set_request(Call(), body).asked == told


def test_a_request_without_turns_has_its_texts():
    assert asked_of(Call(system="be kind", prompt="one")) == "system\x1fbe kind\x1euser\x1fone\x1e"
    assert asked_of(Call(prompt="one", turns=1)) == "user\x1fone\x1e"
    assert asked_of(Call(prompt="one", turns=2)) is None
    assert asked_of(Call()) is None


LINES: tuple[tuple[dict[str, Any], str | None], ...] = (
    ({"messages": TURNS}, TOLD),
    ({"messages": TURNS, "system": "be kind"}, "system\x1fbe kind\x1e" + TOLD),
    ({"messages": TURNS, "tools": TOOLS}, 'tools\x1f[{"name":"look","input":{"type":"object"}}]\x1e' + TOLD),
    ({"messages": TURNS, "tools": []}, TOLD),
    ({"messages": [], "prompt": "one"}, "user\x1fone\x1e"),
    ({"messages": [{"role": "user", "content": ""}], "prompt": "one"}, "user\x1fone\x1e"),
    ({"messages": [{"role": "user", "content": ""}] * 2, "prompt": "one"}, None),
    ({"messages": [{"role": "user", "content": ""}], "system": "be kind"}, "system\x1fbe kind\x1e"),
    ({"prompt": "one", "system": "be kind"}, "system\x1fbe kind\x1euser\x1fone\x1e"),
    ({"prompt": "", "system": ""}, None),
    ({}, None),
)


def test_flat_lines_in_both_ways(tmp_path: Path):
    head = {"model": "gpt-4o", "input_tokens": 1, "output_tokens": 1}
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(head | line) + "\n" for line, _ in LINES))
    reader = JsonlReader.open(sniff("log.jsonl", path))
    (block,) = reader.blocks()
    fast = reader._parse_fast(block)
    assert fast is not None
    for parsed in (fast, reader._parse_lines(block)):
        told = dict(zip(parsed.lines, parsed.batch.column(ASKED.name).to_pylist(), strict=True))
        assert [told[line] for line in sorted(told)] == [text for _, text in LINES]
