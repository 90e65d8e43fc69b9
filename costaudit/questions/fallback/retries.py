"""Which attempts are of one request: by ids, else by session and attempt number, else by the same prompt.

Only the first is stated by the log. The others are told apart in the report.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.engine.audit import Requests
from costaudit.ingest.hashes import Hashes, mixed
from costaudit.questions.fallback.failures import FailureReason, reason_of
from costaudit.schema import Status
from costaudit.tape.record import hashes_in
from costaudit.tiers.traits import PROMPT as PROMPT_HASH
from costaudit.tiers.traits import SYSTEM as SYSTEM_HASH

SOON_US: Final = 600_000_000
"""A retry that is only recognised by its session or prompt follows within ten minutes."""


class Link(StrEnum):
    """How an attempt was found to be a further one of a request."""

    IDS = "ids"
    """Its parent id, or the id that both have."""
    SESSION = "session"
    """The same session and feature, and the next attempt number, within ten minutes."""
    PROMPT = "prompt"
    """The same system text and prompt in the same session, within ten minutes after a failure."""


class Family(msgspec.Struct, frozen=True):
    """The attempts of one request, in their order."""

    rows: tuple[int, ...]
    """Rows of the kept attempts; the first is the first try, unless `orphan`."""
    links: tuple[Link, ...]
    """How each but the first was found."""
    orphan: bool
    """Its first try is not in the log, or cannot be told."""


class Tries(msgspec.Struct, frozen=True):
    """What is known of kept attempts, one entry per row."""

    ts: Sequence[int | None]
    attempt: Sequence[int]
    status: Sequence[str]
    call: Sequence[int | None]
    """Hashes of ids, as those of the parent and the session."""
    response: Sequence[int | None]
    parent: Sequence[int | None]
    session: Sequence[int | None]
    feature: Sequence[str | None]
    prompt: Sequence[int]
    """A hash of the texts; 0 without any."""
    refused: Sequence[bool]
    """Failures of the request itself: asked again they fail again."""

    @classmethod
    def of(cls, kept: pa.RecordBatch) -> Tries:
        """Out of kept attempts (see `costaudit.questions.fallback.attempts`)."""

        def listed(name: str) -> list[Any]:
            return list(kept.column(name).to_pylist())

        return cls(
            ts=kept.column("ts").cast(pa.int64()).to_pylist(),
            attempt=[number or 0 for number in listed("attempt")],
            status=listed("status"),
            prompt=listed(PROMPT),
            refused=[
                reason_of(status, code) is FailureReason.REFUSED
                for status, code in zip(listed("status"), listed("error_code"), strict=True)
            ],
            feature=listed("feature"),
            **{n: listed(f"{n}_hash") for n in ("call", "response", "parent", "session")},
        )

    @property
    def size(self) -> int:
        """Number of attempts."""
        return len(self.status)

    def order(self, row: int) -> tuple[int, int, int]:
        """Sorts the attempts of one request."""
        ts = self.ts[row]
        return self.attempt[row], ts if ts is not None else 0, row

    def open(self, row: int) -> bool:
        """Whether an attempt leaves its request without an answer."""
        return self.status[row] in (Status.ERROR, Status.SUPERSEDED)


PROMPT: Final = "_prompt"
"""The column of kept rows that holds the hash of their texts."""


def prompt_hashes(batch: pa.RecordBatch) -> Hashes:
    """A hash of session, system text and prompt of every call; 0 where there is no prompt."""
    found, asked = hashes_in(batch, PROMPT_HASH)
    for name in ("session_hash", SYSTEM_HASH):
        found = mixed(found, hashes_in(batch, name)[0])
    return np.where(asked, np.maximum(found, np.uint64(1)), np.uint64(0))


def link_attempts(tries: Tries) -> list[Family]:
    """The requests that kept attempts belong to, in the order of their first rows."""
    before: dict[int, tuple[int, Link]] = {}
    _by_ids(tries, before)
    _by_session(tries, before)
    _by_prompt(tries, before)
    return _families(tries, before)


_Before = dict[int, tuple[int, Link]]
"""For an attempt the one before it, and how that was found."""


def _by_ids(tries: Tries, before: _Before) -> None:
    """Attempts after the first, joined to those that share their id or that they name as their parent."""
    retries = [row for row in range(tries.size) if tries.attempt[row] > 0]
    named = {ident for row in retries for ident in _own(tries, row) | {tries.parent[row]}} - {None}
    groups = _Groups()
    for row in range(tries.size):
        idents = _own(tries, row) | ({tries.parent[row]} if tries.attempt[row] > 0 else set())
        groups.join(row, [i for i in idents if i in named])
    for rows in groups.listed():
        ordered = sorted(rows, key=tries.order)
        for earlier, later in pairwise(ordered):
            before[later] = earlier, Link.IDS


def _own(tries: Tries, row: int) -> set[int | None]:
    return {tries.call[row], tries.response[row]} - {None}


class _Groups:
    """Rows that share an id, also over others."""

    def __init__(self) -> None:
        self._parent: dict[object, object] = {}

    def join(self, row: int, idents: Iterable[int | None]) -> None:
        for ident in idents:
            a, b = self._root(("row", row)), self._root(("id", ident))
            if a != b:
                self._parent[a] = b

    def _root(self, node: object) -> object:
        self._parent.setdefault(node, node)
        while self._parent[node] != node:
            self._parent[node] = node = self._parent[self._parent[node]]
        return node

    def listed(self) -> list[list[int]]:
        found: dict[object, list[int]] = defaultdict(list)
        for node in list(self._parent):
            if isinstance(node, tuple) and node[0] == "row":
                found[self._root(node)].append(node[1])
        return [sorted(rows) for rows in found.values() if len(rows) > 1]


def _by_session(tries: Tries, before: _Before) -> None:
    """Attempt k that no id joins: to the latest attempt k-1 of session and feature that failed before it."""
    followed = {earlier for earlier, _ in before.values()}
    waiting: dict[tuple[int, str | None, int], list[int]] = defaultdict(list)
    for row in sorted(range(tries.size), key=lambda r: (_time(tries, r), tries.attempt[r], r)):
        session, ts = tries.session[row], tries.ts[row]
        if session is None or ts is None:
            continue
        number = tries.attempt[row]
        if number > 0 and row not in before:
            earlier = waiting[session, tries.feature[row], number - 1]
            while earlier:
                last = earlier.pop()
                if ts - _time(tries, last) <= SOON_US:
                    before[row] = last, Link.SESSION
                    break
                earlier.clear()
        if tries.open(row) and row not in followed:
            waiting[session, tries.feature[row], number].append(row)


def _by_prompt(tries: Tries, before: _Before) -> None:
    """A call with the texts of a failed one before it, where nothing else says what became of that."""
    followed = {earlier for earlier, _ in before.values()}
    waiting: dict[int, int] = {}
    for row in sorted(range(tries.size), key=lambda r: (_time(tries, r), r)):
        prompt, ts = tries.prompt[row], tries.ts[row]
        if not prompt or ts is None or tries.attempt[row] > 0:
            continue
        last = waiting.pop(prompt, None)
        if last is not None and row not in before and ts - _time(tries, last) <= SOON_US:
            before[row] = last, Link.PROMPT
        if tries.open(row) and row not in followed and not tries.refused[row]:
            waiting[prompt] = row


def _time(tries: Tries, row: int) -> int:
    ts = tries.ts[row]
    return ts if ts is not None else 0


def _families(tries: Tries, before: Mapping[int, tuple[int, Link]]) -> list[Family]:
    after = {earlier: (later, link) for later, (earlier, link) in before.items()}
    found = []
    for row in range(tries.size):
        if row in before:
            continue
        rows, links = [row], []
        while rows[-1] in after:
            later, link = after[rows[-1]]
            rows.append(later)
            links.append(link)
        found.append(Family(tuple(rows), tuple(links), orphan=tries.attempt[row] > 0))
    return found


def asked_again(
    requests: Iterable[Requests], wanted: Hashes
) -> Iterable[tuple[Requests, npt.NDArray[np.intp]]]:
    """The answered calls with one of the (sorted) hashes of texts, block by block: a second reading."""
    for some in requests:
        hashes = prompt_hashes(some.batch)
        hit = np.isin(hashes, wanted) & some.judged.words["status"].among(Status.OK)
        if hit.any():
            yield some, np.flatnonzero(hit)
