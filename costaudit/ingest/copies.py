"""Files that hold the same bytes, packed or not: found by their beginnings first, and then by all of them."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from costaudit.errors import InputError
from costaudit.ingest.logfile import Compression, LogFile
from costaudit.ingest.streams import chunks
from costaudit.ingest.unpack import BrokenError

_HEAD_BYTES: Final = 1 << 16
_CHUNK_BYTES: Final = 1 << 20


def without_copies(files: Sequence[LogFile]) -> list[LogFile]:
    """The files without those that hold the bytes of one before them, which knows them as its `copies`."""
    copies: dict[str, list[str]] = defaultdict(list)
    gone: set[str] = set()
    if len(files) > 1:
        for alike in _groups(files, lambda file: _digest(file, _HEAD_BYTES)):
            for first, *others in _groups(_of_one_size(alike), _digest):
                copies[first.name] += [name for other in others for name in (other.name, *other.copies)]
                gone.update(other.name for other in others)
    return [replace(f, copies=(*f.copies, *copies[f.name])) for f in files if f.name not in gone]


def _groups(files: Sequence[LogFile], key: Callable[[LogFile], bytes | None]) -> Iterator[Sequence[LogFile]]:
    """Several files each that have the same key."""
    groups: dict[bytes, list[LogFile]] = defaultdict(list)
    for file in files:
        found = key(file)
        if found is not None:
            groups[found].append(file)
    yield from (group for group in groups.values() if len(group) > 1)


def _of_one_size(files: Sequence[LogFile]) -> Sequence[LogFile]:
    """The files that another may equal: of plain ones sizes say so, of packed ones they do not."""
    plain = [file for file in files if file.compression is Compression.NONE]
    if len(plain) < len(files):
        return files
    sizes = Counter(file.size for file in plain)
    return [file for file in plain if sizes[file.size] > 1]


def _digest(file: LogFile, size: int | None = None) -> bytes | None:
    """A hash of the uncompressed bytes, or of so many of the first; None where they cannot be read."""
    found = hashlib.blake2b()
    left = size
    try:
        for chunk in chunks(file, _CHUNK_BYTES if size is None else size):
            found.update(chunk if left is None else chunk[:left])
            left = None if left is None else left - len(chunk)
            if left is not None and left <= 0:
                break
    except BrokenError:
        found.update(b"broken")
    except InputError:
        return None
    return found.digest()
