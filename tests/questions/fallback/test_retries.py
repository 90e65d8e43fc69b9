"""Which attempts are of one request: by ids, by session and attempt number, by the same prompt."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.questions.fallback.failures import FailureReason, reason_of
from costaudit.questions.fallback.retries import Link, Tries, link_attempts

MINUTE = 60_000_000


def tries(*rows: dict[str, Any]) -> Tries:
    plain = {
        "ts": 0, "attempt": 0, "status": "error", "call": None, "response": None, "parent": None,
        "session": None, "feature": None, "prompt": 0,
        "refused": False,
    }  # fmt: skip
    whole = [plain | row for row in rows]
    return Tries(**{name: [row[name] for row in whole] for name in plain})


def linked(*rows: dict[str, Any]) -> list[tuple[tuple[int, ...], tuple[Link, ...], bool]]:
    return [(f.rows, f.links, f.orphan) for f in link_attempts(tries(*rows))]


def test_a_retry_follows_the_request_that_it_names_as_its_parent():
    assert linked(
        {"call": "b", "attempt": 2, "parent": "a", "ts": 3},
        {"call": "a"},
        {"call": "c", "attempt": 1, "parent": "a", "ts": 2},
        {"call": "x"},
    ) == [((1, 2, 0), (Link.IDS, Link.IDS), False), ((3,), (), False)]


def test_attempts_may_name_the_one_before_them_or_share_an_id():
    assert linked(
        {"call": "a"},
        {"call": "b", "attempt": 1, "parent": "a"},
        {"call": "c", "attempt": 2, "parent": "b"},
    ) == [((0, 1, 2), (Link.IDS, Link.IDS), False)]
    assert linked({"call": "a"}, {"call": "a", "attempt": 1}) == [((0, 1), (Link.IDS,), False)]


def test_ids_that_are_used_again_without_an_attempt_number_join_nothing():
    assert linked({"call": "batch-1"}, {"call": "batch-1", "parent": "batch-1"}) == [
        ((0,), (), False),
        ((1,), (), False),
    ]


def test_a_retry_without_its_first_try_is_an_orphan():
    assert linked({"call": "b", "attempt": 1, "parent": "gone"}) == [((0,), (), True)]


def test_a_session_joins_the_next_attempt_number():
    one = {"session": "s", "feature": "f"}
    assert linked(
        one | {"ts": 0},
        one | {"ts": MINUTE, "attempt": 1},
        one | {"ts": 2 * MINUTE, "attempt": 2, "status": "ok"},
    ) == [((0, 1, 2), (Link.SESSION, Link.SESSION), False)]


@pytest.mark.parametrize(
    "second",
    [
        {"session": "other"},
        {"feature": "other"},
        {"attempt": 2},
        {"ts": 11 * MINUTE},
        {"ts": None},
        {"session": None},
    ],
)
def test_a_session_joins_nothing_else(second):
    one = {"session": "s", "feature": "f"}
    found = linked(one, one | {"ts": MINUTE, "attempt": 1} | second)
    assert found == [((0,), (), False), ((1,), (), True)]


def test_each_failure_of_a_session_has_one_follower():
    one = {"session": "s", "feature": "f"}
    found = linked(one, one | {"ts": 1}, one | {"ts": 2, "attempt": 1}, one | {"ts": 3, "attempt": 1})
    assert found == [((0, 3), (Link.SESSION,), False), ((1, 2), (Link.SESSION,), False)]


def test_the_same_prompt_again_is_a_retry_of_a_failure_and_of_nothing_else():
    assert linked({"prompt": 7}, {"prompt": 7, "ts": MINUTE, "status": "ok"}) == [
        ((0, 1), (Link.PROMPT,), False)
    ]
    assert linked({"prompt": 7}, {"prompt": 8, "ts": MINUTE, "status": "ok"}) == [
        ((0,), (), False),
        ((1,), (), False),
    ]
    refused = linked({"prompt": 7, "refused": True}, {"prompt": 7, "ts": MINUTE})
    assert [rows for rows, _, _ in refused] == [(0,), (1,)]
    late = linked({"prompt": 7}, {"prompt": 7, "ts": 11 * MINUTE})
    assert [rows for rows, _, _ in late] == [(0,), (1,)]


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        ("ok", None, None),
        ("cache_hit", None, None),
        ("superseded", None, FailureReason.UNUSABLE),
        ("cancelled", "499", FailureReason.CANCELLED),
        ("error", "429 rate_limit", FailureReason.RATE_LIMIT),
        ("error", "rate_limit_exceeded", FailureReason.RATE_LIMIT),
        ("error", "overloaded_error", FailureReason.RATE_LIMIT),
        ("error", "insufficient_quota", FailureReason.RATE_LIMIT),
        ("error", "ThrottlingException", FailureReason.RATE_LIMIT),
        ("error", "RESOURCE_EXHAUSTED", FailureReason.RATE_LIMIT),
        ("error", "timeout", FailureReason.TIMEOUT),
        ("error", "408", FailureReason.TIMEOUT),
        ("error", "504", FailureReason.TIMEOUT),
        ("error", "APITimeoutError", FailureReason.TIMEOUT),
        ("error", "DEADLINE_EXCEEDED", FailureReason.TIMEOUT),
        ("error", "server_error", FailureReason.SERVER),
        ("error", "503", FailureReason.SERVER),
        ("error", "InternalServerError", FailureReason.SERVER),
        ("error", "APIConnectionError", FailureReason.SERVER),
        ("error", "invalid_json", FailureReason.UNUSABLE),
        ("error", "400", FailureReason.REFUSED),
        ("error", "401", FailureReason.REFUSED),
        ("error", "invalid_request_error", FailureReason.REFUSED),
        ("error", "model_not_found", FailureReason.REFUSED),
        ("error", "content_filter", FailureReason.REFUSED),
        ("error", "context_length_exceeded", FailureReason.REFUSED),
        ("error", "E42900", FailureReason.UNKNOWN),
        ("error", None, FailureReason.UNKNOWN),
    ],
)
def test_an_error_code_says_why(status, code, reason):
    assert reason_of(status, code) == reason
