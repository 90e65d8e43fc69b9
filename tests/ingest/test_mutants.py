"""A count of a real record deleted, renamed or retyped: right all the same, or told, never wrong in silence.

A mutant is told where a record is set aside, where its call is not exact or its reading is ambiguous, or
where a name is noted that nobody reads. Right is a sum of tokens, weighted about as they are priced, that is
the same within 1 % over the calls that count as exact.

What is left are counts that their source leaves out where they are 0, or has since some version only: a
record without one is a good record of another request, and nothing in it could tell.
"""

from __future__ import annotations

import copy
import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.canonical import calls_of
from costaudit.ingest.detect import detect
from costaudit.ingest.quarantine import Place
from costaudit.ingest.records import RecordParser
from costaudit.schema import TOKEN_CLASSES

WEIGHTS: Final = {
    "input": 100, "cache_read": 10, "cache_write_5m": 125, "cache_write_1h": 200, "output": 500,
    "input_audio": 400, "output_audio": 2000, "cache_read_audio": 40, "input_image": 150,
    "output_image": 3000, "cache_read_image": 15,
}  # fmt: skip
KINDS: Final = ("delete", "rename", "text", "float", "null", "list", "object", "bool", "negative", "half")
LEFT_OUT: Final = re.compile(
    r"cachedContentTokenCount|native_tokens_cache_creation|cache_(?:read|write|creation)[._]?(?:input_tokens)?$"
)
"""Counts that their sources leave out: Google's of 0, Vercel's of providers without, attributes of spans."""
NULL: Final = re.compile(r"cached_tokens$")
"""Counts that LiteLLM and others write as null where there are none."""
SESSIONS: Final = ("codex", "claude_code", "gemini_cli")
"""Files whose lines are understood in their order only."""

Keys = tuple[str | int, ...]


class Read(NamedTuple):
    """What some records come to."""

    exact: int
    calls: int
    weak: int
    ambiguous: int
    lost: int
    unread: frozenset[str]


def read(records: list[Any]) -> Read:
    adapter = detect([r for r in records if isinstance(r, dict)][:200], ADAPTERS)
    parser = RecordParser(adapter, ADAPTERS, forced=False)
    for number, record in enumerate(records):
        parser.take(record, Place("log.jsonl", number + 1, None))
    parsed = parser.done()
    calls = calls_of(parsed.batch)
    sure = [c for c in calls if c.quality == "exact" and c.reading != "ambiguous"]
    return Read(
        sum(WEIGHTS[name] * getattr(call, name) for call in sure for name in TOKEN_CLASSES),
        len(calls),
        sum(call.quality != "exact" for call in calls),
        sum(call.reading == "ambiguous" for call in calls),
        parsed.quarantine.total,
        frozenset(parsed.unused.sums),
    )


def is_told(mutant: Read, real: Read) -> bool:
    more = zip(mutant[2:5], real[2:5], strict=True)
    return any(a > b for a, b in more) or not mutant.unread <= real.unread


def is_right(mutant: Read, real: Read) -> bool:
    return abs(mutant.exact - real.exact) <= real.exact / 100 and mutant.calls == real.calls


def numbers(value: Any, above: Keys = ()) -> Iterator[Keys]:
    """The places of numbers."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, inner in entries:
        yield from numbers(inner, (*above, key))
    if (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, str) and value.isdigit() and len(value) < 9
    ):
        yield above


def at(value: Any, keys: Keys) -> Any:
    for key in keys:
        value = value[key]
    return value


def name_of(record: Any, keys: Keys) -> str:
    """What a count is called: of an attribute of a span, its key."""
    holder = at(record, keys[:-2]) if keys[-2:-1] == ("value",) else None
    return str(holder["key"] if isinstance(holder, dict) and "key" in holder else keys[-1])


def is_a_count(record: Any, keys: Keys) -> bool:
    names = (*keys, name_of(record, keys))
    return any(isinstance(n, str) and re.search(r"usage|token|cache|count", n, re.IGNORECASE) for n in names)


def mutated(record: Any, keys: Keys, kind: str, r: random.Random) -> Any:
    record = copy.deepcopy(record)
    holder, key = at(record, keys[:-1]), keys[-1]
    value = holder[key]
    if kind == "delete":
        del holder[key]
    elif kind == "rename":
        around = at(record, keys[:-2]) if keys[-2:-1] == ("value",) else {}
        name = name_of(record, keys)
        other = r.choice(
            [f"{name}_v2", f"new_{name}", name.upper(), "".join(map(str.title, name.split("_")))]
        )
        other = f"{name}_v2" if other == name else other
        if "key" in around:
            around["key"] = other
        else:
            holder[other] = holder.pop(key)
    else:
        number = int(value)
        holder[key] = {
            "text": str(value), "float": float(value), "null": None, "list": [value],
            "object": {"value": value}, "bool": True, "negative": -1 - number, "half": number + 0.5,
        }[kind]  # fmt: skip
    return record


def records_of(path: Path) -> list[Any]:
    text = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def silent_mutants(path: Path, most: int, r: random.Random) -> tuple[int, Counter[tuple[str, str]]]:
    """How many mutants of a file were tried, and those that were wrong in silence, by count and kind."""
    records, tried, silent = records_of(path), 0, Counter[tuple[str, str]]()
    whole = any(name in path.name for name in SESSIONS)
    for number in r.sample(range(len(records)), len(records)):
        group, place = (records, number) if whole else ([records[number]], 0)
        real = read(group)
        if tried >= most or not real.exact:
            continue
        for keys in _counts_that_matter(group, place, real, r)[:3]:
            for kind in KINDS:
                if isinstance(keys[-1], int):
                    continue
                mutant = [*group]
                mutant[place] = mutated(group[place], keys, kind, r)
                found = read(mutant)
                tried += 1
                if not is_told(found, real) and not is_right(found, real):
                    silent[name_of(group[place], keys), kind] += 1
    return tried, silent


def _counts_that_matter(group: list[Any], place: int, real: Read, r: random.Random) -> list[Keys]:
    """Numbers of a record of which another one gives another sum."""
    found = []
    for keys in numbers(group[place]):
        if isinstance(keys[-1], int) or not is_a_count(group[place], keys):
            continue
        other = [*group]
        other[place] = copy.deepcopy(group[place])
        holder = at(other[place], keys[:-1])
        more = int(holder[keys[-1]]) + 1000
        holder[keys[-1]] = str(more) if isinstance(holder[keys[-1]], str) else more
        if read(other).exact != real.exact:
            found.append(keys)
    return r.sample(found, len(found))


@pytest.mark.parametrize(
    ("pattern", "most", "least"),
    [("logs/examples/*.json*", 60, 1300), ("logs/exchanges.jsonl.gz", 700, 700),
     ("logs/otlp/*.gz", 60, 150), ("logs/litellm/*.gz", 100, 100), ("logs/langfuse/*.json", 30, 60)],
)  # fmt: skip
def test_no_mutant_of_a_real_record_is_wrong_in_silence(
    shared_data: Path, pattern: str, most: int, least: int
):
    r = random.Random(pattern)  # noqa: S311 - mutants drawn with a fixed seed
    tried, silent = 0, Counter[tuple[str, str]]()
    for path in sorted(shared_data.glob(pattern)):
        if path.name != "truth.json":
            some, wrong = silent_mutants(path, most, r)
            tried, silent = tried + some, silent + wrong
    assert tried >= least
    assert not {
        (name, kind): number
        for (name, kind), number in silent.items()
        if not (kind in {"delete", "null"} and LEFT_OUT.search(name))
        and not (kind == "null" and NULL.search(name))
    }
