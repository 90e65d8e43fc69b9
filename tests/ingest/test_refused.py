"""Refused calls have no tokens, whatever their records count; what may have been billed is partial."""

from __future__ import annotations

import pytest

from costaudit.ingest.canonical import batch_of, calls_of
from costaudit.ingest.refused import Refused, without_refused
from costaudit.schema import Call


def after(**facts: object) -> tuple[Call, Refused]:
    call = Call(input=900, cache_read=100, web_searches=1, status="error", **facts)  # type: ignore[arg-type]
    batch, refused = without_refused(batch_of([Call(input=1, output=2), call]))
    untouched, found = calls_of(batch)
    assert untouched == Call(input=1, output=2)
    return found, refused


@pytest.mark.parametrize(
    "code", ["401", "403", "404", "429", "529", "overloaded_error", "insufficient_quota"]
)
def test_a_call_that_was_not_let_in_has_no_tokens(code: str):
    call, refused = after(error_code=code)
    assert (call.input, call.cache_read, call.web_searches, call.quality) == (0, 0, 0, "none")
    assert refused == Refused(1, 1000)


@pytest.mark.parametrize(
    "facts",
    [{"error_code": "500"}, {"error_code": "timeout"}, {"error_code": None}, {"error_code": "400"},
     {"error_code": "429", "output": 3}],
)  # fmt: skip
def test_a_call_that_may_have_run_keeps_its_tokens(facts: dict[str, object]):
    call, refused = after(**facts)
    assert (call.input, call.quality, refused) == (900, "exact", Refused())


@pytest.mark.parametrize("code", ["400", "408", "content_filter"])
def test_azure_may_bill_what_it_refuses(code: str):
    call, refused = after(error_code=code, provider="azure")
    assert (call.input, call.quality, refused) == (900, "partial", Refused())


def test_a_batch_without_errors_is_left_as_it_is():
    batch = batch_of([Call(input=5, output=1)])
    assert without_refused(batch) == (batch, Refused())
