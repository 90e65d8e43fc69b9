"""How many bytes of logs this process has taken in: for whoever shows how far a reading is."""

from __future__ import annotations

import io
import threading
from typing import IO, Any, Final, cast


class Meter:
    """A count that threads share."""

    def __init__(self) -> None:
        self.taken = 0
        self._lock = threading.Lock()

    def add(self, size: int) -> None:
        """Count some bytes."""
        with self._lock:
            self.taken += size

    def counting(self, stream: IO[bytes]) -> IO[bytes]:
        """The stream, of which all that is read counts."""
        return cast("IO[bytes]", _Counted(stream, self))


METER: Final = Meter()
"""Of this process. It only grows; a reading begins where it stands."""


class _Counted(io.RawIOBase):
    """A stream whose bytes are counted as they are read."""

    def __init__(self, stream: IO[bytes], meter: Meter) -> None:
        self._stream, self._meter = stream, meter

    def read(self, size: int | None = -1, /) -> bytes:
        """Some bytes, counted."""
        data = self._stream.read(-1 if size is None else size)
        self._meter.add(len(data))
        return data

    def readinto(self, buffer: Any, /) -> int:
        """The same into memory that is there."""
        taken = self._stream.readinto(buffer)  # type: ignore[attr-defined]  # every stream of bytes has it
        self._meter.add(taken or 0)
        return taken or 0

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def seekable(self) -> bool:
        """As the stream itself."""
        return self._stream.seekable()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """As in the stream itself."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """As the stream itself says."""
        return self._stream.tell()

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()
        super().close()
