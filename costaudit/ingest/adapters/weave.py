"""W&B Weave: calls of the API and of the UI's export.

`summary.usage` counts by model. A call with children has the sum of theirs there, any other the usage of its
output (`finish_call` in weave/trace/weave_client.py). An op around one call repeats its usage: that they are
the same is found when all is read (`costaudit.tape.nesting`). One with several requests is a sum, which is
refused. What an op hands on of a response has its id, and so is the same call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from costaudit.ingest.adapters.dotted import rejoined, with_objects
from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.row_facts import response_id_of, set_answer, set_cost, set_labels
from costaudit.ingest.adapters.row_values import elapsed_ms, milliseconds, number, short_code
from costaudit.ingest.adapters.trace_store import around, calls_among, linked
from costaudit.ingest.fields import first, mapping, model_name, picousd, text, timestamp_us
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.schema import Call, Quality, SpanKind, Status

_OP: Final = re.compile(r"/op/([^:/]+)")
"""Where a reference names its op: `weave:///entity/project/op/openai.chat.completions.create:digest`."""

MODEL_OPS: Final = re.compile(
    r"(openai|anthropic|litellm|groq|mistralai|mistral|cohere|google|vertexai|cerebras|together|bedrock|botocore"
    r"|huggingface_hub|nvidia|azure|ollama|xai)\..+",
    re.IGNORECASE,
)
"""Names of the ops that Weave's integrations make of calls of models (weave/integrations): they begin with
the library. Those of frameworks that call such libraries are not among them."""


def is_weave(record: Record) -> bool:
    """True for a call of Weave."""
    if "op_name" not in record or "started_at" not in record or "trace_id" not in record:
        return False
    return any(name.partition(".")[0] in ("summary", "project_id", "inputs") for name in record)


def calls_from_weave(record: Record) -> list[Call]:
    """The call of a model that an op may be. Raises Skip for sums and impossible usage."""
    return calls_among(traced_op(record))


def traced_op(record: Record) -> list[Call]:
    """The call of a model that an op may be, or what it says of the calls inside it."""
    record = with_objects(record, "summary", "output", "inputs", "attributes")
    summary, output = mapping(record.get("summary")), mapping(record.get("output"))
    usage = rejoined(mapping(summary.get("usage")), "_tokens")
    own = isinstance(output.get("usage"), Mapping)
    name = _op_name(record)
    if len(usage) > 1 or any(_requests(counts) > 1 for counts in usage.values()):
        raise Skip("aggregate", "the sum of several requests")
    call = _call(record, summary, output, name)
    is_call = own or usage or MODEL_OPS.fullmatch(name)
    call.span = linked(
        text(record.get("trace_id")),
        text(record.get("id")),
        text(record.get("parent_id")),
        SpanKind.CALL if is_call else SpanKind.AROUND,
    )
    if not is_call:
        return around(call.span, call)
    for model, counts in usage.items():
        call.model = call.model or model
        if not own:
            set_answer(call, {"model": model, "usage": mapping(counts)})
    if own:
        set_answer(call, output)
    if call.response_id is None:
        call.call_id = text(record.get("id"))
    if call.stated is None:
        call.quality = Quality.NONE.value
    set_cost(call, _cost(summary, call.reported_picousd))
    return [call]


def _requests(counts: Any) -> float:
    return number(mapping(counts).get("requests")) or 1


def _op_name(record: Record) -> str:
    whole = text(record.get("op_name")) or ""
    found = _OP.search(whole)
    return found[1] if found else whole


def _call(record: Record, summary: Mapping[str, Any], output: Mapping[str, Any], name: str) -> Call:
    inputs, told = mapping(record.get("inputs")), mapping(summary.get("weave"))
    attributes = mapping(record.get("attributes"))
    call = Call(
        ts=timestamp_us(record.get("started_at")),
        response_id=response_id_of(output),
        session=text(first(record, "thread_id", "trace_id")),
        user=text(record.get("wb_user_id")),
        latency_ms=milliseconds(told.get("latency_ms"))
        or elapsed_ms(record.get("started_at"), record.get("ended_at")),
        final=True if record.get("ended_at") else None,
    )
    if inputs:
        set_request(call, inputs)
    call.model = model_name(output.get("model")) or model_name(inputs.get("model"))
    call.model_requested = model_name(inputs.get("model"))
    set_labels(call, {k: v for k, v in attributes.items() if k != "weave"})
    call.tags = f"op:{name.replace(',', ' ')}"
    if record.get("exception"):
        call.status, call.final = Status.ERROR.value, True
        call.error_code = short_code(_error_type(record["exception"]))
    return call


def _error_type(exception: Any) -> Any:
    """The type of an exception, which is kept as JSON or as the text of its trace."""
    return mapping(exception).get("type")


def _cost(summary: Mapping[str, Any], reported: int | None) -> int | None:
    """What Weave's own price table makes of it, where the export was asked for costs."""
    costs = rejoined(mapping(mapping(summary.get("weave")).get("costs")), "_cost")
    names = ("prompt_tokens_total_cost", "completion_tokens_total_cost")
    parts = [picousd(mapping(cost).get(name)) for cost in costs.values() for name in names]
    found = [part for part in parts if part is not None]
    return reported if reported is not None or not found else sum(found)


ADAPTER: Final = Adapter(
    name="weave",
    title="W&B Weave: calls of the API and of exports",
    matches=is_weave,
    calls=calls_from_weave,
    traced=traced_op,
    needs=("op_name", "started_at", "trace_id", "summary"),
)
