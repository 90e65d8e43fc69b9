"""Every setting that is in force, with where it comes from: a line of the file, or the default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from costaudit.config.model import Config
from costaudit.config.read import Settings
from costaudit.toml.places import Key

_UNSTATED: Final = object()


class SettingOrigin(msgspec.Struct, frozen=True):
    """A setting, its value as a file states it, and where that stands."""

    key: Key
    value: Any
    """As JSON has it; None where nothing is set."""
    line: int | None
    """In the settings file; None for a default."""

    @property
    def name(self) -> str:
        """The key with dots, like gates.budget[0].deny."""
        text = ""
        for part in self.key:
            text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
        return text


def origins_of(settings: Settings | None) -> tuple[SettingOrigin, ...]:
    """Every setting in the order of the model, single values of tables and arrays of tables."""
    stated = settings.table if settings is not None else {}
    config = Config.model_validate(stated).model_dump(mode="json")
    return tuple(_walk((), config, stated, settings))


def _walk(key: Key, value: Any, stated: Any, settings: Settings | None) -> Iterator[SettingOrigin]:
    """The settings within a value. What is stated plainly, such as a limit, is one setting."""
    if isinstance(value, dict) and value and (stated is _UNSTATED or isinstance(stated, Mapping)):
        for name, part in value.items():
            inner = stated.get(name, _UNSTATED) if isinstance(stated, Mapping) else _UNSTATED
            yield from _walk((*key, name), part, inner, settings)
    elif isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
        for place, part in enumerate(value):
            yield from _walk((*key, place), part, stated[place], settings)
    else:
        plain = value if stated is _UNSTATED or isinstance(stated, (Mapping, list)) else stated
        line = settings.line(*key) if settings is not None and stated is not _UNSTATED else None
        yield SettingOrigin(key, plain, line)
