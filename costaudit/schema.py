"""The words that every other module uses: token classes, statuses, and the canonical columns of a call.

Names follow the OpenTelemetry GenAI conventions for usage and FinOps FOCUS for costs. Token classes
are disjoint: a token is counted in exactly one class; `reasoning` is an "of which" of `output`.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final

import msgspec
import pyarrow as pa

from costaudit import tokens
from costaudit.stated import Stated

MAX_COUNT: Final = 10**11
"""The largest token count that is believed of a request: ten thousand times the largest context window.
Beyond it stand clocks and overflows, of which one would outweigh a year of requests: they are quarantined."""

TokenClass = tokens.TokenClass
TOKEN_CLASSES: Final = tokens.TOKEN_CLASSES
INPUT_SIDE: Final = tokens.INPUT_SIDE

UNITS: Final = ("web_searches",)
"""Counted tool units, billed per unit."""

COUNTS: Final = (*TOKEN_CLASSES, "reasoning", *UNITS)
"""Every integer measure of a call: the token classes, reasoning (of which output), units."""


class Tier(IntEnum):
    """How hard a request is, and so which class of model it needs."""

    TRIVIAL = 0
    STANDARD = 1
    COMPLEX = 2
    HIGH_STAKES = 3

    @property
    def label(self) -> str:
        """The name in reports: trivial, standard, complex, high-stakes."""
        return self.name.lower().replace("_", "-")


UNTAGGED: Final = -1
"""The tier code of a request without evidence: it keeps its model."""


class Status(StrEnum):
    """What became of a call."""

    OK = "ok"
    ERROR = "error"
    CANCELLED = "cancelled"
    CACHE_HIT = "cache_hit"
    """Answered by the gateway's own cache: no provider was paid."""
    SUPERSEDED = "superseded"
    """An attempt that a later attempt of the same request replaced."""


class Quality(StrEnum):
    """How far the token counts of a call can be trusted."""

    EXACT = "exact"
    """All that is billed is counted, and what the counts include is known."""
    PARTIAL = "partial"
    """Some of what is billed is not counted, or stands under a name that nobody reads."""
    AMBIGUOUS = "ambiguous"
    """All is counted, and can be read in two ways that cost differently."""
    GUESSED = "guessed"
    """Stated in full, under keys that are only taken to mean so."""
    ESTIMATED = "estimated"
    """Counts of the text (`--estimate`)."""
    NONE = "none"
    """Nothing is counted."""


COUNTED: Final = (Quality.EXACT, Quality.PARTIAL, Quality.AMBIGUOUS, Quality.GUESSED)
"""Qualities of counts that a record states."""


class Reading(StrEnum):
    """How the source's input count was understood."""

    INCLUSIVE = "inclusive"
    """Input included the cached tokens; they were subtracted."""
    EXCLUSIVE = "exclusive"
    """Input did not include the cached tokens."""
    AMBIGUOUS = "ambiguous"
    """The record's own total fits neither reading, or nothing tells which holds: the default was used."""


class SpanKind(IntEnum):
    """What a span of a trace is to the calls in it."""

    CALL = 0
    """A call of a model."""
    SERVICE_CALL = 1
    """The same, whose feature is no more than the name of its service."""
    AROUND = 2
    """No call: a chain, a handler, a request over HTTP."""
    APART = 3
    """An agent or a tool: calls inside it are others than a call around it."""


class SpanLink(msgspec.Struct, frozen=True):
    """Where a span stands in its trace. Spans inside each other may be one call seen twice."""

    trace: str
    span: str
    parent: str | None = None
    kind: SpanKind = SpanKind.CALL

    @property
    def is_call(self) -> bool:
        """Whether the span is a call of a model."""
        return self.kind <= SpanKind.SERVICE_CALL


