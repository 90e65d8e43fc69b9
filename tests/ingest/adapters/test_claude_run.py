"""Claude Code without its screen: each call once, whatever its lines and its sums say."""

from __future__ import annotations

from typing import Any

from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.adapters.claude_run import ADAPTER
from costaudit.ingest.adapters.claude_totals import shared
from costaudit.ingest.canonical import calls_of
from costaudit.ingest.quarantine import Place
from costaudit.ingest.records import RecordParser
from costaudit.ingest.settle import settled
from costaudit.schema import Call
from tests.tape.calls import merge_calls

SONNET, HAIKU = "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001"


def usage(new: int, read: int, written: int, output: int, **more: Any) -> dict[str, Any]:
    return {
        "input_tokens": new,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "output_tokens": output,
        **more,
    }


def assistant(ident: str, counts: dict[str, Any], said: str = "x" * 400, **fields: Any) -> dict[str, Any]:
    message = {
        "id": ident, "type": "message", "role": "assistant", "model": fields.pop("model", SONNET),
        "content": [{"type": "text", "text": said}], "stop_reason": None, "usage": counts,
    }  # fmt: skip
    return {"type": "assistant", "message": message, "session_id": "s", "uuid": f"u-{ident}", **fields}


def of_model(new: int, read: int, written: int, output: int, cost: float) -> dict[str, Any]:
    return {
        "inputTokens": new,
        "cacheReadInputTokens": read,
        "cacheCreationInputTokens": written,
        "outputTokens": output,
        "webSearchRequests": 0,
        "costUSD": cost,
        "contextWindow": 200_000,
    }


def result(cost: float, counts: dict[str, Any], **models: dict[str, Any]) -> dict[str, Any]:
    names = {"sonnet": SONNET, "haiku": HAIKU}
    return {
        "type": "result", "subtype": "success", "is_error": False, "num_turns": 2, "session_id": "s",
        "total_cost_usd": cost, "usage": counts, "modelUsage": {names[m]: u for m, u in models.items()},
    }  # fmt: skip


def calls(*records: dict[str, Any]) -> list[Call]:
    """What the lines of one file come to."""
    assert all(ADAPTER.matches(record) for record in records)
    read = ADAPTER.for_one_file().calls
    return merge_calls(settled([call for record in records for call in read(record)]))


def sums(found: list[Call]) -> tuple[int, ...]:
    names = ("input", "cache_read", "cache_write_5m", "output", "reported_picousd")
    return tuple(sum(getattr(call, name) or 0 for call in found) for name in names)


INIT = {"type": "system", "subtype": "init", "session_id": "s", "model": SONNET}
LINES = [
    INIT,
    assistant("m1", usage(3, 12_000, 2_000, 1)),
    assistant("m1", usage(3, 12_000, 2_000, 1)),
    assistant("m2", usage(5, 14_000, 300, 2), "x" * 1_200),
]
END = result(0.0225, usage(8, 26_000, 2_300, 400), sonnet=of_model(8, 26_000, 2_300, 400, 0.022449))


def test_the_sums_complete_what_the_lines_leave_out():
    found = calls(*LINES, END)
    assert sums(found) == (8, 26_000, 2_300, 400, 22_500_000_000)
    # 400 bytes wait for 99 tokens, 1,200 for 298: of the 397 that are missing 99 and 298
    assert sorted(call.output for call in found) == [100, 300]
    assert {(c.quality, c.session, c.feature, c.provider) for c in found} == {
        ("exact", "s", "claude-code", "anthropic")
    }


def test_a_run_that_was_cut_off_has_placeholders():
    found = calls(*LINES)
    assert (sums(found), {call.quality for call in found}) == ((8, 26_000, 2_300, 3, 0), {"partial"})
    assert sorted(call.answered_bytes or 0 for call in found) == [400, 1_200]


def test_events_of_the_stream_state_the_output_themselves():
    start = {"type": "message_start", "message": assistant("m1", usage(3, 12_000, 2_000, 1))["message"]}
    delta = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 77}}
    events = [{"type": "stream_event", "session_id": "s", "event": event} for event in (start, delta)]
    found = calls(*events, LINES[1], LINES[3])
    assert [(c.output, c.quality) for c in sorted(found, key=lambda c: c.output)] == [
        (2, "partial"),
        (77, "exact"),
    ]
    whole = calls(*events, LINES[1], LINES[3], END)
    assert sorted(call.output for call in whole) == [77, 323]


