"""Ollama's own bodies (`/api/chat`, `/api/generate`, `/api/embed`); its OpenAI-like ones are read as those.

`prompt_eval_count` are the tokens of the prompt, without those that the server still held from the request
before: where it held all of them the count is left out, and the usage is partial. `eval_count` is the answer
with its thinking. Durations are in nanoseconds, and `created_at` is when the answer was ready (Ollama's API
documentation). A stream's lines before the last are no calls. Nobody bills a local model: it has no price.
"""

from __future__ import annotations

from typing import Final

from costaudit.ingest.adapters.otlp_spans import started_us
from costaudit.ingest.fields import model_name, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.text_size import text_sizes
from costaudit.ingest.usage import count
from costaudit.schema import Call, Quality
from costaudit.stated import Stated

PROVIDER: Final = "ollama"
COUNTED: Final = ("prompt_eval_count", "eval_count")
OTHERS: Final = frozenset({"prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "usage"})
"""Names of counts in other words, which come first."""

NS_PER_MS: Final = 1_000_000


def is_ollama(record: Record) -> bool:
    """True for a body, or a line of a stream, of Ollama's own API."""
    if not isinstance(record.get("model"), str):
        return False
    if isinstance(record.get("done"), bool):
        return isinstance(record.get("created_at"), str) and ("message" in record or "response" in record)
    if "total_duration" in record and ("embeddings" in record or "embedding" in record):
        return True
    return "eval_count" in record and not record.keys() & OTHERS


def calls_from_ollama(body: Record) -> list[Call]:
    """The call of a body; a line of a stream before its last is none. Raises Skip for impossible usage."""
    if body.get("done") is False:
        return []
    duration = count(body.get("total_duration"), "total_duration", most=10**18)
    latency = None if duration is None else duration // NS_PER_MS
    prompt, completion = (count(body.get(name), name) for name in COUNTED)
    if completion is None and "done" not in body and prompt is not None:
        completion = 0
    call = Call(
        ts=started_us(timestamp_us(body.get("created_at")), latency),
        provider=PROVIDER,
        model=model_name(body.get("model")),
        latency_ms=latency,
        final=True,
    )
    if prompt is None and completion is None:
        call.quality, call.answered_bytes = Quality.NONE.value, text_sizes(body)[1]
    else:
        call.stated = Stated(prompt=prompt, completion=completion, includes=includes(None, "chat"))
    return [call]


ADAPTER: Final = Adapter(
    name="ollama",
    title="Ollama: response bodies of its own API",
    matches=is_ollama,
    calls=calls_from_ollama,
    needs=("model", "done", "eval_count"),
)
