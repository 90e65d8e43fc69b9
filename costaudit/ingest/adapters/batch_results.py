"""Result files of the batch APIs: OpenAI batch output and error files, Anthropic message batches.

A line is one request of the batch: its `custom_id` is the call's id and its tier is `batch`
whatever the wrapped body says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from costaudit.ingest.adapters.anthropic_messages import calls_from_message
from costaudit.ingest.adapters.openai_chat import error_code
from costaudit.ingest.adapters.response_body import calls_from_body, error_call
from costaudit.ingest.fields import mapping, text
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.schema import Call

BATCH: Final = "batch"


def is_openai_batch(record: Record) -> bool:
    """True for a line of an output or error file, and for a line of the input file."""
    if not isinstance(record.get("custom_id"), str):
        return False
    if isinstance(record.get("body"), Mapping) and isinstance(record.get("url"), str):
        return True
    response = record.get("response")
    if isinstance(response, Mapping):
        return "status_code" in response and "body" in response
    return response is None and isinstance(record.get("error"), Mapping) and "result" not in record


def calls_from_openai_batch(record: Record) -> list[Call]:
    """The call of one output line; a line of the input file is none."""
    response = record.get("response")
    if "url" in record and not isinstance(response, Mapping):
        return []
    response = mapping(response)
    body, status = mapping(response.get("body")), response.get("status_code")
    status = status if type(status) is int else None
    if record.get("error") or not response or (status is not None and status >= 400):
        calls = [error_call(body if body.get("error") else record, status)]
    else:
        found = calls_from_body(body)
        if found is None:
            raise Skip("unrecognised", "response.body has no known shape")
        calls = found
    return _in_batch(calls, record)


def is_anthropic_batch(record: Record) -> bool:
    """True for a line of a message batch's results."""
    result = record.get("result")
    return isinstance(record.get("custom_id"), str) and isinstance(result, Mapping) and "type" in result


def calls_from_anthropic_batch(record: Record) -> list[Call]:
    """The calls of one result; only `succeeded` is billed, the other types are failed calls."""
    result = mapping(record.get("result"))
    if result.get("type") == "succeeded":
        return _in_batch(calls_from_message(mapping(result.get("message"))), record)
    outer = mapping(result.get("error"))
    call = error_call({})
    call.error_code = error_code(mapping(outer.get("error"))) or error_code(outer) or text(result.get("type"))
    call.provider = "anthropic"
    return _in_batch([call], record)


def _in_batch(calls: list[Call], record: Record) -> list[Call]:
    custom_id = text(record.get("custom_id"))
    for number, call in enumerate(calls):
        call.service_tier = BATCH
        call.call_id = custom_id if len(calls) == 1 else f"{custom_id}#{number}"
    return calls


OPENAI_BATCH: Final = Adapter(
    name="openai-batch",
    title="OpenAI Batch API: output and error files",
    matches=is_openai_batch,
    calls=calls_from_openai_batch,
    needs=("custom_id", "response"),
)
ANTHROPIC_BATCH: Final = Adapter(
    name="anthropic-batch",
    title="Anthropic Message Batches: result files",
    matches=is_anthropic_batch,
    calls=calls_from_anthropic_batch,
    needs=("custom_id", "result"),
)
ADAPTERS: Final = (OPENAI_BATCH, ANTHROPIC_BATCH)
