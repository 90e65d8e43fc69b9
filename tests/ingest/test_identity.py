"""Which records are the same call (DESIGN §10)."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.ingest import identity
from costaudit.ingest.canonical import batch_of
from costaudit.ingest.identity import calls_of, identity_hashes, merge_calls, repeated, rows_with
from costaudit.schema import COUNTS, Call


def call(**said: Any) -> Call:
    fields: dict[str, Any] = {"model": "gpt-4o", "input": 10, "output": 5}
    return Call(**fields | said)


def merged(*calls: Call) -> list[Call]:
    """The calls after merging; checked to be the same in every order."""
    found = {
        json.dumps([str(c) for c in merge_calls([copy(c) for c in order])])
        for order in itertools.permutations(calls)
    }
    assert len(found) == 1
    return merge_calls([copy(c) for c in calls])


def copy(one: Call) -> Call:
    (again,) = calls_of(batch_of([one]))
    return again


def test_the_call_id_decides():
    assert len(merged(call(call_id="a", response_id="x"), call(call_id="a", response_id="x"))) == 1
    assert len(merged(call(call_id="a", response_id="x"), call(call_id="b", response_id="x"))) == 2


def test_a_call_id_that_is_used_again_for_another_response_is_another_call():
    """A batch numbers its requests, and so does the next batch."""
    assert (
        len(merged(call(call_id="request-1", response_id="x"), call(call_id="request-1", response_id="y")))
        == 2
    )


def test_a_record_with_the_call_id_alone_joins_the_smallest_response_id():
    found = merged(
        call(call_id="a", response_id="y"),
        call(call_id="a", response_id="x"),
        call(call_id="a", user="ann"),
    )
    assert [(c.response_id, c.user) for c in found] == [("x", "ann"), ("y", None)]


def test_the_response_id_joins_records_of_different_logs():
    gateway = call(call_id="a", response_id="x", reported_picousd=7, user="ann", reading="exclusive")
    sdk = call(response_id="x", final=True, system="s")
    (one,) = merged(gateway, sdk)
    assert (one.call_id, one.user, one.system, one.reported_picousd) == ("a", "ann", "s", 7)
    assert (one.input, one.output) == (10, 5)


def test_a_response_id_that_two_calls_share_joins_the_smallest():
    found = merged(
        call(call_id="b", response_id="x"),
        call(call_id="a", response_id="x"),
        call(response_id="x", user="ann"),
    )
    assert [(c.call_id, c.user) for c in found] == [("a", "ann"), ("b", None)]


def test_the_most_complete_record_wins():
    start = call(response_id="x", input=100, output=1, final=False, ts=5)
    end = call(response_id="x", input=100, output=70, reasoning=9, final=True, ts=9)
    (one,) = merged(start, end, start)
    assert (one.input, one.output, one.reasoning, one.final, one.ts) == (100, 70, 9, True, 5)


def test_no_token_is_counted_twice_that_one_record_splits_finer():
    plain = call(response_id="x", input=100)
    split = call(response_id="x", input=20, cache_read=80)
    (one,) = merged(plain, split)
    assert (one.input, one.cache_read) == (20, 80)


def test_a_record_without_usage_adds_what_it_knows():
    (one,) = merged(
        call(response_id="x", input=0, output=0, quality="none", user="ann"), call(response_id="x")
    )
    assert (one.input, one.quality, one.user) == (10, "exact", "ann")


def test_errors_never_merge_with_successes():
    found = merged(call(call_id="a", status="error", input=0, output=0), call(call_id="a", response_id="x"))
    assert sorted(c.status for c in found) == ["error", "ok"]


def test_attempts_stay_apart_and_the_earlier_are_superseded():
    found = merged(call(call_id="a", attempt=0), call(call_id="a", attempt=1), call(call_id="a", attempt=1))
    assert [(c.attempt, c.status) for c in found] == [(0, "superseded"), (1, "ok")]


@pytest.mark.parametrize(
    "first", [{"response_id": "r"}, {"call_id": "r"}, {"call_id": "c", "response_id": "r"}]
)
def test_a_retry_supersedes_the_request_that_it_names(first: dict[str, str]):
    found = merged(call(**first), call(response_id="r2", parent_id="r", attempt=1), call(response_id="other"))
    assert sorted((c.response_id or c.call_id or "", c.status) for c in found) == [
        ("other", "ok"),
        ("r", "superseded"),
        ("r2", "ok"),
    ]


def test_a_chain_of_retries_supersedes_all_but_the_last():
    found = merged(
        call(response_id="a"),
        call(response_id="b", parent_id="a", attempt=1),
        call(response_id="c", parent_id="b", attempt=2),
    )
    assert [c.status for c in sorted(found, key=str)] == ["superseded", "superseded", "ok"]


def test_a_failed_first_try_stays_an_error():
    found = merged(call(response_id="a", status="error"), call(response_id="b", parent_id="a", attempt=1))
    assert sorted(c.status for c in found) == ["error", "ok"]


def test_the_parent_of_a_span_is_no_first_try():
    assert [c.status for c in merged(call(call_id="a"), call(call_id="b", parent_id="a"))] == ["ok", "ok"]


def test_retries_without_an_id_of_their_own_are_never_merged():
    calls = [call(response_id="a"), call(response_id="b")]
    retries = [call(parent_id="a", attempt=1), call(parent_id="b", attempt=1)]
    assert len(merged(*calls, *retries)) == 4


_ids = st.sampled_from(
    [None, "", "a", "b", "a long id of more than eight bytes", "a long id of more than eight bytez", "ü"]
)
_calls = st.lists(
    st.builds(
        call,
        call_id=_ids.map(lambda i: i or None),
        response_id=_ids.map(lambda i: i or None),
        parent_id=_ids.map(lambda i: i or None),
        attempt=st.sampled_from([None, 0, 1, 2]),
        status=st.sampled_from(["ok", "error", "cancelled"]),
        output=st.integers(0, 3),
    ),
    max_size=8,
)


def merge_found_by_hashes(calls: list[Call]) -> list[str]:
    """As the engine does it: only calls that share a hash are merged, the others stay as they are."""
    batch = batch_of(calls)
    wanted = repeated([identity_hashes(batch)])
    hit = rows_with(batch, wanted) if len(wanted) else np.zeros(len(calls), bool)
    rest = [c for c, h in zip(calls, hit, strict=True) if not h]
    return sorted(str(c) for c in rest + merge_calls([c for c, h in zip(calls, hit, strict=True) if h]))


@given(_calls)
def test_hashes_find_every_candidate(calls: list[Call]):
    expected = sorted(str(c) for c in merge_calls(calls_of(batch_of(calls)))) if calls else []
    assert merge_found_by_hashes(calls_of(batch_of(calls)) if calls else []) == expected


@given(_calls)
def test_merging_is_idempotent_and_without_order(calls: list[Call]):
    fresh = [copy(c) for c in calls]
    once = merge_calls([copy(c) for c in calls])
    assert [str(c) for c in merge_calls([copy(c) for c in reversed(fresh)])] == [str(c) for c in once]
    for name in COUNTS:
        assert sum(getattr(c, name) for c in once) <= sum(getattr(c, name) for c in calls)


def test_equal_texts_hash_alike_wherever_they_stand():
    texts = ["", "a", "abcdefgh", "abcdefghi", "ü" * 30, "x" * 100]
    one = identity_hashes(batch_of([call(call_id=t or None) for t in texts]))
    for chunk in (texts[::-1], texts[2:], ["other", *texts]):
        found = identity_hashes(batch_of([call(call_id=t or None) for t in chunk]))
        assert set(found.tolist()) >= set(one.tolist()) & set(found.tolist())
        assert len(set(found.tolist())) == len({t for t in chunk if t})
    assert identity_hashes(batch_of([call(call_id="abc")])) != identity_hashes(
        batch_of([call(response_id="abc")])
    )


def test_a_slice_of_a_batch_has_the_hashes_of_its_rows():
    batch = batch_of([call(call_id=f"id {n}" * (n % 3)) for n in range(20)])
    rows = batch_of([call(call_id=f"id {n}" * (n % 3)) for n in range(7, 12)])
    assert identity_hashes(batch.slice(7, 5)).tolist() == identity_hashes(rows).tolist()


def test_across_files_and_formats(tmp_path: Path):
    """A LiteLLM row, the OpenAI body of the same response, and the flat record of another call."""
    from tests.engine.audits import audit, write_jsonl, write_parquet  # noqa: PLC0415 - one test needs the engine

    row = {
        "request_id": "chatcmpl-1",
        "litellm_call_id": "call-1",
        "call_type": "acompletion",
        "model": "gpt-4o",
        "custom_llm_provider": "openai",
        "startTime": "2026-10-05 10:00:00+00:00",
        "spend": 0.001,
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "total_tokens": 110,
        "status": "success",
        "metadata": "{}",
        "api_key": "",
        "user": "ann",
    }
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_791_194_400,
        "model": "gpt-4o-2024-08-06",
        "choices": [{"finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 10,
            "total_tokens": 110,
            "prompt_tokens_details": {"cached_tokens": 60},
        },
    }
    flat = {"request_id": "chatcmpl-2", "model": "gpt-4o", "input_tokens": 1, "output_tokens": 1}
    paths = [
        write_jsonl(tmp_path / "litellm.jsonl", [row]),
        write_jsonl(tmp_path / "sdk.jsonl.gz", [body]),
        write_parquet(tmp_path / "flat.parquet", [flat]),
    ]
    report = audit(*paths)
    assert (report.inputs.records, report.inputs.requests, report.inputs.duplicates) == (3, 2, 1)
    tokens = report.spend.tokens
    assert (tokens.input, tokens.cache_read, tokens.output) == (41, 60, 11)
    assert audit(*reversed(paths)).model_dump_json() == report.model_dump_json()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identity, "hash_texts", lambda array, _salt: np.ones(len(array), np.uint64))
        assert audit(*paths).model_dump_json() == report.model_dump_json()
