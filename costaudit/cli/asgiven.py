"""Values of the command line that are taken as they are given.

typer converts every value by pydantic, absent ones too, and imports it for that: longer than many commands
take to run. What can only be converted in one way is converted here; all else, and all that is wrong, is
left to typer.
"""

from __future__ import annotations

from typing import Any, Final

_REST: Final = object()
"""A value for typer to convert."""


def take_as_given(parameters: list[Any]) -> list[Any]:
    """The parameters of a command, spared typer's conversion where a value does not need it.

    Versions of typer without pydantic are left as they are.
    """
    for parameter in parameters:
        if hasattr(parameter, "type_descriptor") and getattr(parameter, "_runtime_param", parameter) is None:
            parameter._runtime_param = _AsGiven()  # noqa: SLF001 - what typer would fill in itself
    return parameters


class _AsGiven:
    """What typer asks to convert the values of one parameter."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value as its function wants it; raises typer's error for one that is wrong."""
        found = _taken(value, param)
        if found is not _REST:
            return found
        param._runtime_param = None  # noqa: SLF001 - typer makes its own
        return param.get_runtime_param().coerce(value, param=param, ctx=ctx)


def _taken(value: Any, param: Any) -> Any:
    if value is None:
        return () if param.multiple or param.nargs == -1 else None
    kind, told = param.type_descriptor.annotation, param.type_descriptor.parameter_info
    if told.parser is not None:
        return _REST
    if kind is str:
        return value if _is_text(value) else _REST
    if kind == list[str] and isinstance(value, (list, tuple)):
        return list(value) if all(map(_is_text, value)) else _REST
    if kind is int and not told.clamp:
        number = int(value) if isinstance(value, str) and _is_digits(value) else value
        low, high = (number if limit is None else limit for limit in (told.min, told.max))
        return number if type(number) is int and low <= number <= high else _REST
    return _REST


def _is_text(value: Any) -> bool:
    """Whether it is text without halves of characters, as names in no encoding have."""
    return type(value) is str and (value.isascii() or value.isprintable())


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 15 and (text == "0" or text[0] != "0")
