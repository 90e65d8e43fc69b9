"""IBM watsonx.ai: response bodies of text generation.

`results` has the counts of each answer (watsonx.ai API reference, "Infer text"): the prompt is counted once
in each. Chat bodies have OpenAI's shape and are read as such.
"""

from __future__ import annotations

from typing import Final

from costaudit.ingest.adapters.row_values import objects
from costaudit.ingest.fields import model_name, text, timestamp_us
from costaudit.ingest.format import Adapter, Record
from costaudit.ingest.meaning import includes
from costaudit.ingest.usage import count
from costaudit.schema import Call
from costaudit.stated import Stated

_ASKED: Final = "input_token_count"
_ANSWERED: Final = "generated_token_count"
_COUNTS: Final = frozenset({_ASKED, _ANSWERED})


def is_watsonx(record: Record) -> bool:
    """True for a body with a model and the counts of its answers."""
    results = objects(record.get("results"))
    return (
        "model_id" in record and bool(results) and all(_ANSWERED in one and _ASKED in one for one in results)
    )


def calls_from_watsonx(record: Record) -> list[Call]:
    """The call of a body. Raises Skip for impossible usage."""
    results = objects(record.get("results"))
    call = Call(
        ts=timestamp_us(record.get("created_at")),
        response_id=text(record.get("id")),
        provider="watsonx",
        model=model_name(record.get("model_id")),
        final=any(one.get("stop_reason") not in (None, "not_finished") for one in results),
    )
    call.stated = Stated(
        prompt=sum(count(one[_ASKED], _ASKED) or 0 for one in results),
        completion=sum(count(one[_ANSWERED], _ANSWERED) or 0 for one in results),
        includes=includes("watsonx", "chat"),
    )
    return [call]


ADAPTER: Final = Adapter(
    name="watsonx",
    title="IBM watsonx.ai: response bodies of text generation",
    matches=is_watsonx,
    calls=calls_from_watsonx,
    needs=("model_id", "results"),
)
