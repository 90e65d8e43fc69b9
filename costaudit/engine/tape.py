"""A tape: the requests of a log as compact columns, read once and evaluated under any number of policies.

Merged, tagged and without text. It is held in memory up to a limit and then in a temporary file, which is
gone when the tape is closed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.engine.columns import Batch
from costaudit.engine.requests import Requests
from costaudit.engine.shares import RECORDED, SESSION, request_hashes, session_hashes
from costaudit.schema import CANONICAL, COUNTS
from costaudit.tiers.evidence import Tags
from costaudit.tiers.tagger import Judged

_IN_MEMORY: Final = 256 << 20
"""Bytes beyond which a tape is kept in a temporary file."""

_KEPT: Final = (
    "ts", "provider", "model", "gateway", *COUNTS, "quality", "reading", "status", "service_tier", "region",
    "speed", "feature", "user", "has_tools", "has_images", "response_format", "reported_picousd",
)  # fmt: skip
"""Canonical columns that price, tag or route depends on; no ids and no text."""

_TAGS: Final = {"_tier": np.int8, "_confidence": np.int8, "_evidence": np.int8, "_rule": np.int16}


@dataclass(frozen=True, slots=True)
class Reel:
    """A stretch of a tape: some requests, in the order of the input."""

    number: int
    batch: pa.RecordBatch
    """Canonical columns, and the hashes that `shares` asks for instead of ids."""
    judged: Judged
    session: npt.NDArray[np.uint64]
    """Hash of the session; 0 without one."""


class Tape:
    """Requests that can be gone through again and again. Use as a context manager."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed on exit
        self._written: Any = None
        self._reader: Any = None
        self.requests = 0
        self.has_sessions = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @classmethod
    def of(cls, blocks: Iterable[Requests]) -> Tape:
        """Record the requests of a log."""
        tape = cls()
        for requests in blocks:
            tape.record(requests.batch, requests.judged.tags)
        tape.finish()
        return tape

    def record(self, batch: pa.RecordBatch, tags: Tags) -> None:
        """Add some requests with their tags."""
        calls = Batch(batch)
        columns: dict[str, Any] = {}
        for name in _KEPT:
            column = calls.column(name)
            kind = CANONICAL.field(name).type  # the same in every block, and not dictionary-encoded
            columns[name] = pa.nulls(calls.rows, kind) if column is None else column.cast(kind)
        session = session_hashes(calls)
        columns[RECORDED] = pa.array(request_hashes(calls, np.arange(calls.rows)))
        columns[SESSION] = pa.array(session)
        for name, kind in _TAGS.items():
            columns[name] = pa.array(getattr(tags, name[1:]).astype(kind))
        recorded = pa.RecordBatch.from_pydict(columns)
        if self._written is None:
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._written = pa.ipc.new_file(pa.PythonFile(self._file, "w"), recorded.schema, options=options)
        self._written.write_batch(recorded)
        self.requests += calls.rows
        self.has_sessions = self.has_sessions or bool(session.any())

    def finish(self) -> None:
        """No more requests follow."""
        if self._written is not None:
            self._written.close()
            self._file.seek(0)
            self._reader = pa.ipc.open_file(pa.PythonFile(self._file, "r"))

    def reels(self) -> Iterator[Reel]:
        """Everything, from the beginning."""
        for number in range(0 if self._reader is None else self._reader.num_record_batches):
            batch = self._reader.get_batch(number)
            tags = Tags(*(batch.column(name).to_numpy() for name in _TAGS))
            session = batch.column(SESSION).to_numpy()
            yield Reel(number, batch.drop_columns(list(_TAGS)), Judged(tags, None, None), session)
