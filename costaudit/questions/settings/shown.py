"""The settings in force as an answer, and as the blocks that are drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator

from costaudit.config import Settings
from costaudit.config.origins import origins_of
from costaudit.questions.settings.result import SettingsInForce, SettingTold
from costaudit.render.blocks import Block, Column, Headline, Prose, Table


def settings_told(settings: Settings | None) -> SettingsInForce:
    """Every setting, and where it comes from."""
    return SettingsInForce(
        schema_="costaudit/config@1",
        file=None if settings is None else settings.shown,
        settings=[
            SettingTold(
                key=o.name, value=o.value, origin="default" if o.line is None else "file", line=o.line
            )
            for o in origins_of(settings)
        ],
    )


def settings_blocks(found: SettingsInForce) -> Iterator[Block]:
    """A row for every setting."""
    file, rows = found.file, found.settings
    yield Headline(
        "No costaudit.toml from here upwards: every setting is at its default" if file is None else file
    )
    values = tuple("—" if s.value is None else json.dumps(s.value, ensure_ascii=False) for s in rows)
    origins = tuple("default" if s.line is None else f"{file}:{s.line}" for s in rows)
    yield Table(
        "",
        (
            Column("setting", tuple(s.key for s in rows), number=False),
            Column("value", values, number=False),
            Column("from", origins, number=False),
        ),
    )
    yield Prose("", ("Paths are relative to the file. Options of the command line come on top.",))
