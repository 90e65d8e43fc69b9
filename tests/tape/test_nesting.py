"""Model spans inside of model spans: which of them are one call, wherever in the run they stand."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from costaudit.ingest.hashes import hash_texts
from costaudit.schema import Call, SpanKind, SpanLink
from costaudit.tape.record import span_keys
from tests.tape.calls import calls_of_run

AROUND, APART = SpanKind.AROUND, SpanKind.APART
SILENT = {"input": 0, "output": 0, "quality": "none"}


def span(ident: str, parent: str | None = None, kind: SpanKind = SpanKind.CALL, **said: Any) -> Call:
    """A call of 500 and 60 tokens, or a span that is none."""
    link = SpanLink("t", ident, parent, kind)
    if kind >= AROUND:
        return Call(span=link, **said)
    own = None if said.get("response_id") else f"t:{ident}"
    return Call(**{"model": "gpt-4o", "call_id": own, "input": 500, "output": 60, "span": link} | said)


def run(*spans: Call) -> list[Call]:
    """The requests that some spans come to; checked to be the same however they are strewn over blocks."""
    whole = calls_of_run([[replace(one) for one in spans]])
    alone = [[replace(one)] for one in reversed(spans)]
    assert [str(c) for c in calls_of_run(alone, held=0, at_once=1)] == [str(c) for c in whole]
    return whole


def usages(calls: list[Call]) -> list[tuple[int, int]]:
    return sorted((c.input + c.cache_read, c.output) for c in calls)


def test_a_span_around_one_of_the_same_usage_is_the_same_call():
    (one,) = run(span("o", user="ann", model="gpt-4o"), span("i", "o", latency_ms=7))
    assert (one.input, one.output, one.user, one.latency_ms) == (500, 60, "ann", 7)


def test_other_spans_may_stand_between_them():
    assert len(run(span("o"), span("x", "o", AROUND), span("y", "x", AROUND), span("i", "y"))) == 1


def test_without_the_spans_between_them_nobody_knows():
    assert len(run(span("o"), span("i", "y"))) == 2


def test_another_trace_has_other_spans():
    other = span("i", "o")
    other.span, other.call_id = SpanLink("u", "i", "o"), "u:i"
    assert len(run(span("o"), other)) == 2


def test_the_finer_split_counts_and_never_the_sum():
    (one,) = run(span("o"), span("i", "o", input=100, cache_read=400))
    assert (one.input, one.cache_read, one.output) == (100, 400, 60)
    (one,) = run(span("o", input=100, cache_read=400), span("i", "o", input=100))
    assert (one.input, one.cache_read, one.output) == (100, 400, 60)


def test_of_a_sum_the_parts_count():
    found = run(span("o", input=700, output=90), span("a", "o"), span("b", "o", input=200, output=30))
    assert usages(found) == [(200, 30), (500, 60)]


def test_a_sum_may_have_the_response_id_of_its_last_part():
    found = run(
        span("o", input=700, output=90, response_id="r2"),
        span("a", "o", response_id="r1"),
        span("b", "o", input=200, output=30, response_id="r2"),
    )
    assert usages(found) == [(200, 30), (500, 60)]


def test_of_an_outer_span_with_other_usage_the_inner_one_counts():
    assert usages(run(span("o", input=480, output=55), span("i", "o"))) == [(500, 60)]


def test_a_response_of_its_own_counts_beside_those_inside():
    found = run(span("o", input=480, output=55, response_id="r1"), span("i", "o", response_id="r2"))
    assert usages(found) == [(480, 55), (500, 60)]


def test_a_response_id_may_be_that_of_the_call_inside_that_states_none():
    """As a framework's span with the body and the sum of the run, around the client's with the usage."""
    body = Call(model="gpt-4o", response_id="r1", input=500, output=60, system="s")
    (one,) = run(span("o", input=1568, output=423, response_id="r1"), span("i", "o"), body)
    assert (one.input, one.output, one.system) == (500, 60, "s")


def test_the_same_usage_under_two_response_ids_is_a_gateway_in_between():
    assert usages(run(span("o", response_id="gen-1"), span("i", "o", response_id="r"))) == [(500, 60)]


def test_an_outer_span_without_usage_is_none_beside_those_inside():
    assert usages(run(span("o", **SILENT), span("i", "o"))) == [(500, 60)]
    assert usages(run(span("o", **SILENT), span("a", "o"), span("b", "o"))) == [(500, 60), (500, 60)]


def test_an_inner_span_without_usage_is_the_call_around_it():
    (one,) = run(span("o"), span("i", "o", response_id="r", **SILENT))
    assert (one.input, one.output, one.response_id) == (500, 60, "r")


def test_a_failed_attempt_inside_of_a_call_stays():
    failed = span("f", "o", status="error", **SILENT)
    assert sorted(c.status for c in run(span("o", response_id="r"), failed)) == ["error", "ok"]
    assert sorted(c.status for c in run(span("o"), failed, span("i", "o"))) == ["error", "ok"]


def test_one_failure_seen_twice_is_one():
    (one,) = run(
        span("o", status="error", **SILENT), span("i", "o", status="error", error_code="429", **SILENT)
    )
    assert (one.status, one.error_code) == ("error", "429")


def test_a_good_call_inside_of_what_failed_afterwards_counts_alone():
    (one,) = run(span("o", status="error"), span("i", "o"))
    assert (one.status, one.call_id) == ("ok", "t:i")


def test_what_a_tool_inside_of_a_call_asks_is_another_call():
    tool = span("x", "o", APART)
    found = run(span("o"), tool, span("i", "x", input=200, output=30))
    assert usages(found) == [(200, 30), (500, 60)]
    twice = run(span("o"), span("g", "o"), tool, span("i", "x", input=200, output=30))
    assert usages(twice) == [(200, 30), (500, 60)]
    summed = run(span("o", input=700, output=90), span("g", "o"), tool, span("i", "x", input=200, output=30))
    assert usages(summed) == [(200, 30), (500, 60)]


def test_an_embedding_inside_of_a_call_is_another_call():
    assert usages(run(span("o"), span("e", "o", input=9, output=0))) == [(9, 0), (500, 60)]


def test_many_levels_of_one_call():
    chain = [span(str(n), str(n - 1) if n else None) for n in range(200)]
    (one,) = run(*chain)
    assert (one.input, one.output) == (500, 60)


def test_spans_in_a_circle_are_left_as_they_are():
    assert len(run(span("a", "b"), span("b", "a"))) == 2
    assert len(run(span("a", "b"), span("b", "a", AROUND))) == 1


def test_other_records_of_the_response_join_the_call():
    body = Call(model="gpt-4o", response_id="r", input=500, output=60, system="s")
    (one,) = run(span("o"), span("i", "o", response_id="r"), body)
    assert (one.input, one.system) == (500, "s")


def test_one_span_with_and_without_its_response_id_is_one_call():
    assert len(run(span("i", response_id="r"), span("i"))) == 1


def test_spans_are_one_call_where_a_server_gives_all_the_same_response_id():
    day, spans = 86_400_000_000, []
    for n in range(3):
        said = {"ts": 1_790_000_000_000_000 + n * day, "input": 500 + n}
        for ident, parent, own in (("o", None, {}), ("i", "o", {"response_id": "resp"})):
            one = span(ident, parent, **said, **own)
            one.span, one.call_id = SpanLink(f"t{n}", ident, parent), None if own else f"t{n}:o"
            spans.append(one)
    assert usages(run(*spans)) == [(500, 60), (501, 60), (502, 60)]


def test_session_user_and_feature_are_those_of_the_nearest_span_around():
    spans = [
        span("a", None, AROUND, user="far", session="s", feature="chat"),
        span("b", "a", AROUND, user="near"),
        span("i", "b"),
    ]
    (one,) = run(*spans)
    assert (one.user, one.session, one.feature) == ("near", "s", "chat")
    (one,) = run(*spans[:2], span("i", "b", user="own", feature="own"))
    assert (one.user, one.session, one.feature) == ("own", "s", "own")


def test_a_services_name_gives_way_to_a_feature_around():
    around = span("a", None, AROUND, feature="chat")
    (one,) = run(around, span("i", "a", SpanKind.SERVICE_CALL, feature="backend"))
    assert one.feature == "chat"
    (one,) = run(span("i", "a", SpanKind.SERVICE_CALL, feature="backend"))
    assert one.feature == "backend"


@st.composite
def traces(draw: st.DrawFn) -> tuple[list[Call], list[tuple[int, int]]]:
    """Spans over calls that are known: wrapped in the same again, in spans without usage, and in sums."""
    spans: list[Call] = []

    def name() -> str:
        return f"s{len(spans)}"

    def call(parent: str | None, usage: tuple[int, int]) -> None:
        for kind in draw(st.lists(st.sampled_from(["same", "silent", "around"]), max_size=3)):
            said = SILENT if kind == "silent" else {"input": usage[0], "output": usage[1]}
            mine = name()
            spans.append(span(mine, parent, AROUND) if kind == "around" else span(mine, parent, **said))
            parent = mine
        response = {"response_id": f"r{len(spans)}"} if draw(st.booleans()) else {}
        spans.append(span(name(), parent, input=usage[0], output=usage[1], **response))

    truth: list[tuple[int, int]] = []
    for _ in range(draw(st.integers(1, 3))):
        # powers of two: no sum of some is one of them or another sum
        inner = [(1 << len(truth) + n + 1, 1 << len(truth) + n) for n in range(draw(st.integers(1, 3)))]
        root = None
        if draw(st.booleans()) and len(inner) > 1:
            root = name()
            said = {"input": sum(i for i, _ in inner), "output": sum(o for _, o in inner)}
            agent = draw(st.booleans())
            spans.append(span(root, None, APART, user="ann") if agent else span(root, None, **said))
        for usage in inner:
            call(root, usage)
        truth += inner
    return spans, sorted(truth)


@given(traces(), st.integers(0, 2**32), st.integers(0, 3))
def test_known_calls_come_out_in_any_order_and_in_any_blocks(
    made: tuple[list[Call], list[tuple[int, int]]], seed: int, blocks: int
):
    spans, truth = made
    whole = calls_of_run([[replace(one) for one in spans]])
    assert usages(whole) == truth
    r = random.Random(seed)  # noqa: S311 - the same on every run
    strewn = [replace(one) for one in spans]
    r.shuffle(strewn)
    parts = [strewn[n :: blocks + 1] for n in range(blocks + 1)]
    found = calls_of_run(parts, held=r.choice([0, 5, 1000]), at_once=r.choice([1, 5, 1000]))
    assert [str(c) for c in found] == [str(c) for c in whole]


def test_a_trace_without_ids_is_no_trace():
    assert len(run(*(Call(model="gpt-4o", input=1, output=n) for n in (1, 1)))) == 2


@pytest.mark.parametrize("copies", [2, 3])
def test_a_span_that_was_sent_again_is_one(copies: int):
    (one,) = run(*(span("o") for _ in range(copies)), *(span("i", "o") for _ in range(copies)))
    assert (one.input, one.output) == (500, 60)


def test_ids_that_count_up_are_told_apart():
    numbers = range(30_000)
    trace = hash_texts(pa.array([f"{n // 2:032x}" for n in numbers]), np.uint64(1))
    span_id = hash_texts(pa.array([f"{n:016x}" for n in numbers]), np.uint64(1))
    assert len(np.unique(span_keys(trace, span_id))) == len(numbers)
