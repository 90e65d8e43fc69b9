"""Inspect AI: logs of evaluations (`inspect log dump`, JSON), and single samples of an unpacked `.eval`.

Every `model` event of a sample is a call. `model_usage` of samples and of the log sums them up: where events
were not kept, there is nothing else. `input_tokens` leaves out what was cached (`model_output_from_openai` in
src/inspect_ai/model/_openai.py takes OpenAI's cached tokens off); earlier versions left them in, and the
total tells. Where the event keeps the provider's own answer, that counts. Answers out of Inspect's cache cost
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from costaudit.ingest.adapters.request_body import set_request
from costaudit.ingest.adapters.row_facts import set_answer, set_usd
from costaudit.ingest.adapters.row_values import milliseconds, objects
from costaudit.ingest.fields import mapping, model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.meaning import includes
from costaudit.ingest.unused import unused_numbers
from costaudit.ingest.usage import count
from costaudit.schema import Call, Quality, Status
from costaudit.stated import Stated

PROVIDERS: Final = {"grok": "xai", "azureai": "azure", "openai-api": None}
"""Providers by Inspect's names, where others are in use elsewhere; None where the name does not tell."""

HOSTS: Final = ("azure", "bedrock", "vertex")
"""Second parts of a model's name that say who serves it: `anthropic/bedrock/…`."""

_KNOWN: Final = frozenset({
    "input_tokens", "output_tokens", "total_tokens", "input_tokens_cache_read", "input_tokens_cache_write",
    "reasoning_tokens", "total_cost",
})  # fmt: skip


def is_log(record: Record) -> bool:
    """True for a log, and for one sample of it."""
    head = record.get("eval")
    if isinstance(head, Mapping) and "task" in head and "model" in head:
        return "samples" in record or "stats" in record or "status" in record
    return "epoch" in record and isinstance(record.get("events"), list) and "model_usage" in record


def calls_from_log(record: Record) -> list[Call]:
    """The calls of a log or of a sample.

    Raises Skip where it has sums alone. Impossible usage makes a call without numbers: the others count.
    """
    head = mapping(record.get("eval"))
    samples = objects(record.get("samples")) if head else [record]
    calls = [call for sample in samples for call in _calls(sample, head)]
    if not calls and any(_sums(record, samples)):
        raise Skip("aggregate", "the sums of an evaluation, whose events were not kept")
    return calls


def _sums(record: Record, samples: list[Mapping[str, Any]]) -> Iterator[bool]:
    yield bool(mapping(mapping(record.get("stats")).get("model_usage")))
    yield from (bool(mapping(sample.get("model_usage"))) for sample in samples)


def _calls(sample: Mapping[str, Any], head: Mapping[str, Any]) -> Iterator[Call]:
    where = ":".join(str(part) for part in (
        head.get("eval_id") or head.get("run_id") or head.get("created") or "",
        sample.get("uuid") or sample.get("id"), sample.get("epoch"),
    ))  # fmt: skip
    for number, event in enumerate(objects(sample.get("events"))):
        if event.get("event") == "model" and event.get("pending") is not True:
            call = _named(event, where, number)
            call.session, call.feature = where, text(head.get("task"))
            try:
                _set_usage(call, event)
            except Skip:
                call.stated, call.quality = None, Quality.NONE.value
            yield call


def _named(event: Mapping[str, Any], where: str, number: int) -> Call:
    """Who answered, when and how; its usage is not known yet."""
    output = mapping(event.get("output"))
    provider, model, gateway = _served(text(event.get("model")) or "")
    role = text(event.get("role"))
    call = Call(
        ts=timestamp_us(event.get("timestamp")),
        call_id=text(event.get("uuid")) or f"{where}:{number}",
        provider=provider,
        model_requested=model,
        gateway=gateway,
        latency_ms=milliseconds(output.get("time"), per_unit=1000),
        tags=f"role:{role}" if role else None,
        final=True,
    )
    set_request(call, {"messages": event.get("input"), "tools": event.get("tools")})
    call.model_requested = model
    call.model = model_name(output.get("model")) or model
    if event.get("error") or output.get("error"):
        call.status = Status.ERROR.value
    if event.get("cache") == "read":
        call.status = Status.CACHE_HIT.value
    return call


def _served(name: str) -> tuple[str | None, str | None, str | None]:
    """Provider, model and gateway of a name such as `anthropic/bedrock/…`."""
    provider, _, model = name.partition("/")
    host, _, rest = model.partition("/")
    if not model:
        return None, name or None, None
    if host in HOSTS and rest:
        return host, rest, None
    if provider == "openrouter":
        return host, rest or None, "openrouter"
    return PROVIDERS.get(provider, provider), model, None


def _set_usage(call: Call, event: Mapping[str, Any]) -> None:
    usage = mapping(mapping(event.get("output")).get("usage"))
    if call.status == Status.CACHE_HIT:
        call.stated, call.reported_picousd = Stated(prompt=0, completion=0), 0
        return
    answer, model = mapping(mapping(event.get("call")).get("response")), call.model
    if not set_answer(call, answer):
        call.stated = Stated(
            prompt=count(usage.get("input_tokens"), "input_tokens"),
            completion=count(usage.get("output_tokens"), "output_tokens"),
            total=count(usage.get("total_tokens"), "total_tokens"),
            cache_read=count(usage.get("input_tokens_cache_read"), "input_tokens_cache_read"),
            written=count(usage.get("input_tokens_cache_write"), "input_tokens_cache_write"),
            reasoning=count(usage.get("reasoning_tokens"), "reasoning_tokens"),
            includes=includes(None, "messages"),
            zeros_are_nothing=True,
            unused=unused_numbers(usage, _KNOWN),
        )
    call.model = model
    if call.response_id is not None:  # decides over all logs of the same call
        call.call_id = None
    if call.stated is None or call.stated.says_nothing:
        call.quality = Quality.NONE.value
    set_usd(call, usage.get("total_cost"))


ADAPTER: Final = Adapter(
    name="inspect-ai",
    title="Inspect AI: logs of evaluations (JSON) and their samples",
    matches=is_log,
    calls=calls_from_log,
    needs=("eval", "samples", "stats"),
)
