"""Spans inside of spans: which of them are one call seen several times, and whose the calls are.

Two instrumentations of one call, a framework's span around the client's, an agent's span that sums up: each
states usage, and only one of them may count. It is decided over whole traces by who is inside whom, other
spans between them included, from the inside out:

- Around exactly one call with the same usage stands the same call: the two are merged, as records are that
  share an id. So it is with a span without usage around one call, and with one call without usage inside.
- A span around calls of another usage sums them up, or counts in another way: the calls inside count, and it
  is none. It counts beside them where its response id is none of theirs, where they are embeddings and it is
  not, or where an agent or a tool inside of it made them and they are not what it states.
- A failed call and a good one are never the same.
- Session, user and feature of a call are its own or those of the nearest span around it that has them.

Nothing depends on the order in which spans were read.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.ingest.hashes import Hashes
from costaudit.schema import SpanKind
from costaudit.tape.record import span_keys

Ints = npt.NDArray[np.int64]
Index = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.void]
"""Records of SPAN or of CHANGE."""

NO_WORD: Final = -1

SPAN: Final = np.dtype([
    ("trace", np.uint64), ("span", np.uint64), ("parent", np.uint64), ("kind", np.int8), ("counted", bool),
    ("failed", bool), ("has_response", bool), ("input", np.int64), ("fresh", np.int64), ("output", np.int64),
    ("call", np.uint64), ("response", np.uint64), ("session_hash", np.uint64), ("session", np.int32),
    ("user", np.int32), ("feature", np.int32), ("segment", np.int32), ("row", np.int32),
])  # fmt: skip
"""What is known of a span. Parent, call, response and session are 0 where there is none; words are numbers
whose order is that of the words, NO_WORD without any; the segment of a span that is no call is -1."""

CHANGE: Final = np.dtype([
    ("segment", np.int32), ("row", np.int32), ("what", np.uint8), ("call", np.uint64),
    ("response", np.uint64), ("one", np.uint64), ("session_hash", np.uint64), ("session", np.int32),
    ("user", np.int32), ("feature", np.int32),
])  # fmt: skip
"""What is to be changed of a record: `what` adds up the following."""

DROPPED: Final = 1
"""It repeats or sums up what others say, and is no call."""
JOINED: Final = 2
"""It has the ids of the call that it is the same as, 0 for none; `one` is by what they are one if those turn
out to be no identity."""
OWNED: Final = 4
"""It has the session, the user and the feature of spans around it, where those are not 0 or NO_WORD."""

_DOUBLINGS: Final = 40
"""Steps in which each path from a span outwards becomes twice as long: those that do not end are circles."""


def changes_of(spans: Rows) -> Rows:
    """What is to be changed of the records of some whole traces."""
    nodes = _Nodes(spans)
    families = _Families(nodes)
    families.decide()
    changes = np.zeros(len(spans), CHANGE)
    for name in ("segment", "row"):
        changes[name] = spans[name]
    _own(nodes, spans, changes)
    dropped = families.dropped[nodes.of_row]
    joined = families.group[nodes.of_row] >= 0
    changes["one"] = nodes.keys[np.where(joined, families.group[nodes.of_row], nodes.of_row)]
    for name, idents in families.idents().items():
        changes[name] = idents[nodes.of_row]
        joined |= changes[name] != spans[name]
    changes["what"] |= np.where(dropped, DROPPED, np.where(joined, JOINED, 0)).astype(np.uint8)
    return changes[(changes["what"] > 0) & (spans["segment"] >= 0)]


class _Nodes:
    """Spans, each once: several records of one are put together as no order of the input decides."""

    def __init__(self, spans: Rows) -> None:
        keys = span_keys(spans["trace"], spans["span"])
        # calls before other spans, then by all that is said: the first of equals stands for them
        order = np.lexsort([
            -spans["feature"], -spans["user"], -spans["session"], ~spans["session_hash"],
            spans["failed"], -spans["fresh"], -spans["output"], -spans["input"], ~spans["counted"],
            ~spans["parent"], spans["kind"], keys,
        ])  # fmt: skip
        ordered = keys[order]
        is_first = np.append(True, ordered[1:] != ordered[:-1])
        self.spans = spans[order[is_first]]
        named = np.lexsort([spans["call"], spans["response"], ~spans["has_response"], keys])[is_first]
        for name in ("call", "response", "has_response"):  # of a record that has a response id, if one has
            self.spans[name] = spans[name][named]
        self.keys: Hashes = ordered[is_first]
        self.of_row = np.empty(len(spans), np.intp)
        self.of_row[order] = np.cumsum(is_first) - 1
        self.is_call: Mask = self.spans["kind"] <= SpanKind.SERVICE_CALL
        parents = span_keys(self.spans["trace"], self.spans["parent"])
        place = np.minimum(np.searchsorted(self.keys, parents), len(self.keys) - 1)
        known = (self.spans["parent"] != 0) & (self.keys[place] == parents)
        known &= place != np.arange(len(place))
        self.parent: Index = np.where(known, place, -1)

    def nearest(self, wanted: Mask, marks: Mask) -> tuple[Index, Mask]:
        """For every span the nearest one around it that is wanted (-1 without any).

        And whether any of those between them is marked.
        """
        found, between = self.parent.copy(), np.zeros(len(wanted), bool)
        for _ in range(_DOUBLINGS):
            open_ = np.flatnonzero((found >= 0) & ~wanted[found])
            if not len(open_):
                return found, between
            passed = found[open_]
            between[open_] |= marks[passed] | between[passed]
            found[open_] = found[passed]
        found[(found >= 0) & ~wanted[found]] = -1
        return found, between


def _own(nodes: _Nodes, spans: Rows, changes: Rows) -> None:
    """Session, user and feature from the nearest span around that has them."""
    nothing = np.zeros(len(nodes.keys), bool)
    node = nodes.of_row
    for name in ("session", "user", "feature"):
        there = nodes.spans["session_hash"] != 0 if name == "session" else nodes.spans[name] >= 0
        own = spans["session_hash"] != 0 if name == "session" else spans[name] >= 0
        if name == "feature":
            there = there & (nodes.spans["kind"] != SpanKind.SERVICE_CALL)
            own = own & (spans["kind"] != SpanKind.SERVICE_CALL)
        around, _ = nodes.nearest(there, nothing)
        source = np.where(there[node], node, around[node])
        takes = ~own & (source >= 0)
        changes["what"] |= np.where(takes, OWNED, 0).astype(np.uint8)
        changes[name] = np.where(takes, nodes.spans[name][source], NO_WORD)
        if name == "session":
            changes["session_hash"] = np.where(takes, nodes.spans["session_hash"][source], 0)


class _Below(msgspec.Struct):
    """The calls inside of a span, as far as they were counted."""

    near: list[int]
    """Those with usage that no agent or tool of it made."""
    usages: set[tuple[int, int]]
    """Input and output of these …"""
    responses: set[int]
    """… and their response ids."""
    silent: list[int]
    """Those without usage that did not fail, and that no agent or tool of it made."""
    failures: int = 0
    """Those that failed without usage, likewise."""
    nameless: int = 0
    """Those of the first that have no response id."""
    input: int = 0
    """Of all with usage, however they were made."""
    output: int = 0
    count: int = 0
    near_input: int = 0
    near_output: int = 0

    @classmethod
    def nothing(cls) -> _Below:
        return cls([], set(), set(), [])

    def take(self, other: _Below, *, apart: bool) -> _Below:
        """Both together; the larger one is kept and the smaller one taken in."""
        if apart:
            other = _Below([], set(), set(), [], 0, 0, other.input, other.output, other.count)
        if len(other.near) + len(other.silent) > len(self.near) + len(self.silent):
            return other.take(self, apart=False)
        self.near += other.near
        self.usages |= other.usages
        self.responses |= other.responses
        self.silent += other.silent
        for name in ("failures", "nameless", "input", "output", "count", "near_input", "near_output"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self


class _Families:
    """Calls that have another call around or inside of them."""

    def __init__(self, nodes: _Nodes) -> None:
        self.nodes, size = nodes, len(nodes.keys)
        self.dropped = np.zeros(size, bool)
        self.group = np.full(size, -1, np.intp)
        """The innermost span of the calls that are one, for those that are more than one span."""
        self._members: dict[int, list[int]] = {}
        self._named: dict[int, int] = {}
        """Spans without a response id, and ones that are no calls and have it."""
        outer, apart = nodes.nearest(nodes.is_call, nodes.spans["kind"] == SpanKind.APART)
        self._outer = np.where(nodes.is_call, outer, -1)
        self._apart = apart
        self._said: dict[str, dict[int, Any]] = {}
        """What the spans of families say, by name and span."""

    def decide(self) -> None:
        """From the inside out: what every span is to those inside of it."""
        order = self._inside_out()
        inside: dict[int, _Below] = {}
        some = np.array(order, np.intp)
        for name in ("counted", "failed", "input", "fresh", "output", "response", "has_response"):
            self._said[name] = dict(zip(order, self.nodes.spans[name][some].tolist(), strict=True))
        outer = dict(zip(order, self._outer[some].tolist(), strict=True))
        apart = dict(zip(order, self._apart[some].tolist(), strict=True))
        for node in order:
            found = self._seen(node, inside.pop(node, None))
            around = outer[node]
            if around >= 0:
                held = inside.get(around) or _Below.nothing()
                inside[around] = held.take(found, apart=apart[node])

    def _inside_out(self) -> list[int]:
        """Calls with another one around or inside them, inner ones first; those in circles are left out."""
        inner = np.flatnonzero(self._outer >= 0)
        order = np.argsort(self._outer[inner], kind="stable")
        inner, around = inner[order], self._outer[inner][order]
        level = np.setdiff1d(around, inner)
        levels = []
        while len(level):
            levels.append(level)
            first, last = np.searchsorted(around, level), np.searchsorted(around, level, "right")
            spread = np.repeat(first - np.cumsum(np.append(0, (last - first)[:-1])), last - first)
            level = inner[np.arange(len(spread)) + spread]
        return [node for level in reversed(levels) for node in level.tolist()]

    def _seen(self, node: int, below: _Below | None) -> _Below:
        """What a span and those inside it come to, for those around it."""
        if below is not None:
            counted, failed = self._said["counted"][node], self._said["failed"][node]
            found = self._with_usage(node, below, failed=failed) if counted else None
            if not counted:
                found = self._without_usage(node, below, failed=failed)
            if found is not None:
                return found
        return self._alone(node, below)

    def _alone(self, node: int, below: _Below | None) -> _Below:
        """A call of its own: those inside of it are others."""
        said, found = self._said, _Below.nothing()
        if below is not None:
            found.input, found.output, found.count = below.input, below.output, below.count
        if said["counted"][node]:
            found.near, found.usages = [node], {self._usage(node)}
            found.responses = {said["response"][node]} if said["has_response"][node] else set()
            found.nameless = 0 if said["has_response"][node] else 1
            found.near_input, found.near_output = self._usage(node)
            found.input, found.output = found.input + found.near_input, found.output + found.near_output
            found.count += 1
        elif said["failed"][node]:
            found.failures = 1
        else:
            found.silent = [node]
        return found

    def _with_usage(self, node: int, below: _Below, *, failed: bool) -> _Below | None:
        """What it comes to where it is no call of its own; None where it is one."""
        said, usage = self._said, self._usage(node)
        if not below.count:
            self._swallow(node, below, failed=failed)
            return None
        only = below.near[0] if len(below.near) == 1 else None
        if only is not None and self._is_alike(node, only):
            return self._same(node, only, below, failed=failed)
        own = said["response"][node] if said["has_response"][node] else None
        sums = ((below.input, below.output), (below.near_input, below.near_output))
        if only is not None and own in below.responses and usage not in sums:
            return self._same(node, only, below, failed=failed)
        is_other = own is not None and not below.nameless
        embeds = usage[1] > 0 and not below.near_output
        repeats = usage in sums or usage in below.usages or own in below.responses
        if not repeats and (is_other or embeds or not below.near):
            return None
        if only is not None and own is not None and below.nameless and failed == said["failed"][only]:
            self._named[only] = node
            self._answer(node, only, below)
        return self._drop(node, below)

    def _without_usage(self, node: int, below: _Below, *, failed: bool) -> _Below | None:
        if below.count == 1 and len(below.near) == 1:
            return self._same(node, below.near[0], below, failed=failed)
        if not below.count and len(below.silent) == 1 and not below.failures:
            return self._same(node, below.silent[0], below, failed=failed)
        if below.count or below.silent or below.failures:
            return self._drop(node, below)
        return None

    def _swallow(self, node: int, below: _Below, *, failed: bool) -> None:
        """Calls without usage inside of one with it are what it counts, unless they are several responses."""
        responses = [inner for inner in below.silent if self._said["has_response"][inner]]
        for inner in below.silent:
            if len(below.silent) == 1 and not failed:
                self._join(inner, node)
            elif inner not in responses or len(responses) == 1:
                self.dropped[inner] = True

    def _same(self, node: int, inner: int, below: _Below, *, failed: bool) -> _Below:
        """The span is the same call as one inside of it, if both failed or none did."""
        if failed != self._said["failed"][inner]:
            return self._drop(node, below)
        self._join(inner, node)
        self._answer(node, inner, below)
        return below

    def _answer(self, node: int, inner: int, below: _Below) -> None:
        """The response id of a span is that of a call inside of it, if that has none."""
        said = self._said
        if said["has_response"][node] and not said["has_response"][inner]:
            said["has_response"][inner], said["response"][inner] = True, said["response"][node]
            below.responses.add(said["response"][node])
            below.nameless = max(below.nameless - 1, 0)

    def _drop(self, node: int, below: _Below) -> _Below:
        self.dropped[node] = True
        return below

    def _join(self, inner: int, outer: int) -> None:
        """Both are one call, which has the inner one's name here."""
        base = int(self.group[inner]) if self.group[inner] >= 0 else inner
        moved = self._members.pop(int(self.group[outer]), [outer])
        if base not in self._members:
            self._members[base], self.group[base] = [base], base
        self._members[base] += moved
        self.group[moved] = base

    def _usage(self, node: int) -> tuple[int, int]:
        return self._said["input"][node], self._said["output"][node]

    def _is_alike(self, node: int, inner: int) -> bool:
        """Whether two spans state the same usage; one of them may leave out what was cached."""
        said = self._said
        if said["output"][node] != said["output"][inner]:
            return False
        if said["input"][node] == said["input"][inner]:
            return True
        crossed = ((node, inner), (inner, node))
        return said["output"][node] > 0 and any(said["input"][a] == said["fresh"][b] for a, b in crossed)

    def idents(self) -> dict[str, Hashes]:
        """Call and response of every span's call, 0 for none.

        Of a call that is several spans they are those of the innermost one with a response id, so that other
        records of the response join it, else those of the innermost one.
        """
        spans = self.nodes.spans
        source = np.arange(len(spans))
        for base, members in self._members.items():
            source[members] = next((m for m in members if spans["has_response"][m]), base)
        for inner, outer in self._named.items():
            source[self._members.get(int(self.group[inner]), [inner])] = outer
        return {name: spans[name][source] for name in ("call", "response")}
