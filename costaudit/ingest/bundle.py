"""Many small files read as one: what a block costs at least is paid once for hundreds of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby
from typing import Any, Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.errors import InputError
from costaudit.ingest.canonical import Parsed, chained
from costaudit.ingest.encoding import UTF8
from costaudit.ingest.lean import begins_lean, lean_batch
from costaudit.ingest.logfile import Compression, Container, LineEnds, LogFile, Places
from costaudit.ingest.quarantine import Place

SMALL_BYTES: Final = 64 << 10
"""Files up to this are bundled: their formats are found out and their records read by one thread."""

_BLOCK_BYTES: Final = 1 << 20
_BLOCK_FILES: Final = 256

_FILE_SHIFT: Final = 40
"""Lines of a bundle are numbered with the number of their file above these bits."""


_CHANCES: Final = 16
"""How often the files of a block are halved to be read together: after that each is read alone."""


class _Readable(Protocol):
    def blocks(self) -> Iterator[Any]: ...
    def parse(self, block: Any) -> Parsed: ...


Open = Callable[[LogFile], _Readable]
"""Opens one file; raises InputError when it cannot be read."""


class BundleBlock(msgspec.Struct, frozen=True):
    """Some neighbouring files of a bundle."""

    index: int
    first: int
    """Number of the first file in the bundle."""
    files: Sequence[LogFile]


class Bundle(msgspec.Struct):
    """Reads small files; `parse` may be called from several threads at once."""

    files: Sequence[LogFile]
    open: Open
    lean: bool = False
    """Whether lean lines can only be flat records: no other format was asked for."""

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
        numbered = list(enumerate(block.files, block.first))
        texts = {number: _lean_text(file) if self.lean else None for number, file in numbered}
        parts: list[Parsed] = []
        chances = _CHANCES
        waiting = [list(run) for _, run in groupby(numbered, lambda one: texts[one[0]] is not None)][::-1]
        while waiting:
            run = waiting.pop()
            lean = chances > 0 and texts[run[0][0]] is not None
            whole = _together([(number, texts[number] or b"") for number, _ in run]) if lean else None
            if whole is not None:
                parts.append(whole)
            elif not lean or len(run) == 1:
                parts += (part for number, file in run for part in self._alone(number, file))
            else:
                chances -= 1
                half = len(run) // 2
                waiting += [run[half:], run[:half]]
        return chained(parts)

    def _alone(self, number: int, file: LogFile) -> list[Parsed]:
        """The calls of one file, in the order of its blocks."""
        try:
            found = self._parsed(file)
        except InputError as error:
            found = [Parsed.nothing()]
            found[0].unread = frozenset({file.name})
            found[0].quarantine.add("unreadable_file", Place(file.name, 0, None, error.message))
        for part in found:
            part.lines = [number << _FILE_SHIFT | line for line in part.lines]
        return found

    def _parsed(self, file: LogFile) -> list[Parsed]:
        try:
            reader = self.open(file.in_memory())
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", path=file.name) from error
        return [reader.parse(block) for block in reader.blocks()]


def _lean_text(file: LogFile) -> bytes | None:
    """The bytes of a file that seems to hold lean lines, with a newline at the end; None for any other."""
    if (
        file.container is not Container.JSONL
        or file.compression is not Compression.NONE
        or file.encoding != UTF8
        or file.line_ends is not LineEnds.NEWLINE
        or file.size > file.limits.line
    ):
        return None
    try:
        data = file.in_memory().data or b""
    except OSError:
        return None  # whoever opens it again says so
    if len(data) > file.limits.line or not begins_lean(data):
        return None
    return data if data.endswith(b"\n") else data + b"\n"


def _together(texts: Sequence[tuple[int, bytes]]) -> Parsed | None:
    """The calls of several numbered files at once; None where one needs a look of its own."""
    batch = lean_batch(b"".join(data for _, data in texts))
    if batch is None:
        return None
    lines = [
        np.arange(1, data.count(b"\n") + 1, dtype=np.int64) | (number << _FILE_SHIFT)
        for number, data in texts
    ]
    parsed = Parsed(batch, np.concatenate(lines).tolist(), batch.num_rows)
    parsed.formats["flat"] = batch.num_rows
    return parsed


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
