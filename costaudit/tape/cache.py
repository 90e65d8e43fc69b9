"""What reading files came to, kept for the next question: one tape per file, or per bundle of small ones.

A tape is found by the bytes of its files and by all that reading depends on beside them: the readers as they
are installed, the formats, the limits, the rules by which texts are scored. So one that no longer holds is
never found, only in the way; the least used ones go once there are too many. That the bytes of a file are the
same is taken from its number, size and times, if they are old enough to tell, and else from the bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from costaudit import __version__
from costaudit.errors import CostauditError, InputError
from costaudit.ingest.logfile import Container, LogFile
from costaudit.prices.folders import shipped_directory
from costaudit.tape.segment import Segment
from costaudit.tape.tape import Found
from costaudit.tape.tapefile import TapeFile, TapeWriter, open_tape
from costaudit.writing import replacing, write_whole

VARIABLE: Final = "COSTAUDIT_CACHE_DIR"

MOST_BYTES: Final = 8 << 30
"""What all tapes together may take; the least recently used go first."""

ENDING: Final = ".segments"
"""Of a tape in the cache: a folder of logs that has the cache in it does not count it twice."""
_SEEN: Final = "seen"
_TAG: Final = "CACHEDIR.TAG"
_TAGGED: Final = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n# Kept by costaudit; costaudit cache clear deletes it.\n"
)
"""By this file backups know what can be made again: see bford.info/cachedir."""

_RACY_NS: Final = 2_000_000_000
"""So short a time after a change of a file there may be another one of which its times do not tell."""

_READERS: Final = ("ingest", "tape", "tiers")
"""The parts whose every change may change what a file comes to; beside them what all parts stand on."""

State = tuple[int, int, int, int, int]
"""Of a file: device, number, size, and the times of the last change of content and of anything."""


class Key(msgspec.Struct, frozen=True):
    """Under which name the tape of some files is kept."""

    name: str
    files: Sequence[tuple[Path, State]]
    """Their states before they were read."""

    def is_unchanged(self) -> bool:
        """Whether the files are as they were."""
        return all(_state(path) == state for path, state in self.files)


class _Seen(msgspec.Struct, frozen=True):
    """Files whose bytes were hashed."""

    states: list[State]
    at_ns: int
    """The time before that."""
    digest: str


class Cache:
    """A folder of tapes. What cannot be read or written there is read from the logs, and nothing is lost."""

    def __init__(self, folder: Path, reading: str) -> None:
        """`reading` names what the result of reading depends on beside the bytes and the readers."""
        self.folder = folder
        self.trouble: str | None = None
        """Why nothing can be kept, if so."""
        self._reading = hashlib.sha256(f"{_readers()}\n{reading}".encode()).hexdigest()
        self._wrote = False

    def key_of(self, files: Sequence[LogFile], rules: str) -> Key | None:
        """The key of files that are read together, texts by `rules`; None for files that are not kept.

        Those are databases, whose changes may stand beside their file, and what is on other machines.
        """
        if any(file.filesystem is not None or file.container is Container.SQLITE for file in files):
            return None
        try:
            states = [(file.path, _state(file.path)) for file in files]
            digest = self._digest(files, [state for _, state in states])
        except OSError:
            return None
        limits = repr([(file.limits, file.notation) for file in files])
        name = hashlib.sha256(f"{self._reading}\n{rules}\n{limits}\n{digest}".encode()).hexdigest()
        return Key(name, states)

    def get(self, key: Key, names: Sequence[str]) -> TapeFile | None:
        """The tape of some files under their names as they are now; None where there is none."""
        path = self.path_of(key)
        try:
            found = open_tape(path, names)
            os.utime(path)
        except (InputError, OSError):  # none, or one that does not hold any more: it is made again
            return None
        return found

    def draft(self, key: Key, names: Sequence[str], rules: str) -> TapeDraft:
        """What files come to, to be kept if it is whole and they have not changed meanwhile."""
        return TapeDraft(self, key, names, rules)

    def trim(self) -> None:
        """Delete the least recently used tapes, if they take too much."""
        if not self._wrote:
            return
        with contextlib.suppress(OSError):
            entries = sorted(_entries(self.folder), key=lambda entry: -entry.used)
            total = 0
            for entry in entries:
                total += entry.size
                if total > MOST_BYTES:
                    entry.path.unlink(missing_ok=True)

    def path_of(self, key: Key) -> Path:
        """Where the tape of a key is kept."""
        return self.folder / key.name[:2] / (key.name + ENDING)

    def _digest(self, files: Sequence[LogFile], states: list[State]) -> str:
        """What the bytes of the files are, from what is known of them or from the bytes."""
        names = "\0".join(str(file.path.absolute()) for file in files)
        path = self.folder / _SEEN / hashlib.sha256(os.fsencode(names)).hexdigest()
        try:
            seen = msgspec.json.decode(path.read_bytes(), type=_Seen)
            if seen.states == states and all(_is_old(state, seen.at_ns) for state in states):
                return seen.digest
        except (OSError, msgspec.MsgspecError):
            seen = None
        at_ns = time.time_ns()
        found = hashlib.sha256()
        for file in files:
            with file.open() as stream:
                found.update(hashlib.file_digest(stream, "sha256").digest())  # type: ignore[arg-type]
        digest = found.hexdigest()
        if all(_is_old(state, at_ns) for state in states):
            self._write(path, msgspec.json.encode(_Seen(states, at_ns, digest)))
        return digest

    def _write(self, path: Path, data: bytes) -> None:
        try:
            self.prepare(path.parent)
            write_whole(path, data)
        except (OSError, CostauditError) as error:
            self.note(error)

    def prepare(self, folder: Path) -> None:
        """Make a folder of the cache, for this user alone. Raises OSError."""
        if not self.folder.is_dir():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.folder / _TAG).write_bytes(_TAGGED)
        folder.mkdir(mode=0o700, exist_ok=True)
        self._wrote = True

    def note(self, error: Exception) -> None:
        """Remember why something could not be kept."""
        said = error.strerror if isinstance(error, OSError) else getattr(error, "message", error)
        self.trouble = self.trouble or str(said)


class TapeDraft:
    """The tape of some files while they are read. Use `close` when done."""

    def __init__(self, cache: Cache, key: Key, names: Sequence[str], rules: str) -> None:
        self._cache, self._key, self._rules = cache, key, rules
        self._stack = contextlib.ExitStack()
        self._writer: TapeWriter | None = None
        path = cache.path_of(key)
        with self._trying():
            cache.prepare(path.parent)
            stream = self._stack.enter_context(replacing(path))
            self._writer = TapeWriter(stream, [(name, 0) for name in names])

    def add(self, segment: Segment) -> None:
        """The next records."""
        if self._writer is not None:
            with self._trying():
                self._writer.add(segment)

    def add_around(self, segment: Segment) -> None:
        """The next spans that are no calls."""
        if self._writer is not None:
            with self._trying():
                self._writer.add_around(segment)

    def finish(self, found: Found) -> None:
        """Keep it, unless the files have changed while they were read."""
        if self._writer is None or not self._key.is_unchanged():
            return
        with self._trying():
            self._writer.finish(found, self._rules)
            self._stack.close()

    def close(self) -> None:
        """Forget it, if it was not kept."""
        self._drop()

    @contextlib.contextmanager
    def _trying(self) -> Iterator[None]:
        try:
            yield
        except (OSError, CostauditError) as error:
            self._cache.note(error)
            self._drop()

    def _drop(self) -> None:
        self._writer = None
        with contextlib.suppress(OSError, CostauditError, _DroppedError):
            self._stack.__exit__(_DroppedError, _DroppedError(), None)


class _DroppedError(Exception):
    """Ends the writing of what is not to be kept."""


class CachedTape(msgspec.Struct, frozen=True):
    """A tape of the cache."""

    path: Path
    size: int
    used: float
    """When it was last asked for, in seconds since 1970."""


def _entries(folder: Path) -> Iterator[CachedTape]:
    """The tapes of a folder; whatever else is in it is not ours. Raises OSError where it cannot be read."""
    for below in sorted(folder.iterdir()) if folder.is_dir() else ():
        if len(below.name) == 2 and below.is_dir():
            for path in sorted(below.glob(f"*{ENDING}")):
                with contextlib.suppress(FileNotFoundError):  # another run was quicker
                    state = path.stat()
                    yield CachedTape(path, state.st_size, state.st_mtime)


def entries_of(folder: Path) -> list[CachedTape]:
    """The tapes of a cache. Raises InputError where the folder cannot be read."""
    try:
        return list(_entries(folder))
    except OSError as error:
        raise InputError(f"the cache cannot be read: {error.strerror}", path=str(folder)) from error


def clear_cache(folder: Path) -> list[CachedTape]:
    """Delete what the cache keeps, and say what it was; other files stay. Raises InputError."""
    entries = entries_of(folder)
    try:
        for path in [*(entry.path for entry in entries), *(folder / _SEEN).glob("*")]:
            path.unlink(missing_ok=True)
        for below in {entry.path.parent for entry in entries} | {folder / _SEEN}:
            with contextlib.suppress(OSError):  # another run has just written there
                below.rmdir()
    except OSError as error:
        raise InputError(f"it cannot be deleted: {error.strerror}", path=str(folder)) from error
    return entries


def cache_folder() -> Path:
    """Where tapes are kept: COSTAUDIT_CACHE_DIR, or where this system keeps such things."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    from platformdirs import user_cache_path  # noqa: PLC0415 - start-up

    return user_cache_path("costaudit", appauthor=False)


def _state(path: Path) -> State:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _is_old(state: State, at_ns: int) -> bool:
    return max(state[3:]) + _RACY_NS < at_ns


def _readers() -> str:
    """The readers as they are installed: version, and the files that they are made of."""
    top = Path(__file__).parents[1]
    paths = [*top.glob("*.py"), top / "prices" / "semantics.py", shipped_directory() / "semantics.csv"]
    for part in _READERS:
        for folder, folders, names in os.walk(top / part):
            folders[:] = [name for name in folders if name != "__pycache__"]
            paths += [Path(folder, name) for name in names]
    states = [(str(path), path.stat()) for path in sorted(paths)]
    return "\n".join([__version__, *(f"{name} {s.st_size} {s.st_mtime_ns}" for name, s in states)])
