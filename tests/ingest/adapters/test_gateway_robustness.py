"""Records of gateways and tracers with anything in their fields: read soundly, or skipped with a reason."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costaudit.ingest.adapters import (
    azure,
    cloudflare,
    envoy,
    helicone,
    kong,
    langfuse,
    langsmith,
    mlflow,
    openrouter,
    portkey,
    simonw_llm,
    vercel_gateway,
)
from tests.ingest.adapters import test_gateway_logs as gateway_logs
from tests.ingest.adapters import test_helicone as a_helicone
from tests.ingest.adapters import test_langfuse as a_langfuse
from tests.ingest.adapters import test_langsmith as a_langsmith
from tests.ingest.adapters import test_mlflow as a_mlflow
from tests.ingest.adapters import test_openrouter as generations
from tests.ingest.adapters import test_portkey as a_portkey
from tests.ingest.adapters import test_simonw_llm as a_llm
from tests.ingest.adapters.test_registry import places, read_damaged, read_safely, replaced

MODULES = (azure, cloudflare, envoy, helicone, kong, langfuse, langsmith, mlflow, openrouter, portkey,
           simonw_llm, vercel_gateway)  # fmt: skip
OURS = tuple(module.ADAPTER for module in MODULES)

RECORDS: list[dict[str, Any]] = [
    a_helicone.export(response_body=gateway_logs.CHAT),
    a_helicone.table(),
    {"data": [a_helicone.export()]},
    a_langfuse.observation(metadata={"attributes": {}}, input=[{"role": "user", "parts": []}]),
    {"trace": {"sessionId": "s"}, "observations": [a_langfuse.observation()]},
    a_portkey.row(response={"usage": gateway_logs.CHAT["usage"]}, request={"messages": []}),
    a_langsmith.run(outputs={"generations": [[{"message": {"kwargs": a_langsmith.MESSAGE}}]]}),
    a_langsmith.run(inputs={"messages": [[{"id": ["HumanMessage"], "kwargs": {"content": "x"}}]]}),
    generations.ROW,
    {"data": generations.GENERATION},
    generations.VERCEL,
    gateway_logs.LISTED,
    {"result": [gateway_logs.LISTED]},
    {"Gateway": "g", "Provider": "p", "Model": "m", "StatusCode": 200, "ResponseBody": gateway_logs.CHAT},
    gateway_logs.kong_record(proxy=gateway_logs.plugin(payload={"response": gateway_logs.CHAT})),
    gateway_logs.LINE,
    gateway_logs.APIM,
    {"records": [{"category": "GatewayLlmLogs", "properties": gateway_logs.APIM}]},
    a_mlflow.trace(a_mlflow.span("a"), a_mlflow.span("b", "a")),
    a_llm.row(),
]

NAMES = sorted(
    {name for record in RECORDS for path in places(record) for name in path if isinstance(name, str)}
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**53, 2**64, 10**400, -1, 1.5, 1e308])
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["GENERATION", "llm", "gen-1", "gen_1", "{}", "[]", "[{}]", '{"usage": {}}', "-", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=20,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), JSON, max_size=12)


def test_every_record_belongs_to_one_format():
    for record in RECORDS:
        assert sum(adapter.matches(record) for adapter in OURS) == 1
    assert all(any(adapter.matches(record) for record in RECORDS) for adapter in OURS)


@settings(max_examples=300)
@given(record=OBJECTS)
def test_any_object_is_read_or_skipped(record: dict[str, Any]):
    for adapter in OURS:
        assert adapter.matches(record) in {True, False}
        read_safely(adapter, record)


@given(data=st.data())
def test_a_damaged_record_is_read_or_skipped(data: st.DataObject):
    read_damaged(data, RECORDS, JSON, OURS)


ODD: list[Any] = [None, True, -1, 1.5, 2**64, 10**400, "x", "{", "[{}]", [], {}, [{}], [[]], {"usage": []}]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: " ".join(sorted(record))[:40])
def test_any_one_value_may_be_odd(record: dict[str, Any]):
    for path in places(record):
        for value in ODD:
            mutated = replaced(record, path, value)
            for adapter in OURS:
                if adapter.matches(mutated):
                    read_safely(adapter, mutated)


def test_real_logs_of_other_formats_are_left_alone(shared_data: Path):
    paths = sorted((shared_data / "logs").rglob("*.jsonl*"))
    paths = [p for p in paths if p.parent.name != "examples"]
    assert paths
    for path in paths:
        data = path.read_bytes()
        for line in (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines():
            record = msgspec.json.decode(line)
            takers = [a.name for a in OURS if isinstance(record, dict) and a.matches(record)]
            assert not takers, (path.name, takers)
