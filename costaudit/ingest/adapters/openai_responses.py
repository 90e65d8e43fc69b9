"""OpenAI Responses bodies (`object: response`), also as Azure, DeepSeek and Bedrock serve them.

`input_tokens` includes cached and written tokens, `output_tokens` includes reasoning (347 of 347
real bodies state total = input + output). `responses/compact` is billed like any other call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from costaudit.ingest.adapters.openai_chat import KNOWN, error_code, stated_usage, usage_cost
from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.fields import mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import is_counted
from costaudit.schema import Call, Status

OBJECTS: Final = ("response", "response.compaction")

ENDED: Final = ("completed", "incomplete", "failed", "cancelled")
"""The `status` values after which a response no longer changes."""

STATUSES: Final = {"failed": Status.ERROR.value, "cancelled": Status.CANCELLED.value}


def call_from_response(body: Record) -> Call:
    """One call from a response object; a queued or running one has no usage yet.

    Raises Skip for impossible usage.
    """
    call = Call(
        ts=timestamp_us(body.get("created_at")),
        response_id=text(body.get("id")),
        model=model_name(body.get("model")),
        service_tier=text(body.get("service_tier")),
    )
    set_response_usage(call, mapping(body.get("usage")))
    call.web_searches = _searches(body.get("output"))
    if call.stated is not None:
        call.stated.unused = (call.stated.unused or {}) | _billed_tools(body.get("output")) or None
    status = body.get("status")
    if isinstance(status, str):
        call.final = status in ENDED
        call.status = STATUSES.get(status, call.status)
        call.error_code = error_code(mapping(body.get("error"))) if status == "failed" else None
    elif is_counted(call):
        call.final = True
    set_request(call, body)
    call.model_requested = None  # the body's model is the served one
    return call


def set_response_usage(call: Call, usage: Mapping[str, Any]) -> Call:
    """Note the counts and the cost of a usage object with `input_tokens` and its details."""
    named = {
        **usage,
        "prompt_tokens": usage.get("input_tokens"),
        "completion_tokens": usage.get("output_tokens"),
        "total_tokens": usage.get("total_tokens"),
        "prompt_tokens_details": usage.get("input_tokens_details") or usage.get("input_token_details"),
        "completion_tokens_details": usage.get("output_tokens_details") or usage.get("output_token_details"),
    }
    call.stated = stated_usage(named, includes("openai", "responses"))
    call.stated.unused = unused_numbers(usage, KNOWN)
    call.reported_picousd = usage_cost(usage)
    return call


def _searches(output: Any) -> int:
    """Web searches among the output items; opening or searching in a found page is not billed.

    Source: OpenAI's web search guide, "search actions incur a tool call cost".
    """
    if not isinstance(output, list):
        return 0
    items = (i for i in output if isinstance(i, Mapping) and i.get("type") == "web_search_call")
    return sum(mapping(i.get("action")).get("type", "search") == "search" for i in items)


BILLED_TOOLS: Final = ("file_search_call", "code_interpreter_call", "image_generation_call")
"""Output items that are billed beside the tokens of the response: by call, by container, by another model's
image. Source: OpenAI's pricing page, "built-in tools"."""


def _billed_tools(output: Any) -> dict[str, Decimal]:
    """Items of tools that cost something and have no price here, by the place and type of the item."""
    items = [i for i in output if isinstance(i, Mapping)] if isinstance(output, list) else []
    found = Counter(kind for i in items if (kind := i.get("type")) in BILLED_TOOLS)
    return {f"output.{kind}": Decimal(number) for kind, number in found.items()}


def is_response(record: Record) -> bool:
    """True for the bodies that `call_from_response` reads."""
    return record.get("object") in OBJECTS


ADAPTER: Final = Adapter(
    name="openai-responses",
    title="OpenAI Responses: response bodies",
    matches=is_response,
    calls=lambda record: [call_from_response(record)],
    needs=("object", "usage"),
)
