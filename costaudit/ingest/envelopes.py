"""Envelopes: records that a log shipper, a logging library or a database has put around the record of a call.

One rule for all of them: where no format knows a record, and one of its values that can hold a record (by the
words of its key) is an object of a known format, or a text with such an object in it, that one is the record.
It is looked for level by level. What the envelope states (a time, a user, a latency) is the call's where its
own record does not say it. A record that is known itself is never opened; where two values of a level could
be the record, neither is.

Seen so: CloudWatch (`@message` of Logs Insights, `events[].message`, `logEvents`), Docker's json-file driver
(`log`), Kubernetes (a time, a stream and a flag before each line), Google Cloud Logging (`jsonPayload`,
`textPayload`, `protoPayload`), Elasticsearch (`_source`), Fluent Bit (`log`), journald (`MESSAGE`), Splunk
(`_raw`), Loki (`line`), Cloudflare Workers (`Logs`, with texts in a list), Debezium (`after`), and what pino,
winston, zap and structlog write beside `msg`, `message` or `event`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from costaudit.ingest.adapters import beside, flat
from costaudit.ingest.adapters.row_facts import set_labels
from costaudit.ingest.adapters.spelled import spelled
from costaudit.ingest.detect import matching
from costaudit.ingest.format import Adapter, Inner, Record, Skip, around_of
from costaudit.ingest.when import stated_time
from costaudit.schema import Call

DEPTH: Final = 4
"""Envelopes that are opened, one in the other."""

_HOLDS: Final = re.compile(
    r"payload|data|record|event|log|message|msg|body|response|result|detail|context|ctx|extra|field|source|call"
    r"|entry|content|json|parsed|param|arg|meta|info|value|doc|llm|completion|item|raw|line|text|struct|object"
    r"|usage|chunk|^res$|^after$",
    re.IGNORECASE,
)
"""Words of keys whose values may be the record."""
_ATTRIBUTES: Final = re.compile(r"attribut|propert", re.IGNORECASE)
_OF_SPANS: Final = re.compile(r"span|parent", re.IGNORECASE)
"""Attributes may be the record, too, but not beside a key that speaks of spans: those have a reader."""
_SUMS: Final = re.compile(r"total|summar|aggregat|cumulat|stats", re.IGNORECASE)
"""Words of keys whose values speak of many calls."""
_SAID: Final = re.compile(r"prompt|input|question|query|system|answer", re.IGNORECASE)
"""Words of keys whose values are somebody's text."""

_MOST_OPENED: Final = 5
"""Objects in a text that are looked at."""

_LABELS: Final = ("labels", "tags", "context", "mdc", "extra", "fields")
"""Keys of envelopes with labels in an object."""

_STATED: Final = beside.names_of(
    "provider", "gateway", "model_served", "model_requested", "feature", "user", "session", "user_tier",
    "tier_tag", "messages", "prompt", "system", "tools", "response_format", "max_tokens", "latency_ms",
    "cost",
)  # fmt: skip
"""Names of flat records that an envelope may state. Its ids are those of lines, its status and region
those of the program that wrote them."""


def fill(call: Call, around: Sequence[Record]) -> Call:
    """Take from the envelopes of a call's record what the record does not say."""
    for envelope in around:
        if call.ts is None:
            call.ts = stated_time(envelope)
        if call.model is None and call.model_requested is None:
            call.model = call.model_requested = _stated_model(envelope)
        beside.fill(call, {name: envelope[name] for name in envelope.keys() & _STATED})
        for name in _LABELS:
            labels = envelope.get(name)
            if isinstance(labels, Mapping):
                set_labels(call, labels)
    return call


def _stated_model(envelope: Record) -> str | None:
    """The model that an envelope names in its own words, as `modelId` beside a body of Bedrock."""
    named = (value for key, value in envelope.items() if spelled(key) == "model_requested")
    return next((value for value in named if isinstance(value, str) and value), None)


