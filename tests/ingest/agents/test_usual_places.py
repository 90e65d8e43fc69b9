"""Where agents' logs are looked for, on made homes of all platforms; the real one is never looked into."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from costaudit.ingest.agents.places import AGENTS, VARIABLES, Surroundings, places_of
from costaudit.ingest.agents.search import search, told
from costaudit.questions.doctor.surroundings import VARIABLES as TOLD

UUID = "6da7d497-00e2-460d-a6b4-d280e0314cfd"


def write(home: Path, *files: str) -> None:
    for name in files:
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}\n", encoding="utf-8")


def found(
    home: Path, environ: Mapping[str, str] | None = None, platform: str = "linux", *, agent: str = ""
) -> list[str]:
    """The files that are found, by their paths from the home."""
    around = Surroundings(home, environ or {}, platform)
    searched = search([place for place in places_of(around) if agent in ("", place.agent)])
    return sorted(told(path, around).removeprefix("~/") for one in searched for path in one.files)


LOGS: dict[str, tuple[str, ...]] = {
    "claude-code": (
        f".claude/projects/-home-dev-shop/{UUID}.jsonl",
        f".claude/projects/-home-dev-shop/{UUID}/subagents/agent-a1b2.jsonl",
        ".claude/projects/-home-dev-shop/agent-c3d4.jsonl",
        f".config/claude/projects/-srv-api/{UUID}.jsonl",
    ),
    "codex": (
        ".codex/sessions/2026/11/20/rollout-2026-11-20T23-58-53-01a1fb66.jsonl",
        ".codex/sessions/2026/11/19/rollout-2026-11-19T10-00-00-01a1fb60.jsonl.zst",
        ".codex/archived_sessions/rollout-2026-10-01T10-00-00-01a1fb00.jsonl",
    ),
    "gemini-cli": (
        ".gemini/tmp/shop/chats/session-2026-11-21T00-00-9848c479.jsonl",
        ".gemini/tmp/4f6c/chats/session-2025-11-21T00-00-9848c479.json",
        f".gemini/tmp/shop/chats/{UUID}/agent.jsonl",
    ),
    "opencode": (
        ".local/share/opencode/opencode.db",
        ".local/share/opencode/opencode-dev.db",
        ".local/share/opencode/storage/message/ses_1/msg_1.json",
        ".local/share/opencode/project/shop/storage/session/message/ses_0/msg_0.json",
        ".local/share/kilo/kilo.db",
    ),
    "cline": (
        ".config/Code/User/globalStorage/saoudrizwan.claude-dev/tasks/1760000000000/ui_messages.json",
        ".config/Code - Insiders/User/globalStorage/rooveterinaryinc.roo-cline/tasks/a/ui_messages.json",
        ".config/Cursor/User/globalStorage/saoudrizwan.claude-dev/tasks/1/claude_messages.json",
        ".config/VSCodium/User/profiles/-4f/globalStorage/kilocode.kilo-code/tasks/2/ui_messages.json",
        ".vscode-server/data/User/globalStorage/rooveterinaryinc.roo-cline/tasks/b/ui_messages.json",
        ".cline/data/tasks/3/ui_messages.json",
        ".cline/data/sessions/s-1/s-1.messages.json",
        ".kilocode/cli/global/tasks/4/ui_messages.json",
    ),
    "copilot-cli": (f".copilot/session-state/{UUID}/events.jsonl",),
}
BESIDE = (
    ".claude/history.jsonl", ".claude/projects/-home-dev-shop/sessions-index.json",
    f".claude/projects/-home-dev-shop/{UUID}/subagents/agent-a1b2.meta.json",
    f".claude/projects/-home-dev-shop/{UUID}/subagents/workflows/w/journal.jsonl",
    ".codex/history.jsonl", ".codex/auth.json",
    ".gemini/oauth_creds.json", ".gemini/tmp/shop/logs.json", ".local/share/opencode/auth.json",
    ".local/share/opencode/storage/part/msg_1/prt_1.json", ".local/share/opencode/opencode.db-wal",
    ".config/Code/User/globalStorage/saoudrizwan.claude-dev/tasks/1760000000000/task_metadata.json",
    ".config/Code/User/globalStorage/state.vscdb", "shop/rollout-1.jsonl",
)  # fmt: skip
"""What lies beside logs: keys, lists of prompts, and what has no call in it."""


@pytest.mark.parametrize("agent", LOGS)
def test_logs_are_found_where_each_agent_writes_them(tmp_path: Path, agent: str):
    write(tmp_path, *BESIDE, *(file for files in LOGS.values() for file in files))
    assert LOGS.keys() == AGENTS.keys()
    assert found(tmp_path, agent=agent) == sorted(LOGS[agent])


def test_nothing_else_is_found(tmp_path: Path):
    write(tmp_path, *BESIDE)
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("platform", "settings"),
    [("darwin", "Library/Application Support"), ("win32", "AppData/Roaming"), ("linux", ".config")],
)
def test_editors_keep_extensions_where_the_platform_has_settings(
    tmp_path: Path, platform: str, settings: str
):
    file = f"{settings}/Cursor/User/globalStorage/saoudrizwan.claude-dev/tasks/1/ui_messages.json"
    write(tmp_path, file)
    assert found(tmp_path, platform=platform) == [file]
    others = {"darwin", "win32", "linux"} - {platform}
    assert [found(tmp_path, platform=other) for other in others] == [[], []]


TASK = "globalStorage/saoudrizwan.claude-dev/tasks/1/ui_messages.json"


@pytest.mark.parametrize(
    ("variable", "value", "file"),
    [
        ("CLAUDE_CONFIG_DIR", "{home}/one", "one/projects/-a/1.jsonl"),
        ("CLAUDE_CONFIG_DIR", "{home}/one, {home}/two", "two/projects/-a/1.jsonl"),
        ("CLAUDE_CONFIG_DIR", "~/one", "one/projects/-a/1.jsonl"),
        ("CODEX_HOME", "{home}/cx", "cx/archived_sessions/rollout-1.jsonl"),
        ("GEMINI_CLI_HOME", "{home}/g", "g/.gemini/tmp/shop/chats/session-1.jsonl"),
        ("OPENCODE_DB", "{home}/db/mine.sqlite", "db/mine.sqlite"),
        ("OPENCODE_DB", "mine.db", ".local/share/opencode/mine.db"),
        ("CLINE_DIR", "{home}/c", "c/data/tasks/1/ui_messages.json"),
        ("CLINE_DATA_DIR", "{home}/c", "c/sessions/1/1.messages.json"),
        ("COPILOT_HOME", "{home}/cp", "cp/session-state/1/events.jsonl"),
        ("XDG_CONFIG_HOME", "{home}/x", "x/claude/projects/-a/1.jsonl"),
        ("XDG_CONFIG_HOME", "{home}/x", f"x/Code/User/{TASK}"),
        ("XDG_DATA_HOME", "{home}/x", "x/opencode/opencode.db"),
        ("VSCODE_PORTABLE", "{home}/p", f"p/user-data/User/{TASK}"),
        ("VSCODE_APPDATA", "{home}/p", f"p/Code/User/{TASK}"),
    ],
)
def test_a_variable_names_a_further_place(tmp_path: Path, variable: str, value: str, file: str):
    usual = f".claude/projects/-a/{UUID}.jsonl"
    write(tmp_path, file, usual)
    assert found(tmp_path, {variable: value.format(home=tmp_path)}) == sorted([file, usual])
    assert found(tmp_path, {variable: " "}) == [usual]
    assert {variable} <= set(VARIABLES)


def test_support_hears_of_every_variable():
    assert set(VARIABLES) <= TOLD.keys()


def test_on_windows_the_folder_of_programs_may_be_elsewhere(tmp_path: Path):
    write(tmp_path, f"roaming/Code/User/{TASK}")
    environ = {"APPDATA": str(tmp_path / "roaming")}
    assert found(tmp_path, environ, "win32") == [f"roaming/Code/User/{TASK}"]
    assert found(tmp_path, environ, "linux") == []


def test_a_relative_base_directory_counts_as_none(tmp_path: Path):
    write(tmp_path, ".config/claude/projects/-a/1.jsonl")
    assert found(tmp_path, {"XDG_CONFIG_HOME": "x"}) == [".config/claude/projects/-a/1.jsonl"]


def test_a_folder_under_two_names_is_one_place(tmp_path: Path):
    write(tmp_path, "real/projects/-a/1.jsonl")
    (tmp_path / ".claude").symlink_to(tmp_path / "real")
    assert found(tmp_path, {"CLAUDE_CONFIG_DIR": str(tmp_path / "real")}) == ["real/projects/-a/1.jsonl"]


def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path, ".claude/projects/-a/1.jsonl", ".claude/projects/-closed/2.jsonl")
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("-closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (one,) = (one for one in search(places_of(Surroundings(tmp_path, {}, "linux"))) if one.files)
    assert [(path.name, reason) for path, reason in one.unread] == [("-closed", "Permission denied")]
    assert [path.name for path in one.files] == ["1.jsonl"]


def test_paths_outside_of_the_home_are_told_as_they_are(tmp_path: Path):
    around = Surroundings(tmp_path / "home", {}, "linux")
    assert told(tmp_path / "home/.codex/sessions", around) == "~/.codex/sessions"
    assert told(tmp_path / "data", around) == f"{tmp_path}/data"
