"""Generated request logs, the same from the same seed: JSON lines, Parquet, JSON lines with prompts.

March 2026 is chosen because prices and models change within it (a long-context band goes, several models
appear), so that dated prices are looked up in earnest. One request in a thousand is logged twice, the first
time unfinished, a few records earlier.

    python -m benchmarks.make_data jsonl --rows 1000000
    python -m benchmarks.make_data parquet --rows 10000000
    python -m benchmarks.make_data text --rows 100000
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

SEED: Final = 20260301
START: Final = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 1_000_000
DAYS: Final = 31
CHUNK: Final = 1_000_000
"""Rows drawn at a time; a chunk depends on the seed and its number alone."""
ROW_GROUP: Final = 128 << 10
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

_TEXT: Final = (
    "please summarise the following ticket for our support team and keep it short the customer writes that "
    "the invoice of march was charged twice after the upgrade and asks for a refund of the difference "
    "classify the message extract all dates and amounts then write a polite reply in plain english with the "
    "next steps analyse why the nightly job failed step by step and fix the python function that parses json"
)


def chunks(rows: int, seed: int = SEED) -> Iterator[pa.Table]:
    """`rows` records in order of time, in chunks."""
    for start in range(0, rows, CHUNK):
        size = min(CHUNK, rows - start)
        yield _chunk(np.random.default_rng((seed, start)), size, start / rows, (start + size) / rows)


def _chunk(rng: np.random.Generator, rows: int, begin: float, end: float) -> pa.Table:
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
    unfinished = np.zeros(rows, bool)
    unfinished[:-1] = np.isin(request[:-1], np.flatnonzero(request != np.arange(rows)))
    columns = {
        "timestamp": pa.array(ts, SCHEMA.field("timestamp").type),
        "request_id": _uuids(rng, rows).take(pa.array(request)),
        "provider": _words([p for p, _ in MODELS], model[request]),
        "model": _words([m for _, m in MODELS], model[request]),
        "input_tokens": pa.array(tokens_in[request]),
        "output_tokens": pa.array(np.where(request == np.arange(rows), tokens_out, tokens_out[request] // 2)),
        "cached_tokens": pa.array(cached[request]),
        "feature": _words(FEATURES, feature[request]),
        "user": _words([f"user-{n:04d}" for n in range(USERS)], user[request]),
        "status": _words(["ok", "error"], failed[request].astype(np.int64)),
        "latency_ms": pa.array(latency),
    }
    return pa.table(columns, schema=SCHEMA)


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


def write_parquet(path: Path, rows: int, row_group: int = ROW_GROUP) -> None:
    """The records as zstd-compressed Parquet."""
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for table in chunks(rows):
            writer.write_table(table, row_group_size=row_group)


def write_jsonl(path: Path, rows: int, *, text: bool = False) -> None:
    """The records as JSON lines; with `text`, each with a conversation of about 600 characters."""
    rng = np.random.default_rng(SEED + 1)
    with path.open("w", encoding="utf-8") as out:
        for table in chunks(rows):
            stamps = pc.strftime(table.column("timestamp"), "%Y-%m-%dT%H:%M:%SZ").to_pylist()
            for record, stamp in zip(table.to_pylist(), stamps, strict=True):
                record["timestamp"] = stamp
                if text:
                    record["messages"] = _conversation(rng)
                out.write(json.dumps(record, separators=(",", ":")) + "\n")


def _conversation(rng: np.random.Generator) -> list[dict[str, str]]:
    known = _TEXT.split()
    words = [known[i] for i in rng.integers(0, len(known), 110)]
    return [
        {"role": "system", "content": " ".join(words[:25])},
        {"role": "user", "content": " ".join(words[25:])},
    ]


def log_path(kind: str, rows: int, folder: Path, row_group: int = ROW_GROUP) -> Path:
    """Where the log of that kind and size is kept."""
    suffix = f"-{row_group}.parquet" if kind == "parquet" else ".jsonl"
    return folder / f"{kind}-{rows}-{SEED}{suffix}"


def make(kind: str, rows: int, folder: Path, row_group: int = ROW_GROUP) -> Path:
    """The log of that kind and size, made if it is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    path = log_path(kind, rows, folder, row_group)
    if not path.exists():
        part = path.with_suffix(".part")
        if kind == "parquet":
            write_parquet(part, rows, row_group)
        else:
            write_jsonl(part, rows, text=kind == "text")
        part.replace(path)
    return path


def default_folder() -> Path:
    """Where generated logs are kept: COSTAUDIT_BENCH_DIR, or build/bench beside this folder (not in git)."""
    return Path(os.environ.get("COSTAUDIT_BENCH_DIR") or Path(__file__).parent.parent / "build" / "bench")


def main() -> None:
    """Make one file and print its name."""
    parser = argparse.ArgumentParser(description="Make a generated request log.")
    parser.add_argument("kind", choices=["jsonl", "parquet", "text"])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--row-group", type=int, default=ROW_GROUP)
    parser.add_argument("--folder", type=Path, default=default_folder())
    args = parser.parse_args()
    path = make(args.kind, args.rows, args.folder, args.row_group)
    print(f"{path}  {path.stat().st_size / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
