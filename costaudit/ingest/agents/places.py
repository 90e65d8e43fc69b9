"""The usual places of coding agents' logs, as a function of a home, its environment and the platform.

Where a variable names another place, the usual one is a place all the same: what was written before it was
set is still there.

- Claude Code: `projects` of `CLAUDE_CONFIG_DIR`, `~/.claude`, and `~/.config/claude` (its version 1.0.30, and
  ccusage's guide to environment variables, which also reads several folders with commas between them).
- Codex: `sessions` and `archived_sessions` of `CODEX_HOME` or `~/.codex` (`codex-rs/rollout/src/lib.rs`).
- Gemini CLI: `tmp/<project>/chats` of `.gemini` in `GEMINI_CLI_HOME` or the home; its sub-agents one folder
  deeper (`packages/core/src/config/storage.ts`, `services/chatRecordingService.ts`).
- opencode: `opencode` in the XDG data folder, on every platform; messages as files, later a database for each
  channel, or that of `OPENCODE_DB` (`packages/opencode/src/global/index.ts`, `storage/db.ts`). Kilo Code 7 is
  built on it and keeps `kilo/kilo.db`.
- Cline, Roo Code, Kilo Code: `tasks` in the storage of the extension, of every editor that is built on VS
  Code, on its servers for remote work, and in profiles; `CLINE_DATA_DIR`, `CLINE_DIR` or `~/.cline` for the
  program (cline `resolveClineDataDir`), `~/.roo`, `~/.kilocode/cli`.
- GitHub Copilot CLI: `session-state` of `COPILOT_HOME` or `~/.copilot`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

AGENTS: Final[Mapping[str, str]] = {
    "claude-code": "Claude Code",
    "codex": "Codex",
    "gemini-cli": "Gemini CLI",
    "opencode": "opencode",
    "cline": "Cline, Roo Code, Kilo Code",
    "copilot-cli": "GitHub Copilot CLI",
}
"""What is called an agent, by its name, which is the feature of its calls, too."""

VARIABLES: Final = (
    "APPDATA", "CLAUDE_CONFIG_DIR", "CLINE_DATA_DIR", "CLINE_DIR", "CODEX_HOME", "COPILOT_HOME",
    "GEMINI_CLI_HOME", "OPENCODE_DB", "VSCODE_APPDATA", "VSCODE_PORTABLE", "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
)  # fmt: skip
"""The variables that name places."""

EDITORS: Final = (
    "Code", "Code - Insiders", "Code - OSS", "VSCodium", "VSCodium - Insiders", "Cursor", "Windsurf",
    "Windsurf - Next", "Trae", "Kiro", "Antigravity",
)  # fmt: skip
"""Folders of editors that are built on VS Code."""

SERVERS: Final = (
    ".vscode-server", ".vscode-server-insiders", ".vscode-server-oss", ".vscode-remote", ".codium-server",
    ".vscodium-server", ".cursor-server", ".windsurf-server", ".trae-server", ".antigravity-server",
)  # fmt: skip
"""Where they keep `data/User` when they work on another machine."""

PACKED: Final = (
    ".var/app/com.visualstudio.code/config/Code", ".var/app/com.vscodium.codium/config/VSCodium",
    "snap/code/current/.config/Code", ".local/share/code-server",
)  # fmt: skip
"""The same of editors that came as Flatpak or snap, and of code-server."""

EXTENSIONS: Final = ("saoudrizwan.claude-dev", "rooveterinaryinc.roo-cline", "kilocode.kilo-code")

_TASKS: Final = re.compile(r"[^/]+/(ui_messages|claude_messages)\.json")
_PACKING: Final = r"(\.gz|\.zst)?"


class UsualPlace(msgspec.Struct, frozen=True):
    """A folder in which one agent's logs may be."""

    agent: str
    folder: Path
    files: re.Pattern[str]
    """Which of the files below it are logs, by their paths from there with slashes."""
    depth: int | None = None
    """How many folders deep they are at most: 0 for the folder itself."""


class Surroundings(msgspec.Struct, frozen=True):
    """Whose logs are looked for: a home, the environment, and the platform as `sys.platform` names it."""

    home: Path
    environ: Mapping[str, str]
    platform: str

    def named(self, variable: str, between: str | None = None) -> list[Path]:
        """The folder that a variable names, if it names one; or those that stand `between` some mark."""
        said = self.environ.get(variable, "")
        values = [value.strip() for value in (said.split(between) if between else [said])]
        return [
            self.home / value[2:] if value.startswith(("~/", "~\\")) else Path(value)
            for value in values
            if value
        ]

    def xdg(self, variable: str, usual: str) -> Path:
        """A base directory of freedesktop.org."""
        named = self.named(variable)
        return named[0] if named and named[0].is_absolute() else self.home / usual


