"""The `llm` command line tool: rows of the `responses` table of its logs.db, and `llm logs --json`.

What `input_tokens` includes follows the plugin: OpenAI's includes cached tokens, Anthropic's does
not. The names in `token_details` (its zeros are pruned) tell which; the provider's own usage in
`response_json` comes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.anthropic_messages import set_message_usage
from costaudit.ingest.adapters.openai_chat import set_chat_usage
from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.row_facts import response_id_of, set_answer, without_counts
from costaudit.ingest.adapters.row_values import filled, milliseconds
from costaudit.ingest.fields import first, mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.schema import Call

MARKS: Final = ("prompt_json", "response_json", "conversation_id", "resolved_model")


def is_llm(record: Record) -> bool:
    """True for a row of the `responses` table."""
    return "datetime_utc" in record and "model" in record and any(name in record for name in MARKS)


def calls_from_llm(record: Record) -> list[Call]:
    """The call of one row. Raises Skip for impossible usage."""
    row = filled(record)
    answer = mapping(row.get("response_json"))
    call = Call(
        ts=timestamp_us(row.get("datetime_utc")),
        call_id=text(row.get("id")),
        response_id=response_id_of(answer),
        session=text(row.get("conversation_id")),
        latency_ms=milliseconds(row.get("duration_ms")),
    )
    asked = {"prompt": row.get("prompt"), "system": row.get("system")}
    set_request(call, {**mapping(row.get("prompt_json")), **mapping(row.get("options_json"))})
    set_request(call, asked)
    call.model_requested = model_name(row.get("model"))
    if not set_answer(call, answer):
        _set_counts(call, row)
        if call.stated is not None:
            without_counts(call.stated)
    call.model = model_name(row.get("resolved_model")) or call.model or call.model_requested
    return [call]


def _set_counts(call: Call, row: Mapping[str, Any]) -> None:
    """The row's columns as the usage object that the plugin took them from."""
    details = mapping(row.get("token_details"))
    counted = {"input_tokens": row.get("input_tokens"), "output_tokens": row.get("output_tokens")}
    if first(details, "cache_read_input_tokens", "cache_creation_input_tokens") is not None:
        set_message_usage(call, {**details, **counted})
    else:
        named = {"prompt_tokens": counted["input_tokens"], "completion_tokens": counted["output_tokens"]}
        set_chat_usage(call, {**details, **named})


ADAPTER: Final = Adapter(
    name="llm",
    title="llm (simonw/llm): the responses table of logs.db, llm logs --json",
    matches=is_llm,
    calls=calls_from_llm,
    needs=("datetime_utc", "model", "response_json"),
)
