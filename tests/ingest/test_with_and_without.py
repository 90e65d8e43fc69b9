"""Whatever a file of flat lines holds, reading it by compiled code gives what reading it without gives."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from costaudit.ingest.canonical import Parsed, completed
from costaudit.ingest.jsonl import JsonlReader
from costaudit.ingest.native.reader import NativeReader
from costaudit.ingest.sniff import sniff
from tests.ingest.compiled import reading

ROWS = 400
WORDS = pa.field("model_requested", pa.dictionary(pa.int32(), pa.string()))
"""What is a column of texts without compiled code, and becomes this with the first segment that it is in."""


def lean(r: random.Random, n: int) -> dict[str, Any]:
    return {
        "timestamp": f"2026-03-01T00:{n // 60 % 60:02}:{n % 60:02}.5Z",
        "request_id": f"{r.getrandbits(64):x}",
        "provider": "openai",
        "model": r.choice(["gpt-4o", "gpt-4o-mini"]),
        "input_tokens": r.randrange(9_000),
        "output_tokens": r.randrange(900),
        "user": f"user-{r.randrange(90)}",
        "status": r.choice(["ok", "error"]),
        "cost": r.choice([0.1 + 0.2, 1e-7, 3, None]),
    }


def fat(r: random.Random, n: int) -> dict[str, Any]:
    more = {f"field_{k}": r.choice([k, "x" * k, None, {"a": [k, {"b": "\n"}]}, 0.25]) for k in range(80)}
    numbers = {
        "cost_centre": str(r.randrange(99)),
        "billed_units": r.choice([0, 1, 2.5, "x"]),
        "token_ids": [1],
    }
    usage = {"completion_tokens": 5, "video_tokens": r.randrange(2), "new_details": {"document_tokens": 3}}
    return {**lean(r, n), **more, **numbers, "usage": usage, "metadata": {"user_tier": "gold", "x_tokens": 4}}


def late(r: random.Random, n: int) -> dict[str, Any]:
    more: dict[str, Any] = {"service_tier": "batch"} if n > ROWS / 2 else {}
    return {**lean(r, n), **more, **({"usage": {"reasoning_tokens": 4, "cost": 2}} if n > ROWS * 0.7 else {})}


def escaped(r: random.Random, n: int) -> dict[str, Any]:
    names = {"user": r.choice(["é", "日", " x"]), "prompt": 'say "hi"\n' * r.randrange(5), "tool_cost\\": 5}
    return {**lean(r, n), **names}


def mixed(r: random.Random, n: int) -> dict[str, Any]:
    odd: list[dict[str, Any]] = [
        {"input_tokens": "12"}, {"input_tokens": -1}, {"cost": "0.5"}, {"cost": 2_000},
        {"timestamp": 1_791_190_800},
        {"model": None}, {"user": 7}, {"billed_units": 3}, {"input_tokens": 10**20}, {"usage": []},
    ]  # fmt: skip
    return {**lean(r, n), **(r.choice(odd) if r.random() < 0.2 else {})}


SHAPES = {"lean": lean, "fat": fat, "late": late, "escaped": escaped, "mixed": mixed}
BAD = [
    b"{",
    b'{"model": "gpt-4o",',
    b"\xff",
    b"",
    b" ",
    b"null",
    b"[]",
    b'{"model": "a"} {"model": "b"}',
    b"{}",
]
WRITTEN = {
    "plain": lambda lines: b"\n".join(lines) + b"\n",
    "no last newline": b"\n".join,
    "CRLF, mark": lambda lines: b"\xef\xbb\xbf" + b"\r\n".join(lines) + b"\r\n\r\n",
    "bad": lambda lines: b"\n".join(line + b"\n" + BAD[n % len(BAD)] for n, line in enumerate(lines)),
    "few bad": lambda lines: b"\n".join(
        line + (b"\n" + BAD[n % len(BAD)] if n % 40 == 0 else b"") for n, line in enumerate(lines)
    ),
    "array": lambda lines: b"[\n  " + b",\n  ".join(lines) + b"\n]\n",
    "indented": lambda lines: b"".join(
        json.dumps(json.loads(line), indent=1).encode() + b"\n" for line in lines
    ),
}


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows compiled code has read."""
    rows, real = [0], NativeReader.read

    def read(self: NativeReader, data: bytes, newlines: int = 0) -> Any:
        found = real(self, data, newlines)
        rows[0] += 0 if found is None else len(found.columns.rows)
        return found

    monkeypatch.setattr(NativeReader, "read", read)
    return rows


def parts(path: Path, block_bytes: int) -> list[Parsed]:
    reader = JsonlReader.open(sniff("log.jsonl", path))
    reader.block_bytes = block_bytes  # which compiled code has larger
    return [reader.parse(block) for block in reader.blocks()]


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_is_read_alike(tmp_path: Path, used: list[int], shape: str, written: str):
    r = random.Random(shape)  # noqa: S311 - lines drawn with a fixed seed
    lines = [json.dumps(SHAPES[shape](r, n), ensure_ascii=n % 2 == 0).encode() for n in range(ROWS)]
    path = tmp_path / "log.jsonl"
    path.write_bytes(WRITTEN[written](lines))
    for block_bytes in (20_000, 8 << 20):
        with reading(compiled=True):
            one = parts(path, block_bytes)
        with reading(compiled=False):
            other = parts(path, block_bytes)
        for a, b in zip(one, other, strict=True):
            assert completed(a.batch).equals(completed(b.batch))
            assert list(a.lines) == list(b.lines)
            assert a.quarantine == b.quarantine
            assert a.unused == b.unused
            assert str(sorted(a.unused.sums.items())) == str(sorted(b.unused.sums.items()))  # each digit
            assert (a.records, a.ignored, a.formats) == (b.records, b.ignored, b.formats)
            if written == "plain" and shape == "lean":
                assert set(a.batch.schema) - set(b.batch.schema) <= {WORDS}
    assert used[0] >= (0 if written == "bad" or shape == "escaped" else ROWS / 2), used


def test_numbers_that_nobody_reads_are_told_by_compiled_code(tmp_path: Path, used: list[int]):
    path = tmp_path / "log.jsonl"
    record = {"model": "m", "input_tokens": 5, "my_cost": 0.5, "usage": {"video_tokens": 2}, "note": "x" * 90}
    path.write_text("".join(json.dumps(record) + "\n" for _ in range(ROWS)), "utf-8")
    with reading(compiled=True):
        (part,) = parts(path, 8 << 20)
    assert used[0] == ROWS
    assert {name: (n, str(total)) for name, (n, total) in part.unused.sums.items()} == {
        "my_cost": (ROWS, "200.0"),
        "usage.video_tokens": (ROWS, "800"),
    }
