"""Logs to try: good lines, and what is put among them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

MANY = 210
"""Good lines before a bad one: more than the sample by which a file is recognised."""
AMONG = MANY + 10
"""Good lines before and after it."""
INPUT_USD, OUTPUT_USD = Decimal("2.5e-6"), Decimal("10e-6")
"""What a token of gpt-4o costs from October 2024 on."""
HEADER = "timestamp,model,input_tokens,output_tokens"
ROW = "2026-10-05T09:00:00Z,gpt-4o,10,1"


def record(number: int = 0, **fields: Any) -> dict[str, Any]:
    """A request of 10 and 1 tokens, with an id of its own."""
    good = {
        "timestamp": f"2026-10-05T09:00:{number % 60:02}Z",
        "request_id": f"r{number}",
        "model": "gpt-4o",
        "input_tokens": 10,
        "output_tokens": 1,
    }
    return good | fields


def packed(value: Any) -> bytes:
    """A value as a line of JSON."""
    return json.dumps(value).encode() + b"\n"


def line(number: int = 0, **fields: Any) -> bytes:
    """A good line."""
    return packed(record(number, **fields))


def lines(count: int, start: int = 0, **fields: Any) -> bytes:
    """Good lines, numbered from `start`."""
    return b"".join(line(number, **fields) for number in range(start, start + count))


def nameless(count: int) -> bytes:
    """Equal lines without an id."""
    return packed({"model": "gpt-4o", "input_tokens": 10, "output_tokens": 1}) * count


def among_good(bad: bytes) -> bytes:
    """Something between good lines, of which there are AMONG."""
    return lines(MANY) + bad + lines(AMONG - MANY, MANY)


def with_fields(fields: str) -> bytes:
    """A line whose output is one token, with further fields as they are written."""
    return f'{{"model":"gpt-4o","output_tokens":1,{fields}}}\n'.encode()


def csv_rows(rows: list[str], header: str = HEADER) -> bytes:
    """A CSV file."""
    return "".join(f"{row}\n" for row in (header, *rows)).encode()
