"""Finding and reading the settings of a project; what is wrong in them is told with its line."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
from pydantic import BaseModel, ValidationError

from costaudit.config.model import Config
from costaudit.errors import ConfigError, did_you_mean, shown
from costaudit.outputs import reads
from costaudit.textfile import is_there
from costaudit.toml.load import load_toml
from costaudit.toml.places import Key

FILES: Final = ("costaudit.toml", "pyproject.toml")
"""Names of settings files, the first of a directory wins."""

_PREFIX: Final[Key] = ("tool", "costaudit")
"""Where the settings stand in a pyproject.toml."""

_WORDS: Final = {"a valid tuple": "a list", "a valid dictionary": "a table", "Field required": "is needed"}
"""What pydantic says, in the words of TOML."""


class Settings(msgspec.Struct, frozen=True):
    """The settings of a file, and where each stands."""

    path: Path
    config: Config
    """With paths seen from the working directory."""
    table: Mapping[str, Any]
    """As stated."""
    lines: Mapping[Key, int]
    """The line of every key of `table`."""

    def line(self, *key: str | int) -> int:
        """Where a key stands, or else the nearest table around it; 0 where the file does not name it."""
        return next(
            (self.lines[key[:size]] for size in range(len(key), 0, -1) if key[:size] in self.lines), 0
        )

    @property
    def shown(self) -> str:
        """The file as seen from the working directory."""
        try:
            return Path(shown(os.path.relpath(self.path))).as_posix()
        except OSError:  # the working directory is gone
            return Path(shown(self.path)).as_posix()


def find_settings(start: Path) -> Settings | None:
    """The nearest file with settings, from a directory upwards; None when there is none.

    A pyproject.toml without `[tool.costaudit]` says nothing. Raises ConfigError for a file that cannot be
    read, or is wrong.
    """
    paths = (folder / name for folder in (start, *start.parents) for name in FILES)
    return next((found for path in paths if is_there(path) and (found := load_settings(path))), None)


def load_settings(path: Path) -> Settings | None:
    """The settings of a file; None for a pyproject.toml that says nothing. Raises as `find_settings`."""
    reads(path)
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=str(path)) from error
    return _loaded(path, (found.st_ino, found.st_size, found.st_mtime_ns))


@functools.lru_cache(maxsize=8)
def _loaded(path: Path, _state: tuple[int, int, int]) -> Settings | None:
    """The settings of a file in a state: a command asks for them many times."""
    read = load_toml(path)
    table: Any = read.table
    lines = read.lines
    if path.name == "pyproject.toml":
        tools = table.get("tool")
        table = tools.get("costaudit") if isinstance(tools, dict) else None
        lines = {key[2:]: line for key, line in lines.items() if key[:2] == _PREFIX}
    return None if table is None else Settings(path, parse_config(table, path, lines), table, lines)


def nearest_line(lines: Mapping[Key, int], key: Key) -> int:
    """The line of a key, or else of the nearest table around it; 0 when there is none."""
    return next((lines[key[:size]] for size in range(len(key), 0, -1) if key[:size] in lines), 0)


def parse_config(table: Mapping[str, Any], path: Path, lines: Mapping[Key, int] | None = None) -> Config:
    """Settings as a file states them; raises ConfigError that names the first one that is wrong."""
    if not isinstance(table, Mapping):
        raise ConfigError("tool.costaudit is no table", path=str(path))
    known = [*Config.model_fields]
    for key in table:
        if key not in known:
            hint = did_you_mean(key, known) or f"known are {', '.join(known)}"
            line = (lines or {}).get((key,))
            raise ConfigError(f"unknown setting {key!r}", path=str(path), line=line, hint=hint)
    try:
        return Config.model_validate(table).beside(path.parent)
    except ValidationError as error:
        raise _explained(error, path, lines or {}) from error


def _explained(error: ValidationError, path: Path, lines: Mapping[Key, int]) -> ConfigError:
    """The first mistake, with its line and, for an unknown key, the nearest known one."""
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")  # explains the rest
    key = _stated(first["loc"], lines)
    where = ".".join(str(part) for part in key)
    line = nearest_line(lines, key)
    message = first["msg"].removeprefix("Value error, ")
    for pydantic, toml in _WORDS.items():
        message = message.replace(pydantic, toml)
    if first["type"] == "extra_forbidden":
        fields = list(_fields_at(first["loc"][:-1]))
        hint = did_you_mean(str(key[-1]), fields) or f"known are {', '.join(fields)}"
        return ConfigError(f"unknown setting {where!r}", path=str(path), line=line, hint=hint)
    return ConfigError(f"{where}: {message[:1].lower()}{message[1:]}", path=str(path), line=line)


def _stated(loc: Sequence[str | int], lines: Mapping[Key, int]) -> Key:
    """The place of a mistake as the file has it: a plain limit is read as a table, which pydantic names."""
    key = tuple(loc)
    if key and key[-1] == "deny" and key not in lines and key[:-1] in lines:
        return key[:-1]
    return key


def _fields_at(loc: Sequence[str | int]) -> Iterator[str]:
    """The keys that may stand where a mistake is."""
    model: type[BaseModel] | None = Config
    for part in loc:
        if isinstance(part, int) or model is None:
            continue
        field = model.model_fields.get(part)
        found = model_in(field.annotation) if field is not None else None
        model = found if found is not None else model if field is None else None
    yield from (model or Config).model_fields


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation is of, alone, in a tuple, in a dict or with None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for model in map(model_in, get_args(annotation)) if model is not None), None)
