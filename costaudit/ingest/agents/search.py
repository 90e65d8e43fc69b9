"""What is in the places of agents: the files of each, and what of it cannot be read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from costaudit.ingest.agents.places import Surroundings, UsualPlace


class Searched(msgspec.Struct, frozen=True):
    """A place that was looked at."""

    place: UsualPlace
    is_there: bool
    files: Sequence[Path]
    """Its logs, in the order of their names."""
    unread: Sequence[tuple[Path, str]]
    """Folders that cannot be read, and why."""


def search(places: Sequence[UsualPlace]) -> list[Searched]:
    """Look at some places. Links to folders are not followed; a folder under two names is one place."""
    found: list[Searched] = []
    seen: set[tuple[str, str]] = set()
    for place in places:
        key = (os.path.realpath(place.folder), place.files.pattern)
        if key not in seen:
            seen.add(key)
            found.append(_searched(place))
    return found


def _searched(place: UsualPlace) -> Searched:
    files: list[Path] = []
    unread: list[tuple[Path, str]] = []

    def note(error: OSError) -> None:
        if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
            folder = error.filename if isinstance(error.filename, str) else place.folder
            unread.append((Path(folder), error.strerror or "it cannot be read"))

    top = os.fspath(place.folder)
    for folder, folders, names in os.walk(top, onerror=note):
        inner = Path(folder).relative_to(place.folder)
        if place.depth is not None and len(inner.parts) >= place.depth:
            folders.clear()
        folders.sort()
        below = [inner / name for name in names]
        files += [place.folder / path for path in below if place.files.fullmatch(path.as_posix())]
    return Searched(place, bool(unread) or place.folder.is_dir(), sorted(files), unread)


def told(path: Path, around: Surroundings) -> str:
    """A path as it is shown: the home as ~, so that it tells nothing of whose it is."""
    try:
        return (Path("~") / path.relative_to(around.home)).as_posix()
    except ValueError:
        return path.as_posix() if around.platform == "win32" else os.fspath(path)
