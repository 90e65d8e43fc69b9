"""Prompts in span attributes, as one request body in OpenAI's shape.

GenAI (`gen_ai.input.messages`, JSON with `parts`), OpenLLMetry (`gen_ai.prompt.0.content` …), OpenInference
(`llm.input_messages.0.message.content` …, `input.value`) and the Vercel AI SDK (`ai.prompt.messages`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

INDEXED: Final = re.compile(
    r"(?:gen_ai\.prompt\.|llm\.input_messages\.)(\d{1,6})\."
    r"(?:message\.)?(role|content|contents\.(\d{1,6})\.message_content\.text)"
)


def request_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """`messages` and `system` as far as the attributes hold them."""
    request: dict[str, Any] = {}
    whole = _decoded(attributes.get("input.value"))
    messages = (
        _list(attributes.get("gen_ai.input.messages"))
        or _list(attributes.get("ai.prompt.messages"))
        or _list(whole.get("messages") if isinstance(whole, Mapping) else None)
        or _indexed(attributes)
    )
    if messages:
        request["messages"] = [_message(m) for m in messages if isinstance(m, Mapping)]
    system = _list(attributes.get("gen_ai.system_instructions"))
    if isinstance(whole, Mapping) and not system:
        request["system"] = whole.get("system") or whole.get("instructions")
    elif system:
        request["system"] = _parts(system)
    return request


def response_id_of(attributes: Mapping[str, Any]) -> str | None:
    """The id in the response body that OpenInference keeps as `output.value`."""
    value = attributes.get("output.value")
    if not isinstance(value, str) or '"id"' not in value:
        return None
    body = _decoded(value)
    if not isinstance(body, Mapping) or not {"object", "type", "choices", "model"} & body.keys():
        return None
    ident = body.get("id")
    return ident if isinstance(ident, str) and ident else None


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    parts = message.get("parts")
    content = _parts(parts) if isinstance(parts, list) else message.get("content")
    return {"role": message.get("role"), "content": content}


def _parts(parts: list[Any]) -> list[Any]:
    """GenAI parts as content parts: their text is called `content`."""
    found = []
    for part in parts:
        if isinstance(part, Mapping):
            body = part.get("content")
            found.append(
                {"type": part.get("type"), "text": body if isinstance(body, str) else part.get("text")}
            )
        else:
            found.append(part)
    return found


def _indexed(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Messages that were taken apart into numbered attributes."""
    messages: dict[int, dict[str, Any]] = {}
    texts: dict[int, dict[int, str]] = {}
    for name, value in attributes.items():
        found = INDEXED.fullmatch(name)
        if not found or not isinstance(value, str):
            continue
        place = int(found[1])
        message = messages.setdefault(place, {})
        if found[3] is None:
            message[found[2]] = value
        else:
            texts.setdefault(place, {})[int(found[3])] = value
    for place, parts in texts.items():
        messages[place].setdefault("content", [{"text": parts[n]} for n in sorted(parts)])
    return [messages[place] for place in sorted(messages)]


def _list(value: Any) -> list[Any]:
    decoded = _decoded(value)
    return decoded if isinstance(decoded, list) else []


def _decoded(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return json.loads(value) if value[:1] in ("[", "{") else None
        except (ValueError, RecursionError):
            return None
    return value
