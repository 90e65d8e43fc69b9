"""A small log whose figures are worked out by hand, and the check of it as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Record = dict[str, Any]

GPT_4O = {"provider": "openai", "model": "gpt-4o", "output_tokens": 0}
"""A flagship: $2.50 per 1M input tokens since 2024-10-02, by OpenAI's price page."""
MINI = {"provider": "openai", "model": "gpt-4o-mini", "output_tokens": 0}
"""An economy model: $0.15 per 1M input tokens, by OpenAI's price page."""

LOG: tuple[Record, ...] = (
    {**GPT_4O, "timestamp": "2026-10-01T00:00:00Z", "input_tokens": 10**6, "feature": "search", "tier": 0},
    {
        **GPT_4O, "timestamp": "2026-10-02T12:00:00Z", "input_tokens": 2_000_000, "feature": "search/v2",
        "tier": 1,
    },
    {**MINI, "timestamp": "2026-10-03T12:00:00Z", "input_tokens": 10**7, "feature": "chat", "tier": 1},
    {
        **GPT_4O, "timestamp": "2026-10-05T00:00:00Z", "input_tokens": 400_000, "feature": "chat", "tier": 2,
        "status": "error",
    },
    {
        "provider": "openai", "model": "acme-9", "timestamp": "2026-10-04T00:00:00Z", "input_tokens": 600_000,
        "output_tokens": 0, "tier": 3,
    },
)  # fmt: skip
"""$10.00 in four days: $2.50 + $5.00 + $1.50, and $1.00 for an error. 600,000 of 14M tokens have no price."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def write_log(project: Path) -> Callable[..., Path]:
    """Records as a file of JSON lines."""

    def write_log(records: Any = LOG) -> Path:
        path = project / "log.jsonl"
        lines = (json.dumps({"request_id": f"r{n}", **record}) for n, record in enumerate(records))
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        return path

    return write_log


@pytest.fixture
def check(run: Any, project: Path, write_log: Callable[..., Path]) -> Callable[..., Any]:
    """The check of some records under some settings, as JSON with the exit code that the command had."""

    def check(toml: str, records: Any = LOG, *argv: str) -> Any:
        (project / "costaudit.toml").write_text(toml, "utf-8")
        path = write_log(records).name
        at = () if "--at" in argv else ("--at", "2026-11-21")
        outcome = run("check", path, "--format", "json", *at, *argv)
        assert outcome.out, outcome.err
        told = json.loads(outcome.out)
        assert told["exit_code"] == outcome.code
        return told

    return check


@pytest.fixture
def gate(check: Callable[..., Any]) -> Callable[..., Any]:
    """The one gate of a check."""

    def gate(toml: str, records: Any = LOG, *argv: str) -> Any:
        (found,) = check(toml, records, *argv)["gates"]
        return found

    return gate
