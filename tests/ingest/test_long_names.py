"""Names without end: their beginning stays, and what tells them apart."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from costaudit.ingest.canonical import batch_of
from costaudit.ingest.long_names import MOST_CHARS, with_short_names
from costaudit.schema import Call
from tests.engine.audits import audit, write_jsonl

LONG = "é" * 1_000_000


def feature_of(*values: str | None, coded: bool = False) -> list[str | None]:
    column = pa.array(values, pa.string())
    batch = pa.record_batch({"feature": column.dictionary_encode() if coded else column})
    found = with_short_names(batch)
    assert found.schema == batch.schema
    return found.column("feature").to_pylist()


@pytest.mark.parametrize("coded", [False, True])
def test_of_a_long_name_the_beginning_stays(coded):
    kept, alike, other, short, absent = feature_of(LONG, LONG, LONG + "x", "short", None, coded=coded)
    assert kept == alike
    assert kept != other
    assert {kept[:MOST_CHARS], other[:MOST_CHARS]} == {"é" * MOST_CHARS}
    assert max(len(kept), len(other)) < MOST_CHARS + 20
    assert (short, absent) == ("short", None)


def test_a_name_that_is_not_longer_stays_as_it_is():
    assert feature_of("x" * MOST_CHARS) == ["x" * MOST_CHARS]


def test_a_batch_without_long_names_is_not_made_anew():
    batch = batch_of([Call(feature="chat", model="gpt-4o", prompt=LONG)])
    assert with_short_names(batch) is batch


def test_ids_and_prompts_stay_whole():
    whole = {"prompt": LONG, "system": LONG, "call_id": LONG, "response_id": LONG, "session": LONG}
    batch = batch_of([Call(feature=LONG, **whole)])
    (row,) = with_short_names(batch).to_pylist()
    assert {name: row[name] for name in whole} == whole
    assert row["feature"] != LONG


def test_the_report_names_what_is_long_by_its_beginning(tmp_path: Path):
    calls = [
        {"request_id": f"r{n}", "model": "gpt-4o", "input_tokens": 10, "output_tokens": 1, "feature": feature}
        for n, feature in enumerate([LONG, LONG, LONG + "x", "chat"])
    ]
    report = audit(write_jsonl(tmp_path / "log.jsonl", calls))
    told = sorted((row.requests, len(row.feature or "")) for row in report.by_feature)
    assert told == [(1, 4), (1, MOST_CHARS + 18), (2, MOST_CHARS + 18)]