def opened(record: Record, adapters: Sequence[Adapter]) -> Inner | None:
    """The record in an envelope; None where there is none, or more than one that could be it."""
    return _opened([(record, around_of(record))], adapters, DEPTH)


def _opened(
    envelopes: Sequence[tuple[Record, Sequence[Record]]], adapters: Sequence[Adapter], depth: int
) -> Inner | None:
    held = [
        (value, [*before, envelope, *around])
        for envelope, around in envelopes
        for value, before in _held(envelope)
    ]
    known = [Inner(value, around) for value, around in held if _is_call(value, adapters)]
    if known:
        return known[0] if all(other == known[0] for other in known) else None
    return _opened(held, adapters, depth - 1) if held and depth > 1 else None


def _held(envelope: Record) -> Iterator[tuple[Record, Sequence[Record]]]:
    """The objects that an envelope may hold, and what stands before those that are in a text."""
    is_span = any(_OF_SPANS.search(key) for key in envelope)
    for key, value in envelope.items():
        holds = _HOLDS.search(key) or (_ATTRIBUTES.search(key) and not is_span)
        if not holds or _SUMS.search(key) or _SAID.search(key):
            continue
        if isinstance(value, Mapping):
            yield _single(value), ()
        elif isinstance(value, str) and "{" in value:
            yield from ((found, found.around) for found in objects_in(value))
        elif isinstance(value, list) and len(value) <= _MOST_OPENED:
            texts = (text for text in value if isinstance(text, str) and "{" in text)
            yield from ((found, found.around) for text in texts for found in objects_in(text))


def _single(value: Record) -> Record:
    """An object of lists of one value each as one of values: so Elasticsearch answers with `fields`."""
    lists = value and all(isinstance(one, list) and len(one) == 1 for one in value.values())
    return {key: one[0] for key, one in value.items()} if lists else value


def _is_call(record: Record, adapters: Sequence[Adapter]) -> bool:
    """Whether a record is a call of a known format, and not just something that looks a bit like one."""
    adapter = matching(record, adapters)
    if adapter is None or is_open(record, adapter):
        return False
    try:
        return adapter.session is not None or bool(adapter.calls(record))
    except Skip as skip:
        return skip.reason != "unrecognised"


_ACTIONS: Final = frozenset({"index", "create"})
_ADDRESS: Final = frozenset({"_index", "_id", "_type", "routing", "pipeline", "require_alias"})


def is_no_record(record: Record) -> bool:
    """Whether a line only says where the next one goes, as Elasticsearch's bulk API takes them."""
    if len(record) != 1:
        return False
    name, value = next(iter(record.items()))
    return name in _ACTIONS and isinstance(value, Mapping) and _ADDRESS.issuperset(value)


def is_open(record: Record, adapter: Adapter) -> bool:
    """Whether a record that a format knows may still be an envelope: it is flat and states no usage."""
    return adapter.name == flat.ADAPTER.name and not flat.states_usage(record)


_NO_PREFIX: Final = re.compile(r'"\s*:|"\s*,\s*"')
"""What is the rest of another record, and nothing that stands before one."""
WHEN: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?\ ?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\d\d/[A-Z][a-z]{2}/\d{4}:[\d:]{8} [+-]\d{4}"
)
"""A time as logs write it before what they say."""
_DECODER: Final = json.JSONDecoder()


def objects_in(text: str) -> Iterator[Inner]:
    """The objects in a text, with the time that stands before them.

    >>> [dict(found) for found in objects_in('INFO app {"model": "gpt-4o"}')]
    [{'model': 'gpt-4o'}]
    """
    at, tried = text.find("{"), 0
    while at >= 0 and tried < _MOST_OPENED:
        tried += 1
        before = text[:at]
        if _NO_PREFIX.search(before) or before.count("{") != before.count("}"):
            return
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            if isinstance(value, dict):
                when = WHEN.search(before)
                yield Inner(value, [{"timestamp": when[0]}] if when else [])
        at = text.find("{", end)