def test_calls_that_no_line_shows_are_further_calls():
    models = {
        "sonnet": of_model(18, 27_000, 2_300, 460, 0.024),
        "haiku": of_model(500, 0, 0, 20, 0.0006),
    }
    found = calls(*LINES, result(0.0246, usage(8, 26_000, 2_300, 400), **models))
    assert sums(found) == (518, 27_000, 2_300, 480, 24_600_000_000)
    assert len(found) == 4
    (title,) = (call for call in found if call.model == HAIKU)
    assert (title.input, title.output, title.reported_picousd) == (500, 20, 600_000_000)
    (hidden,) = (call for call in found if call.model == SONNET and call.input == 10)
    assert (hidden.cache_read, hidden.output) == (1_000, 60)  # 457 - 397


def test_the_sums_of_a_second_turn_hold_those_of_the_first():
    turn = [assistant("m3", usage(2, 30_000, 100, 1)), result(
        0.0325, usage(2, 30_000, 100, 50), sonnet=of_model(10, 56_000, 2_400, 450, 0.0324)
    )]  # fmt: skip
    found = calls(*LINES, END, *turn)
    assert (len(found), sums(found)) == (3, (10, 56_000, 2_400, 450, 32_500_000_000))


def test_a_program_that_begins_anew_states_its_own_sums():
    again = [INIT, assistant("m3", usage(8, 30_000, 3_000, 1)), result(
        0.03, usage(8, 30_000, 3_000, 500), sonnet=of_model(8, 30_000, 3_000, 500, 0.03)
    )]  # fmt: skip
    found = calls(*LINES, END, *again)
    assert (len(found), sums(found)) == (3, (16, 56_000, 5_300, 900, 52_500_000_000))


def test_a_result_alone_is_a_call_for_each_model():
    found = calls(result(0.0231, usage(8, 26_000, 2_300, 400), sonnet=of_model(8, 26_000, 2_300, 400, 0.0225),
                         haiku=of_model(500, 0, 0, 20, 0.0006)))  # fmt: skip
    assert [(c.model, c.input, c.quality) for c in sorted(found, key=lambda c: c.input)] == [
        (SONNET, 8, "exact"),
        (HAIKU, 500, "exact"),
    ]
    assert sums(found) == (508, 26_000, 2_300, 420, 23_100_000_000)


def test_a_sum_beyond_a_context_window_is_no_long_prompt():
    end = result(0.5, usage(8, 499_000, 0, 400), sonnet=of_model(8, 499_000, 0, 400, 0.5))
    found = calls({**end, "num_turns": 9})
    assert sums(found) == (8, 499_000, 0, 400, 500_000_000_000)
    assert [call.longest_prompt for call in found] == [200_000]
    (long,) = calls({**end, "num_turns": 1})
    assert long.longest_prompt is None


def test_writes_for_an_hour_are_told_apart_where_the_sums_tell_them():
    counts = usage(8, 0, 2_300, 400, cache_creation={"ephemeral_1h_input_tokens": 2_000})
    (call,) = calls(result(0.1, counts, sonnet=of_model(8, 0, 2_300, 400, 0.1)))
    assert (call.cache_write_1h, call.cache_write_5m) == (2_000, 300)


def test_older_versions_state_no_sums_by_model():
    end = {**result(0.02, usage(8, 26_000, 2_300, 400))}
    del end["modelUsage"]
    assert sums(calls(*LINES, end)) == (8, 26_000, 2_300, 400, 20_000_000_000)
    (alone,) = calls(INIT, end)
    assert (alone.model, alone.output) == (SONNET, 400)


def test_a_run_that_failed_at_once_is_a_failed_call():
    failed = {**result(0, usage(0, 0, 0, 0)), "is_error": True, "api_error_status": 401}
    (call,) = calls(INIT, failed)
    assert (call.status, call.error_code, call.quality) == ("error", "401", "none")


def test_lines_among_those_of_another_format_know_of_each_other():
    parser = RecordParser(next(a for a in ADAPTERS if a.name == "flat"), ADAPTERS, forced=False)
    for number, record in enumerate([*LINES, END]):
        parser.take(record, Place("f", number, None))
    found = merge_calls(calls_of(parser.done().batch))
    assert (len(found), sums(found)) == (2, (8, 26_000, 2_300, 400, 22_500_000_000))


def test_parts_of_a_number_add_up_to_it():
    for total in range(40):
        assert sum(shared(total, [7, 0, 5, 1])) == total
