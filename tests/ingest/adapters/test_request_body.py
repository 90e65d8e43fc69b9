"""What request bodies of the three shapes say about the work."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.ingest.adapters.request_body import set_request
from costaudit.schema import Call


def read(**body: Any) -> Call:
    return set_request(Call(), body)


def test_an_openai_chat_request():
    call = read(
        model="gpt-5-mini",
        messages=[
            {"role": "system", "content": "You triage."},
            {"role": "user", "content": "First question"},
            {"role": "assistant", "content": "Answer"},
            {
                "role": "user",
                "content": [{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {}}],
            },
        ],
        tools=[{"type": "function"}],
        response_format={"type": "json_schema"},
        max_completion_tokens=300,
        stream=True,
        user="u-17",
        metadata={"feature": "triage", "session_id": "s-1"},
    )
    assert (call.model_requested, call.system, call.prompt, call.turns) == (
        "gpt-5-mini",
        "You triage.",
        "Look:",
        3,
    )
    assert (call.has_tools, call.has_images, call.response_format) == (True, True, "json_schema")
    assert (call.max_tokens, call.stream, call.user) == (300, True, "u-17")
    assert (call.feature, call.session) == ("triage", "s-1")


def test_an_openai_responses_request():
    call = read(
        model="gpt-5",
        instructions="Be brief.",
        input=[
            {"role": "developer", "content": "ignored: instructions win"},
            {
                "role": "user",
                "content": [{"type": "input_text", "text": "One"}, {"type": "input_text", "text": "Two"}],
            },
            {"type": "reasoning", "summary": []},
            {"type": "function_call", "name": "f"},
            {"type": "function_call_output", "output": "1"},
        ],
        max_output_tokens=9,
        text={"format": {"type": "json_object"}},
        conversation={"id": "conv_1"},
    )
    assert (call.system, call.prompt, call.turns) == ("Be brief.", "One\nTwo", 3)
    assert (call.max_tokens, call.response_format, call.session) == (9, "json_object", "conv_1")
    assert (call.has_tools, call.has_images) == (False, False)
    assert (read(input="Just text").prompt, read(input="Just text").turns) == ("Just text", 1)


def test_an_anthropic_request_whose_last_user_turn_holds_only_a_tool_result():
    call = read(
        model="claude-sonnet-4-5",
        system=[{"type": "text", "text": "You review."}, {"type": "text", "text": "Carefully."}],
        messages=[
            {
                "role": "user",
                "content": [{"type": "image", "source": {}}, {"type": "text", "text": "Which clause?"}],
            },
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "42"}]},
        ],
        tools=[{"name": "f"}],
        max_tokens=1024,
        metadata={"user_id": "u-42"},
    )
    assert (call.system, call.prompt, call.turns) == ("You review.\nCarefully.", "Which clause?", 3)
    assert (call.has_tools, call.has_images, call.max_tokens, call.user) == (True, True, 1024, "u-42")


def test_completions_and_embeddings_requests():
    assert read(prompt=["one", "two"]).prompt == "one\ntwo"
    assert read(model="text-embedding-3-small", input=["a", "b"]).prompt == "a\nb"


def test_messages_alone_do_not_say_that_there_were_no_tools():
    messages = [{"role": "user", "content": "hi"}]
    assert read(messages=messages).has_tools is None
    assert read(model="m", messages=messages).has_tools is False


def test_what_the_body_does_not_say_stays_as_it_was():
    before = Call(user="u", feature="f", system="s", stream=True, has_tools=True, max_tokens=5)
    assert set_request(before, {}) == Call(
        user="u", feature="f", system="s", stream=True, has_tools=True, max_tokens=5
    )


@pytest.mark.parametrize("limit", [True, -1, 1.5, "many", None, {}, 2**60])
def test_a_limit_that_is_no_number_of_tokens_is_absent(limit: Any):
    assert read(max_tokens=limit).max_tokens is None


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "format", "id", "user_id", "feature"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
FIELDS = (
    "model", "messages", "input", "prompt", "system", "instructions", "tools", "functions", "response_format",
    "text", "output_config", "max_tokens", "stream", "user", "metadata", "conversation",
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(FIELDS), JUNK))
def test_no_junk_makes_it_fail(body: dict[str, Any]):
    call = set_request(Call(), body)
    for name in ("prompt", "system", "user", "feature", "session", "response_format", "model_requested"):
        assert getattr(call, name) is None or isinstance(getattr(call, name), str)
