"""The worked examples of docs/formats.md that need settings of their own: run as they stand there."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costaudit.ingest.adapters.flat_fields import FLAT_FIELDS
from costaudit.ingest.adapters.mapped import TARGETS, mapped_adapter
from costaudit.ingest.mapping import parse_formats
from costaudit.ingest.settle import settled

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/formats.md").read_text("utf-8")
SECTION = PAGE.partition("\n## Your own format\n")[2]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)


def blocks(kind: str) -> list[str]:
    return [text for name, text in BLOCKS if name == kind]


def test_the_first_example_prints_what_the_page_shows(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    command, _, shown = blocks("text")[0].partition("\n")
    path = command.removeprefix("$ costaudit formats test ")
    (tmp_path / path).parent.mkdir(parents=True)
    shutil.copy(ROOT / path, tmp_path / path)
    (tmp_path / "costaudit.toml").write_text(blocks("toml")[0], "utf-8")
    monkeypatch.chdir(tmp_path)
    outcome = run("formats", "test", path, columns=80)
    assert outcome.code == 0
    assert outcome.out == shown
    told = json.loads(run("analyze", path, "-f", "json", "-q").out)
    assert told["inputs"]["formats"] == {"mine": 3}
    assert told["inputs"]["skipped"][0]["count"] == 1


def test_the_agents_record_is_two_calls():
    (mapping,) = parse_formats(tomllib.loads(blocks("toml")[1])["formats"], "costaudit.toml")
    calls = settled(mapped_adapter(mapping).calls(json.loads(blocks("json")[0])))
    assert [(c.response_id, c.model, c.input, c.output) for c in calls] == [
        ("r-7#1", "gpt-4o", 900, 40),
        ("r-7#2", "gpt-4o-mini", 1500, 12),
    ]
    assert {c.ts for c in calls} == {1_749_460_502_000_000}  # 2025-06-09T09:15:02Z


def test_every_field_that_the_page_names_can_be_mapped():
    table = PAGE.partition("\n## Flat records\n")[2].partition("\n## ")[0]
    named = {
        name
        for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for name in re.findall(r"`(.+?)`", row)
    }
    further = set(
        re.findall(r"`(\w+)`", SECTION.partition("- **Fields**")[2].partition("A mapping needs")[0])
    )
    assert named | further <= set(TARGETS)
    targets = {TARGETS[name] for name in named | further}
    assert targets == {f.target for f in FLAT_FIELDS} - {"cache_read_outside", "write_outside"}
