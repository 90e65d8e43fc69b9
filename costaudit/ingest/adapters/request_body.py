"""What a request body says about the work: prompt, system text, depth, tools, images, limits.

One reader for the three common shapes: OpenAI chat (`messages`), OpenAI Responses (`input`,
`instructions`) and Anthropic Messages (`system`, content blocks). Prompts only describe a call and
never price it, so a value of the wrong type is read as absent and nothing here raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.asked import asked_with
from costaudit.ingest.fields import flag, text
from costaudit.schema import MAX_COUNT, Call

SYSTEM_ROLES: Final = ("system", "developer")
IMAGE_PARTS: Final = ("image_url", "input_image", "image", "image_file")
NOT_TURNS: Final = ("reasoning", "item_reference")
"""Items of a Responses `input` list that are no message of the conversation."""


def set_request(call: Call, body: Mapping[str, Any]) -> Call:
    """Fill the call's request-side fields from one request body; returns the call.

    `prompt` is the text of the last user turn that has any (a turn of tool results only has none),
    `system` the `system` or `instructions` field or else the first system message, `turns` the
    number of messages without system messages, so that all shapes count alike. What the body does
    not say leaves the call as it was.
    """
    requested = body.get("model")
    if isinstance(requested, str) and requested.strip():
        call.model_requested = requested.strip()
    call.system = _content_text(body.get("system")) or text_of(body.get("instructions")) or call.system
    if _set_conversation(call, body):
        call.has_images = bool(call.has_images)
        if "model" in body:  # a whole request: what it does not ask for, it does not have
            call.has_tools = bool(call.has_tools)
    if any(isinstance(body.get(name), list) and body[name] for name in ("tools", "functions")):
        call.has_tools = True
    call.response_format = _response_format(body) or call.response_format
    for name in ("max_completion_tokens", "max_output_tokens", "max_tokens", "max_tokens_to_sample"):
        limit = body.get(name)
        if type(limit) is int and 0 <= limit <= MAX_COUNT:
            call.max_tokens = limit
            break
    stream = flag(body.get("stream"))
    call.stream = call.stream if stream is None else stream
    _set_attribution(call, body)
    return call


def text_of(value: Any) -> str | None:
    """A non-empty string, or None."""
    return value if isinstance(value, str) and value else None


def _set_conversation(call: Call, body: Mapping[str, Any]) -> bool:
    """Read the messages in whichever field holds them; True when there are any."""
    for name in ("messages", "input"):
        turns = body.get(name)
        if isinstance(turns, list) and turns and isinstance(turns[0], Mapping):
            _set_turns(call, turns)
            call.asked = asked_with(body, turns)
            return True
    for name in ("input", "prompt"):
        prompt = _content_text(body.get(name))
        if prompt:
            call.prompt, call.turns = prompt, 1
            return True
    return False


def _set_turns(call: Call, turns: list[Any]) -> None:
    count = 0
    for turn in turns:
        if not isinstance(turn, Mapping):
            continue
        role = turn.get("role")
        if role in SYSTEM_ROLES:
            call.system = call.system or _content_text(turn.get("content"))
        elif turn.get("type") not in NOT_TURNS:
            count += 1
            content = turn.get("content")
            if isinstance(content, list) and not call.has_images:
                parts = (p.get("type") for p in content if isinstance(p, Mapping))
                call.has_images = any(kind in IMAGE_PARTS for kind in parts)
    call.turns = count
    for turn in reversed(turns):
        if isinstance(turn, Mapping) and turn.get("role") == "user":
            prompt = _content_text(turn.get("content"))
            if prompt:
                call.prompt = prompt
                break


def _content_text(content: Any) -> str | None:
    """The text of a message's content: a string, or the text parts of a list, one per line."""
    if isinstance(content, str):
        return content or None
    if not isinstance(content, list):
        return None
    parts = [p.get("text") if isinstance(p, Mapping) else p for p in content]
    return "\n".join(p for p in parts if isinstance(p, str) and p) or None


def _response_format(body: Mapping[str, Any]) -> str | None:
    text_options, output = body.get("text"), body.get("output_config")
    for value in (
        body.get("response_format"),
        text_options.get("format") if isinstance(text_options, Mapping) else None,
        output.get("format") if isinstance(output, Mapping) else None,
        body.get("output_format"),
    ):
        kind = text_of(value.get("type") if isinstance(value, Mapping) else value)
        if kind:
            return kind
    return None


def _set_attribution(call: Call, body: Mapping[str, Any]) -> None:
    """Who and what for: `user`, `safety_identifier`, `conversation` and the free `metadata`."""
    metadata, conversation = body.get("metadata"), body.get("conversation")
    if not isinstance(metadata, Mapping):
        metadata = {}
    if isinstance(conversation, Mapping):
        conversation = conversation.get("id")
    user = text(body.get("user")) or text(body.get("safety_identifier")) or text(metadata.get("user_id"))
    call.user = call.user or user
    call.feature = call.feature or text(metadata.get("feature"))
    call.session = call.session or text(metadata.get("session_id")) or text(conversation)
