"""The requests of the generated logs, the same from the same seed, and what they come to.

March 2026 is chosen because prices and models change within it (a long-context band goes, several models
appear), so that dated prices are looked up in earnest. One request in a thousand is logged twice, the first
time unfinished, a few records earlier: both state the time at which it began.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

SEED: Final = 20260301
START: Final = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 1_000_000
DAYS: Final = 31
CHUNK: Final = 1_000_000
"""Rows drawn at a time; a chunk depends on the seed and its number alone."""
USERS: Final = 5_000
TWICE: Final = 1_000
"""One record in so many is logged twice."""

MODELS: Final = (
    ("openai", "gpt-5.2"), ("openai", "gpt-4o-mini"), ("anthropic", "claude-sonnet-4-6"),
    ("anthropic", "claude-haiku-4-5"), ("google", "gemini-2.5-pro"), ("google", "gemini-2.5-flash"),
)  # fmt: skip
FEATURES: Final = (
    "classify_ticket", "extract_keywords", "detect_language", "title_generator", "parse_invoice",
    "summarize_call", "draft_reply", "translate_email", "faq_answer", "product_description",
    "support_chatbot",
    "code_review", "planner_agent", "sql_copilot", "root_cause", "refund_approval", "contract_review",
    "assistant", "playground", "nightly_backfill",
)  # fmt: skip
"""What the calls are for; the last three say nothing about the task."""

SCHEMA: Final = pa.schema([
    ("timestamp", pa.timestamp("us", tz="UTC")), ("request_id", pa.string()), ("provider", pa.string()),
    ("model", pa.string()), ("input_tokens", pa.int64()), ("output_tokens", pa.int64()),
    ("cached_tokens", pa.int64()), ("feature", pa.string()), ("user", pa.string()), ("status", pa.string()),
    ("latency_ms", pa.int64()),
])  # fmt: skip


class Truth(msgspec.Struct):
    """What some records come to, each request once."""

    requests: int = 0
    tokens: list[int] = msgspec.field(default_factory=lambda: [0, 0, 0])
    """New input, input from the cache, output."""
    set_aside: dict[str, int] = msgspec.field(default_factory=dict)
    """Lines that are no requests, by the reason for which they must be set aside."""

    def count(self, table: pa.Table, final: npt.NDArray[np.bool_]) -> None:
        """Add the records that are the last of their request."""
        kept = table.filter(pa.array(final))
        cached, entire = pc.sum(kept["cached_tokens"]).as_py(), pc.sum(kept["input_tokens"]).as_py()
        self.requests += kept.num_rows
        for place, number in enumerate((entire - cached, cached, pc.sum(kept["output_tokens"]).as_py())):
            self.tokens[place] += number


def chunks(rows: int, truth: Truth, seed: int = SEED) -> Iterator[pa.Table]:
    """`rows` records about in order of time, in chunks; what they come to is added to `truth`."""
    for start in range(0, rows, CHUNK):
        size = min(CHUNK, rows - start)
        table, final = _chunk(np.random.default_rng((seed, start)), size, start / rows, (start + size) / rows)
        truth.count(table, final)
        yield table


def _chunk(
    rng: np.random.Generator, rows: int, begin: float, end: float
) -> tuple[pa.Table, npt.NDArray[np.bool_]]:
    """Some records, and which of them are the last of their request."""
    span = DAYS * 86_400_000_000
    ts = START + np.sort(rng.integers(int(begin * span), int(end * span), rows)) // 1000 * 1000
    feature = rng.choice(len(FEATURES), rows, p=_shares(len(FEATURES)))
    model = rng.choice(len(MODELS), rows, p=_shares(len(MODELS)))
    tokens_in = np.clip(rng.lognormal(7.0, 1.3, rows), 12, 260_000).astype(np.int64)
    cached = np.where(rng.random(rows) < 0.4, (tokens_in * rng.random(rows)).astype(np.int64), 0)
    tokens_out = np.clip(rng.lognormal(4.6, 1.5, rows), 1, 8_000).astype(np.int64)
    failed = rng.random(rows) < 0.01
    tokens_out[failed] = 0
    user = rng.zipf(1.3, rows) % USERS
    latency = (tokens_out * 12 + rng.integers(80, 900, rows)).astype(np.int64)
    request = np.arange(rows)
    _log_twice(rng, request, failed)
    final = request == np.arange(rows)
    columns = {
        "timestamp": pa.array(ts[request], SCHEMA.field("timestamp").type),
        "request_id": _uuids(rng, rows).take(pa.array(request)),
        "provider": _words([p for p, _ in MODELS], model[request]),
        "model": _words([m for _, m in MODELS], model[request]),
        "input_tokens": pa.array(tokens_in[request]),
        "output_tokens": pa.array(np.where(final, tokens_out, tokens_out[request] // 2)),
        "cached_tokens": pa.array(cached[request]),
        "feature": _words(FEATURES, feature[request]),
        "user": _words([f"user-{n:04d}" for n in range(USERS)], user[request]),
        "status": _words(["ok", "error"], failed[request].astype(np.int64)),
        "latency_ms": pa.array(latency),
    }
    return pa.table(columns, schema=SCHEMA), final


def _log_twice(
    rng: np.random.Generator, request: npt.NDArray[np.int64], failed: npt.NDArray[np.bool_]
) -> None:
    """Some records become an unfinished report of the request up to 20 records later."""
    rows = len(request)
    early = np.unique(rng.integers(0, max(rows - 21, 1), rows // TWICE))
    late = early + rng.integers(1, 21, len(early))
    keep = ~np.isin(late, early) & ~failed[np.minimum(late, rows - 1)] & (late < rows)
    keep[1:] &= late[1:] != late[:-1]
    request[early[keep]] = late[keep]


def _shares(count: int) -> npt.NDArray[np.float64]:
    weights = 1.0 / np.arange(2, count + 2)
    return np.asarray(weights / weights.sum())


def _words(words: Any, codes: npt.NDArray[np.int64]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(words)).cast(pa.string())


def _uuids(rng: np.random.Generator, rows: int) -> pa.Array:
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    nibbles = digits[rng.integers(0, 16, (rows, 32), dtype=np.uint8)]
    text = np.full((rows, 36), ord("-"), np.uint8)
    text[:, [i for i in range(36) if i not in (8, 13, 18, 23)]] = nibbles
    offsets = np.arange(0, 36 * (rows + 1), 36, dtype=np.int32)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets.tobytes()), pa.py_buffer(text.tobytes()))
