"""Small files of lean lines are read together, to the same calls as each of them alone."""

from __future__ import annotations

import ast
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.ingest import bundle, lean
from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.bundle import Bundle
from costaudit.ingest.canonical import Parsed, completed
from costaudit.ingest.detect import matching
from costaudit.ingest.files import find_logs
from costaudit.ingest.reader import open_log
from tests.often import repeated

LINE = {
    "timestamp": "2026-03-01T00:00:05Z", "request_id": "r1", "provider": "openai", "model": "gpt-4o",
    "input_tokens": 20, "output_tokens": 5, "cached_tokens": 3, "feature": "search", "user": "u1",
    "status": "ok", "latency_ms": 900,
}  # fmt: skip

ODD: tuple[dict[str, Any], ...] = (
    {},
    {"feature": "ü"},
    {"request_id": None},
    {"input_tokens": "20"},
    {"input_tokens": 20.0},
    {"input_tokens": -1},
    {"input_tokens": 1e30},
    {"cached_tokens": 50},
    {"cost_usd": 0.25},
    {"reasoning_tokens": 4},
    {"status": 500},
    {"status": "error", "error_code": "timeout"},
    {"model": None},
    {"model": ""},
    {"timestamp": 1772323205},
    {"timestamp": "yesterday"},
    {"tags": ["a", "b"]},
    {"usage": {"input_tokens": 7}},
    {"usage": 7},
    {"my_tokens": 7},
    {"metadata": {"user_id": "x"}},
    {"prompt": "say {hello}"},
    {"messages": '[{"role": "user", "content": "hi"}]'},
    {"stream": True},
    {"request": "{}", "response": '{"usage": {"prompt_tokens": 3}}'},
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}, "object": "chat.completion"},
)
BAD = (
    b"{",
    b"[]",
    b"null",
    b"",
    b"  ",
    b'{"a": 1}',
    b'{"model": "m"}',
    b"\xff",
    b"[1, 2]",
    b'{"a": 1} {"b": 2}',
)

_LINES = st.one_of(
    st.sampled_from(ODD).map(lambda more: json.dumps({**LINE, **more}, ensure_ascii=False).encode()),
    st.sampled_from(ODD).map(
        lambda more: json.dumps({"model": "gpt-4o", "output_tokens": 2, **more}).encode()
    ),
    st.sampled_from([json.dumps(LINE).encode()] * 3),
)
_FILES = st.lists(
    st.tuples(
        st.one_of(
            st.lists(st.just(json.dumps(LINE).encode()), min_size=1, max_size=3),
            st.lists(st.one_of(_LINES, st.sampled_from(BAD)), min_size=1, max_size=4),
        ),
        st.sampled_from([b"\n", b"\n", b"\r\n"]),
        st.sampled_from([b"\n", b"", b"\n\n"]),
    ),
    min_size=1,
    max_size=8,
)


def told(parsed: Parsed) -> dict[str, Any]:
    return {
        "calls": completed(parsed.batch).to_pylist() if parsed.batch.num_rows else [],
        "lines": list(parsed.lines),
        "records": parsed.records,
        "quarantine": (parsed.quarantine.counts, parsed.quarantine.places),
        "formats": +parsed.formats,
        "rest": (parsed.ignored, parsed.unread, parsed.unused),
    }


def read(files: Any, *, together: bool) -> list[dict[str, Any]]:
    whole = Bundle(files, open_log, together)
    return [told(whole.parse(block)) for block in whole.blocks()]


@repeated(100, 2_000)
@given(_FILES)
def test_files_read_together_are_as_each_alone(tmp_path_factory: pytest.TempPathFactory, contents: Any):
    folder = tmp_path_factory.mktemp("logs")
    for number, (lines, end, last) in enumerate(contents):
        (folder / f"f{number:02}.jsonl").write_bytes(end.join(lines) + last)
    files, _ = find_logs([str(folder)])
    assert read(files, together=True) == read(files, together=False)


def test_many_files_are_parsed_at_once_and_one_odd_one_costs_no_other(tmp_path: Path, monkeypatch):
    for number in range(64):
        odd = {"tags": ["a"]} if number == 40 else {}
        (tmp_path / f"f{number:02}.jsonl").write_text(
            json.dumps({**LINE, "request_id": f"r{number}", **odd}) + "\n", encoding="utf-8"
        )
    files, _ = find_logs([str(tmp_path)])
    opened: list[str] = []
    whole = Bundle(files, lambda file: opened.append(file.name) or open_log(file), lean=True)
    parsed = [whole.parse(block) for block in whole.blocks()]
    assert sum(part.batch.num_rows for part in parsed) == 64
    assert opened == [str(tmp_path / "f40.jsonl")]
    names, file, line = whole.places(bundle.np.asarray(parsed[0].lines))
    assert [Path(name).name for name in names] == [f"f{number:02}.jsonl" for number in range(64)]
    assert file.tolist() == list(range(64))
    assert set(line.tolist()) == {1}
    monkeypatch.setattr(bundle, "_CHANCES", 0)
    opened.clear()
    again = [told(whole.parse(block)) for block in whole.blocks()]
    assert again == [told(part) for part in parsed]
    assert len(opened) == 64


def words() -> list[Any]:
    """Every constant of the code that reads logs: whatever a format may look for is among them."""
    folder = Path(bundle.__file__).parent
    nodes = (node for path in folder.rglob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    return sorted(
        {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, (str, int, float))},
        key=repr,
    )


@pytest.mark.parametrize("seed", range(4))
def test_no_other_format_takes_a_lean_line(seed: int):
    chance, values, names = random.Random(seed), words(), sorted(lean.NAMES)  # noqa: S311
    for _ in range(2_000):
        chosen = chance.sample(names, chance.choice([1, 2, 3, 5, 10, 30, len(names)]))
        line = {name: chance.choice([*chance.sample(values, 3), None, True, 7, "gpt-4o"]) for name in chosen}
        found = matching(line, ADAPTERS)
        assert found is None or found.name == "flat", (found.name, line)
