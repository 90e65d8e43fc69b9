"""Open WebUI: exported chats, and the tables `chat` and `chat_message` of its database (`webui.db`).

`history.messages` holds every answer, with those of other branches and of other models beside each other;
`messages` repeats the branch that is shown. `usage` (`info` in older versions) is what the host answered: in
OpenAI's words, to which Ollama's are added, or in Ollama's alone. Rows are called `{chat id}-{message id}`
(`models/chat_messages.py`), and a copy of a chat has the ids of its messages: each answer counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from costaudit.ingest.adapters.row_facts import set_answer, set_cost
from costaudit.ingest.adapters.row_values import objects, short_code
from costaudit.ingest.fields import first, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.text_size import answer_bytes
from costaudit.ingest.usage import count
from costaudit.schema import Call, Quality, Status
from costaudit.stated import Stated

FEATURE: Final = "open-webui"
OLLAMA: Final = ("eval_count", "prompt_eval_count")
"""Names that Ollama alone answers with."""

UNIQUE: Final = 16
"""Characters from which on an id of a message is one in all chats: those of the program are UUIDs."""


def is_open_webui(record: Record) -> bool:
    """True for a chat, exported or as a row, and for a row of a message."""
    if "role" in record:
        ident, chat = record.get("id"), record.get("chat_id")
        return isinstance(ident, str) and isinstance(chat, str) and ident.startswith(f"{chat}-")
    chat = mapping(record.get("chat"))
    return isinstance(chat.get("history"), Mapping) or ("messages" in chat and "models" in chat)


def calls_from_open_webui(record: Record) -> list[Call]:
    """The calls of a chat: one for every answer. Raises Skip for impossible usage."""
    user = text(record.get("user_id"))
    if "role" in record:
        chat = text(record.get("chat_id")) or ""
        own = (text(record.get("id")) or "").removeprefix(f"{chat}-")
        answers = _answers([{**record, "id": own}])
    else:
        chat, answers = text(record.get("id")) or "", _answers(_messages(mapping(record.get("chat"))))
    return [_call(answer, chat, user) for answer in answers]


def _messages(chat: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    history = mapping(mapping(chat.get("history")).get("messages"))
    told: list[Mapping[str, Any]] = [
        {"id": ident, **said} for ident, said in history.items() if isinstance(said, Mapping)
    ]
    return told or objects(chat.get("messages"))


def _answers(messages: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The messages of models, but for one that is being written."""
    return [m for m in messages if m.get("role") == "assistant" and m.get("done") not in (False, 0)]


def _call(message: Mapping[str, Any], chat: str, user: str | None) -> Call:
    ident = text(message.get("id"))
    told = mapping(first(message, "usage", "info"))
    usage = {k: v for k, v in (mapping(told.get("usage")) or told).items() if not k.endswith("/s")}
    call = Call(
        ts=timestamp_us(first(message, "timestamp", "created_at")),
        model=model_name(first(message, "selectedModelId", "model", "model_id", "modelName")),
        user=user,
        session=chat or None,
        feature=FEATURE,
        final=True,
    )
    if not set_answer(call, {"usage": usage}):
        _set_own_counts(call, usage, message)
    if any(name in usage for name in OLLAMA):
        call.provider = "ollama"
    if ident is not None:
        call.response_id = ident if len(ident) >= UNIQUE else f"{chat}:{ident}"
    if message.get("error"):
        call.status, call.error_code = Status.ERROR.value, short_code(message["error"])
    set_cost(call, None)
    return call


def _set_own_counts(call: Call, usage: Mapping[str, Any], message: Mapping[str, Any]) -> None:
    """The counts in Ollama's words; without any, how much the answer says."""
    prompt, completion = (count(usage.get(name), name) for name in ("prompt_eval_count", "eval_count"))
    if prompt is None and completion is None:
        call.quality, call.answered_bytes = Quality.NONE.value, answer_bytes(message.get("content"))
    else:
        call.stated = Stated(prompt=prompt, completion=completion, includes=includes(None, "chat"))


ADAPTER: Final = Adapter(
    name="open-webui",
    title="Open WebUI: exported chats, and its database",
    matches=is_open_webui,
    calls=calls_from_open_webui,
    needs=("chat", "history"),
)