def places_of(around: Surroundings) -> list[UsualPlace]:
    """All places where agents may have logs, each once."""
    found = [
        *_claude_code(around), *_codex(around), *_gemini_cli(around), *_opencode(around), *_cline(around),
        *_copilot_cli(around),
    ]  # fmt: skip
    return list({(place.folder, place.files.pattern): place for place in found}.values())


def _claude_code(around: Surroundings) -> Iterator[UsualPlace]:
    files = re.compile(r"(.+/)?(?!journal\.)[^/]+\.jsonl" + _PACKING)
    config = around.xdg("XDG_CONFIG_HOME", ".config")
    named = around.named("CLAUDE_CONFIG_DIR", between=",")
    for folder in [*named, around.home / ".claude", config / "claude"]:
        yield UsualPlace("claude-code", folder / "projects", files)


def _codex(around: Surroundings) -> Iterator[UsualPlace]:
    files = re.compile(r"(.+/)?rollout-[^/]*\.jsonl" + _PACKING)
    for folder in [*around.named("CODEX_HOME"), around.home / ".codex"]:
        for name in ("sessions", "archived_sessions"):
            yield UsualPlace("codex", folder / name, files)


def _gemini_cli(around: Surroundings) -> Iterator[UsualPlace]:
    files = re.compile(r"[^/]+/chats/([^/]+/)?[^/]+\.jsonl?" + _PACKING)
    for folder in [*around.named("GEMINI_CLI_HOME"), around.home]:
        yield UsualPlace("gemini-cli", folder / ".gemini" / "tmp", files, depth=3)


def _opencode(around: Surroundings) -> Iterator[UsualPlace]:
    data = around.xdg("XDG_DATA_HOME", ".local/share")
    message = re.compile(r"([^/]+/storage/session/message/)?[^/]+/msg_[^/]+\.json")
    for name, stem in (("opencode", "opencode"), ("kilo", "kilo")):
        folder = data / name
        yield UsualPlace("opencode", folder, re.compile(rf"{stem}(-[\w.-]+)?\.db"), depth=0)
        yield UsualPlace("opencode", folder / "storage" / "message", message, depth=1)
        yield UsualPlace("opencode", folder / "project", message, depth=5)
    for named in around.named("OPENCODE_DB"):
        if named.name != ":memory:":
            file = data / "opencode" / named
            yield UsualPlace("opencode", file.parent, re.compile(re.escape(file.name)), depth=0)


def _cline(around: Surroundings) -> Iterator[UsualPlace]:
    for user in _editors(around):
        for extension in EXTENSIONS:
            yield UsualPlace("cline", user / "globalStorage" / extension / "tasks", _TASKS, depth=1)
    program = [*around.named("CLINE_DATA_DIR"), *(folder / "data" for folder in around.named("CLINE_DIR"))]
    for data in [*program, around.home / ".cline" / "data"]:
        yield UsualPlace("cline", data / "tasks", _TASKS, depth=1)
        yield UsualPlace("cline", data / "sessions", re.compile(r"[^/]+/[^/]+\.messages\.json"), depth=1)
    for usual in (".roo/tasks", ".kilocode/cli/global/tasks"):
        yield UsualPlace("cline", around.home / usual, _TASKS, depth=1)


def _editors(around: Surroundings) -> Iterator[Path]:
    """The folders of users' data of all editors, those of their profiles behind each."""
    bases = [around.home / server / "data" for server in SERVERS]
    bases += [around.home / packed for packed in PACKED]
    bases += [folder / "user-data" for folder in around.named("VSCODE_PORTABLE")]
    for folder in [*around.named("VSCODE_APPDATA"), _settings(around)]:
        bases += [folder / editor for editor in EDITORS]
    for base in bases:
        yield base / "User"
        yield from _profiles(base / "User" / "profiles")


def _settings(around: Surroundings) -> Path:
    """Where programs of the platform keep their settings."""
    if around.platform == "win32":
        return next(iter(around.named("APPDATA")), around.home / "AppData" / "Roaming")
    if around.platform == "darwin":
        return around.home / "Library" / "Application Support"
    return around.xdg("XDG_CONFIG_HOME", ".config")


def _profiles(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(entry for entry in folder.iterdir() if entry.is_dir())
    except OSError:
        return  # an editor without profiles, or one whose own folder says that it cannot be read


def _copilot_cli(around: Surroundings) -> Iterator[UsualPlace]:
    for folder in [*around.named("COPILOT_HOME"), around.home / ".copilot"]:
        yield UsualPlace("copilot-cli", folder / "session-state", re.compile(r"[^/]+/events\.jsonl"), depth=1)
