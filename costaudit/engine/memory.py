"""Parsed blocks that are kept, so that the same logs can be priced under several plans and be parsed once."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from costaudit.ingest.canonical import Parsed
from costaudit.ingest.reader import Reader

ROOM: Final = 512 << 20
"""Bytes of parsed blocks that are kept; the others are parsed again each time."""


@dataclass(slots=True)
class BlockMemory:
    """The blocks of some files, by file and index. Readers of the same files share it."""

    room: int = ROOM
    _held: dict[tuple[str, int], Parsed] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wrap(self, readers: Sequence[Reader]) -> list[Reader]:
        """The same readers, which parse a block only where it is not kept."""
        return [_Remembering(reader, self) for reader in readers]

    def parsed(self, reader: Reader, block: Any) -> Parsed:
        """The calls of a block."""
        key = (reader.name, block.index)
        found = self._held.get(key)
        if found is None:
            found = reader.parse(block)
            with self._lock:
                if key not in self._held and found.batch.nbytes <= self.room:
                    self.room -= found.batch.nbytes
                    self._held[key] = found
        return found


@dataclass(slots=True)
class _Remembering:
    """A reader with a memory."""

    reader: Reader
    memory: BlockMemory

    @property
    def name(self) -> str:
        return self.reader.name

    def place(self, line: int) -> tuple[str, int]:
        return self.reader.place(line)

    def blocks(self, only: Collection[int] | None = None) -> Iterator[Any]:
        return self.reader.blocks(only)

    def parse(self, block: Any) -> Parsed:
        return self.memory.parsed(self.reader, block)
