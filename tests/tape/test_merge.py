"""Which records are the same call (DESIGN §10)."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.ingest.canonical import batch_of, calls_of
from costaudit.render.jsonout import render_json
from costaudit.schema import COUNTS, Call
from costaudit.tape.ids import numbers_in, repeated, sorted_keys
from costaudit.tape.merge import merge
from costaudit.tiers.traits import ASKED_BYTES, PREFIXES
from tests.tape import merge_oracle
from tests.tape.calls import merge_calls, record_of


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


def test_records_that_differ_in_what_was_sent_alone_are_merged_alike_in_every_order():
    calls = [call(call_id="a", asked=asked) for asked in ("x" * 3000, "y" * 3000, "y" * 1100, None)]
    sent = {
        str(merge(record_of(order)).batch.select([PREFIXES, ASKED_BYTES]).to_pylist())
        for order in itertools.permutations(calls)
    }
    assert len(sent) == 1


def test_a_call_id_that_is_used_again_for_another_response_is_another_call():
    """A batch numbers its requests, and so does the next batch."""
    assert (
        len(merged(call(call_id="request-1", response_id="x"), call(call_id="request-1", response_id="y")))
        == 2
    )


def test_a_record_with_the_call_id_alone_joins_one_response_id():
    found = merged(
        call(call_id="a", response_id="y"),
        call(call_id="a", response_id="x"),
        call(call_id="a", user="ann"),
    )
    assert sorted(c.response_id or "" for c in found) == ["x", "y"]
    assert sorted(c.user or "" for c in found) == ["", "ann"]


def test_the_response_id_joins_records_of_different_logs():
    gateway = call(call_id="a", response_id="x", reported_picousd=7, user="ann", reading="exclusive")
    sdk = call(response_id="x", final=True, system="s")
    (one,) = merged(gateway, sdk)
    assert (one.call_id, one.user, one.system, one.reported_picousd) == ("a", "ann", "s", 7)
    assert (one.input, one.output) == (10, 5)


def test_a_response_id_that_two_calls_share_joins_one_of_them():
    found = merged(
        call(call_id="b", response_id="x"),
        call(call_id="a", response_id="x"),
        call(response_id="x", user="ann"),
    )
    assert sorted(c.call_id or "" for c in found) == ["a", "b"]
    assert sorted(c.user or "" for c in found) == ["", "ann"]


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
    assert sorted((c.attempt, c.status) for c in found) == [(0, "superseded"), (1, "ok")]


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
    """As a tape does it: only records that share a hash are merged, the others stay as they are."""
    records = record_of(calls)
    found = numbers_in(records, repeated([sorted_keys(records)])) >= 0
    rest = calls_of(records.filter(pa.array(~found)))
    some = merge_calls([c for c, h in zip(calls, found, strict=True) if h]) if found.any() else []
    return sorted(map(str, [*rest, *some]))


@given(_calls)
def test_hashes_find_every_candidate_and_the_plain_rule_agrees(calls: list[Call]):
    if calls:
        expected = sorted(str(c) for c in merge_oracle.merge_calls([copy(c) for c in calls]))
        assert merge_found_by_hashes(calls) == expected
        assert sorted(map(str, merge_calls(calls))) == expected


_said = st.fixed_dictionaries(
    {
        "call_id": st.sampled_from([None, "a", "b"]),
        "response_id": st.sampled_from([None, "x", "y"]),
        "input": st.integers(0, 3),
        "cache_read": st.integers(0, 3),
        "cache_write_5m": st.integers(0, 2),
        "output": st.integers(0, 3),
        "output_audio": st.integers(0, 2),
        "reasoning": st.integers(0, 2),
        "web_searches": st.integers(0, 2),
        "quality": st.sampled_from(["exact", "partial", "none", "estimated"]),
        "reading": st.sampled_from(["inclusive", "exclusive"]),
        "final": st.sampled_from([None, True, False]),
        "status": st.sampled_from(["ok", "error"]),
        "ts": st.sampled_from(
            [
                None,
                1_790_000_000_000_000,
                1_790_000_000_000_001,
                1_790_000_000_004_000,
                1_790_000_600_000_002,
            ]
        ),
        "user": st.sampled_from([None, "ann", "bob"]),
        "gateway": st.sampled_from([None, None, "litellm"]),
        "model": st.sampled_from(["gpt-4o", "gpt-4o", "gpt-4.1"]),
        "feature": st.sampled_from([None, "f", "g"]),
        "session": st.sampled_from([None, None, "s", "t"]),
        "prompt": st.sampled_from([None, "p", "q"]),
        "system": st.sampled_from([None, "t"]),
        "asked_bytes": st.sampled_from([None, 3, 4]),
        "latency_ms": st.sampled_from([None, 3, 4]),
        "reported_picousd": st.sampled_from([None, 0, 5, 7]),
    }
)


@given(st.lists(_said, min_size=1, max_size=6))
def test_what_several_records_say_is_put_together_as_the_plain_rule_does(said: list[dict[str, Any]]):
    calls = [Call(**one) for one in said]
    shares_an_id = any(c.call_id or c.response_id for c in calls)
    if shares_an_id:
        expected = sorted(str(c) for c in merge_oracle.merge_calls([copy(c) for c in calls]))
        assert sorted(map(str, merge_calls(calls))) == expected


@given(_calls)
def test_merging_is_idempotent_and_without_order(calls: list[Call]):
    if not calls:
        return
    once = merge_calls(calls)
    assert [str(c) for c in merge_calls(reversed(calls))] == [str(c) for c in once]
    for name in COUNTS:
        assert sum(getattr(c, name) for c in once) <= sum(getattr(c, name) for c in calls)


def keys_of(*calls: Call) -> list[int]:
    return [int(key) for key in sorted_keys(record_of(calls)).tolist()]


def test_equal_texts_hash_alike_wherever_they_stand():
    texts = ["", "a", "abcdefgh", "abcdefghi", "ü" * 30, "x" * 100]
    one = keys_of(*(call(call_id=t or None) for t in texts))
    for chunk in (texts[::-1], texts[2:], ["other", *texts]):
        found = keys_of(*(call(call_id=t or None) for t in chunk))
        assert set(found) >= set(one) & set(found)
        assert len(set(found)) == len({t for t in chunk if t})
    assert keys_of(call(call_id="abc")) != keys_of(call(response_id="abc"))


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
    assert render_json(audit(*reversed(paths))) == render_json(report)
