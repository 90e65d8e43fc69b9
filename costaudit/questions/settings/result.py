"""The answers about the settings of a project."""

from __future__ import annotations

from typing import Any, Literal

from costaudit.render.part import SCHEMA, Part


class SettingTold(Part, frozen=True, kw_only=True):
    """A setting and where it comes from."""

    key: str
    """With dots and places, like `gates.budget[0].deny`."""
    value: Any
    origin: Literal["default", "file"]
    line: int | None
    """In the file; null for a default."""


class SettingsInForce(Part, frozen=True, kw_only=True, rename=SCHEMA):
    """Every setting: costaudit/config@1."""

    schema_: Literal["costaudit/config@1"]
    file: str | None
    """Null without settings."""
    settings: list[SettingTold]


class SettingsChecked(Part, frozen=True, kw_only=True, rename=SCHEMA):
    """Settings that are in order: costaudit/config-check@1."""

    schema_: Literal["costaudit/config-check@1"]
    file: str
    exit_code: Literal[0] = 0
    read: list[str]
    """What they name that was read, too."""


class SettingsBegun(Part, frozen=True, kw_only=True):
    """Files that were written to begin with."""

    files: list[str]
