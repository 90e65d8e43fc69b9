"""Requests as lean JSON lines, and what else lines may be: fat, with texts, bad, late, in many files."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.bad_lines import BAD, ONE_IN
from benchmarks.columns_to_json import compact, joined, slices, texts, write_lines
from benchmarks.drawn import FEATURES, SEED, Truth
from benchmarks.fat_fields import fat_fields

FILE_LINES: Final = 20
"""Lines of each file of a folder of small files."""
LATE_FROM: Final = 0.1
"""The part of the log from which on the late field is there."""
POOL: Final = 499
"""Different texts of fields that nobody reads."""

LEAN: Final = (
    ("timestamp", True), ("request_id", True), ("provider", True), ("model", True), ("input_tokens", False),
    ("output_tokens", False), ("cached_tokens", False), ("feature", True), ("user", True), ("status", True),
    ("latency_ms", False),
)  # fmt: skip
"""The fields of a lean line in their order, and whether they are texts."""

WORDS: Final = (
    "please summarise the following ticket for our support team and keep it short the customer writes that "
    "the invoice of march was charged twice after the upgrade and asks for a refund of the difference "
    "classify the message extract all dates and amounts then write a polite reply in plain english with the "
    "next steps analyse why the nightly job failed step by step and fix the python function that parses json"
)
"""Of which prompts consist."""


def lean_fields(batch: pa.RecordBatch) -> list[str | pa.Array]:
    """The lean lines, but for the brace that closes them."""
    pieces: list[str | pa.Array] = []
    for name, is_text in LEAN:
        quote = '"' if is_text else ""
        pieces += [f'{"," if pieces else "{"}"{name}":{quote}', texts(batch.column(name)), quote]
    return pieces


def write_lean(path: Path, rows: int, truth: Truth) -> None:
    """A few fields, all of which are read."""
    write_lines(path, (joined([*lean_fields(batch), "}"]) for batch in slices(rows, truth)))


def write_fat(path: Path, rows: int, truth: Truth) -> None:
    """The same fields among some ninety that nobody reads, most of them nested."""
    rng, pick = random.Random(SEED), np.random.default_rng(SEED)
    pool = pa.array([compact(fat_fields(rng))[1:] for _ in range(POOL)])

    def with_more(batch: pa.RecordBatch) -> pa.Array:
        more = pool.take(pa.array(pick.integers(0, POOL, batch.num_rows)))
        return joined([*lean_fields(batch), ",", more])

    write_lines(path, map(with_more, slices(rows, truth)))


def write_text(path: Path, rows: int, truth: Truth) -> None:
    """With a conversation of about 600 characters: the system prompt of the feature, and a question."""
    rng, words = random.Random(SEED), WORDS.split()
    systems = {feature: " ".join(rng.choices(words, k=25)) for feature in FEATURES}

    def with_text(batch: pa.RecordBatch) -> pa.Array:
        messages = [
            compact([
                {"role": "system", "content": systems[feature]},
                {"role": "user", "content": " ".join(rng.choices(words, k=85))},
            ])
            for feature in batch.column("feature").to_pylist()
        ]  # fmt: skip
        return joined([*lean_fields(batch), ',"messages":', pa.array(messages), "}"])

    write_lines(path, map(with_text, slices(rows, truth)))


def write_bad(path: Path, rows: int, truth: Truth) -> None:
    """The lean lines; after one in a hundred stands a copy of it that is broken, in one way after another."""
    breakages, number = itertools.cycle(BAD), 0
    with path.open("wb") as out:
        for batch in slices(rows, truth):
            for line in joined([*lean_fields(batch), "}"]).to_pylist():
                out.write(line.encode() + b"\n")
                number += 1
                if number % ONE_IN == 0:
                    reason, broken = next(breakages)
                    out.write(broken(line) + b"\n")
                    truth.set_aside[reason] = truth.set_aside.get(reason, 0) + 1


def write_late(path: Path, rows: int, truth: Truth) -> None:
    """The lean lines; after a tenth of them they begin to say whether the answer was streamed."""
    at = 0

    def with_stream(batch: pa.RecordBatch) -> pa.Array:
        nonlocal at
        late = np.arange(at, at + batch.num_rows) >= LATE_FROM * rows
        at += batch.num_rows
        return joined([*lean_fields(batch), pc.if_else(pa.array(late), ',"stream":true}', "}")])

    write_lines(path, map(with_stream, slices(rows, truth)))


def write_small(path: Path, rows: int, truth: Truth) -> None:
    """The lean lines in a folder of files of twenty."""
    path.mkdir()
    numbers = itertools.count(1)
    for batch in slices(rows, truth):
        lines = joined([*lean_fields(batch), "}"])
        for start in range(0, len(lines), FILE_LINES):
            write_lines(path / f"{next(numbers):05d}.jsonl", iter([lines.slice(start, FILE_LINES)]))
