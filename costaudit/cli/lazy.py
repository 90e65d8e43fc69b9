"""Groups of commands of which only those are built that are asked for.

typer builds every command with all of its options before one of them runs: that takes as long as its import.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_command_from_info, get_command_name, get_group
from typer.models import CommandInfo

from costaudit.cli.asgiven import take_as_given


class Named(NamedTuple):
    """A command that is still to be built."""

    summary: str
    """What it does, as the list of commands says it."""
    build: Callable[[], Any]


class _Commands(Mapping[str, Any]):
    """Commands by name, each built when it is first asked for."""

    def __init__(self, named: Mapping[str, Named]) -> None:
        self._named = named
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            self._built[name] = self._named[name].build()
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._named)

    def __len__(self) -> int:
        return len(self._named)

    def stubs(self) -> list[tuple[str, TyperCommand]]:
        """What stands for each in a list of them."""
        return [(name, TyperCommand(name, help=one.summary)) for name, one in self._named.items()]


class _Command(TyperCommand):
    """A command whose values are converted only where they need it."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters, that for help included."""
        return take_as_given(super().get_params(ctx))


class _Group(TyperGroup):
    """A group that is listed without its commands."""

    def get_params(self, ctx: Any) -> list[Any]:
        """As those of a command."""
        return take_as_given(super().get_params(ctx))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands."""
        listed = TyperGroup(commands=dict(self.commands.stubs()))  # type: ignore[attr-defined]  # see `group_of`
        listed.format_commands(ctx, formatter)


def group_of(app: typer.Typer, further: Mapping[str, Named] | None = None, name: str | None = None) -> Any:
    """The group of an app's commands, and of further ones, under a name."""
    bare = copy.copy(app)
    bare.registered_commands, bare.registered_groups = [], []
    bare.info = copy.copy(app.info)
    bare.info.cls = _Group
    group = get_command(bare) if further is not None else get_group(bare)
    group.name = name or group.name
    named = {found: one for info in app.registered_commands for found, one in [_command(info)]}
    for info in app.registered_groups:
        inner = info.typer_instance
        if inner is None or not isinstance(info.name, str):
            raise AssertionError("a group of commands has a name")
        named[info.name] = Named(str(inner.info.help), partial(group_of, inner, name=info.name))
    group.commands = _Commands(named | dict(further or {}))  # type: ignore[attr-defined]
    return group


def _command(info: CommandInfo) -> tuple[str, Named]:
    callback = info.callback
    if callback is None:
        raise AssertionError("a command is a function")
    name = info.name or get_command_name(callback.__name__)
    summary = info.help or inspect.getdoc(callback) or ""
    info = copy.copy(info)
    info.cls = _Command
    build = partial(get_command_from_info, info, pretty_exceptions_short=True, rich_markup_mode=None)
    return name, Named(summary, build)


def built(name: str, found: Any) -> Any:
    """A command out of a function, or a group out of an app."""
    if isinstance(found, typer.Typer):
        return group_of(found, name=name)
    return _command(CommandInfo(name=name, callback=found))[1].build()
