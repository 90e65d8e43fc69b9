"""Bodies of watsonx.ai's text generation."""

from __future__ import annotations

from costaudit.ingest.adapters.watsonx import ADAPTER
from costaudit.ingest.settle import settled


def test_a_body():
    body = {
        "model_id": "ibm/granite-3-8b-instruct", "created_at": "2026-10-05T10:00:00Z",
        "results": [{"generated_text": "secret", "generated_token_count": 50, "input_token_count": 100,
                     "stop_reason": "eos_token"}],
    }  # fmt: skip
    assert ADAPTER.matches(body)
    (call,) = settled(ADAPTER.calls(body))
    assert (call.input, call.output, call.provider, call.model, call.final) == (
        100, 50, "watsonx", "ibm/granite-3-8b-instruct", True,
    )  # fmt: skip
    assert "secret" not in str(call)
    assert not ADAPTER.matches({"model_id": "x", "results": [{"generated_text": "no counts"}]})
