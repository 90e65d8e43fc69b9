"""Where the segments of a tape are kept: in memory up to a limit, then in a temporary file without a name."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import IO, Final

import pyarrow as pa

from costaudit import drafts
from costaudit.errors import InputError
from costaudit.tape.segment import Segment

HELD_BYTES: Final = 64 << 20
"""Bytes of segments that are kept in memory; the others go to the file."""


class Spill:
    """Bytes in a temporary file, which is gone when it is closed. Threads may use it at once."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._end = 0
        self._lock = threading.Lock()

    def write(self, data: pa.Buffer) -> tuple[int, int]:
        """Append, and say where: offset and size. Raises InputError where there is no room."""
        import tempfile  # noqa: PLC0415 - start-up

        try:
            with self._lock:
                if self._file is None:
                    self._file = tempfile.TemporaryFile(dir=drafts.temporary_folder())  # noqa: SIM115 - `close`
                offset = self._end
                self._file.seek(offset)
                self._file.write(data)
                self._end += data.size
        except OSError as error:
            raise InputError(
                f"no room for what is read of the logs: {error.strerror}",
                hint="TMPDIR names a folder with room",
            ) from error
        return offset, data.size

    def read(self, offset: int, size: int) -> bytes:
        """What was written there."""
        with self._lock:
            if self._file is None:
                raise AssertionError("nothing was written")
            self._file.seek(offset)
            return self._file.read(size)

    def close(self) -> None:
        """Delete the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Store:
    """Segments by their number, in the order in which they were added. Use `close` when done.

    Segments may be got from several threads at once.
    """

    def __init__(self, room: int = HELD_BYTES) -> None:
        self._room = room
        self._held: dict[int, Segment] = {}
        self._places: dict[int, tuple[int, int]] = {}
        self._elsewhere: dict[int, Callable[[], Segment]] = {}
        self._spill = Spill()
        self.count = 0

    def add(self, segment: Segment) -> int:
        """Keep a segment, and say under which number. Raises InputError where there is no room."""
        number, self.count = self.count, self.count + 1
        if segment.nbytes <= self._room:
            self._room -= segment.nbytes
            self._held[number] = segment
        else:
            self._places[number] = self._spill.write(packed(segment))
        return number

    def add_elsewhere(self, load: Callable[[], Segment]) -> int:
        """A segment that is kept in a file already, and loaded whenever it is asked for."""
        number, self.count = self.count, self.count + 1
        self._elsewhere[number] = load
        return number

    def get(self, number: int) -> Segment:
        """The segment of a number."""
        if number in self._elsewhere:
            return self._elsewhere[number]()
        held = self._held.get(number)
        return held or unpacked(pa.py_buffer(self._spill.read(*self._places[number])))

    def drop(self, number: int) -> None:
        """Forget a segment."""
        held = self._held.pop(number, None)
        self._room += 0 if held is None else held.nbytes

    def close(self) -> None:
        """Forget all segments."""
        self._held.clear()
        self._elsewhere.clear()
        self._spill.close()


def packed(segment: Segment) -> pa.Buffer:
    """A segment as bytes: two Arrow streams, the kinds and the rows."""
    sink = pa.BufferOutputStream()
    for batch in (segment.kinds, segment.rows):
        with pa.ipc.new_stream(sink, batch.schema) as stream:
            stream.write_batch(batch)
    return sink.getvalue()


def unpacked(data: pa.Buffer) -> Segment:
    """The inverse of `packed`."""
    source = pa.BufferReader(data)
    kinds, rows = (pa.ipc.open_stream(source).read_all() for _ in range(2))
    return Segment(_one(rows), _one(kinds))


def _one(table: pa.Table) -> pa.RecordBatch:
    batches = table.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], table.schema)
