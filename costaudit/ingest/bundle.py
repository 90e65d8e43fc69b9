"""Many small files read as one: what a block costs at least is paid once for hundreds of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from costaudit.errors import InputError
from costaudit.ingest.canonical import Parsed, chained
from costaudit.ingest.logfile import Container, LogFile, Places
from costaudit.ingest.quarantine import Place

SMALL_BYTES: Final = 64 << 10
"""Files up to this are bundled: their formats are found out and their records read by one thread."""

_BLOCK_BYTES: Final = 1 << 20
_BLOCK_FILES: Final = 256

_FILE_SHIFT: Final = 40
"""Lines of a bundle are numbered with the number of their file above these bits."""


class _Readable(Protocol):
    def blocks(self) -> Iterator[Any]: ...
    def parse(self, block: Any) -> Parsed: ...


Open = Callable[[LogFile], _Readable]
"""Opens one file; raises InputError when it cannot be read."""


@dataclass(frozen=True, slots=True)
class BundleBlock:
    """Some neighbouring files of a bundle."""

    index: int
    first: int
    """Number of the first file in the bundle."""
    files: Sequence[LogFile]


@dataclass(slots=True)
class Bundle:
    """Reads small files; `parse` may be called from several threads at once."""

    files: Sequence[LogFile]
    open: Open

    @property
    def name(self) -> str:
        """What the bundle is called among the readers: no two begin with the same file."""
        return self.files[0].name

    def places(self, lines: npt.NDArray[np.int64]) -> Places:
        """Where the entries of a block's `lines` stand: files, the file of each, and its line in it."""
        used, file = np.unique(lines >> _FILE_SHIFT, return_inverse=True)
        names = [self.files[number].name for number in used.tolist()]
        return names, file.astype(np.int32), lines & ((1 << _FILE_SHIFT) - 1)

    def blocks(self, only: Collection[int] | None = None) -> Iterator[BundleBlock]:
        """The files in blocks, or the blocks of the given indices."""
        index, first, size = 0, 0, 0
        for number, file in enumerate(self.files):
            if number > first and (size + file.size > _BLOCK_BYTES or number - first >= _BLOCK_FILES):
                if only is None or index in only:
                    yield BundleBlock(index, first, self.files[first:number])
                index, first, size = index + 1, number, 0
            size += file.size
        if only is None or index in only:
            yield BundleBlock(index, first, self.files[first:])

    def parse(self, block: BundleBlock) -> Parsed:
        """The calls of all files of a block; those that are no logs are named in the quarantine."""
        parts = []
        for number, file in enumerate(block.files, block.first):
            try:
                found = self._parsed(file)
            except InputError as error:
                found = [Parsed.nothing()]
                found[0].unread = frozenset({file.name})
                found[0].quarantine.add("unreadable_file", Place(file.name, 0, None, error.message))
            for part in found:
                part.lines = [number << _FILE_SHIFT | line for line in part.lines]
            parts += found
        return chained(parts)

    def _parsed(self, file: LogFile) -> list[Parsed]:
        try:
            reader = self.open(file.in_memory())
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", path=file.name) from error
        return [reader.parse(block) for block in reader.blocks()]


def bundles_of(files: Sequence[LogFile]) -> Iterator[Sequence[LogFile]]:
    """The files in their order: small neighbours together, any other alone."""
    held: list[LogFile] = []
    for file in files:
        is_small = file.size <= SMALL_BYTES and file.filesystem is None and file.container in _TEXTS
        if not is_small and held:
            yield held
            held = []
        held.append(file)
        if not is_small:
            yield held
            held = []
    if held:
        yield held


_TEXTS: Final = frozenset({Container.JSONL, Container.JSON, Container.CSV})
