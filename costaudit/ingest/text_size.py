"""How much text a record holds on either side of a call: for calls whose tokens nobody counted.

Only lengths leave this module. Text is what stands under the keys that hold text in the APIs' bodies;
ids, roles, types, addresses and encoded pictures are none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.fields import mapping, sequence

ASKED: Final = (
    "messages", "input", "inputs", "prompt", "system", "system_prompt", "instructions", "contents",
    "systemInstruction", "tools", "functions", "gen_ai.input.messages", "gen_ai.system_instructions",
)  # fmt: skip
"""Keys of what was asked."""

ANSWERED: Final = (
    "choices", "output", "outputs", "content", "completion", "candidates", "answer", "response_text",
    "gen_ai.output.messages", "_sse_events", "output_text",
)  # fmt: skip
"""Keys of what was answered."""

REQUESTS: Final = ("request", "kwargs", "request_body", "body", "payload", "proxy_server_request")
RESPONSES: Final = ("response", "response_body", "body", "result")
"""Keys under which whole bodies stand."""

_TEXT: Final = frozenset({
    "content", "text", "arguments", "thinking", "reasoning", "reasoning_content", "delta", "partial_json",
    "refusal", "summary", "parts", "input", "output", "prompt", "completion", "system", "instructions",
})  # fmt: skip
"""Keys whose strings are text; below the others only objects and lists are followed."""

_WHOLE: Final = frozenset(
    {"tools", "functions", "input", "arguments", "args", "functionCall", "function_call"}
)
"""Keys of tool definitions and of the arguments of calls: the model reads and writes their names too."""

_LONGEST_PLAIN: Final = 10_000
"""Characters in a row without a blank, beyond which a string is an encoded file."""


def text_sizes(record: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Bytes (UTF-8) of what was asked and of what was answered; None for a side that the record lacks.

    >>> text_sizes({"messages": [{"role": "user", "content": "Hello"}], "response": {"output": "Hi"}})
    (5, 2)
    """
    return _side(record, ASKED, REQUESTS), _side(record, ANSWERED, RESPONSES)


def answer_bytes(content: Any) -> int:
    """Bytes (UTF-8) of the text in one answer: a string, a message's content, a list of blocks.

    >>> answer_bytes([{"type": "text", "text": "Hi"}, {"type": "tool_use", "id": "t-1", "input": {"a": 1}}])
    9
    """
    return _text_bytes({"content": content}, ("content",))


def _side(record: Mapping[str, Any], keys: tuple[str, ...], bodies: tuple[str, ...]) -> int | None:
    found = [_text_bytes({key: _decoded(record[key])}, keys) for key in keys if record.get(key) is not None]
    for name in bodies:
        body = record.get(name)
        if isinstance(body, str) and body.lstrip()[:1] not in ("{", "["):
            found += [_size(body)] if name in ("request", "response") and not _is_encoded(body) else []
            continue
        inner = mapping(body)
        found += [
            _text_bytes({key: _decoded(inner[key])}, keys) for key in keys if inner.get(key) is not None
        ]
    return sum(found) if found else None


def _decoded(value: Any) -> Any:
    """A JSON object or list out of a string, anything else as it is."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        return mapping(value) or sequence(value) or value
    return value


def _text_bytes(value: Any, keys: tuple[str, ...]) -> int:
    """Bytes of the texts in a value; strings right under one of `keys` are text too."""
    total, waiting = 0, [(value, True)]
    while waiting:
        value, text = waiting.pop()
        if isinstance(value, str):
            total += _size(value) if text and not _is_encoded(value) else 0
        elif isinstance(value, list):
            waiting += [(v, text) for v in value]
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                if key in _WHOLE and isinstance(inner, (Mapping, list)) and not _is_turns(inner):
                    total += _size(json.dumps(inner, ensure_ascii=False, separators=(",", ":")))
                else:
                    waiting.append((inner, key in _TEXT or key in keys))
    return total


def _is_turns(value: Any) -> bool:
    """Whether a list is a conversation, as the `input` of the Responses API is."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping) and "content" in value[0]


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _is_encoded(value: str) -> bool:
    if value.startswith(("data:", "http://", "https://")):
        return True
    return len(value) > _LONGEST_PLAIN and " " not in value[:_LONGEST_PLAIN]
