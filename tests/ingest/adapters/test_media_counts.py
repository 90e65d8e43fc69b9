"""Images, sound, and what of them was cached: taken from wherever a format states them."""

from __future__ import annotations

from typing import Any

import pytest

from costaudit.ingest.adapters import (
    flat,
    gemini,
    langfuse,
    langsmith,
    litellm,
    openai_chat,
    openai_responses,
)
from costaudit.ingest.adapters.otlp import SPAN
from costaudit.ingest.format import Adapter
from costaudit.schema import TOKEN_CLASSES, Call
from tests.ingest.adapters.rows import only

# The same call in every format: 1000 tokens in, of which 300 read from the cache (40 sound, 60 images, 200
# text), 140 sound and 260 images in all, so 100 and 200 of them new, and 1000 - 300 - 100 - 200 = 400 of new
# text; 90 tokens out, of which 20 sound, 50 an image and 20 text.
WHOLE = {
    "input": 400, "input_audio": 100, "input_image": 200, "cache_read": 200, "cache_read_audio": 40,
    "cache_read_image": 60, "output": 20, "output_audio": 20, "output_image": 50,
}  # fmt: skip
# Without the split of the cached tokens nobody can tell which sound was read: 140 and 260 count as new.
UNSPLIT = {
    "input": 300, "input_audio": 140, "input_image": 260, "cache_read": 300,
    "output": 20, "output_audio": 20, "output_image": 50,
}  # fmt: skip
CACHED = {"text_tokens": 200, "audio_tokens": 40, "image_tokens": 60}
ASKED = {"cached_tokens": 300, "audio_tokens": 140, "image_tokens": 260, "cached_tokens_details": CACHED}
ANSWERED = {"audio_tokens": 20, "image_tokens": 50, "text_tokens": 20}
SUMS = {"input_tokens": 1000, "output_tokens": 90, "total_tokens": 1090}
CHAT = {
    "prompt_tokens": 1000, "completion_tokens": 90, "total_tokens": 1090, "prompt_tokens_details": ASKED,
    "completion_tokens_details": ANSWERED,
}  # fmt: skip


def counts(call: Call) -> dict[str, int]:
    return {name: number for name in TOKEN_CLASSES if (number := getattr(call, name))}


def by_modality(name: str, **tokens: int) -> list[dict[str, Any]]:
    return [{"modality": kind, name: number} for kind, number in tokens.items()]


GENERATED = {
    "promptTokenCount": 1000, "candidatesTokenCount": 90, "totalTokenCount": 1090,
    "cachedContentTokenCount": 300,
    "promptTokensDetails": by_modality("tokenCount", TEXT=500, VIDEO=100, AUDIO=140, IMAGE=260),
    "cacheTokensDetails": by_modality("tokenCount", TEXT=200, AUDIO=40, IMAGE=60),
    "candidatesTokensDetails": by_modality("tokenCount", TEXT=20, AUDIO=20, IMAGE=50),
}  # fmt: skip
INTERACTED = {
    "total_input_tokens": 1000, "total_output_tokens": 90, "total_tokens": 1090, "total_cached_tokens": 300,
    "input_tokens_by_modality": by_modality("tokens", text=600, audio=140, image=260),
    "cached_tokens_by_modality": by_modality("tokens", text=200, audio=40, image=60),
    "output_tokens_by_modality": by_modality("tokens", text=20, audio=20, image=50),
}  # fmt: skip
SPEND = {
    "request_id": "r", "call_type": "acompletion", "spend": 0.1, "model": "m",
    "startTime": "2026-10-05T09:15:02Z",
    "metadata": {"usage_object": CHAT},
}  # fmt: skip
RUN = {
    "id": "x", "run_type": "llm", "start_time": "2026-10-05T09:15:02", "trace_id": "t", "dotted_order": "d",
    "outputs": {"usage_metadata": {
        **SUMS, "input_token_details": {"cache_read": 300, "audio": 140, "image": 260},
        "output_token_details": {"audio": 20, "image": 50},
    }},
}  # fmt: skip
OBSERVED = {
    "id": "x", "type": "GENERATION", "traceId": "t", "startTime": "2026-10-05T09:15:02Z",
    "usageDetails": {
        "input": 300, "input_cached_tokens": 300, "input_audio": 140, "input_image": 260, "output": 20,
        "output_audio": 20, "output_image": 50, "total": 1090,
    },
}  # fmt: skip
TRACED = {
    "name": "chat", "context": {"trace_id": "0x1", "span_id": "0x2"}, "start_time": "2026-10-05T09:15:02Z",
    "attributes": {
        "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 90,
        "llm.token_count.prompt_details.cache_read": 300, "llm.token_count.prompt_details.audio": 140,
        "llm.token_count.prompt_details.image": 260, "llm.token_count.completion_details.audio": 20,
        "llm.token_count.completion_details.image": 50,
    },
}  # fmt: skip
FLAT = {
    "model": "m", **SUMS, "cached_tokens": 300, "input_audio_tokens": 140, "input_image_tokens": 260,
    "cache_read_audio_tokens": 40, "cache_read_image_tokens": 60, "output_audio_tokens": 20,
    "output_image_tokens": 50,
}  # fmt: skip


@pytest.mark.parametrize(
    ("adapter", "record", "expected"),
    [
        (openai_chat.ADAPTER, {"object": "chat.completion", "model": "m", "usage": CHAT}, WHOLE),
        (
            openai_responses.ADAPTER,
            {"object": "response", "usage": {
                **SUMS, "input_tokens_details": ASKED, "output_tokens_details": ANSWERED,
            }},
            WHOLE,
        ),
        (  # the realtime API names its details in the singular
            openai_responses.ADAPTER,
            {"object": "response", "usage": {
                **SUMS, "input_token_details": ASKED, "output_token_details": ANSWERED,
            }},
            WHOLE,
        ),
        (gemini.GENERATE, {"usageMetadata": GENERATED, "modelVersion": "m"}, WHOLE),
        (gemini.INTERACTION, {"object": "interaction", "model": "m", "usage": INTERACTED}, WHOLE),
        (litellm.SPEND, SPEND, WHOLE),
        (flat.ADAPTER, FLAT, WHOLE),
        (flat.ADAPTER, {"model": "m", "usage": CHAT}, WHOLE),
        (langsmith.ADAPTER, RUN, UNSPLIT),
        (langfuse.ADAPTER, OBSERVED, UNSPLIT),
        (SPAN, TRACED, UNSPLIT),
    ],
    ids=lambda value: value.name if isinstance(value, Adapter) else "",
)  # fmt: skip
def test_the_same_call_in_every_format(adapter: Adapter, record: dict[str, Any], expected: dict[str, int]):
    assert counts(only(adapter, record)) == expected


def test_sound_that_does_not_fit_into_the_prompt_is_not_believed():
    record = {**FLAT, "input_audio_tokens": 5000, "output_image_tokens": 5000}
    # All 700 new tokens are sound, nothing is left for images; the answer's 90 are 20 sound and 70 images.
    assert counts(only(flat.ADAPTER, record)) == {
        "input_audio": 700, "cache_read": 200, "cache_read_audio": 40, "cache_read_image": 60,
        "output_audio": 20, "output_image": 70,
    }  # fmt: skip
