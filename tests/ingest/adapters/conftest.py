"""Records for the adapter tests: from the shared examples, and the calls that they must give."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

JsonObject = dict[str, Any]


def read_records(path: Path) -> list[JsonObject]:
    """The JSON objects of a file: JSON lines, also compressed, or one JSON document."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if ".jsonl" in path.suffixes:
        return [json.loads(line) for line in data.splitlines()]
    document = json.loads(data)
    return document if isinstance(document, list) else [document]


@pytest.fixture
def examples(shared_data: Path) -> Callable[[str], list[JsonObject]]:
    """The records of one file of `logs/examples`."""
    return lambda name: read_records(shared_data / "logs" / "examples" / name)


@pytest.fixture
def logs(shared_data: Path) -> Callable[[str], list[JsonObject]]:
    """The records of one file of `logs`."""
    return lambda name: read_records(shared_data / "logs" / name)


@pytest.fixture
def truth(shared_data: Path) -> JsonObject:
    """The four calls A, B, C and D that the examples state in every format."""
    calls: JsonObject = read_records(shared_data / "logs" / "examples" / "truth.json")[0]["calls"]
    return calls


@pytest.fixture
def example_records(shared_data: Path) -> list[JsonObject]:
    """Every example record of every format, as raw material for the tests with mutations."""
    folder = shared_data / "logs" / "examples"
    return [record for path in sorted(folder.glob("*.json*")) for record in read_records(path)]