class Call(msgspec.Struct, kw_only=True, eq=True):
    """One logged call in canonical form: what every log format is turned into.

    Absent is None. Token counts are disjoint non-negative integers up to 10**11.
    """

    ts: int | None = None
    """When the request was made: microseconds since 1970-01-01 UTC."""
    call_id: str | None = None
    """The log's own id of the call (span id, litellm_call_id, batch custom_id): decides identity."""
    response_id: str | None = None
    """The provider's response id: joins records of the same call across logs."""
    parent_id: str | None = None
    """The request that this is a further attempt of."""
    attempt: int | None = None
    """0 for the first try, 1 for the first retry …"""
    provider: str | None = None
    """Who served the call, as the log names it."""
    model: str | None = None
    """The model that served it (the response's name over the requested one)."""
    model_requested: str | None = None
    gateway: str | None = None
    """The gateway in between, if the log names one."""
    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    input_audio: int = 0
    output_audio: int = 0
    cache_read_audio: int = 0
    input_image: int = 0
    output_image: int = 0
    cache_read_image: int = 0
    reasoning: int = 0
    web_searches: int = 0
    quality: str = "exact"
    reading: str = "inclusive"
    status: str = "ok"
    error_code: str | None = None
    final: bool | None = None
    """True when the record carries a stop reason; False when it says there is none yet."""
    service_tier: str | None = None
    """Served tier as logged (default, batch, flex, priority …); normalised when priced."""
    region: str | None = None
    speed: str | None = None
    feature: str | None = None
    """Feature, endpoint or function that made the call."""
    user: str | None = None
    session: str | None = None
    user_tier: str | None = None
    tier_tag: int | None = None
    """An explicit complexity tier 0-3 that the log carries."""
    tags: str | None = None
    """Free tags, joined by a comma."""
    prompt: str | None = None
    """Text of the last user turn."""
    system: str | None = None
    turns: int | None = None
    """Number of messages in the conversation."""
    has_tools: bool | None = None
    has_images: bool | None = None
    response_format: str | None = None
    """text, json_object, json_schema …"""
    max_tokens: int | None = None
    stream: bool | None = None
    latency_ms: int | None = None
    asked_bytes: int | None = None
    """Text of the request in UTF-8 bytes, where the record does not count its tokens."""
    answered_bytes: int | None = None
    """Text of the answer in UTF-8 bytes, where the record does not count its tokens, or not all of them."""
    longest_prompt: int | None = None
    """Tokens that the prompt of no single call can have exceeded, where a record sums several up: prices for
    long contexts go by this, and not by the sum."""
    reported_picousd: int | None = None
    """The cost that the log states, in 1e-12 USD."""
    stated: Stated | None = None
    """What the source states, until `costaudit.ingest.settle` makes the counts above of it."""
    asked: str | None = None
    """All that was sent, as `costaudit.ingest.asked` writes it: for hashes alone."""
    span: SpanLink | None = None
    """Where the call stands in its trace, if the log is one of spans."""
    copy_of: str | None = None
    """The call id of the record that this one repeats, if it does: a session that goes on from another one
    may begin with a copy of that one's records. Whether it does is said by the run: see
    `costaudit.tape.copied`."""


ASKED: Final = pa.field("asked", pa.string())
"""A further column of batches, until its texts are hashed."""

COPY: Final = pa.field("copy_of", pa.string())
"""The same: a column of batches with records that may repeat others."""

SPAN: Final = pa.schema([
    pa.field("span_trace", pa.string()), pa.field("span_id", pa.string()),
    pa.field("span_parent", pa.string()), pa.field("span_kind", pa.int8()),
])  # fmt: skip
"""Columns of batches that hold spans, named after the fields of `SpanLink`."""

BESIDE: Final = (ASKED, COPY, *SPAN)
"""Columns that a batch may have beside the canonical ones."""

FIELDS: Final = tuple(n for n in Call.__struct_fields__ if n not in ("stated", "span", ASKED.name, COPY.name))
"""The canonical facts of a call, by name: all but its raw counts, its span, what it may repeat and the text
of what was sent."""

_ARROW: Final[dict[str, pa.DataType]] = {
    "ts": pa.timestamp("us", tz="UTC"),
    "attempt": pa.int32(),
    "turns": pa.int32(),
    "tier_tag": pa.int8(),
    "final": pa.bool_(),
    "has_tools": pa.bool_(),
    "has_images": pa.bool_(),
    "stream": pa.bool_(),
    "max_tokens": pa.int64(),
    "latency_ms": pa.int64(),
    "asked_bytes": pa.int64(),
    "answered_bytes": pa.int64(),
    "longest_prompt": pa.int64(),
    "reported_picousd": pa.int64(),
    **{name: pa.int64() for name in COUNTS},
}

CANONICAL: Final = pa.schema([pa.field(name, _ARROW.get(name, pa.string())) for name in FIELDS])
"""Arrow schema of a canonical batch. A batch may leave columns out: an absent column is all null
(all 0 for counts, 'exact', 'inclusive' and 'ok' for quality, reading and status). Text columns may
also be dictionary-encoded."""
