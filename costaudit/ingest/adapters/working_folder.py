"""The folder that an agent worked in: its name alone, for the rest of a path tells of people and machines."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath


def folder_name(path: str | None) -> str | None:
    r"""The last part of a path of either kind.

    >>> folder_name("/home/dev/shop"), folder_name("C:\\work\\shop"), folder_name(None)
    ('shop', 'shop', None)
    """
    if not path:
        return None
    kind = PureWindowsPath if "\\" in path else PurePosixPath
    return kind(path).name or None
